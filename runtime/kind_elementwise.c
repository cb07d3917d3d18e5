/*
 * runtime/kind_elementwise.c: gelu, add and scale, which run as steps only where no pass made
 * them the epilogue of a linear.
 */
#include "ops/elementwise.h"
#include "runtime/error.h"
#include "runtime/plan.h"

static enum deit_status infer_gelu(struct deit_graph *graph, const struct deit_node *node,
                                   struct deit_error *err)
{
    (void)err;
    deit_set_output_shape(graph, node, 0, *deit_input_shape(graph, node, 0));
    return DEIT_OK;
}

static enum deit_status infer_add(struct deit_graph *graph, const struct deit_node *node,
                                  struct deit_error *err)
{
    struct deit_shape a = *deit_input_shape(graph, node, 0);
    deit_set_output_shape(graph, node, 0, a);
    return deit_expect_shape(graph, node, 1, a, err);
}

static enum deit_status infer_scale(struct deit_graph *graph, const struct deit_node *node,
                                    struct deit_error *err)
{
    struct deit_shape x = *deit_input_shape(graph, node, 0);
    if (x.rank < 2)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a scale of rank %u", node->name, x.rank);
    deit_set_output_shape(graph, node, 0, x);
    return deit_expect_shape(graph, node, 1, deit_shape_of(1, x.dims[x.rank - 1]), err);
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    (void)lowering;
    (void)node;
    memory->in_place = 0;
}

static struct deit_elementwise make_op(const struct deit_lowering *lowering,
                                       const struct deit_node *node)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, 0);
    size_t count;
    deit_shape_count(x, &count);
    struct deit_elementwise op = {
        .d = (size_t)x->dims[x->rank - 1],
        .a = deit_lower_input(lowering, node, 0),
        .y = deit_lower_output(lowering, node, 0),
    };
    op.rows_per_image = count / op.d / (size_t)x->dims[0];
    return op;
}

static enum deit_status lower_gelu(struct deit_lowering *lowering, const struct deit_node *node,
                                   struct deit_error *err)
{
    struct deit_elementwise op = make_op(lowering, node);
    return deit_lower_step(lowering, node, "", deit_elementwise_n_tiles, deit_gelu_run, &op,
                           sizeof op, err);
}

static enum deit_status lower_add(struct deit_lowering *lowering, const struct deit_node *node,
                                  struct deit_error *err)
{
    struct deit_elementwise op = make_op(lowering, node);
    op.b = deit_lower_input(lowering, node, 1);
    return deit_lower_step(lowering, node, "", deit_elementwise_n_tiles, deit_add_run, &op,
                           sizeof op, err);
}

static enum deit_status lower_scale(struct deit_lowering *lowering, const struct deit_node *node,
                                    struct deit_error *err)
{
    struct deit_elementwise op = make_op(lowering, node);
    enum deit_status status = deit_lower_plain(lowering, node, 1, &op.b, err);
    if (status != DEIT_OK)
        return status;
    return deit_lower_step(lowering, node, "", deit_elementwise_n_tiles, deit_scale_run, &op,
                           sizeof op, err);
}

const struct deit_kind deit_kind_gelu = { .infer = infer_gelu, .plan = plan, .lower = lower_gelu };
const struct deit_kind deit_kind_add = { .infer = infer_add, .plan = plan, .lower = lower_add };
const struct deit_kind deit_kind_scale = {
    .infer = infer_scale, .plan = plan, .lower = lower_scale
};
