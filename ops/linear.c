/*
 * ops/linear.c: tiles of a matrix product with a packed weight.
 *
 * A tile is one panel of columns against all rows that stay in the second-level cache, so that
 * a weight comes from memory once; the panel after it is fetched meanwhile, spread over the
 * register tiles.  A k so long that the rows would not stay there is walked in blocks.
 *
 * Rows are cut evenly: 197 rows become 22 register tiles of 8 and 9, not 21 full ones and eight
 * rows that waste one.
 */
#include "ops/linear.h"

#include <assert.h>

enum {
    MAX_ROWS = 216,       /* of a tile: one image's */
    MIN_ROWS = 18,        /* below, the claim of a tile begins to cost */
    TILES_PER_THREAD = 4, /* at least, lest one thread waits for another's last tile */
    MIN_K = 256,          /* of a block: sums are loaded and stored for each */
};

static size_t n_panels(const struct deit_linear *op)
{
    return deit_ceil_div(op->n, op->nr);
}

static size_t n_chunks(const struct deit_linear *op, size_t batch)
{
    return deit_ceil_div(batch * op->rows_per_image, op->chunk_rows);
}

struct deit_linear_cut deit_linear_cut(size_t rows, size_t k, size_t n, size_t nr, size_t l2_bytes,
                                       unsigned n_threads)
{
    size_t panels = deit_ceil_div(n, nr);
    size_t chunks = deit_ceil_div(rows, MAX_ROWS);
    if (chunks * panels < TILES_PER_THREAD * (size_t)n_threads && n_threads > 1)
        chunks = deit_ceil_div(TILES_PER_THREAD * (size_t)n_threads, panels);
    size_t chunk_rows = deit_ceil_div(rows, chunks);
    if (chunk_rows < MIN_ROWS)
        chunk_rows = MIN_ROWS;

    /* A third for the rows; the others for two panels, the sums, and what else comes by. */
    size_t bytes = (chunk_rows < rows ? chunk_rows : rows) * k * sizeof(float);
    size_t blocks = deit_ceil_div(bytes, l2_bytes / 3 + 1), most = k / MIN_K;
    if (blocks > most)
        blocks = most;
    return (struct deit_linear_cut){ chunk_rows, blocks ? blocks : 1 };
}

size_t deit_linear_n_tiles(const void *op_, size_t batch)
{
    const struct deit_linear *op = op_;
    return n_chunks(op, batch) * n_panels(op);
}

struct deit_panel deit_linear_panel_at(const struct deit_linear *op, size_t panel)
{
    if (panel >= n_panels(op))
        return (struct deit_panel){ NULL, 0 };
    return (struct deit_panel){ op->panels + (panel * op->k + op->k_block.begin) * op->nr,
                                op->k_block.end - op->k_block.begin };
}

void deit_linear_panel(const struct deit_kernels *kernels, const struct deit_linear *op,
                       struct deit_range rows, size_t panel, struct deit_panel next)
{
    struct deit_panel b = deit_linear_panel_at(op, panel);
    size_t column = panel * op->nr;
    size_t n = op->n - column < op->nr ? op->n - column : op->nr;
    size_t n_blocks = deit_ceil_div(rows.end - rows.begin, kernels->gemm_f32.mr);
    bool is_last = op->k_block.end == op->k;

    for (size_t i = 0; i < n_blocks; i++) {
        struct deit_range block = deit_piece(rows.end - rows.begin, n_blocks, i);
        struct deit_range part = deit_piece(next.k, n_blocks, i);
        size_t row = rows.begin + block.begin;
        float *y = op->y + row * op->n + column;
        const struct deit_gemm_f32_args args = {
            .k = b.k,
            .n = n,
            .a = op->x + row * op->x_row + op->k_block.begin,
            .a_stride = op->x_row,
            .b = b.data,
            .c = y,
            .c_stride = op->n,
            .accumulate = op->k_block.begin > 0,
            .bias = is_last && op->bias ? op->bias + column : NULL,
            .scale = is_last && op->scale ? op->scale + column : NULL,
            .residual = is_last && op->residual ? op->residual + row * op->n + column : NULL,
            .residual_stride = op->n,
            .next = next.k ? next.data + part.begin * op->nr : NULL,
            .next_bytes = (part.end - part.begin) * op->nr * sizeof(float),
        };
        kernels->gemm_f32.run(block.end - block.begin, &args);
        if (is_last && op->gelu)
            kernels->gelu_f32(block.end - block.begin, n, y, op->n);
    }
}

/* Tiles go through all panels for one chunk of rows, then for the next. */
void deit_linear_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_linear *op = op_;
    assert(op->nr == tile->kernels->gemm_f32.nr);
    assert(!op->gelu || (!op->scale && !op->residual));

    size_t chunks = n_chunks(op, tile->batch), panels = n_panels(op);
    size_t later = tile->index + tile->n_threads; /* this thread's next, if all are as fast */
    struct deit_panel next = { NULL, 0 };
    if (later < chunks * panels)
        next = deit_linear_panel_at(op, later % panels);
    else if (op->following)
        next = deit_linear_panel_at(op->following, later - chunks * panels);
    struct deit_range rows =
        deit_piece(tile->batch * op->rows_per_image, chunks, tile->index / panels);
    deit_linear_panel(tile->kernels, op, rows, tile->index % panels, next);
}
