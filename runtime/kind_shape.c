/*
 * runtime/kind_shape.c: shape, range and nonzero: tensors that are made when a session is.
 *
 * The dims of a value are known before its elements are, so a shape is no work of a run; how
 * long the other two are depends on values, which therefore must be constants.
 */
#include <math.h>
#include <stdlib.h>

#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/lower_walk.h"

enum { X };
enum { START, LIMIT, DELTA };

enum { MOST_ELEMENTS = 16 * 1024 * 1024 };

/* ------------------------------------------------------------------ shape */

/* The dims that are asked for; negative ends count from the back, both are clamped. */
static void shape_bounds(const struct deit_node *node, uint32_t rank, uint32_t *start,
                         uint32_t *end)
{
    int64_t bounds[2] = { node->attrs.shape.start, node->attrs.shape.end };
    for (size_t i = 0; i < 2; i++) {
        if (bounds[i] < 0)
            bounds[i] += rank;
        if (bounds[i] < 0)
            bounds[i] = 0;
        if (bounds[i] > rank)
            bounds[i] = rank;
    }
    *start = (uint32_t)bounds[0];
    *end = bounds[1] < bounds[0] ? *start : (uint32_t)bounds[1];
}

static enum deit_status infer_shape(struct deit_graph *graph, const struct deit_node *node,
                                    struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    struct deit_shape y = deit_shape_unknown(1);
    uint32_t start, end;
    (void)err;
    if (deit_rank_is_known(x)) {
        shape_bounds(node, x->rank, &start, &end);
        y.dims[0] = end - start;
    }
    deit_set_output(graph, node, 0, DEIT_I64, y);
    return DEIT_OK;
}

static enum deit_status fold_shape(struct deit_graph *graph, int index, bool *done,
                                   struct deit_error *err)
{
    const struct deit_node *node = &graph->nodes[index];
    const struct deit_shape x = *deit_input_shape(graph, node, X);
    uint32_t start, end;
    if (!deit_rank_is_known(&x))
        return DEIT_OK;
    shape_bounds(node, x.rank, &start, &end);
    for (uint32_t i = start; i < end; i++)
        if (x.dims[i] == DEIT_DIM_UNKNOWN)
            return DEIT_OK;
    *done = true;
    return deit_fold_replace(graph, index, x.dims + start, err);
}

/* ------------------------------------------------------------------ range */

struct range {
    bool is_known;
    size_t n;
    int64_t start, delta;
    float start_f32, delta_f32;
};

static enum deit_status range_length(const struct deit_node *node, double n, size_t *out,
                                     struct deit_error *err)
{
    if (!(n <= MOST_ELEMENTS))
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a range of %.0f elements, at most %d",
                         node->name, n, MOST_ELEMENTS);
    *out = n > 0 ? (size_t)n : 0;
    return DEIT_OK;
}

static enum deit_status read_ints(const struct deit_graph *graph, const struct deit_node *node,
                                  struct range *range, struct deit_error *err)
{
    int64_t value[3] = { 0 };
    size_t n;
    for (size_t slot = START; slot <= DELTA; slot++) {
        bool is_known;
        enum deit_status status =
            deit_constant_ints(graph, node, slot, &value[slot], 1, &n, &is_known, err);
        if (status != DEIT_OK)
            return status;
        range->is_known = range->is_known && is_known && n == 1;
    }
    if (!range->is_known)
        return DEIT_OK;
    int64_t delta = value[DELTA], start = value[START], limit = value[LIMIT];
    if (delta == 0)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: the delta of a range is 0", node->name);
    range->start = start;
    range->delta = delta;
    if (delta > 0 ? limit <= start : limit >= start)
        return DEIT_OK;
    uint64_t distance = delta > 0 ? (uint64_t)limit - (uint64_t)start
                                  : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    return range_length(node, (double)((distance - 1) / step + 1), &range->n, err);
}

static enum deit_status read_floats(const struct deit_graph *graph, const struct deit_node *node,
                                    struct range *range, struct deit_error *err)
{
    float value[3] = { 0 };
    size_t n;
    for (size_t slot = START; slot <= DELTA; slot++) {
        bool is_known;
        enum deit_status status =
            deit_constant_floats(graph, node, slot, &value[slot], 1, &n, &is_known, err);
        if (status != DEIT_OK)
            return status;
        range->is_known = range->is_known && is_known && n == 1;
    }
    if (!range->is_known)
        return DEIT_OK;
    if (value[DELTA] == 0.0f)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: the delta of a range is 0", node->name);
    range->start_f32 = value[START];
    range->delta_f32 = value[DELTA];
    double distance = (double)value[LIMIT] - (double)value[START];
    return range_length(node, ceil(distance / (double)value[DELTA]), &range->n, err);
}

static enum deit_status read_range(const struct deit_graph *graph, const struct deit_node *node,
                                   struct range *range, struct deit_error *err)
{
    enum deit_dtype dtype = deit_input_value(graph, node, START)->dtype;
    *range = (struct range){ .is_known = true };
    if (dtype == DEIT_BOOL)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a range of %s is not defined", node->name,
                         deit_dtype_name(dtype));
    for (size_t slot = LIMIT; slot <= DELTA; slot++) {
        enum deit_status status = deit_expect_dtype(graph, node, slot, dtype, err);
        if (status != DEIT_OK)
            return status;
    }
    return dtype == DEIT_F32 ? read_floats(graph, node, range, err)
                             : read_ints(graph, node, range, err);
}

