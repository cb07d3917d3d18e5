/*
 * ops/attention.c: attention by blocks of complete score rows.
 *
 * A block of mr query rows has its scores against all keys in this thread's scratch (14 x 197
 * floats are 11 KB), so softmax needs no running maximum and the whole T x T matrix never
 * exists.  Keys and values are packed once per head, so that both products are the same
 * register-tiled kernel as every other.  Rows are divided by their sums after the product
 * with the values, which are narrower than the scores.
 */
#include "ops/attention.h"

#include <string.h>

size_t deit_attention_packed_count(size_t n_kv, size_t head_dim, size_t nr)
{
    return deit_round_up(n_kv, nr) * head_dim + deit_round_up(head_dim, nr) * n_kv;
}

size_t deit_attention_scratch_count(size_t n_kv, size_t mr, size_t nr)
{
    return mr * deit_round_up(n_kv, nr);
}

size_t deit_attention_pack_n_tiles(const void *op_, size_t batch)
{
    const struct deit_attention *op = op_;
    return batch * op->images * op->n_heads;
}

size_t deit_attention_n_tiles(const void *op_, size_t batch)
{
    const struct deit_attention *op = op_;
    return batch * op->images * op->n_heads * deit_ceil_div(op->n_q, op->mr);
}

struct deit_attention_block deit_attention_block(const struct deit_attention *op, size_t index)
{
    size_t n_blocks = deit_ceil_div(op->n_q, op->mr);
    struct deit_range rows = deit_piece(op->n_q, n_blocks, index % n_blocks);
    size_t head = index / n_blocks;
    return (struct deit_attention_block){
        .head = head,
        .column = head % op->n_heads * op->head_dim,
        .row = rows.begin,
        .first = head / op->n_heads * op->n_q + rows.begin,
        .n = rows.end - rows.begin,
    };
}

struct deit_attention_head deit_attention_head(const struct deit_attention *op, size_t index)
{
    size_t first = index / op->n_heads * op->n_kv, column = index % op->n_heads * op->head_dim;
    return (struct deit_attention_head){
        .index = index,
        .k = op->k + first * op->k_row + column,
        .v = op->v + first * op->v_row + column,
    };
}

void deit_attention_softmax(const struct deit_attention *op, const struct deit_kernels *kernels,
                            const struct deit_attention_block *block, float *scores,
                            size_t stride, float *inverse)
{
    for (size_t r = 0; r < block->n; r++) {
        inverse[r] = 1.0f / kernels->softmax_f32(op->n_kv, op->scale, scores + r * stride);
        if (op->probs)
            kernels->scale_f32(op->n_kv, inverse[r], scores + r * stride,
                               op->probs + (block->head * op->n_q + block->row + r) * op->n_kv);
    }
}

/* ------------------------------------------------------------------ f32 */

static float *packed_keys(const struct deit_attention *op, size_t head)
{
    return (float *)op->packed +
           head * deit_attention_packed_count(op->n_kv, op->head_dim, op->nr);
}

static float *packed_values(const struct deit_attention *op, size_t head)
{
    return packed_keys(op, head) + deit_round_up(op->n_kv, op->nr) * op->head_dim;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Panels of (n_kv, nr) from the columns of v. */
static void pack_values(const struct deit_attention *op, const float *v, float *panel)
{
    for (size_t c = 0; c < op->head_dim; c += op->nr) {
        size_t n = smaller(op->nr, op->head_dim - c);
        for (size_t t = 0; t < op->n_kv; t++, panel += op->nr) {
            memcpy(panel, v + t * op->v_row + c, n * sizeof *panel);
            memset(panel + n, 0, (op->nr - n) * sizeof *panel);
        }
    }
}

void deit_attention_pack(const void *op_, const struct deit_tile *tile)
{
    const struct deit_attention *op = op_;
    struct deit_attention_head head = deit_attention_head(op, tile->index);
    float *keys = packed_keys(op, head.index);

    for (size_t t = 0; t < op->n_kv; t += op->nr)
        tile->kernels->pack_f32(smaller(op->nr, op->n_kv - t), op->head_dim,
                                head.k + t * op->k_row, op->k_row, op->nr,
                                keys + t * op->head_dim);
    pack_values(op, head.v, packed_values(op, head.index));
}

/* c (rows, n) = a (rows, k) times packed panels; no epilogue. */
static void multiply(const struct deit_kernels *kernels, size_t rows, size_t k, size_t n,
                     const float *a, size_t a_stride, const float *panels, float *c,
                     size_t c_stride)
{
    size_t nr = kernels->gemm_f32.nr;
    for (size_t column = 0; column < n; column += nr) {
        const struct deit_gemm_f32_args args = {
            .k = k, .n = smaller(nr, n - column),
            .a = a, .a_stride = a_stride,
            .b = panels + column * k,
            .c = c + column, .c_stride = c_stride,
        };
        kernels->gemm_f32.run(rows, &args);
    }
}

void deit_attention_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_attention *op = op_;
    const struct deit_kernels *kernels = tile->kernels;
    struct deit_attention_block block = deit_attention_block(op, tile->index);
    size_t width = op->n_heads * op->head_dim, stride = deit_round_up(op->n_kv, op->nr);
    float *y = op->y + block.first * width + block.column, *scores = tile->scratch;
    float inverse[DEIT_ATTENTION_ROWS];

    multiply(kernels, block.n, op->head_dim, op->n_kv,
             op->q + block.first * op->q_row + block.column, op->q_row,
             packed_keys(op, block.head), scores, stride);
    deit_attention_softmax(op, kernels, &block, scores, stride, inverse);
    multiply(kernels, block.n, op->n_kv, op->head_dim, scores, stride,
             packed_values(op, block.head), y, width);
    for (size_t r = 0; r < block.n; r++)
        kernels->scale_f32(op->head_dim, inverse[r], y + r * width, y + r * width);
}
