/*
 * ops/window.h: which outputs of a sliding window meet the input, along one axis.
 */
#ifndef DEIT_OPS_WINDOW_H
#define DEIT_OPS_WINDOW_H

#include "ops/step.h"

/*
 * Window element 'tap' (dilation included) of output i lies at i * stride + tap - pad of the
 * input: these outputs lie inside.
 */
static inline struct deit_range deit_window_meets(size_t n_out, size_t n_in, size_t stride,
                                                  size_t pad, size_t tap)
{
    size_t begin = tap >= pad ? 0 : deit_ceil_div(pad - tap, stride);
    size_t end = n_in + pad > tap ? deit_ceil_div(n_in + pad - tap, stride) : 0;
    end = end < n_out ? end : n_out;
    return (struct deit_range){ begin < end ? begin : end, end };
}

#endif
