/* ops/mean.h: the mean of the answers of two heads, or a copy of one. */
#ifndef DEIT_OPS_MEAN_H
#define DEIT_OPS_MEAN_H

#include "ops/step.h"

struct deit_mean {
    size_t rows_per_image, d;
    const float *a; /* (batch * rows_per_image, d) */
    const float *b; /* as a; NULL: y is a */
    float *y;       /* as a, may be a */
};

deit_n_tiles_fn deit_mean_n_tiles;
deit_tile_fn deit_mean_run;

#endif
