/*
 * runtime/kind_resize.c: (x, scales?, sizes?, roi?) -> (y), as ONNX's Resize-19.
 *
 * An axis whose elements stay where they are costs nothing; the others are passes, those that
 * make the tensor smaller first.  The number of elements along a scaled axis is worked out in
 * single precision, as exporters do: 0.7 times 10 is 7.
 */
#include "ops/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/copy.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/plan.h"

enum { X, SCALES, SIZES, ROI };

/* What a node asks for; an axis of x that is not spoken of keeps its size. */
struct request {
    uint32_t rank;
    bool is_asked[DEIT_MAX_RANK];
    struct deit_resize_axis axes[DEIT_MAX_RANK]; /* in and out may be unknown: see dims */
    int64_t dims[DEIT_MAX_RANK];                 /* of y */
};

/* ------------------------------------------------------------------ reading */

static enum deit_status read_axes(const struct deit_node *node, uint32_t rank, uint32_t *axes,
                                  uint32_t *n, struct deit_error *err)
{
    const struct deit_resize_attrs *attrs = &node->attrs.resize;
    bool is_used[DEIT_MAX_RANK] = { false };
    *n = attrs->n_axes ? attrs->n_axes : rank;
    if (*n > rank)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %u axes of a tensor of rank %u", node->name, *n,
                         rank);
    for (uint32_t i = 0; i < *n; i++) {
        enum deit_status status =
            deit_axis_of(node, attrs->n_axes ? attrs->axes[i] : (int64_t)i, rank, &axes[i], err);
        if (status != DEIT_OK)
            return status;
        if (is_used[axes[i]])
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: axis %u is given twice", node->name,
                             axes[i]);
        is_used[axes[i]] = true;
    }
    return DEIT_OK;
}

/* An input without elements is an absent one: older opsets had no other way. */
static bool is_absent(const struct deit_graph *graph, const struct deit_node *node, size_t slot)
{
    const struct deit_value *value = deit_input_value(graph, node, slot);
    size_t count;
    return !value || (deit_shape_count(&value->shape, &count) && count == 0);
}

static enum deit_status expect_count(const struct deit_node *node, const char *what, size_t n,
                                     size_t wanted, struct deit_error *err)
{
    if (n == wanted)
        return DEIT_OK;
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: %zu %s, not %zu", node->name, n, what, wanted);
}

/* ------------------------------------------------------------------ sizes */

static enum deit_status set_dim(const struct deit_node *node, struct request *request,
                                uint32_t axis, double length, double out, struct deit_error *err)
{
    if (!(out >= 0 && out <= INT32_MAX))
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a size of %g along axis %u", node->name, out,
                         axis);
    request->dims[axis] = (int64_t)out;
    request->axes[axis].out = (size_t)out;
    request->axes[axis].length = length;
    return DEIT_OK;
}

static enum deit_status use_scales(const struct deit_graph *graph, const struct deit_node *node,
                                   const uint32_t *axes, uint32_t n_axes,
                                   const struct deit_shape *x, struct request *request,
                                   bool *is_known, struct deit_error *err)
{
    float scales[DEIT_MAX_RANK];
    size_t n;
    enum deit_status status = deit_constant_floats(graph, node, SCALES, scales, DEIT_MAX_RANK, &n,
                                                   is_known, err);
    if (status == DEIT_OK && *is_known)
        status = expect_count(node, "scales", n, n_axes, err);
    for (uint32_t i = 0; status == DEIT_OK && *is_known && i < n_axes; i++) {
        float scale = scales[i], length = scale * (float)x->dims[axes[i]];
        if (!(scale > 0) || !isfinite(scale))
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: a scale of %g", node->name,
                             (double)scale);
        request->axes[axes[i]].scale = (double)scale;
        if (x->dims[axes[i]] != DEIT_DIM_UNKNOWN)
            status = set_dim(node, request, axes[i], (double)length, (double)floorf(length), err);
    }
    return status;
}

