/*
 * ops/resize.h: resampling along one axis at a time, by a table of weights.
 *
 * Output i of the axis is a sum over x[start + t] * weight[t], t < count; start and weights
 * are worked out once, when a plan is made.
 */
#ifndef DEIT_OPS_RESIZE_H
#define DEIT_OPS_RESIZE_H

#include <stdbool.h>

#include "ops/step.h"

enum deit_resize_filter { DEIT_FILTER_NEAREST, DEIT_FILTER_LINEAR, DEIT_FILTER_CUBIC };

/* The input position of an output; at a tie, and where a filter is nearest, which side. */
enum deit_resize_place {
    DEIT_PLACE_HALF_PIXEL, DEIT_PLACE_HALF_PIXEL_SYMMETRIC, DEIT_PLACE_PYTORCH_HALF_PIXEL,
    DEIT_PLACE_ALIGN_CORNERS, DEIT_PLACE_ASYMMETRIC, DEIT_PLACE_CROP
};
enum deit_resize_rounding {
    DEIT_ROUND_HALF_DOWN, DEIT_ROUND_HALF_UP, DEIT_ROUND_DOWN, DEIT_ROUND_UP
};

struct deit_resize_axis {
    enum deit_resize_filter filter;
    enum deit_resize_place place;
    enum deit_resize_rounding rounding;
    size_t in, out;
    double scale;
    double length;            /* scale * in, which 'out' is a whole number of */
    double roi_start, roi_end; /* crop: 0 is the first element, 1 the last */
    bool antialias;       /* a filter as wide as an output element, where that is wider */
    bool exclude_outside; /* weights beyond the ends are left out, else the ends get them */
    double cubic_a;
};

/* Weights of one output element. */
struct deit_resize_row {
    size_t start;
    size_t count; /* 0: beyond the crop */
};

/* Weights per output element, at most; no more than 'in'. */
size_t deit_resize_taps(const struct deit_resize_axis *axis);

/* Fills 'rows' (out) and 'weights' (out, taps). */
void deit_resize_table(const struct deit_resize_axis *axis, size_t taps,
                       struct deit_resize_row *rows, float *weights);

/* One pass; 'rows' are followed by the weights. */
struct deit_resize_pass {
    size_t outer, in, out, inner; /* x is (outer, in, inner), y is (outer, out, inner) */
    size_t taps;
    size_t element_bytes; /* 1, 4 or 8; but for nearest: f32 */
    bool nearest;
    const void *x;
    void *y;
    unsigned char fill[8]; /* an element, for deit_resize_fill() */
    struct deit_resize_row rows[];
};

static inline size_t deit_resize_bytes(size_t out, size_t taps)
{
    return sizeof(struct deit_resize_pass) +
           out * (sizeof(struct deit_resize_row) + taps * sizeof(float));
}

static inline float *deit_resize_weights(struct deit_resize_pass *op)
{
    return (float *)(void *)(op->rows + op->out);
}

deit_n_tiles_fn deit_resize_n_tiles;
deit_tile_fn deit_resize_run;

/* Sets what is beyond the crop along this axis; the other members speak of y. */
deit_n_tiles_fn deit_resize_fill_n_tiles;
deit_tile_fn deit_resize_fill;

#endif
