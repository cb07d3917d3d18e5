/* ops/elementwise.c: tiles of elementwise operators, a few rows each. */
#include "ops/elementwise.h"

#include <string.h>

enum { TILE_ROWS = 16 };

size_t deit_elementwise_n_tiles(const void *op_, size_t batch)
{
    const struct deit_elementwise *op = op_;
    return deit_ceil_div(batch * op->rows_per_image, TILE_ROWS);
}

static struct deit_range tile_rows(const struct deit_elementwise *op, const struct deit_tile *tile)
{
    size_t n_rows = tile->batch * op->rows_per_image;
    size_t begin = tile->index * TILE_ROWS, end = begin + TILE_ROWS;
    return (struct deit_range){ begin, end < n_rows ? end : n_rows };
}

void deit_add_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_elementwise *op = op_;
    struct deit_range rows = tile_rows(op, tile);
    size_t first = rows.begin * op->d;
    tile->kernels->add_f32((rows.end - rows.begin) * op->d, op->a + first, op->b + first,
                           op->y + first);
}

void deit_mean2_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_elementwise *op = op_;
    struct deit_range rows = tile_rows(op, tile);
    size_t first = rows.begin * op->d, n = (rows.end - rows.begin) * op->d;
    tile->kernels->add_f32(n, op->a + first, op->b + first, op->y + first);
    tile->kernels->scale_f32(n, 0.5f, op->y + first, op->y + first);
}

void deit_copy_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_elementwise *op = op_;
    struct deit_range rows = tile_rows(op, tile);
    size_t first = rows.begin * op->d, n = (rows.end - rows.begin) * op->d;
    if (op->y != op->a)
        memcpy(op->y + first, op->a + first, n * sizeof *op->y);
}

void deit_scale_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_elementwise *op = op_;
    struct deit_range rows = tile_rows(op, tile);
    for (size_t r = rows.begin; r < rows.end; r++)
        tile->kernels->mul_f32(op->d, op->a + r * op->d, op->b, op->y + r * op->d);
}

void deit_gelu_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_elementwise *op = op_;
    struct deit_range rows = tile_rows(op, tile);
    deit_copy_run(op, tile);
    tile->kernels->gelu_f32(rows.end - rows.begin, op->d, op->y + rows.begin * op->d, op->d);
}
