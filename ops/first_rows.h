/* ops/first_rows.h: the first rows of each image. */
#ifndef DEIT_OPS_FIRST_ROWS_H
#define DEIT_OPS_FIRST_ROWS_H

#include "ops/step.h"

struct deit_first_rows {
    size_t images; /* for each unit of the batch */
    size_t n_rows, n, d; /* n of n_rows, d elements each */
    const float *x; /* (batch * images, n_rows, d) */
    float *y;       /* (batch * images, n, d) */
};

deit_n_tiles_fn deit_first_rows_n_tiles;
deit_tile_fn deit_first_rows_run;

#endif
