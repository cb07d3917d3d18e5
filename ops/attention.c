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

static size_t padded(size_t n, size_t nr)
{
    return deit_ceil_div(n, nr) * nr;
}

size_t deit_attention_packed_count(size_t n_kv, size_t head_dim, size_t nr)
{
    return padded(n_kv, nr) * head_dim + padded(head_dim, nr) * n_kv;
}

size_t deit_attention_scratch_count(size_t n_kv, size_t mr, size_t nr)
{
    return mr * padded(n_kv, nr);
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

static float *packed_keys(const struct deit_attention *op, size_t image, size_t head)
{
    return op->packed + (image * op->n_heads + head) *
                            deit_attention_packed_count(op->n_kv, op->head_dim, op->nr);
}

static float *packed_values(const struct deit_attention *op, size_t image, size_t head)
{
    return packed_keys(op, image, head) + padded(op->n_kv, op->nr) * op->head_dim;
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
    size_t image = tile->index / op->n_heads, head = tile->index % op->n_heads;
    const float *k = op->k + image * op->n_kv * op->k_row + head * op->head_dim;
    const float *v = op->v + image * op->n_kv * op->v_row + head * op->head_dim;
    float *keys = packed_keys(op, image, head);

    for (size_t t = 0; t < op->n_kv; t += op->nr)
        tile->kernels->pack_f32(smaller(op->nr, op->n_kv - t), op->head_dim, k + t * op->k_row,
                                op->k_row, op->nr, keys + t * op->head_dim);
    pack_values(op, v, packed_values(op, image, head));
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
    size_t n_blocks = deit_ceil_div(op->n_q, op->mr);
    size_t block = tile->index % n_blocks;
    size_t head = tile->index / n_blocks % op->n_heads;
    size_t image = tile->index / n_blocks / op->n_heads;

    struct deit_range rows = deit_piece(op->n_q, n_blocks, block);
    size_t n_rows = rows.end - rows.begin;
    size_t first = image * op->n_q + rows.begin;
    size_t width = op->n_heads * op->head_dim;
    const float *q = op->q + first * op->q_row + head * op->head_dim;
    float *y = op->y + first * width + head * op->head_dim;
    float *scores = tile->scratch;
    size_t stride = padded(op->n_kv, op->nr);

    multiply(kernels, n_rows, op->head_dim, op->n_kv, q, op->q_row,
             packed_keys(op, image, head), scores, stride);
    float inverse[32]; /* of the row sums; no kernel has more rows */
    for (size_t r = 0; r < n_rows; r++) {
        inverse[r] = 1.0f / kernels->softmax_f32(op->n_kv, op->scale, scores + r * stride);
        if (op->probs)
            kernels->scale_f32(op->n_kv, inverse[r], scores + r * stride,
                               op->probs + ((image * op->n_heads + head) * op->n_q + rows.begin + r)
                                               * op->n_kv);
    }
    multiply(kernels, n_rows, op->n_kv, op->head_dim, scores, stride,
             packed_values(op, image, head), y, width);
    for (size_t r = 0; r < n_rows; r++)
        kernels->scale_f32(op->head_dim, inverse[r], y + r * width, y + r * width);
}
