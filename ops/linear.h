/*
 * ops/linear.h: y = activation(x W^T + bias), or (x W^T + bias) * scale + residual.
 *
 * One step does all of k, or a block of it: the blocks of a long k are steps of their own, in
 * ascending order, which leave their sums in y.  Bias and what follows it belong to the last.
 */
#ifndef DEIT_OPS_LINEAR_H
#define DEIT_OPS_LINEAR_H

#include "ops/step.h"

struct deit_linear {
    size_t rows_per_image, k, n;
    size_t nr; /* columns of a panel */
    size_t chunk_rows;         /* of a tile at most */
    struct deit_range k_block; /* of this step */
    const float *x; /* (batch * rows_per_image, k) at stride x_row */
    size_t x_row;
    const float *panels; /* W, (n, k) packed: ceil(n / nr) panels of (k, nr) */
    const float *bias;   /* (n) or NULL */
    const float *scale;  /* (n) or NULL */
    const float *residual; /* as y, or NULL; may be y if k is one block */
    bool gelu;           /* then without scale and residual */
    const struct deit_linear *following; /* whose weights are fetched at the end, or NULL */
    float *y;            /* (batch * rows_per_image, n), dense */
};

deit_n_tiles_fn deit_linear_n_tiles;
deit_tile_fn deit_linear_run;

/* Floats of a packed (n, k) weight. */
static inline size_t deit_linear_packed_count(size_t n, size_t k, size_t nr)
{
    return deit_ceil_div(n, nr) * nr * k;
}

/* How a product of this size is best cut on 'n_threads' whose second-level caches have l2_bytes. */
struct deit_linear_cut {
    size_t chunk_rows;
    size_t n_k_blocks;
};
struct deit_linear_cut deit_linear_cut(size_t rows, size_t k, size_t n, size_t nr, size_t l2_bytes,
                                       unsigned n_threads);

/* The part of a panel that belongs to a step; NULL and 0 if there are not so many panels. */
struct deit_panel {
    const float *data;
    size_t k;
};
struct deit_panel deit_linear_panel_at(const struct deit_linear *op, size_t panel);

/*
 * Multiplies rows [rows.begin, rows.end) with panel 'panel', in register tiles of even height,
 * and fetches the panel 'next' meanwhile.
 */
void deit_linear_panel(const struct deit_kernels *kernels, const struct deit_linear *op,
                       struct deit_range rows, size_t panel, struct deit_panel next);

#endif
