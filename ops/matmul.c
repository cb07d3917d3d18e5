/*
 * ops/matmul.c: matrix products of operands that nothing is known about.
 *
 * f32 runs through the same packed register tiles as a linear, so that a graph gives the same
 * bits whether a product was raised to one or not.  A b that is computed in the run is packed
 * first, once for all rows.  Nothing is skipped for being zero: NaN and infinity must come
 * through.
 */
#include "ops/matmul.h"

#include <assert.h>
#include <string.h>

#include "ops/linear.h"

enum {
    CHUNK_ROWS = 56,      /* of a tile: enough to make its claim cheap */
    PACK_PANELS = 4,      /* of a tile that packs */
    CHUNK_PRODUCTS = 4096 /* i64: multiply-adds of a tile, about */
};

static size_t n_panels(const struct deit_matmul *op)
{
    return deit_ceil_div(op->n, op->nr);
}

size_t deit_matmul_pack_n_tiles(const void *op_, size_t batch)
{
    const struct deit_matmul *op = op_;
    (void)batch;
    return op->n_b * deit_ceil_div(n_panels(op), PACK_PANELS);
}

void deit_matmul_pack(const void *op_, const struct deit_tile *tile)
{
    const struct deit_matmul *op = op_;
    size_t panels = n_panels(op), tiles = deit_ceil_div(panels, PACK_PANELS);
    size_t matrix = tile->index / tiles;
    struct deit_range part = deit_piece(panels, tiles, tile->index % tiles);
    const float *b = (const float *)op->b + matrix * op->k * op->n;
    float *dst = op->packed + (matrix * panels + part.begin) * op->k * op->nr;

    for (size_t p = part.begin; p < part.end; p++) {
        size_t column = p * op->nr;
        size_t n = op->n - column < op->nr ? op->n - column : op->nr;
        for (size_t i = 0; i < op->k; i++, dst += op->nr) {
            memcpy(dst, b + i * op->n + column, n * sizeof *dst);
            memset(dst + n, 0, (op->nr - n) * sizeof *dst);
        }
    }
}

/* The matrix of an operand that product 'index' reads. */
static size_t matrix_of(const struct deit_matmul *op, const size_t *steps, size_t index)
{
    size_t matrix = 0;
    for (size_t d = op->n_dims; d-- > 0; index /= op->dims[d])
        matrix += index % op->dims[d] * steps[d];
    return matrix;
}

static size_t n_chunks(const struct deit_matmul *op)
{
    return deit_ceil_div(op->m, CHUNK_ROWS);
}

size_t deit_matmul_n_tiles(const void *op_, size_t batch)
{
    const struct deit_matmul *op = op_;
    (void)batch;
    return op->n_products * n_chunks(op) * n_panels(op);
}

void deit_matmul_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_matmul *op = op_;
    assert(op->nr == tile->kernels->gemm_f32.nr);
    size_t chunks = n_chunks(op), panels = n_panels(op);
    size_t product = tile->index / (chunks * panels);
    size_t chunk = tile->index % chunks, panel = tile->index / chunks % panels;
    size_t a = matrix_of(op, op->a_step, product), b = matrix_of(op, op->b_step, product);

    const struct deit_linear one = {
        .rows_per_image = op->m, .k = op->k, .n = op->n, .nr = op->nr, .k_block = { 0, op->k },
        .x = (const float *)op->a + a * op->m * op->k, .x_row = op->k,
        .panels = op->panels + b * panels * op->nr * op->k,
        .y = (float *)op->y + product * op->m * op->n,
    };
    deit_linear_panel(tile->kernels, &one, deit_piece(op->m, chunks, chunk), panel,
                      (struct deit_panel){ NULL, 0 });
}

/* ------------------------------------------------------------------ i64 */

static size_t n_i64_chunks(const struct deit_matmul *op)
{
    size_t work = op->k * op->n, rows = work < CHUNK_PRODUCTS ? CHUNK_PRODUCTS / (work + 1) + 1 : 1;
    return deit_ceil_div(op->m, rows);
}

size_t deit_matmul_i64_n_tiles(const void *op_, size_t batch)
{
    const struct deit_matmul *op = op_;
    (void)batch;
    return op->n ? op->n_products * n_i64_chunks(op) : 0;
}

void deit_matmul_i64_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_matmul *op = op_;
    size_t chunks = n_i64_chunks(op), product = tile->index / chunks;
    struct deit_range rows = deit_piece(op->m, chunks, tile->index % chunks);
    const uint64_t *a =
        (const uint64_t *)op->a + matrix_of(op, op->a_step, product) * op->m * op->k;
    const uint64_t *b =
        (const uint64_t *)op->b + matrix_of(op, op->b_step, product) * op->k * op->n;
    uint64_t *y = (uint64_t *)op->y + product * op->m * op->n;

    for (size_t r = rows.begin; r < rows.end; r++) {
        memset(y + r * op->n, 0, op->n * sizeof *y);
        for (size_t i = 0; i < op->k; i++)
            for (size_t j = 0; j < op->n; j++)
                y[r * op->n + j] += a[r * op->k + i] * b[i * op->n + j];
    }
}
