/*
 * loaders/onnx_ops_resize.c: Resize and what it was before.
 *
 * Upsample, and Resize of opset 10, have scales alone and map coordinates by x / scale, taking
 * the pixel at or below.  From opset 11 on attributes say how, and a size may stand in place of
 * the scales.
 */
#include <math.h>

#include "loaders/onnx_ops.h"

static const char *const modes[] = { "nearest", "linear", "cubic", NULL };

/* The old operators: 'scales' is an input, or of Upsample before opset 9 an attribute. */
static void resize_by_scales(struct deit_build *b)
{
    union deit_attrs attrs = { .resize = {
        .coordinates = DEIT_COORDINATES_ASYMMETRIC, .nearest = DEIT_NEAREST_FLOOR,
        .cubic_a = -0.75F
    } };
    attrs.resize.mode =
        (enum deit_resize_mode)deit_build_attr_choice(b, "mode", "nearest", modes);
    const int inputs[] = { deit_build_input(b, 0), deit_build_input(b, 1), -1, -1 };
    if (inputs[1] < 0)
        deit_build_fail(b, DEIT_ERR_FORMAT, "scales are missing");
    deit_build_output(b, 0, deit_build_add(b, DEIT_NODE_RESIZE, &attrs, 4, inputs));
}

void deit_onnx_op_upsample(struct deit_build *b)
{
    if (b->opset > 9)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "it ends with opset 9, the file has %lld",
                        (long long)b->opset);
    resize_by_scales(b);
}

static void read_axes(struct deit_build *b, struct deit_resize_attrs *resize)
{
    size_t n;
    const int64_t *axes = deit_build_attr_ints(b, "axes", &n);
    if (!axes)
        return;
    if (n < 1 || n > DEIT_MAX_RANK)
        deit_build_fail(b, DEIT_ERR_FORMAT, "axes has %zu numbers, ranks go from 1 to %d", n,
                        DEIT_MAX_RANK);
    for (size_t i = 0; deit_build_ok(b) && i < n; i++) {
        if (axes[i] < -DEIT_MAX_RANK || axes[i] >= DEIT_MAX_RANK)
            deit_build_fail(b, DEIT_ERR_FORMAT, "axis %lld is beyond a rank of %d",
                            (long long)axes[i], DEIT_MAX_RANK);
        resize->axes[i] = (int32_t)axes[i];
    }
    resize->n_axes = (uint32_t)n;
}

static void read_attrs(struct deit_build *b, struct deit_resize_attrs *resize)
{
    static const char *const coordinates[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
        "asymmetric", "tf_crop_and_resize", NULL
    };
    static const char *const nearest[] = { "round_prefer_floor", "round_prefer_ceil", "floor",
                                           "ceil", NULL };
    static const char *const aspects[] = { "stretch", "not_larger", "not_smaller", NULL };
    resize->mode = (enum deit_resize_mode)deit_build_attr_choice(b, "mode", "nearest", modes);
    resize->coordinates = (enum deit_coordinates)deit_build_attr_choice(
        b, "coordinate_transformation_mode", "half_pixel", coordinates);
    resize->nearest = (enum deit_nearest)deit_build_attr_choice(b, "nearest_mode",
                                                                "round_prefer_floor", nearest);
    resize->aspect = (enum deit_aspect)deit_build_attr_choice(b, "keep_aspect_ratio_policy",
                                                              "stretch", aspects);
    resize->antialias = deit_build_attr_int(b, "antialias", 0) != 0;
    resize->exclude_outside = deit_build_attr_int(b, "exclude_outside", 0) != 0;
    resize->cubic_a = deit_build_attr_float(b, "cubic_coeff_a", -0.75F);
    resize->extrapolation = deit_build_attr_float(b, "extrapolation_value", 0.0F);
    read_axes(b, resize);
}

/* Exporters give an input that is not needed as a tensor without elements. */
static int not_empty(const struct deit_build *b, int value)
{
    size_t n;
    bool is_empty = value >= 0 && deit_shape_count(&b->graph->values[value].shape, &n) && !n;
    return is_empty ? -1 : value;
}

void deit_onnx_op_resize(struct deit_build *b)
{
    union deit_attrs attrs = { 0 };
    if (b->opset < 11) {
        resize_by_scales(b);
        return;
    }
    read_attrs(b, &attrs.resize);
    int roi = not_empty(b, deit_build_input(b, 1));
    int scales = not_empty(b, deit_build_input(b, 2));
    int sizes = not_empty(b, deit_build_input(b, 3));
    if ((scales < 0) == (sizes < 0))
        deit_build_fail(b, DEIT_ERR_FORMAT, "%s scales and sizes, exactly one is needed",
                        scales < 0 ? "neither" : "both");
    if (attrs.resize.coordinates != DEIT_COORDINATES_CROP_AND_RESIZE)
        roi = -1;
    const int inputs[] = { deit_build_input(b, 0), scales, sizes, roi };
    deit_build_output(b, 0, deit_build_add(b, DEIT_NODE_RESIZE, &attrs, 4, inputs));
}