/* Of sizes with a policy: the one scale of all axes. */
static double common_scale(enum deit_aspect aspect, const int64_t *sizes, const uint32_t *axes,
                           uint32_t n_axes, const struct deit_shape *x)
{
    double common = 0;
    bool is_first = true;
    for (uint32_t i = 0; i < n_axes; i++) {
        if (x->dims[axes[i]] == 0)
            continue;
        double scale = (double)sizes[i] / (double)x->dims[axes[i]];
        if (is_first || (aspect == DEIT_ASPECT_NOT_LARGER ? scale < common : scale > common))
            common = scale;
        is_first = false;
    }
    return common;
}

static enum deit_status use_sizes(const struct deit_graph *graph, const struct deit_node *node,
                                  const uint32_t *axes, uint32_t n_axes,
                                  const struct deit_shape *x, struct request *request,
                                  bool *is_known, struct deit_error *err)
{
    enum deit_aspect aspect = node->attrs.resize.aspect;
    int64_t sizes[DEIT_MAX_RANK];
    size_t n;
    enum deit_status status =
        deit_constant_ints(graph, node, SIZES, sizes, DEIT_MAX_RANK, &n, is_known, err);
    if (status == DEIT_OK && *is_known)
        status = expect_count(node, "sizes", n, n_axes, err);
    if (status != DEIT_OK || !*is_known)
        return status;
    for (uint32_t i = 0; i < n_axes; i++) {
        if (sizes[i] < 0)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: a size of %lld along axis %u", node->name,
                             (long long)sizes[i], axes[i]);
        if (sizes[i] > 0 && x->dims[axes[i]] == 0)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: a size of %lld from none along axis %u",
                             node->name, (long long)sizes[i], axes[i]);
        if (aspect != DEIT_ASPECT_STRETCH && x->dims[axes[i]] == DEIT_DIM_UNKNOWN)
            return DEIT_OK;
    }
    double common = common_scale(aspect, sizes, axes, n_axes, x);
    for (uint32_t i = 0; status == DEIT_OK && i < n_axes; i++) {
        double in = (double)x->dims[axes[i]], out = (double)sizes[i], length = out;
        request->axes[axes[i]].scale = out / in;
        if (aspect != DEIT_ASPECT_STRETCH) {
            request->axes[axes[i]].scale = common;
            length = common * in;
            out = floor(length + 0.5);
        }
        status = set_dim(node, request, axes[i], length, out, err);
    }
    return status;
}

/* ------------------------------------------------------------------ the request */

static enum deit_status use_roi(const struct deit_graph *graph, const struct deit_node *node,
                                const uint32_t *axes, uint32_t n_axes, struct request *request,
                                bool *is_known, struct deit_error *err)
{
    float roi[2 * DEIT_MAX_RANK];
    size_t n;
    if (node->attrs.resize.coordinates != DEIT_COORDINATES_CROP_AND_RESIZE)
        return DEIT_OK;
    if (is_absent(graph, node, ROI))
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a crop without its region", node->name);
    enum deit_status status =
        deit_constant_floats(graph, node, ROI, roi, 2 * DEIT_MAX_RANK, &n, is_known, err);
    if (status == DEIT_OK && *is_known)
        status = expect_count(node, "numbers of a region", n, 2 * (size_t)n_axes, err);
    for (uint32_t i = 0; status == DEIT_OK && *is_known && i < n_axes; i++) {
        request->axes[axes[i]].roi_start = (double)roi[i];
        request->axes[axes[i]].roi_end = (double)roi[n_axes + i];
    }
    return status;
}

