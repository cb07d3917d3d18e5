/*
 * runtime/kind_slice.c: (x, starts, ends, axes?, steps?), with Python's clamping: a copy whose
 * source begins elsewhere and has longer, or negative, strides.
 */
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/lower_walk.h"

enum { X, STARTS, ENDS, AXES, STEPS };

/* The lists that say what is taken of each dim; dims that are not listed are taken whole. */
struct slices {
    bool is_known;
    size_t unknown_slot; /* an input that is not constant */
    bool is_cut[DEIT_MAX_RANK];
    int64_t start[DEIT_MAX_RANK], end[DEIT_MAX_RANK], step[DEIT_MAX_RANK];
};

struct list {
    size_t n;
    bool is_known;
    int64_t values[DEIT_MAX_RANK];
};

static enum deit_status read_list(const struct deit_graph *graph, const struct deit_node *node,
                                  size_t slot, struct list *list, struct deit_error *err)
{
    return deit_constant_ints(graph, node, slot, list->values, DEIT_MAX_RANK, &list->n,
                              &list->is_known, err);
}

static enum deit_status put_cut(const struct deit_node *node, const struct list *lists, size_t i,
                                uint32_t axis, struct slices *slices, struct deit_error *err)
{
    int64_t step = lists[STEPS].n ? lists[STEPS].values[i] : 1;
    if (slices->is_cut[axis])
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: axis %u is listed twice", node->name, axis);
    if (step == 0)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: the step of axis %u is 0", node->name, axis);
    slices->is_cut[axis] = true;
    slices->start[axis] = lists[STARTS].values[i];
    slices->end[axis] = lists[ENDS].values[i];
    slices->step[axis] = step;
    return DEIT_OK;
}

static enum deit_status read_slices(const struct deit_graph *graph, const struct deit_node *node,
                                    uint32_t rank, struct slices *slices, struct deit_error *err)
{
    struct list lists[STEPS + 1] = { { .n = 0 } };
    *slices = (struct slices){ .is_known = true };
    for (size_t slot = STARTS; slot <= STEPS; slot++) {
        enum deit_status status = read_list(graph, node, slot, &lists[slot], err);
        if (status != DEIT_OK)
            return status;
        if (!lists[slot].is_known) {
            slices->is_known = false;
            slices->unknown_slot = slot;
        }
    }
    if (!slices->is_known)
        return DEIT_OK;
    size_t n = lists[STARTS].n;
    for (size_t slot = ENDS; slot <= STEPS; slot++)
        if (lists[slot].n != n && deit_node_input(node, slot) >= 0)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: '%s' has %zu elements, '%s' has %zu",
                             node->name, deit_input_value(graph, node, STARTS)->name, n,
                             deit_input_value(graph, node, slot)->name, lists[slot].n);
    for (size_t i = 0; i < n; i++) {
        uint32_t axis;
        enum deit_status status = deit_axis_of(
            node, lists[AXES].n ? lists[AXES].values[i] : (int64_t)i, rank, &axis, err);
        if (status == DEIT_OK)
            status = put_cut(node, lists, i, axis, slices, err);
        if (status != DEIT_OK)
            return status;
    }
    return DEIT_OK;
}

static int64_t clamp(int64_t value, int64_t dim, int64_t least, int64_t most)
{
    if (value < 0)
        value += dim;
    return value < least ? least : value > most ? most : value;
}

/* The first element that is taken of a dim, and how many. */
static int64_t cut(const struct slices *slices, uint32_t axis, int64_t dim, int64_t *first)
{
    int64_t step = slices->step[axis];
    int64_t least = step > 0 ? 0 : -1, most = step > 0 ? dim : dim - 1;
    int64_t start = clamp(slices->start[axis], dim, step > 0 ? 0 : dim ? 0 : -1, most);
    int64_t end = clamp(slices->end[axis], dim, least, most);
    uint64_t distance = step > 0 ? (uint64_t)(end - start) : (uint64_t)(start - end);
    uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    *first = start;
    return (step > 0 ? start >= end : start <= end) ? 0 : (int64_t)((distance - 1) / stride + 1);
}

/* Before the lists are constants: dims that they speak of, as far as that can be told. */
static enum deit_status forget_dims(const struct deit_graph *graph, const struct deit_node *node,
                                    struct deit_shape *y, struct deit_error *err)
{
    uint32_t axes[DEIT_MAX_RANK] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    bool is_known = true;
    size_t n = 0;
    enum deit_status status = DEIT_OK;
    if (deit_node_input(node, AXES) >= 0)
        status = deit_constant_axes(graph, node, AXES, y->rank, axes, &n, &is_known, err);
    else
        is_known = deit_list_length(graph, node, STARTS, &n) && n <= y->rank;
    if (status == DEIT_OK && !is_known)
        *y = deit_shape_unknown(y->rank);
    for (size_t i = 0; status == DEIT_OK && is_known && i < n; i++)
        y->dims[axes[i]] = DEIT_DIM_UNKNOWN;
    return status;
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    struct deit_shape y = *deit_input_shape(graph, node, X);
    struct slices slices;
    if (deit_rank_is_known(&y)) {
        enum deit_status status = read_slices(graph, node, y.rank, &slices, err);
        if (status == DEIT_OK && !slices.is_known)
            status = forget_dims(graph, node, &y, err);
        if (status != DEIT_OK)
            return status;
        for (uint32_t i = 0; slices.is_known && i < y.rank; i++) {
            int64_t first;
            if (slices.is_cut[i] && y.dims[i] != DEIT_DIM_UNKNOWN)
                y.dims[i] = cut(&slices, i, y.dims[i], &first);
        }
    }
    deit_set_output(graph, node, 0, deit_input_value(graph, node, X)->dtype, y);
    return DEIT_OK;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_graph *graph = lowering->graph;
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    const struct deit_shape *y = deit_output_shape(graph, node, 0);
    enum deit_dtype dtype = deit_input_value(graph, node, X)->dtype;
    ptrdiff_t stride[DEIT_MAX_RANK], dense[DEIT_MAX_RANK], offset = 0;
    struct slices slices;
    const void *from;
    enum deit_status status = read_slices(graph, node, x->rank, &slices, err);
    if (status == DEIT_OK && !slices.is_known)
        status = deit_fail_not_constant(graph, node, slices.unknown_slot, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, X, &from, err);
    if (status != DEIT_OK || !deit_shape_is_known(y))
        return status;

    deit_dense_strides(x, stride);
    deit_dense_strides(y, dense);
    for (uint32_t i = 0; i < x->rank; i++) {
        int64_t first = 0;
        if (!slices.is_cut[i] || !cut(&slices, i, x->dims[i], &first))
            continue;
        offset += (ptrdiff_t)first * stride[i];
        /* a single element may have any step, also one that no stride can hold */
        stride[i] = y->dims[i] > 1 ? stride[i] * (ptrdiff_t)slices.step[i] : 0;
    }
    return deit_lower_copy(lowering, node, y, dtype,
                           (const char *)from + offset * (ptrdiff_t)deit_dtype_bytes(dtype),
                           stride, deit_lower_output(lowering, node, 0), dense, err);
}

const struct deit_kind deit_kind_slice = { .infer = infer, .lower = lower };
