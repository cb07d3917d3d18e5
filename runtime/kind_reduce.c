/*
 * runtime/kind_reduce.c: (x, axes?) -> sum, mean, max, min or product over the axes: two walks,
 * one over the dims that stay and one over those that go.
 */
#include "ops/reduce.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/lower_walk.h"

enum { X, AXES };

static deit_reduce_fn *reduce_fn(enum deit_reduce function, enum deit_dtype dtype)
{
    static const struct { deit_reduce_fn *f32, *i64, *b8; } table[] = {
        [DEIT_REDUCE_SUM] = { deit_reduce_sum_f32, deit_reduce_sum_i64, NULL },
        [DEIT_REDUCE_MEAN] = { deit_reduce_mean_f32, deit_reduce_mean_i64, NULL },
        [DEIT_REDUCE_MAX] = { deit_reduce_max_f32, deit_reduce_max_i64, deit_reduce_max_bool },
        [DEIT_REDUCE_MIN] = { deit_reduce_min_f32, deit_reduce_min_i64, deit_reduce_min_bool },
        [DEIT_REDUCE_PROD] = { deit_reduce_prod_f32, deit_reduce_prod_i64, NULL },
    };
    switch (dtype) {
    case DEIT_F32: return table[function].f32;
    case DEIT_I64: return table[function].i64;
    case DEIT_BOOL: return table[function].b8;
    default: return NULL;
    }
}

/* Marks the dims that go; x has a rank. */
static enum deit_status reduced_dims(const struct deit_graph *graph, const struct deit_node *node,
                                     bool *goes, bool *is_known, struct deit_error *err)
{
    uint32_t rank = deit_input_shape(graph, node, X)->rank, axes[DEIT_MAX_RANK];
    size_t n;
    enum deit_status status = deit_constant_axes(graph, node, AXES, rank, axes, &n, is_known, err);
    if (status != DEIT_OK || !*is_known)
        return status;
    bool all = n == 0 && !node->attrs.reduce.noop_with_empty_axes;
    for (uint32_t i = 0; i < rank; i++)
        goes[i] = all;
    for (size_t i = 0; i < n; i++)
        goes[axes[i]] = true;
    return DEIT_OK;
}

/* The output's rank if axes are not constant yet: their number may be enough. */
static uint32_t rank_without_axes(const struct deit_graph *graph, const struct deit_node *node)
{
    uint32_t rank = deit_input_shape(graph, node, X)->rank;
    size_t n;
    if (node->attrs.reduce.keep_dims)
        return rank;
    return deit_list_length(graph, node, AXES, &n) && n && n <= rank ? rank - (uint32_t)n
                                                                     : DEIT_RANK_UNKNOWN;
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    enum deit_dtype dtype = deit_input_value(graph, node, X)->dtype;
    struct deit_shape y = deit_shape_unknown(DEIT_RANK_UNKNOWN);
    bool is_known, goes[DEIT_MAX_RANK] = { false };
    if (!reduce_fn(node->attrs.reduce.op, dtype))
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: this reduction of %s is not defined",
                         node->name, deit_dtype_name(dtype));
    if (deit_rank_is_known(x)) {
        enum deit_status status = reduced_dims(graph, node, goes, &is_known, err);
        if (status != DEIT_OK)
            return status;
        y.rank = is_known ? 0 : rank_without_axes(graph, node);
        for (uint32_t i = 0; is_known && i < x->rank; i++)
            if (!goes[i] || node->attrs.reduce.keep_dims)
                y.dims[y.rank++] = goes[i] ? 1 : x->dims[i];
    }
    deit_set_output(graph, node, 0, dtype, y);
    return DEIT_OK;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, X);
    struct deit_shape kept = { .rank = 0 }, reduced = { .rank = 0 };
    ptrdiff_t dense[DEIT_MAX_RANK], kept_stride[DEIT_MAX_RANK], reduced_stride[DEIT_MAX_RANK];
    const ptrdiff_t *const of_kept[DEIT_WALK_OPERANDS] = { kept_stride };
    const ptrdiff_t *const of_reduced[DEIT_WALK_OPERANDS] = { reduced_stride };
    bool is_known, goes[DEIT_MAX_RANK] = { false };
    struct deit_reduce_op op = {
        .fn = reduce_fn(node->attrs.reduce.op, deit_input_value(lowering->graph, node, X)->dtype),
        .y = deit_lower_output(lowering, node, 0),
    };
    enum deit_status status = reduced_dims(lowering->graph, node, goes, &is_known, err);
    if (status == DEIT_OK && !is_known)
        status = deit_fail_not_constant(lowering->graph, node, AXES, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, X, &op.x, err);
    if (status != DEIT_OK)
        return status;

    deit_dense_strides(x, dense);
    for (uint32_t i = 0; i < x->rank; i++) {
        (goes[i] ? reduced_stride : kept_stride)[goes[i] ? reduced.rank : kept.rank] = dense[i];
        struct deit_shape *side = goes[i] ? &reduced : &kept;
        side->dims[side->rank++] = x->dims[i];
    }
    deit_walk_over(&kept, of_kept, &op.kept);
    deit_walk_over(&reduced, of_reduced, &op.reduced);
    op.n_kept = deit_walk_count(&op.kept);
    op.n_reduced = deit_walk_count(&op.reduced);
    if (!op.n_kept)
        return DEIT_OK;
    return deit_lower_step(lowering, node, "", deit_reduce_n_tiles, deit_reduce_run, &op,
                           sizeof op, err);
}

const struct deit_kind deit_kind_reduce = { .infer = infer, .lower = lower };
