/* ops/where.h: one of two tensors, element by element, by a third, with broadcasting. */
#ifndef DEIT_OPS_WHERE_H
#define DEIT_OPS_WHERE_H

#include "ops/step.h"
#include "ops/walk.h"

/* Operands of the walk are condition, a, b; y is dense.  Inner strides are 0 or 1. */
struct deit_where {
    struct deit_walk walk;
    size_t count;
    size_t element_bytes; /* of a, b and y: 1, 4 or 8 */
    const void *condition; /* bool */
    const void *a, *b;
    void *y;
};

deit_n_tiles_fn deit_where_n_tiles;
deit_tile_fn deit_where_run;

#endif
