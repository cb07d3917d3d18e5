/* ops/pad.h: a tensor with elements added around it, by a value or from itself. */
#ifndef DEIT_OPS_PAD_H
#define DEIT_OPS_PAD_H

#include "ops/step.h"

enum { DEIT_PAD_RANK = 8 };

/* Which of n elements stands at place i, below 0 or from n on: -1 for the value. */
typedef ptrdiff_t deit_pad_index_fn(ptrdiff_t i, ptrdiff_t n);
deit_pad_index_fn deit_pad_index_constant, deit_pad_index_reflect;
deit_pad_index_fn deit_pad_index_edge, deit_pad_index_wrap;

/* Dims behind the last padded one are joined to units, which are moved as a whole. */
struct deit_pad {
    size_t rank; /* at least 1 */
    ptrdiff_t before[DEIT_PAD_RANK]; /* not negative: what is cut off is not part of x */
    size_t n_x[DEIT_PAD_RANK], n_y[DEIT_PAD_RANK];
    ptrdiff_t x_stride[DEIT_PAD_RANK]; /* bytes */
    size_t unit;          /* elements, contiguous in x and y */
    size_t element_bytes; /* 1, 4 or 8 */
    deit_pad_index_fn *index;
    const void *x;
    const void *value; /* one element; NULL: zero */
    void *y;
};

deit_n_tiles_fn deit_pad_n_tiles;
deit_tile_fn deit_pad_run;

#endif
