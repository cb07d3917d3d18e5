/*
 * ops/linear.c: tiles of a matrix product with a packed weight.
 *
 * A tile is one panel of columns against a chunk of rows.  Chunks and the register tiles in
 * them are cut evenly: 197 rows become fifteen tiles of 13 and 14 rows, not fourteen full ones
 * and a single row at a fourteenth of the speed.  Neighbouring tiles share their panel, which
 * stays in the first-level cache.
 */
#include "ops/linear.h"

#include <assert.h>

/* Rows of a tile: enough register tiles to make the claim of a tile cheap. */
enum { CHUNK_ROWS = 56 };

static size_t n_chunks(const struct deit_linear *op, size_t batch)
{
    return deit_ceil_div(batch * op->rows_per_image, CHUNK_ROWS);
}

size_t deit_linear_n_tiles(const void *op_, size_t batch)
{
    const struct deit_linear *op = op_;
    return n_chunks(op, batch) * deit_ceil_div(op->n, op->nr);
}

void deit_linear_panel(const struct deit_kernels *kernels, const struct deit_linear *op,
                       struct deit_range rows, size_t panel)
{
    size_t column = panel * op->nr;
    size_t n = op->n - column < op->nr ? op->n - column : op->nr;
    size_t n_blocks = deit_ceil_div(rows.end - rows.begin, kernels->gemm_f32.mr);

    for (size_t i = 0; i < n_blocks; i++) {
        struct deit_range block = deit_piece(rows.end - rows.begin, n_blocks, i);
        size_t row = rows.begin + block.begin;
        float *y = op->y + row * op->n + column;
        const struct deit_gemm_f32_args args = {
            .k = op->k,
            .n = n,
            .a = op->x + row * op->x_row,
            .a_stride = op->x_row,
            .b = op->panels + column * op->k,
            .c = y,
            .c_stride = op->n,
            .bias = op->bias ? op->bias + column : NULL,
            .scale = op->scale ? op->scale + column : NULL,
            .residual = op->residual ? op->residual + row * op->n + column : NULL,
            .residual_stride = op->n,
        };
        kernels->gemm_f32.run(block.end - block.begin, &args);
        if (op->gelu)
            kernels->gelu_f32(block.end - block.begin, n, y, op->n);
    }
}

void deit_linear_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_linear *op = op_;
    assert(op->nr == tile->kernels->gemm_f32.nr);
    assert(!op->gelu || (!op->scale && !op->residual));

    size_t chunks = n_chunks(op, tile->batch);
    struct deit_range rows =
        deit_piece(tile->batch * op->rows_per_image, chunks, tile->index % chunks);
    deit_linear_panel(tile->kernels, op, rows, tile->index / chunks);
}
