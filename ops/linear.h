/*
 * ops/linear.h: y = activation(x W^T + bias), or (x W^T + bias) * scale + residual.
 */
#ifndef DEIT_OPS_LINEAR_H
#define DEIT_OPS_LINEAR_H

#include <stdbool.h>

#include "ops/step.h"

struct deit_linear {
    size_t rows_per_image, k, n;
    size_t nr; /* columns of a panel */
    const float *x; /* (batch * rows_per_image, k) at stride x_row */
    size_t x_row;
    const float *panels; /* W, (n, k) packed: ceil(n / nr) panels of (k, nr) */
    const float *bias;   /* (n) or NULL */
    const float *scale;  /* (n) or NULL */
    const float *residual; /* as y, may be y, or NULL */
    bool gelu;           /* then without scale and residual */
    float *y;            /* (batch * rows_per_image, n), dense */
};

deit_n_tiles_fn deit_linear_n_tiles;
deit_tile_fn deit_linear_run;

/* Floats of a packed (n, k) weight. */
static inline size_t deit_linear_packed_count(size_t n, size_t k, size_t nr)
{
    return deit_ceil_div(n, nr) * nr * k;
}

/* Multiplies rows [rows.begin, rows.end) with panel 'panel', in register tiles of even height. */
void deit_linear_panel(const struct deit_kernels *kernels, const struct deit_linear *op,
                       struct deit_range rows, size_t panel);

#endif
