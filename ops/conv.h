/*
 * ops/conv.h: two-dimensional convolution in groups, planes in and planes out.
 */
#ifndef DEIT_OPS_CONV_H
#define DEIT_OPS_CONV_H

#include <stdbool.h>

#include "ops/step.h"

struct deit_conv {
    size_t images, groups;
    size_t in_channels, out_channels; /* of one group */
    size_t height, width;             /* of the input */
    size_t out_height, out_width;
    size_t kernel_height, kernel_width;
    size_t stride_height, stride_width;
    size_t dilation_height, dilation_width;
    size_t pad_top, pad_left; /* zeros around the input */
    size_t mr, nr;            /* of the kernel that will run */
    const float *x;      /* (images, groups * in_channels, height, width) */
    const float *weight; /* (groups * out_channels, in_channels, kernel), as it is stored */
    const float *bias;   /* (groups * out_channels) or NULL */
    float *y;            /* (images, groups * out_channels, out_height, out_width) */
};

deit_n_tiles_fn deit_conv_n_tiles;
deit_tile_fn deit_conv_run;

/* Floats that a thread needs; 'k' is in_channels times the kernel's elements. */
size_t deit_conv_scratch_count(size_t k, size_t nr);

/* The same answer up to rounding, for groups of one input channel and few output channels. */
deit_n_tiles_fn deit_conv_depthwise_n_tiles;
deit_tile_fn deit_conv_depthwise_run;

#endif
