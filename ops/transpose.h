/* ops/transpose.h: a copy that reads along one dim and writes along another. */
#ifndef DEIT_OPS_TRANSPOSE_H
#define DEIT_OPS_TRANSPOSE_H

#include <stdbool.h>

#include "ops/step.h"
#include "ops/walk.h"

/*
 * For each place of 'outer' (operand 0 'from', 1 'to') a matrix: element (row, column) is read
 * at row + column * from_column and written at row * to_row + column.
 */
struct deit_transpose {
    struct deit_walk outer;
    size_t n_outer, rows, columns;
    ptrdiff_t from_column, to_row; /* elements */
    size_t element_bytes;          /* 1, 4 or 8 */
    const void *from;
    void *to;
};

/*
 * Whether the loops of a copy, which have been joined, are better done so; then all but the
 * addresses and the element's size is set.
 */
bool deit_transpose_of(const struct deit_walk *walk, struct deit_transpose *op);

deit_n_tiles_fn deit_transpose_n_tiles;
deit_tile_fn deit_transpose_run;

#endif
