/* ops/layernorm.h: normalisation of each row. */
#ifndef DEIT_OPS_LAYERNORM_H
#define DEIT_OPS_LAYERNORM_H

#include "ops/bf16.h"
#include "ops/step.h"

struct deit_layernorm {
    size_t rows_per_image, d;
    const float *x, *gamma, *beta; /* (batch * rows_per_image, d), (d), (d) */
    float eps;
    float *y; /* as x, may be x; not written if there are parts */
    struct deit_parts parts; /* of y, or none: then d floats of scratch are used */
};

deit_n_tiles_fn deit_layernorm_n_tiles;
deit_tile_fn deit_layernorm_run;

#endif