static enum deit_status infer_range(struct deit_graph *graph, const struct deit_node *node,
                                    struct deit_error *err)
{
    struct range range;
    enum deit_status status = read_range(graph, node, &range, err);
    struct deit_shape y = deit_shape_unknown(1);
    if (status == DEIT_OK && range.is_known)
        y.dims[0] = (int64_t)range.n;
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, deit_input_value(graph, node, START)->dtype, y);
    return status;
}

static enum deit_status fold_range(struct deit_graph *graph, int index, bool *done,
                                   struct deit_error *err)
{
    const struct deit_node *node = &graph->nodes[index];
    struct range range;
    enum deit_dtype dtype = deit_input_value(graph, node, START)->dtype;
    enum deit_status status = read_range(graph, node, &range, err);
    if (status != DEIT_OK || !range.is_known)
        return status;
    void *data = malloc(range.n * deit_dtype_bytes(dtype) + 1);
    if (!data)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", node->name);
    for (size_t i = 0; i < range.n; i++)
        if (dtype == DEIT_F32)
            ((float *)data)[i] =
                (float)((double)range.start_f32 + (double)i * (double)range.delta_f32);
        else
            ((int64_t *)data)[i] =
                (int64_t)((uint64_t)range.start + (uint64_t)i * (uint64_t)range.delta);
    *done = true;
    status = deit_fold_replace(graph, index, data, err);
    free(data);
    return status;
}

/* ------------------------------------------------------------------ nonzero */

struct nonzero {
    bool is_known;
    size_t n;       /* elements that are not zero */
    size_t *places; /* their indices in C order, owned */
};

static bool is_nonzero(enum deit_dtype dtype, const void *elements, size_t i)
{
    switch (dtype) {
    case DEIT_F32: return ((const float *)elements)[i] != 0.0f;
    case DEIT_I64: return ((const int64_t *)elements)[i] != 0;
    default: return ((const uint8_t *)elements)[i] != 0;
    }
}

static enum deit_status find_nonzero(const struct deit_graph *graph, const struct deit_node *node,
                                     struct nonzero *found, struct deit_error *err)
{
    const struct deit_value *x = deit_input_value(graph, node, X);
    size_t count = 0;
    *found = (struct nonzero){ .is_known = x->origin == DEIT_FROM_CONSTANT };
    if (!found->is_known || !deit_shape_count(&x->shape, &count))
        return DEIT_OK;
    if (count > MOST_ELEMENTS)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: nonzero of %zu elements, at most %d",
                         node->name, count, MOST_ELEMENTS);
    void *elements = malloc(count * deit_dtype_bytes(x->dtype) + 1);
    found->places = malloc((count + 1) * sizeof *found->places);
    enum deit_status status = DEIT_OK;
    if (!elements || !found->places)
        status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", node->name);
    if (status == DEIT_OK)
        status = deit_constant_read(&x->constant, x->name, x->dtype, 0, count, elements, err);
    for (size_t i = 0; status == DEIT_OK && i < count; i++)
        if (is_nonzero(x->dtype, elements, i))
            found->places[found->n++] = i;
    free(elements);
    if (status != DEIT_OK) {
        free(found->places);
        found->places = NULL;
    }
    return status;
}

static enum deit_status infer_nonzero(struct deit_graph *graph, const struct deit_node *node,
                                      struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    struct deit_shape y = deit_shape_unknown(2);
    struct nonzero found;
    enum deit_status status = find_nonzero(graph, node, &found, err);
    if (status != DEIT_OK)
        return status;
    if (deit_rank_is_known(x))
        y.dims[0] = x->rank ? x->rank : 1; /* a scalar is a row of one */
    if (found.is_known)
        y.dims[1] = (int64_t)found.n;
    free(found.places);
    deit_set_output(graph, node, 0, DEIT_I64, y);
    return DEIT_OK;
}

static enum deit_status fold_nonzero(struct deit_graph *graph, int index, bool *done,
                                     struct deit_error *err)
{
    const struct deit_node *node = &graph->nodes[index];
    const struct deit_shape x = *deit_input_shape(graph, node, X);
    struct nonzero found;
    enum deit_status status = find_nonzero(graph, node, &found, err);
    if (status != DEIT_OK || !found.is_known)
        return status;
    size_t rows = x.rank ? x.rank : 1;
    int64_t *data = malloc((rows * found.n + 1) * sizeof *data);
    if (!data)
        status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", node->name);
    for (size_t i = 0; data && i < found.n; i++) {
        size_t place = found.places[i];
        for (size_t r = rows; r-- > 0;) {
            size_t dim = x.rank ? (size_t)x.dims[r] : 1;
            data[r * found.n + i] = (int64_t)(place % dim);
            place /= dim;
        }
    }
    if (data) {
        *done = true;
        status = deit_fold_replace(graph, index, data, err);
    }
    free(data);
    free(found.places);
    return status;
}

const struct deit_kind deit_kind_shape = { .infer = infer_shape, .fold = fold_shape };
const struct deit_kind deit_kind_range = { .infer = infer_range, .fold = fold_range };
const struct deit_kind deit_kind_nonzero = { .infer = infer_nonzero, .fold = fold_nonzero };
