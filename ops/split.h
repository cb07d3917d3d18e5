/* ops/split.h: rows of f32 to bf16 parts, where no step before wrote them so. */
#ifndef DEIT_OPS_SPLIT_H
#define DEIT_OPS_SPLIT_H

#include "ops/bf16.h"
#include "ops/step.h"

struct deit_split {
    size_t rows_per_image;
    const float *x; /* (batch * rows_per_image, y.width) at stride x_row */
    size_t x_row;
    struct deit_parts y;
};

deit_n_tiles_fn deit_split_n_tiles;
deit_tile_fn deit_split_run;

#endif
