/*
 * ops/linear_bf16.c: tiles of a product of bf16 parts with a packed weight.
 *
 * Rows are cut evenly into as few register tiles as there can be, and a tile of work is one
 * panel against a few of them.  Where the next product reads y as parts, a register tile is
 * split while it is in the first-level cache, so y never exists as f32.
 */
#include "ops/linear_bf16.h"

#include <assert.h>

/* Rows of a tile: enough register tiles to make the claim of a tile cheap. */
enum { CHUNK_ROWS = 56 };

static size_t n_blocks(const struct deit_linear_bf16 *op, size_t batch)
{
    return deit_ceil_div(batch * op->rows_per_image, op->mr);
}

static size_t n_chunks(const struct deit_linear_bf16 *op, size_t batch)
{
    return deit_ceil_div(n_blocks(op, batch), op->mr < CHUNK_ROWS ? CHUNK_ROWS / op->mr : 1);
}

size_t deit_linear_bf16_n_tiles(const void *op_, size_t batch)
{
    const struct deit_linear_bf16 *op = op_;
    return n_chunks(op, batch) * deit_ceil_div(op->n, op->nr);
}

void deit_linear_bf16_block(const struct deit_kernels *kernels, const struct deit_linear_bf16 *op,
                            size_t row, size_t n_rows, size_t panel, float *scratch)
{
    const struct deit_parts *x = &op->x;
    const size_t column = panel * op->nr;
    const size_t n = op->n - column < op->nr ? op->n - column : op->nr;
    const bool has_parts = op->parts.data;
    float *y = has_parts ? scratch : op->y + row * op->n + column;
    const size_t y_stride = has_parts ? op->nr : op->n;
    const struct deit_gemm_bf16_args args = {
        .k = x->k,
        .n = n,
        .n_parts = x->n,
        .a = deit_parts_row(x, row),
        .a_stride = x->n * x->k,
        .b = op->panels + column * x->n * x->k,
        .c = y,
        .c_stride = y_stride,
        .bias = op->bias ? op->bias + column : NULL,
        .scale = op->scale ? op->scale + column : NULL,
        .residual = op->residual ? op->residual + row * op->n + column : NULL,
        .residual_stride = op->n,
    };
    kernels->gemm_bf16.run(n_rows, &args);
    if (op->gelu)
        kernels->gelu_f32(n_rows, n, y, y_stride);
    if (has_parts)
        deit_parts_write(&op->parts, kernels, row, n_rows, column, n, y, y_stride);
}

void deit_linear_bf16_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_linear_bf16 *op = op_;
    assert(op->mr == tile->kernels->gemm_bf16.mr && op->nr == tile->kernels->gemm_bf16.nr);
    assert(!op->gelu || (!op->scale && !op->residual));

    size_t chunks = n_chunks(op, tile->batch), blocks = n_blocks(op, tile->batch);
    size_t n_rows = tile->batch * op->rows_per_image;
    struct deit_range chunk = deit_piece(blocks, chunks, tile->index % chunks);
    for (size_t i = chunk.begin; i < chunk.end; i++) {
        struct deit_range rows = deit_piece(n_rows, blocks, i);
        deit_linear_bf16_block(tile->kernels, op, rows.begin, rows.end - rows.begin,
                               tile->index / chunks, tile->scratch);
    }
}
