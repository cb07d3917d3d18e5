/*
 * ops/resize_table.c: where an output element lies in the input, and what it takes from there.
 *
 * All filters are one: 'half' input elements on either side of a position, weighted by their
 * distance.  A filter that is made wider for antialiasing is divided by its sum.  What lies
 * beyond the ends counts as the end's own value, so its weight is added there.
 */
#include <math.h>
#include <string.h>

#include "ops/resize.h"

/* Half the filter's elements: 1 for linear, 2 for cubic, more where it is widened. */
static double stretch(const struct deit_resize_axis *axis)
{
    return axis->antialias && axis->scale < 1 ? axis->scale : 1;
}

static size_t half_taps(const struct deit_resize_axis *axis)
{
    return (size_t)ceil((axis->filter == DEIT_FILTER_CUBIC ? 2 : 1) / stretch(axis));
}

size_t deit_resize_taps(const struct deit_resize_axis *axis)
{
    size_t taps = axis->filter == DEIT_FILTER_NEAREST ? 1 : 2 * half_taps(axis);
    return taps < axis->in ? taps : axis->in;
}

static double position(const struct deit_resize_axis *axis, size_t i)
{
    double x = (double)i, last = (double)axis->in - 1;
    double half_pixel = (x + 0.5) / axis->scale - 0.5;
    switch (axis->place) {
    case DEIT_PLACE_HALF_PIXEL: break;
    case DEIT_PLACE_HALF_PIXEL_SYMMETRIC:
        return (double)axis->in / 2 + (x + 0.5 - (double)axis->out / 2) / axis->scale - 0.5;
    case DEIT_PLACE_PYTORCH_HALF_PIXEL: return axis->out > 1 ? half_pixel : 0;
    case DEIT_PLACE_ALIGN_CORNERS: return axis->out > 1 ? x * last / (axis->length - 1) : 0;
    case DEIT_PLACE_ASYMMETRIC: return x / axis->scale;
    case DEIT_PLACE_CROP: {
        double width = axis->roi_end - axis->roi_start, start = axis->roi_start * last;
        return start + (axis->out > 1 ? x * width * last / (axis->length - 1) : width * last / 2);
    }
    }
    return half_pixel;
}

static double nearest(enum deit_resize_rounding rounding, double x)
{
    switch (rounding) {
    case DEIT_ROUND_HALF_DOWN: return ceil(x - 0.5);
    case DEIT_ROUND_HALF_UP: return floor(x + 0.5);
    case DEIT_ROUND_DOWN: return floor(x);
    default: return ceil(x);
    }
}

static double weight_at(const struct deit_resize_axis *axis, double distance)
{
    double d = fabs(distance), a = axis->cubic_a;
    if (axis->filter == DEIT_FILTER_LINEAR)
        return d < 1 ? 1 - d : 0;
    if (d <= 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static double clamp(double x, size_t in)
{
    return x < 0 ? 0 : x > (double)in - 1 ? (double)in - 1 : x;
}

/* The sum of the weights that count. */
static double sum_weights(const struct deit_resize_axis *axis, double x, double base, double half)
{
    double sum = 0, s = stretch(axis);
    for (double t = 1 - half; t <= half; t++) {
        bool is_outside = base + t < 0 || base + t > (double)axis->in - 1;
        if (!is_outside || !axis->exclude_outside)
            sum += weight_at(axis, (base + t - x) * s);
    }
    return sum;
}

static struct deit_resize_row fill_row(const struct deit_resize_axis *axis, double x,
                                       float *weights)
{
    double half = (double)half_taps(axis), base = ceil(x) - 1, s = stretch(axis);
    double sum = axis->antialias || axis->exclude_outside ? sum_weights(axis, x, base, half) : 1;
    double start = clamp(base + 1 - half, axis->in), end = clamp(base + half, axis->in);
    double pending = 0; /* the weights of elements that are the same one of the input */

    for (double t = 1 - half; t <= half; t++) {
        double at = clamp(base + t, axis->in);
        if (!axis->exclude_outside || at == base + t)
            pending += weight_at(axis, (base + t - x) * s) / sum;
        if (t < half && clamp(base + t + 1, axis->in) == at)
            continue;
        weights[(size_t)(at - start)] = (float)pending;
        pending = 0;
    }
    return (struct deit_resize_row){ (size_t)start, (size_t)(end - start) + 1 };
}

/* A region that ends with the last element has it, whatever rounding made of its position. */
static bool is_beyond(const struct deit_resize_axis *axis, double x)
{
    double last = (double)axis->in - 1, slack = 1e-9 * (last + 1);
    return !(x >= -slack && x <= last + slack);
}

void deit_resize_table(const struct deit_resize_axis *axis, size_t taps,
                       struct deit_resize_row *rows, float *weights)
{
    memset(weights, 0, axis->out * taps * sizeof *weights);
    for (size_t i = 0; i < axis->out; i++, weights += taps) {
        double x = position(axis, i);
        if (axis->place == DEIT_PLACE_CROP && is_beyond(axis, x)) {
            rows[i] = (struct deit_resize_row){ 0, 0 };
        } else if (axis->filter == DEIT_FILTER_NEAREST) {
            double at = clamp(nearest(axis->rounding, x), axis->in);
            rows[i] = (struct deit_resize_row){ (size_t)at, 1 };
            weights[0] = 1;
        } else {
            rows[i] = fill_row(axis, x, weights);
        }
    }
}
