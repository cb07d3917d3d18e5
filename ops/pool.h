/*
 * ops/pool.h: the rows that classifiers read, and the features.
 */
#ifndef DEIT_OPS_POOL_H
#define DEIT_OPS_POOL_H

#include <stdbool.h>

#include "ops/step.h"

struct deit_pool {
    size_t images; /* for each unit of the batch */
    size_t n_tokens, d;
    const float *tokens; /* (batch, n_tokens, d) */
    bool mean;           /* row 0 is the mean of tokens first..n_tokens-1; else row i is token i */
    size_t first;
    size_t n_rows;       /* for each image */
    const float *gamma, *beta; /* (d), a LayerNorm of the rows, or NULL */
    float eps;
    float *rows;     /* (batch, n_rows, d), or NULL: not wanted */
    float *features; /* (batch, d): the mean of the rows, or NULL */
};

deit_n_tiles_fn deit_pool_n_tiles; /* one for each image */
deit_tile_fn deit_pool_run;

/* Floats of scratch for each thread. */
static inline size_t deit_pool_scratch_count(size_t d)
{
    return d;
}

#endif
