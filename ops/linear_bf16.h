/*
 * ops/linear_bf16.h: y = activation(x W^T + bias), or (x W^T + bias) * scale + residual, by
 * products of bf16 parts.
 */
#ifndef DEIT_OPS_LINEAR_BF16_H
#define DEIT_OPS_LINEAR_BF16_H

#include <stdbool.h>

#include "ops/bf16.h"
#include "ops/step.h"

struct deit_linear_bf16 {
    size_t rows_per_image, n;
    size_t mr, nr; /* of the kernel that will run */
    struct deit_parts x;    /* batch * rows_per_image rows */
    const uint16_t *panels; /* W, (n, x.width) packed with as many parts */
    const float *bias;      /* (n) or NULL */
    const float *scale;     /* (n) or NULL */
    const float *residual;  /* as y, may be y, or NULL */
    bool gelu;              /* then without scale and residual */
    float *y;               /* (batch * rows_per_image, n), dense; not written if there are parts */
    struct deit_parts parts; /* of y, or none */
};

deit_n_tiles_fn deit_linear_bf16_n_tiles;
deit_tile_fn deit_linear_bf16_run;

/* Floats of scratch for each thread: a register tile of y on its way to parts. */
static inline size_t deit_linear_bf16_scratch_count(size_t mr, size_t nr)
{
    return mr * nr;
}

/*
 * Multiplies n_rows <= mr rows from 'row' on with panel 'panel'; 'scratch' is for parts alone.
 */
void deit_linear_bf16_block(const struct deit_kernels *kernels, const struct deit_linear_bf16 *op,
                            size_t row, size_t n_rows, size_t panel, float *scratch);

#endif