static struct deit_resize_axis axis_of(const struct deit_resize_attrs *attrs, int64_t in)
{
    static const enum deit_resize_filter filters[] = {
        [DEIT_RESIZE_MODE_NEAREST] = DEIT_FILTER_NEAREST,
        [DEIT_RESIZE_MODE_LINEAR] = DEIT_FILTER_LINEAR,
        [DEIT_RESIZE_MODE_CUBIC] = DEIT_FILTER_CUBIC,
    };
    static const enum deit_resize_place places[] = {
        [DEIT_COORDINATES_HALF_PIXEL] = DEIT_PLACE_HALF_PIXEL,
        [DEIT_COORDINATES_HALF_PIXEL_SYMMETRIC] = DEIT_PLACE_HALF_PIXEL_SYMMETRIC,
        [DEIT_COORDINATES_PYTORCH_HALF_PIXEL] = DEIT_PLACE_PYTORCH_HALF_PIXEL,
        [DEIT_COORDINATES_ALIGN_CORNERS] = DEIT_PLACE_ALIGN_CORNERS,
        [DEIT_COORDINATES_ASYMMETRIC] = DEIT_PLACE_ASYMMETRIC,
        [DEIT_COORDINATES_CROP_AND_RESIZE] = DEIT_PLACE_CROP,
    };
    static const enum deit_resize_rounding roundings[] = {
        [DEIT_NEAREST_ROUND_PREFER_FLOOR] = DEIT_ROUND_HALF_DOWN,
        [DEIT_NEAREST_ROUND_PREFER_CEIL] = DEIT_ROUND_HALF_UP,
        [DEIT_NEAREST_FLOOR] = DEIT_ROUND_DOWN,
        [DEIT_NEAREST_CEIL] = DEIT_ROUND_UP,
    };
    return (struct deit_resize_axis){
        .filter = filters[attrs->mode], .place = places[attrs->coordinates],
        .rounding = roundings[attrs->nearest], .in = (size_t)in, .out = (size_t)in, .scale = 1,
        .length = (double)in, .roi_end = 1, .antialias = attrs->antialias,
        .exclude_outside = attrs->exclude_outside, .cubic_a = (double)attrs->cubic_a,
    };
}

static enum deit_status check(const struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_resize_attrs *attrs = &node->attrs.resize;
    bool has_scales = !is_absent(graph, node, SCALES), has_sizes = !is_absent(graph, node, SIZES);
    if (has_scales == has_sizes)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a resize %s scales %s sizes", node->name,
                         has_sizes ? "by" : "without", has_sizes ? "and" : "and without");
    if (attrs->mode == DEIT_RESIZE_MODE_NEAREST && attrs->antialias)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: antialiasing of nearest elements", node->name);
    const struct deit_value *x = deit_input_value(graph, node, X);
    if (attrs->mode != DEIT_RESIZE_MODE_NEAREST && x->dtype != DEIT_F32)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: interpolation of %s elements", node->name,
                         deit_dtype_name(x->dtype));
    enum deit_status status = deit_expect_dtype(graph, node, SIZES, DEIT_I64, err);
    if (status == DEIT_OK)
        status = deit_expect_dtype(graph, node, SCALES, DEIT_F32, err);
    if (status == DEIT_OK)
        status = deit_expect_dtype(graph, node, ROI, DEIT_F32, err);
    return status;
}

