/*
 * ops/matmul.h: y = a b over matrices in any number of batch dimensions.
 *
 * Matrices lie densely behind each other.  A batch dimension along which an operand is
 * repeated has step 0 for it.
 */
#ifndef DEIT_OPS_MATMUL_H
#define DEIT_OPS_MATMUL_H

#include "ops/step.h"

enum { DEIT_MATMUL_DIMS = 8 };

struct deit_matmul {
    size_t m, k, n;
    size_t mr, nr; /* of the kernel that will run */
    size_t n_dims; /* of the batch */
    size_t dims[DEIT_MATMUL_DIMS];
    size_t a_step[DEIT_MATMUL_DIMS], b_step[DEIT_MATMUL_DIMS]; /* in matrices */
    size_t n_products; /* product of dims */
    size_t n_b;        /* matrices of b */
    const void *a;     /* (m, k) each */
    const void *b;     /* (k, n) each; not read where it was packed before */
    float *packed;     /* workspace, or NULL: 'panels' were packed before */
    const float *panels; /* of each b: ceil(n / nr) panels of (k, nr) */
    void *y;           /* (m, n) each */
};

/* f32: packs b's panels into 'packed'. */
deit_n_tiles_fn deit_matmul_pack_n_tiles;
deit_tile_fn deit_matmul_pack;

/* f32: multiplies with 'panels'. */
deit_n_tiles_fn deit_matmul_n_tiles;
deit_tile_fn deit_matmul_run;

/* i64, from 'a' and 'b' themselves; sums wrap. */
deit_n_tiles_fn deit_matmul_i64_n_tiles;
deit_tile_fn deit_matmul_i64_run;

#endif
