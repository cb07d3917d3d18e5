/* runtime/kind_transpose.c: transpose and expand, a copy whose strides are permuted or zero. */
#include "runtime/error.h"
#include "runtime/lower_walk.h"

enum { X, SHAPE };

/* ------------------------------------------------------------------ transpose */

/* The input's dim behind each of the output's. */
static enum deit_status permutation(const struct deit_node *node, uint32_t rank, uint32_t *from,
                                    struct deit_error *err)
{
    const struct deit_axes_attrs *attrs = &node->attrs.transpose;
    bool seen[DEIT_MAX_RANK] = { false };
    if (attrs->n && attrs->n != rank)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a permutation of %u axes of rank %u",
                         node->name, attrs->n, rank);
    for (uint32_t i = 0; i < rank; i++) {
        from[i] = rank - 1 - i;
        enum deit_status status =
            attrs->n ? deit_axis_of(node, attrs->axis[i], rank, &from[i], err) : DEIT_OK;
        if (status != DEIT_OK)
            return status;
        if (seen[from[i]])
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: axis %u is listed twice", node->name,
                             from[i]);
        seen[from[i]] = true;
    }
    return DEIT_OK;
}

static enum deit_status infer_transpose(struct deit_graph *graph, const struct deit_node *node,
                                        struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    const struct deit_axes_attrs *attrs = &node->attrs.transpose;
    struct deit_shape y = deit_shape_unknown(attrs->n ? attrs->n : DEIT_RANK_UNKNOWN);
    uint32_t from[DEIT_MAX_RANK];
    if (deit_rank_is_known(x)) {
        enum deit_status status = permutation(node, x->rank, from, err);
        if (status != DEIT_OK)
            return status;
        y.rank = x->rank;
        for (uint32_t i = 0; i < y.rank; i++)
            y.dims[i] = x->dims[from[i]];
    }
    deit_set_output(graph, node, 0, deit_input_value(graph, node, X)->dtype, y);
    return DEIT_OK;
}

static enum deit_status lower_view(struct deit_lowering *lowering, const struct deit_node *node,
                                   const ptrdiff_t *stride, struct deit_error *err)
{
    const struct deit_shape *y = deit_output_shape(lowering->graph, node, 0);
    enum deit_dtype dtype = deit_input_value(lowering->graph, node, X)->dtype;
    ptrdiff_t dense[DEIT_MAX_RANK];
    const void *x;
    deit_dense_strides(y, dense);
    enum deit_status status = deit_lower_operand(lowering, node, X, &x, err);
    if (status == DEIT_OK)
        status = deit_lower_copy(lowering, node, y, dtype, x, stride,
                                 deit_lower_output(lowering, node, 0), dense, err);
    return status;
}

static enum deit_status lower_transpose(struct deit_lowering *lowering,
                                        const struct deit_node *node, struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, X);
    ptrdiff_t dense[DEIT_MAX_RANK], stride[DEIT_MAX_RANK];
    uint32_t from[DEIT_MAX_RANK];
    enum deit_status status = permutation(node, x->rank, from, err);
    if (status != DEIT_OK)
        return status;
    deit_dense_strides(x, dense);
    for (uint32_t i = 0; i < x->rank; i++)
        stride[i] = dense[from[i]];
    return lower_view(lowering, node, stride, err);
}

/* Dims of one may move without moving an element. */
static bool keeps_order(const struct deit_shape *x, const uint32_t *from)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < x->rank; i++) {
        if (x->dims[from[i]] == 1)
            continue;
        if (from[i] < last)
            return false;
        last = from[i];
    }
    return true;
}

static void plan_transpose(const struct deit_lowering *lowering, const struct deit_node *node,
                           struct deit_node_memory *memory)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, X);
    uint32_t from[DEIT_MAX_RANK];
    if (permutation(node, x->rank, from, NULL) == DEIT_OK && keeps_order(x, from))
        memory->in_place = X;
}

/* ------------------------------------------------------------------ expand */

static enum deit_status infer_expand(struct deit_graph *graph, const struct deit_node *node,
                                     struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    int64_t list[DEIT_MAX_RANK];
    size_t n;
    bool is_known;
    struct deit_shape y = deit_shape_unknown(DEIT_RANK_UNKNOWN);
    enum deit_status status =
        deit_constant_ints(graph, node, SHAPE, list, DEIT_MAX_RANK, &n, &is_known, err);
    if (status == DEIT_OK && is_known) {
        struct deit_shape to = { .rank = (uint32_t)n };
        for (size_t i = 0; i < n; i++) {
            to.dims[i] = list[i];
            if (list[i] < 0)
                return deit_fail(err, DEIT_ERR_FORMAT, "%s: dim %zu to expand to is %lld",
                                 node->name, i, (long long)list[i]);
        }
        status = deit_broadcast(node, *x, to, &y, err);
        if (status == DEIT_OK)
            status = deit_expect_size(node, &y, err);
    } else if (status == DEIT_OK && deit_rank_is_known(x) &&
               deit_list_length(graph, node, SHAPE, &n) && n <= DEIT_MAX_RANK)
        y.rank = (uint32_t)n > x->rank ? (uint32_t)n : x->rank;
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, deit_input_value(graph, node, X)->dtype, y);
    return status;
}

static enum deit_status lower_expand(struct deit_lowering *lowering, const struct deit_node *node,
                                     struct deit_error *err)
{
    ptrdiff_t stride[DEIT_MAX_RANK];
    deit_broadcast_strides(deit_input_shape(lowering->graph, node, X),
                           deit_output_shape(lowering->graph, node, 0), stride);
    return lower_view(lowering, node, stride, err);
}

static bool keeps_count(const struct deit_graph *graph, const struct deit_node *node)
{
    size_t of_x, of_y;
    return deit_shape_count(deit_input_shape(graph, node, X), &of_x) &&
           deit_shape_count(deit_output_shape(graph, node, 0), &of_y) && of_x == of_y;
}

static void plan_expand(const struct deit_lowering *lowering, const struct deit_node *node,
                        struct deit_node_memory *memory)
{
    if (keeps_count(lowering->graph, node))
        memory->in_place = X;
}

static enum deit_status fold_expand(struct deit_graph *graph, int index, bool *done,
                                    struct deit_error *err)
{
    return keeps_count(graph, &graph->nodes[index]) ? deit_fold_same(graph, index, done, err)
                                                    : DEIT_OK;
}

const struct deit_kind deit_kind_transpose = {
    .infer = infer_transpose, .plan = plan_transpose, .lower = lower_transpose
};
const struct deit_kind deit_kind_expand = {
    .infer = infer_expand, .plan = plan_expand, .lower = lower_expand, .fold = fold_expand
};
