/* runtime/kind_softmax.c: (x) -> softmax along one axis. */
#include "ops/softmax.h"
#include "runtime/error.h"
#include "runtime/lower_walk.h"

enum { X };

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_shape x = *deit_input_shape(graph, node, X);
    uint32_t axis;
    enum deit_status status = deit_expect_dtype(graph, node, X, DEIT_F32, err);
    if (status == DEIT_OK && deit_rank_is_known(&x))
        status = deit_axis_of(node, node->attrs.axis.axis, x.rank, &axis, err);
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, DEIT_F32, x);
    return status;
}

/* Sizes, without addresses; shapes are known. */
static struct deit_softmax_op make_op(const struct deit_graph *graph,
                                      const struct deit_node *node)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    struct deit_softmax_op op = { .outer = 1, .n = 1, .inner = 1 };
    uint32_t axis = 0;
    (void)deit_axis_of(node, node->attrs.axis.axis, x->rank, &axis, NULL); /* infer() has checked */
    for (uint32_t i = 0; i < x->rank; i++)
        *(i < axis ? &op.outer : i == axis ? &op.n : &op.inner) *= (size_t)x->dims[i];
    return op;
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    struct deit_softmax_op op = make_op(lowering->graph, node);
    memory->in_place = X;
    memory->scratch_bytes = deit_softmax_scratch_bytes(op.n, op.inner);
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    struct deit_softmax_op op = make_op(lowering->graph, node);
    const void *x;
    if (!op.outer || !op.n || !op.inner)
        return DEIT_OK;
    op.y = deit_lower_output(lowering, node, 0);
    enum deit_status status = deit_lower_operand(lowering, node, X, &x, err);
    op.x = x;
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_softmax_n_tiles, deit_softmax_run, &op,
                                 sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_softmax = { .infer = infer, .plan = plan, .lower = lower };
