/* ops/split.c: tiles of splitting, a few rows each. */
#include "ops/split.h"

enum { TILE_ROWS = 16 };

size_t deit_split_n_tiles(const void *op_, size_t batch)
{
    const struct deit_split *op = op_;
    return deit_ceil_div(batch * op->rows_per_image, TILE_ROWS);
}

void deit_split_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_split *op = op_;
    size_t n_rows = tile->batch * op->rows_per_image, row = tile->index * TILE_ROWS;
    size_t n = n_rows - row < TILE_ROWS ? n_rows - row : TILE_ROWS;
    deit_parts_write(&op->y, tile->kernels, row, n, 0, op->y.width, op->x + row * op->x_row,
                     op->x_row);
}