/* Reads all that is constant; '*missing' is the first input that is not, or -1. */
static enum deit_status read_request(const struct deit_graph *graph, const struct deit_node *node,
                                     struct request *request, int *missing,
                                     struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    uint32_t axes[DEIT_MAX_RANK], n_axes;
    bool is_known = true, is_roi_known = true, has_scales = !is_absent(graph, node, SCALES);
    *request = (struct request){ .rank = x->rank };
    enum deit_status status = read_axes(node, x->rank, axes, &n_axes, err);
    if (status != DEIT_OK)
        return status;
    for (uint32_t i = 0; i < x->rank; i++) {
        request->dims[i] = x->dims[i];
        request->axes[i] = axis_of(&node->attrs.resize, x->dims[i]);
    }
    for (uint32_t i = 0; i < n_axes; i++) {
        request->is_asked[axes[i]] = true;
        request->dims[axes[i]] = DEIT_DIM_UNKNOWN;
    }
    status = (has_scales ? use_scales : use_sizes)(graph, node, axes, n_axes, x, request,
                                                   &is_known, err);
    if (status == DEIT_OK)
        status = use_roi(graph, node, axes, n_axes, request, &is_roi_known, err);
    *missing = !is_known ? (has_scales ? SCALES : SIZES) : !is_roi_known ? ROI : -1;
    return status;
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_value *x = deit_input_value(graph, node, X);
    struct request request;
    int missing;
    struct deit_shape y = { .rank = DEIT_RANK_UNKNOWN };
    enum deit_status status = check(graph, node, err);
    if (status == DEIT_OK && deit_rank_is_known(&x->shape)) {
        status = read_request(graph, node, &request, &missing, err);
        y.rank = x->shape.rank;
        if (status == DEIT_OK)
            memcpy(y.dims, request.dims, sizeof y.dims);
    }
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, x->dtype, y);
    return status;
}

/* ------------------------------------------------------------------ passes */

/* Whether all elements stay where they are. */
static bool is_identity(const struct deit_resize_axis *axis)
{
    return axis->scale == 1 && axis->place != DEIT_PLACE_CROP;
}

