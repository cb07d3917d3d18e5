/* runtime/kind_concat.c: (x...) along one axis: a copy of each operand to its place. */
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/lower_walk.h"

/* Joins the shape of operand 'slot' to y, which has that of those before. */
static enum deit_status join(const struct deit_graph *graph, const struct deit_node *node,
                             size_t slot, uint32_t axis, struct deit_shape *y,
                             struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, slot);
    bool is_known = deit_rank_is_known(x);
    if (is_known && x->rank != y->rank)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: operands of rank %u and %u", node->name,
                         y->rank, x->rank);
    for (uint32_t i = 0; i < y->rank; i++) {
        int64_t dim = is_known ? x->dims[i] : DEIT_DIM_UNKNOWN;
        int64_t *sum = &y->dims[i];
        if (i == axis) {
            if (dim == DEIT_DIM_UNKNOWN || *sum == DEIT_DIM_UNKNOWN)
                *sum = DEIT_DIM_UNKNOWN;
            else if (__builtin_add_overflow(*sum, dim, sum))
                return deit_fail(err, DEIT_ERR_FORMAT, "%s: operands are too large", node->name);
        } else if (*sum == DEIT_DIM_UNKNOWN)
            *sum = dim;
        else if (dim != DEIT_DIM_UNKNOWN && dim != *sum)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: dims %lld and %lld of axis %u differ",
                             node->name, (long long)*sum, (long long)dim, i);
    }
    return DEIT_OK;
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    enum deit_dtype dtype = deit_input_value(graph, node, 0)->dtype;
    struct deit_shape y = deit_shape_unknown(DEIT_RANK_UNKNOWN);
    uint32_t axis;
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] < 0)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: operand %zu is missing", node->name, i);
        status = deit_expect_dtype(graph, node, i, dtype, err);
        if (status != DEIT_OK)
            return status;
        if (deit_rank_is_known(deit_input_shape(graph, node, i)))
            y.rank = deit_input_shape(graph, node, i)->rank;
    }
    if (deit_rank_is_known(&y)) {
        status = deit_axis_of(node, node->attrs.axis.axis, y.rank, &axis, err);
        if (status == DEIT_OK)
            y.dims[axis] = 0;
        for (size_t i = 0; status == DEIT_OK && i < node->n_inputs; i++)
            status = join(graph, node, i, axis, &y, err);
        if (status == DEIT_OK)
            status = deit_expect_size(node, &y, err);
    }
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, dtype, y);
    return status;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_graph *graph = lowering->graph;
    const struct deit_shape *y = deit_output_shape(graph, node, 0);
    enum deit_dtype dtype = graph->values[node->outputs[0]].dtype;
    ptrdiff_t stride[DEIT_MAX_RANK], to_stride[DEIT_MAX_RANK];
    char *to = deit_lower_output(lowering, node, 0);
    uint32_t axis;
    enum deit_status status = deit_axis_of(node, node->attrs.axis.axis, y->rank, &axis, err);
    deit_dense_strides(y, to_stride);
    for (size_t i = 0; status == DEIT_OK && i < node->n_inputs; i++) {
        const struct deit_shape *x = deit_input_shape(graph, node, i);
        const void *from;
        deit_dense_strides(x, stride);
        status = deit_lower_operand(lowering, node, i, &from, err);
        if (status == DEIT_OK)
            status = deit_lower_copy(lowering, node, x, dtype, from, stride, to, to_stride, err);
        to += x->dims[axis] * to_stride[axis] * (ptrdiff_t)deit_dtype_bytes(dtype);
    }
    return status;
}

const struct deit_kind deit_kind_concat = { .infer = infer, .lower = lower };
