/* ops/softmax.h: exp(x - max x) / sum along one axis. */
#ifndef DEIT_OPS_SOFTMAX_H
#define DEIT_OPS_SOFTMAX_H

#include "ops/step.h"

/* A line is the n elements of the axis, 'inner' elements apart: x and y are (outer, n, inner). */
struct deit_softmax_op {
    size_t outer, n, inner;
    const float *x;
    float *y; /* may be x */
};

/* Scratch of each thread: none if inner is 1. */
static inline size_t deit_softmax_scratch_bytes(size_t n, size_t inner)
{
    return inner == 1 ? 0 : n * sizeof(float);
}

deit_n_tiles_fn deit_softmax_n_tiles;
deit_tile_fn deit_softmax_run;

#endif
