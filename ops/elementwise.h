/*
 * ops/elementwise.h: what touches each element once.  The raised graph of a DeiT has none of
 * these as steps: they are epilogues there.
 */
#ifndef DEIT_OPS_ELEMENTWISE_H
#define DEIT_OPS_ELEMENTWISE_H

#include "ops/step.h"

struct deit_elementwise {
    size_t rows_per_image, d;
    const float *a; /* (batch * rows_per_image, d) */
    const float *b; /* add: as a; scale: (d); gelu: NULL */
    float *y;       /* as a, may be a */
};

deit_n_tiles_fn deit_elementwise_n_tiles;
deit_tile_fn deit_add_run;   /* y = a + b */
deit_tile_fn deit_scale_run; /* y = a * b, b by column */
deit_tile_fn deit_gelu_run;  /* y = a Phi(a) */
deit_tile_fn deit_mean2_run; /* y = (a + b) / 2 */
deit_tile_fn deit_copy_run;  /* y = a */

#endif
