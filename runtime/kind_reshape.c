/*
 * runtime/kind_reshape.c: reshape, squeeze and unsqueeze: the same elements under other dims.
 *
 * The output takes over the input's memory where nobody else reads it, and a constant keeps its
 * source: then there is no step at all.
 */
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/lower_walk.h"

enum { X, SHAPE, AXES = 1 };

static void set_like_x(struct deit_graph *graph, const struct deit_node *node,
                       struct deit_shape shape)
{
    deit_set_output(graph, node, 0, deit_input_value(graph, node, X)->dtype, shape);
}

/* ------------------------------------------------------------------ reshape */

static enum deit_status misfit(const struct deit_node *node, const struct deit_shape *x,
                               const struct deit_shape *y, struct deit_error *err)
{
    char x_text[128], y_text[128];
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: %s cannot be reshaped to %s, where ? is -1",
                     node->name, deit_shape_print(x, x_text), deit_shape_print(y, y_text));
}

/* The dims as they are written; dims that are copied from x are marked, as is the -1. */
static enum deit_status read_dims(const struct deit_node *node, const struct deit_shape *x,
                                  const int64_t *list, struct deit_shape *y, bool *is_copied,
                                  int *wildcard, struct deit_error *err)
{
    *wildcard = -1;
    for (uint32_t i = 0; i < y->rank; i++) {
        y->dims[i] = list[i];
        is_copied[i] = list[i] == 0 && !node->attrs.reshape.zero_is_zero;
        if (list[i] < -1)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: dim %u of a shape is %lld", node->name, i,
                             (long long)list[i]);
        if (list[i] == -1 && *wildcard >= 0)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: dims %d and %u of a shape are both -1",
                             node->name, *wildcard, i);
        if (list[i] == -1)
            *wildcard = (int)i;
        if (!is_copied[i])
            continue;
        if (deit_rank_is_known(x) && i >= x->rank)
            return deit_fail(err, DEIT_ERR_FORMAT,
                             "%s: dim %u of a shape is 0, that of a tensor of rank %u", node->name,
                             i, x->rank);
        y->dims[i] = deit_rank_is_known(x) ? x->dims[i] : DEIT_DIM_UNKNOWN;
    }
    return DEIT_OK;
}

/* The product of what is not copied and not the wildcard; false if unknown or too large. */
static bool count_rest(const struct deit_shape *shape, const bool *is_copied, int wildcard,
                       size_t *count)
{
    struct deit_shape rest = { .rank = 0 };
    if (!deit_rank_is_known(shape))
        return false;
    for (uint32_t i = 0; i < shape->rank; i++)
        if (!is_copied[i] && (int)i != wildcard)
            rest.dims[rest.rank++] = shape->dims[i];
    return deit_shape_count(&rest, count);
}

static enum deit_status infer_reshape(struct deit_graph *graph, const struct deit_node *node,
                                      struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    int64_t list[DEIT_MAX_RANK];
    size_t n, of_x, of_y;
    bool is_known, is_copied[DEIT_MAX_RANK] = { false };
    int wildcard;
    enum deit_status status =
        deit_constant_ints(graph, node, SHAPE, list, DEIT_MAX_RANK, &n, &is_known, err);
    if (status != DEIT_OK)
        return status;
    if (!is_known) {
        bool has_rank = deit_list_length(graph, node, SHAPE, &n) && n <= DEIT_MAX_RANK;
        set_like_x(graph, node, deit_shape_unknown(has_rank ? (uint32_t)n : DEIT_RANK_UNKNOWN));
        return DEIT_OK;
    }
    struct deit_shape y = { .rank = (uint32_t)n };
    status = read_dims(node, x, list, &y, is_copied, &wildcard, err);
    if (status == DEIT_OK)
        status = deit_expect_size(node, &y, err);
    if (status != DEIT_OK)
        return status;
    if (count_rest(x, is_copied, -1, &of_x) && count_rest(&y, is_copied, wildcard, &of_y)) {
        if (wildcard < 0 ? of_x != of_y : !of_y || of_x % of_y)
            return misfit(node, x, &y, err);
        if (wildcard >= 0)
            y.dims[wildcard] = (int64_t)(of_x / of_y);
    }
    set_like_x(graph, node, y);
    return DEIT_OK;
}

