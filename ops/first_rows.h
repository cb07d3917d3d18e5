/* ops/first_rows.h: the first rows of each image. */
#ifndef DEIT_OPS_FIRST_ROWS_H
#define DEIT_OPS_FIRST_ROWS_H

#include "ops/step.h"

struct deit_first_rows {
    size_t images; /* for each unit of the batch */
    size_t n_rows, n, row_bytes; /* n of n_rows, of any elements */
    const unsigned char *x;      /* (batch * images, n_rows) */
    unsigned char *y;            /* (batch * images, n) */
};

deit_n_tiles_fn deit_first_rows_n_tiles;
deit_tile_fn deit_first_rows_run;

#endif
