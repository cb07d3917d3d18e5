/*
 * ops/average_pool.h: the mean of what a sliding window meets, plane by plane.
 */
#ifndef DEIT_OPS_AVERAGE_POOL_H
#define DEIT_OPS_AVERAGE_POOL_H

#include <stdbool.h>

#include "ops/step.h"

struct deit_average_pool {
    size_t planes; /* images * channels */
    size_t height, width;
    size_t out_height, out_width;
    size_t kernel_height, kernel_width;
    size_t stride_height, stride_width;
    size_t dilation_height, dilation_width;
    size_t pad_top, pad_left, pad_bottom, pad_right;
    bool count_include_pad; /* padding counts as zeros; what is behind it never counts */
    const float *x; /* (planes, height, width) */
    float *y;       /* (planes, out_height, out_width) */
};

deit_n_tiles_fn deit_average_pool_n_tiles;
deit_tile_fn deit_average_pool_run;

#endif