/* ------------------------------------------------------------------ unsqueeze, squeeze */

static enum deit_status infer_unsqueeze(struct deit_graph *graph, const struct deit_node *node,
                                        struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    struct deit_shape y = deit_shape_unknown(DEIT_RANK_UNKNOWN);
    uint32_t axes[DEIT_MAX_RANK];
    bool is_known, is_new[DEIT_MAX_RANK] = { false };
    size_t n;
    if (deit_rank_is_known(x) && deit_list_length(graph, node, AXES, &n)) {
        y.rank = x->rank + (uint32_t)(n < DEIT_MAX_RANK + 1 ? n : DEIT_MAX_RANK + 1);
        enum deit_status status = deit_expect_size(node, &y, err);
        if (status == DEIT_OK)
            status = deit_constant_axes(graph, node, AXES, y.rank, axes, &n, &is_known, err);
        if (status != DEIT_OK)
            return status;
        for (size_t i = 0; is_known && i < n; i++)
            is_new[axes[i]] = true;
        for (uint32_t i = 0, from = 0; is_known && i < y.rank; i++)
            y.dims[i] = is_new[i] ? 1 : x->dims[from++];
    }
    set_like_x(graph, node, y);
    return DEIT_OK;
}

/* Marks the dims that go; '*is_known' is false if which those are is not known yet. */
static enum deit_status squeezed_dims(const struct deit_graph *graph,
                                      const struct deit_node *node, bool *goes, bool *is_known,
                                      struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    uint32_t axes[DEIT_MAX_RANK];
    size_t n;
    enum deit_status status =
        deit_constant_axes(graph, node, AXES, x->rank, axes, &n, is_known, err);
    for (size_t i = 0; status == DEIT_OK && *is_known && i < n; i++) {
        goes[axes[i]] = true;
        if (x->dims[axes[i]] != 1 && x->dims[axes[i]] != DEIT_DIM_UNKNOWN)
            status = deit_fail(err, DEIT_ERR_FORMAT, "%s: dim %u to squeeze is %lld, not 1",
                               node->name, axes[i], (long long)x->dims[axes[i]]);
    }
    for (uint32_t i = 0; deit_node_input(node, AXES) < 0 && i < x->rank; i++) {
        goes[i] = x->dims[i] == 1;
        *is_known = *is_known && x->dims[i] != DEIT_DIM_UNKNOWN;
    }
    return status;
}

static enum deit_status infer_squeeze(struct deit_graph *graph, const struct deit_node *node,
                                      struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    struct deit_shape y = deit_shape_unknown(DEIT_RANK_UNKNOWN);
    bool is_known, goes[DEIT_MAX_RANK] = { false };
    size_t n;
    if (!deit_rank_is_known(x)) {
        set_like_x(graph, node, y);
        return DEIT_OK;
    }
    enum deit_status status = squeezed_dims(graph, node, goes, &is_known, err);
    if (status != DEIT_OK)
        return status;
    if (is_known) {
        y.rank = 0;
        for (uint32_t i = 0; i < x->rank; i++)
            if (!goes[i])
                y.dims[y.rank++] = x->dims[i];
    } else if (deit_node_input(node, AXES) >= 0 && deit_list_length(graph, node, AXES, &n) &&
               n <= x->rank)
        y.rank = x->rank - (uint32_t)n;
    set_like_x(graph, node, y);
    return DEIT_OK;
}

const struct deit_kind deit_kind_reshape = {
    .infer = infer_reshape, .plan = deit_plan_same, .lower = deit_lower_same,
    .fold = deit_fold_same
};
const struct deit_kind deit_kind_unsqueeze = {
    .infer = infer_unsqueeze, .plan = deit_plan_same, .lower = deit_lower_same,
    .fold = deit_fold_same
};
const struct deit_kind deit_kind_squeeze = {
    .infer = infer_squeeze, .plan = deit_plan_same, .lower = deit_lower_same,
    .fold = deit_fold_same
};
