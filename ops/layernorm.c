/* ops/layernorm.c: tiles of LayerNorm, a few rows each. */
#include "ops/layernorm.h"

enum { TILE_ROWS = 16 };

size_t deit_layernorm_n_tiles(const void *op_, size_t batch)
{
    const struct deit_layernorm *op = op_;
    return deit_ceil_div(batch * op->rows_per_image, TILE_ROWS);
}

void deit_layernorm_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_layernorm *op = op_;
    size_t n_rows = tile->batch * op->rows_per_image;
    size_t end = (tile->index + 1) * TILE_ROWS;

    for (size_t r = tile->index * TILE_ROWS; r < end && r < n_rows; r++) {
        float *y = op->parts.data ? tile->scratch : op->y + r * op->d;
        tile->kernels->layernorm_f32(op->d, op->x + r * op->d, op->gamma, op->beta, op->eps, y);
        if (op->parts.data)
            deit_parts_write(&op->parts, tile->kernels, r, 1, 0, op->d, y, op->d);
    }
}
