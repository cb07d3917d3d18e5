/* ops/copy.h: elements from one place to another, both with strides, of any element size. */
#ifndef DEIT_OPS_COPY_H
#define DEIT_OPS_COPY_H

#include "ops/step.h"
#include "ops/walk.h"

/* Operand 0 of the walk is 'from', 1 is 'to'; they do not overlap. */
struct deit_copy {
    struct deit_walk walk;
    size_t count_per_image; /* the images are the outermost loop */
    size_t element_bytes; /* 1, 4 or 8 */
    const void *from;
    void *to;
};

deit_n_tiles_fn deit_copy_n_tiles;
deit_tile_fn deit_copy_run;

#endif
