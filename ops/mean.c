/* ops/mean.c: a few rows of logits a tile; halving a sum is exact, so one rounding is all. */
#include "ops/mean.h"

#include <string.h>

enum { TILE_ROWS = 16 };

size_t deit_mean_n_tiles(const void *op_, size_t batch)
{
    const struct deit_mean *op = op_;
    return deit_ceil_div(batch * op->rows_per_image, TILE_ROWS);
}

void deit_mean_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_mean *op = op_;
    size_t n_rows = tile->batch * op->rows_per_image, begin = tile->index * TILE_ROWS;
    size_t rows = n_rows - begin < TILE_ROWS ? n_rows - begin : TILE_ROWS;
    size_t first = begin * op->d, n = rows * op->d;
    if (op->b) {
        tile->kernels->add_f32(n, op->a + first, op->b + first, op->y + first);
        tile->kernels->scale_f32(n, 0.5f, op->y + first, op->y + first);
    } else if (op->y != op->a)
        memcpy(op->y + first, op->a + first, n * sizeof *op->y);
}