/* The axes to be resampled, in order: what makes a tensor smaller comes first. */
static uint32_t order_passes(const struct request *request, uint32_t *order)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < request->rank; i++) {
        if (!request->is_asked[i] || is_identity(&request->axes[i]))
            continue;
        uint32_t at = n++;
        double ratio = (double)request->axes[i].out / (double)request->axes[i].in;
        for (; at > 0; at--) {
            const struct deit_resize_axis *before = &request->axes[order[at - 1]];
            if ((double)before->out / (double)before->in <= ratio)
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return n;
}

/* Bytes of the largest tensor between two passes. */
static size_t between_bytes(const struct request *request, const uint32_t *order, uint32_t n,
                            size_t element_bytes)
{
    size_t most = 0;
    for (uint32_t done = 1; done < n; done++) {
        size_t bytes = element_bytes;
        for (uint32_t i = 0; i < request->rank; i++) {
            bool is_done = false;
            for (uint32_t k = 0; k < done; k++)
                is_done |= order[k] == i;
            bytes *= is_done ? request->axes[i].out : request->axes[i].in;
        }
        most = bytes > most ? bytes : most;
    }
    return deit_align(most);
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    const struct deit_value *x = deit_input_value(lowering->graph, node, X);
    struct request request;
    uint32_t order[DEIT_MAX_RANK];
    int missing;
    if (read_request(lowering->graph, node, &request, &missing, NULL) != DEIT_OK || missing >= 0)
        return;
    size_t count;
    if (!deit_shape_count(deit_output_shape(lowering->graph, node, 0), &count) || !count)
        return;
    uint32_t n = order_passes(&request, order);
    size_t n_between = n < 2 ? 0 : n == 2 ? 1 : 2;
    memory->workspace_bytes =
        n_between * between_bytes(&request, order, n, deit_dtype_bytes(x->dtype));
}

static void set_fill(struct deit_resize_pass *op, enum deit_dtype dtype, float value)
{
    const int64_t whole = fabsf(value) < 9e18f ? (int64_t)value : 0;
    if (dtype == DEIT_F32)
        memcpy(op->fill, &value, sizeof value);
    else if (dtype == DEIT_I64)
        memcpy(op->fill, &whole, sizeof whole);
    else
        op->fill[0] = whole != 0;
}

/* One pass along 'axis' of a tensor whose dims are 'dims'; with 'is_fill' what is beyond the
 * crop is set in y, whose dims they are then. */
static enum deit_status lower_pass(struct deit_lowering *lowering, const struct deit_node *node,
                                   const struct request *request, uint32_t axis,
                                   const size_t *dims, const void *x, void *y, bool is_fill,
                                   struct deit_error *err)
{
    const struct deit_resize_axis *of = &request->axes[axis];
    enum deit_dtype dtype = deit_input_value(lowering->graph, node, X)->dtype;
    size_t taps = deit_resize_taps(of), bytes = deit_resize_bytes(of->out, taps);
    struct deit_resize_pass *op = malloc(bytes);
    if (!op)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", node->name);
    *op = (struct deit_resize_pass){
        .outer = 1, .in = of->in, .out = of->out, .inner = 1, .taps = taps,
        .element_bytes = deit_dtype_bytes(dtype), .nearest = of->filter == DEIT_FILTER_NEAREST,
        .x = x, .y = y,
    };
    for (uint32_t i = 0; i < request->rank; i++)
        *(i < axis ? &op->outer : &op->inner) *= i == axis ? 1 : dims[i];
    set_fill(op, dtype, node->attrs.resize.extrapolation);
    deit_resize_table(of, taps, op->rows, deit_resize_weights(op));
    enum deit_status status =
        is_fill ? deit_lower_step(lowering, node, ".outside", deit_resize_fill_n_tiles,
                                  deit_resize_fill, op, bytes, err)
                : deit_lower_step(lowering, node, "", deit_resize_n_tiles, deit_resize_run, op,
                                  bytes, err);
    free(op);
    return status;
}

static enum deit_status lower_passes(struct deit_lowering *lowering, const struct deit_node *node,
                                     const struct request *request, const uint32_t *order,
                                     uint32_t n, const void *x, struct deit_error *err)
{
    size_t dims[DEIT_MAX_RANK];
    size_t element_bytes = deit_dtype_bytes(deit_input_value(lowering->graph, node, X)->dtype);
    size_t between = between_bytes(request, order, n, element_bytes);
    unsigned char *workspace = deit_lower_workspace(lowering, node);
    void *y = deit_lower_output(lowering, node, 0);
    enum deit_status status = DEIT_OK;
    for (uint32_t i = 0; i < request->rank; i++)
        dims[i] = request->axes[i].in;
    for (uint32_t i = 0; status == DEIT_OK && i < n; i++) {
        void *to = i + 1 == n ? y : workspace + i % 2 * between;
        status = lower_pass(lowering, node, request, order[i], dims, x, to, false, err);
        dims[order[i]] = request->axes[order[i]].out;
        x = to;
    }
    bool is_crop = node->attrs.resize.coordinates == DEIT_COORDINATES_CROP_AND_RESIZE;
    for (uint32_t i = 0; status == DEIT_OK && is_crop && i < n; i++)
        status = lower_pass(lowering, node, request, order[i], dims, NULL, y, true, err);
    return status;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    struct request request;
    uint32_t order[DEIT_MAX_RANK];
    size_t count = 1;
    const void *x;
    int missing;
    enum deit_status status = read_request(lowering->graph, node, &request, &missing, err);
    if (status == DEIT_OK && missing >= 0)
        status = deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: '%s' depends on values of the run",
                           node->name,
                           deit_input_value(lowering->graph, node, (size_t)missing)->name);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, X, &x, err);
    if (status != DEIT_OK)
        return status;
    deit_shape_count(deit_output_shape(lowering->graph, node, 0), &count);
    uint32_t n = order_passes(&request, order);
    if (n > 0)
        return count ? lower_passes(lowering, node, &request, order, n, x, err) : DEIT_OK;
    const struct deit_copy copy = {
        .walk = { .rank = 1, .n = { count }, .stride = { { 1, 1 } } },
        .count_per_image = count,
        .element_bytes = deit_dtype_bytes(deit_input_value(lowering->graph, node, X)->dtype),
        .from = x, .to = deit_lower_output(lowering, node, 0),
    };
    return deit_lower_step(lowering, node, "", deit_copy_n_tiles, deit_copy_run, &copy,
                           sizeof copy, err);
}

const struct deit_kind deit_kind_resize = { .infer = infer, .plan = plan, .lower = lower };
