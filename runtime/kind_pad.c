/*
 * runtime/kind_pad.c: (x, pads, value?, axes?): negative pads cut off first, then what is left is
 * padded.
 */
#include "ops/pad.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/lower_walk.h"

enum { X, PADS, VALUE, AXES };

/* Of each dim of x: how many elements are put in front and behind, negative: taken away. */
struct pads {
    bool is_known;
    size_t unknown_slot; /* the input that is not constant */
    int64_t before[DEIT_MAX_RANK], after[DEIT_MAX_RANK];
};

static enum deit_status read_pads(const struct deit_graph *graph, const struct deit_node *node,
                                  struct pads *pads, struct deit_error *err)
{
    uint32_t rank = deit_input_shape(graph, node, X)->rank, axes[DEIT_MAX_RANK];
    int64_t list[2 * DEIT_MAX_RANK];
    size_t n, n_axes;
    bool has_axes = deit_node_input(node, AXES) >= 0, axes_are_known;
    *pads = (struct pads){ .is_known = false };
    enum deit_status status = deit_constant_ints(graph, node, PADS, list, 2 * DEIT_MAX_RANK, &n,
                                                 &pads->is_known, err);
    if (status == DEIT_OK)
        status = deit_constant_axes(graph, node, AXES, rank, axes, &n_axes, &axes_are_known, err);
    if (status != DEIT_OK)
        return status;
    pads->unknown_slot = pads->is_known ? AXES : PADS;
    pads->is_known = pads->is_known && axes_are_known;
    if (!pads->is_known)
        return DEIT_OK;
    if (!has_axes)
        n_axes = rank;
    if (n != 2 * n_axes)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %zu pads of %zu axes", node->name, n, n_axes);
    for (uint32_t i = 0; i < n_axes; i++) {
        uint32_t axis = has_axes ? axes[i] : i;
        pads->before[axis] = list[i];
        pads->after[axis] = list[n_axes + i];
    }
    return DEIT_OK;
}

static int64_t cut_off(int64_t pad)
{
    return pad < 0 ? -pad : 0;
}

static int64_t put_in(int64_t pad)
{
    return pad > 0 ? pad : 0;
}

/* What is left of a dim after negative pads. */
static int64_t kept(const struct pads *pads, uint32_t axis, int64_t dim)
{
    return dim - cut_off(pads->before[axis]) - cut_off(pads->after[axis]);
}

static enum deit_status pad_dim(const struct deit_node *node, const struct pads *pads,
                                uint32_t axis, int64_t *dim, struct deit_error *err)
{
    static const int64_t most = (int64_t)1 << 48;
    int64_t before = pads->before[axis], after = pads->after[axis];
    if (*dim == DEIT_DIM_UNKNOWN)
        return DEIT_OK;
    if (before > most || before < -most || after > most || after < -most || *dim > most)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: pads of %lld and %lld are too large",
                         node->name, (long long)before, (long long)after);
    int64_t left = kept(pads, axis, *dim);
    if (left < 0)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: pads of %lld and %lld of a dim of %lld",
                         node->name, (long long)before, (long long)after, (long long)*dim);
    *dim = left + put_in(before) + put_in(after);
    if (!left && *dim && node->attrs.pad.mode != DEIT_PAD_CONSTANT)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: axis %u has no elements to pad with",
                         node->name, axis);
    return DEIT_OK;
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    enum deit_dtype dtype = deit_input_value(graph, node, X)->dtype;
    const struct deit_value *value = deit_input_value(graph, node, VALUE);
    struct deit_shape y = *deit_input_shape(graph, node, X);
    struct pads pads;
    size_t n;
    enum deit_status status = deit_expect_dtype(graph, node, VALUE, dtype, err);
    if (status == DEIT_OK && value && deit_shape_count(&value->shape, &n) && n != 1)
        status = deit_fail(err, DEIT_ERR_FORMAT, "%s: '%s' has %zu elements, not 1", node->name,
                           value->name, n);
    if (status == DEIT_OK && deit_rank_is_known(&y)) {
        status = read_pads(graph, node, &pads, err);
        if (status == DEIT_OK && !pads.is_known)
            y = deit_shape_unknown(y.rank);
        for (uint32_t i = 0; status == DEIT_OK && pads.is_known && i < y.rank; i++)
            status = pad_dim(node, &pads, i, &y.dims[i], err);
        if (status == DEIT_OK)
            status = deit_expect_size(node, &y, err);
    }
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, dtype, y);
    return status;
}

/* How many dims up to the last that is padded. */
static uint32_t padded_rank(const struct pads *pads, uint32_t rank)
{
    while (rank && !pads->before[rank - 1] && !pads->after[rank - 1])
        rank--;
    return rank;
}

/* Sizes and strides, and x at its first element that is kept. */
static void set_dims(const struct deit_graph *graph, const struct deit_node *node,
                     const struct pads *pads, const void *x_data, struct deit_pad *op)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    const struct deit_shape *y = deit_output_shape(graph, node, 0);
    ptrdiff_t stride[DEIT_MAX_RANK], offset = 0;
    deit_dense_strides(x, stride);
    op->rank = padded_rank(pads, x->rank);
    op->unit = 1;
    for (uint32_t i = (uint32_t)op->rank; i < x->rank; i++)
        op->unit *= (size_t)x->dims[i];
    for (uint32_t i = 0; i < op->rank; i++) {
        op->before[i] = (ptrdiff_t)put_in(pads->before[i]);
        op->n_x[i] = (size_t)kept(pads, i, x->dims[i]);
        op->n_y[i] = (size_t)y->dims[i];
        op->x_stride[i] = stride[i] * (ptrdiff_t)op->element_bytes;
        offset += (ptrdiff_t)cut_off(pads->before[i]) * op->x_stride[i];
    }
    op->x = (const char *)x_data + offset;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    static deit_pad_index_fn *const index[] = {
        [DEIT_PAD_CONSTANT] = deit_pad_index_constant, [DEIT_PAD_REFLECT] = deit_pad_index_reflect,
        [DEIT_PAD_EDGE] = deit_pad_index_edge, [DEIT_PAD_WRAP] = deit_pad_index_wrap,
    };
    const struct deit_graph *graph = lowering->graph;
    struct deit_pad op = {
        .element_bytes = deit_dtype_bytes(deit_input_value(graph, node, X)->dtype),
        .index = index[node->attrs.pad.mode],
        .y = deit_lower_output(lowering, node, 0),
    };
    struct pads pads;
    const void *x;
    size_t count;
    enum deit_status status = read_pads(graph, node, &pads, err);
    if (status == DEIT_OK && !pads.is_known)
        status = deit_fail_not_constant(graph, node, pads.unknown_slot, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, X, &x, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, VALUE, &op.value, err);
    if (status != DEIT_OK || !deit_shape_count(deit_output_shape(graph, node, 0), &count) || !count)
        return status;
    set_dims(graph, node, &pads, x, &op);
    if (!op.rank)
        return deit_lower_same(lowering, node, err);
    return deit_lower_step(lowering, node, "", deit_pad_n_tiles, deit_pad_run, &op, sizeof op, err);
}

const struct deit_kind deit_kind_pad = { .infer = infer, .lower = lower };
