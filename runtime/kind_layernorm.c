/* runtime/kind_layernorm.c: (x, gamma, beta) -> LayerNorm over the last dimension. */
#include "ops/layernorm.h"
#include "runtime/error.h"
#include "runtime/plan_parts.h"

enum { X, GAMMA, BETA };

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    struct deit_shape x = *deit_input_shape(graph, node, X);
    if (!deit_rank_is_known(&x)) {
        deit_set_output(graph, node, 0, DEIT_F32, x);
        return DEIT_OK;
    }
    if (x.rank < 2)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a layernorm of rank %u", node->name, x.rank);
    struct deit_shape row = deit_shape_of(1, x.dims[x.rank - 1]);
    enum deit_status status = deit_expect_shape(graph, node, GAMMA, row, err);
    if (status == DEIT_OK)
        status = deit_expect_shape(graph, node, BETA, row, err);
    deit_set_output(graph, node, 0, DEIT_F32, x);
    return status;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, X);
    size_t count;
    deit_shape_count(x, &count);
    struct deit_layernorm op = {
        .d = (size_t)x->dims[x->rank - 1],
        .eps = node->attrs.layernorm.eps,
        .y = deit_lower_output(lowering, node, 0),
        .parts = deit_lower_output_parts(lowering, node, 0),
    };
    op.rows_per_image = op.d ? count / op.d / lowering->batch : 0;
    enum deit_status status = deit_lower_floats(lowering, node, X, &op.x, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, GAMMA, &op.gamma, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, BETA, &op.beta, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_layernorm_n_tiles, deit_layernorm_run,
                                 &op, sizeof op, err);
    return status;
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, X);
    memory->in_place = X;
    if (lowering->plan->has_parts[node->outputs[0]])
        memory->scratch_bytes = sizeof(float) * (size_t)x->dims[x->rank - 1];
}

const struct deit_kind deit_kind_layernorm = {
    .is_batched = true, .infer = infer, .plan = plan, .lower = lower
};
