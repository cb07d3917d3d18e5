/*
 * ops/attention_bf16.c: attention by blocks of complete score rows, with bf16 products.
 *
 * As ops/attention.c.  Queries and probabilities are split block by block into this thread's
 * scratch, where the product finds them in the first-level cache; probabilities before they
 * are divided by their sums: bf16 keeps the same digits of any scale.
 */
#include "ops/attention_bf16.h"

#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t deit_attention_bf16_packed_count(size_t n_kv, size_t head_dim, size_t nr,
                                        unsigned n_parts)
{
    return deit_bf16_packed_count(n_kv, head_dim, nr, n_parts) +
           deit_bf16_packed_count(head_dim, n_kv, nr, n_parts);
}

/* The scratch: each array begins at a line, because all before it are whole lines. */
struct scratch {
    float *scores, *context;          /* mr rows: n_kv and head_dim, in whole panels */
    struct deit_parts queries, probs; /* mr rows each */
};

static size_t lines(size_t bytes)
{
    return deit_round_up(bytes, 64);
}

size_t deit_attention_bf16_scratch_bytes(size_t n_kv, size_t head_dim, size_t mr, size_t nr,
                                         unsigned n_parts)
{
    return lines(mr * deit_round_up(n_kv, nr) * sizeof(float)) +
           lines(mr * deit_round_up(head_dim, nr) * sizeof(float)) +
           mr * n_parts * (deit_bf16_padded(head_dim) + deit_bf16_padded(n_kv)) * sizeof(uint16_t);
}

static struct scratch divide_scratch(const struct deit_attention *op, void *memory)
{
    char *at = memory;
    struct scratch scratch = { .scores = (void *)at };
    at += lines(op->mr * deit_round_up(op->n_kv, op->nr) * sizeof(float));
    scratch.context = (void *)at;
    at += lines(op->mr * deit_round_up(op->head_dim, op->nr) * sizeof(float));
    scratch.queries = deit_parts_of(at, op->head_dim, op->n_parts);
    scratch.probs =
        deit_parts_of(deit_parts_row(&scratch.queries, op->mr), op->n_kv, op->n_parts);
    return scratch;
}

static uint16_t *packed_keys(const struct deit_attention *op, size_t head)
{
    return (uint16_t *)op->packed +
           head * deit_attention_bf16_packed_count(op->n_kv, op->head_dim, op->nr, op->n_parts);
}

static uint16_t *packed_values(const struct deit_attention *op, size_t head)
{
    return packed_keys(op, head) +
           deit_bf16_packed_count(op->n_kv, op->head_dim, op->nr, op->n_parts);
}

/* Panels of values, whose rows are k, with zeros behind the last. */
static void pack_values(const struct deit_attention *op, const struct deit_kernels *kernels,
                        const float *v, uint16_t *panel)
{
    const size_t nr = op->nr, k = deit_bf16_padded(op->n_kv), done = deit_round_up(op->n_kv, 2);
    for (size_t c = 0; c < op->head_dim; c += nr, panel += op->n_parts * k * nr) {
        kernels->interleave_bf16(op->n_kv, smaller(nr, op->head_dim - c), v + c, op->v_row, nr,
                                 op->n_parts, k * nr, panel);
        for (size_t p = 0; p < op->n_parts; p++)
            memset(panel + (p * k + done) * nr, 0, (k - done) * nr * sizeof *panel);
    }
}

void deit_attention_bf16_pack(const void *op_, const struct deit_tile *tile)
{
    const struct deit_attention *op = op_;
    const struct deit_attention_head head = deit_attention_head(op, tile->index);
    const size_t depth = deit_bf16_padded(op->head_dim);
    uint16_t *keys = packed_keys(op, head.index);

    for (size_t t = 0; t < op->n_kv; t += op->nr)
        tile->kernels->pack_bf16(smaller(op->nr, op->n_kv - t), op->head_dim,
                                 head.k + t * op->k_row, op->k_row, op->nr, op->n_parts, depth,
                                 keys + t * depth * op->n_parts);
    pack_values(op, tile->kernels, head.v, packed_values(op, head.index));
}

/* c (rows, n) = the first rows of 'a' times packed panels; no epilogue. */
static void multiply(const struct deit_kernels *kernels, size_t rows, const struct deit_parts *a,
                     const uint16_t *panels, size_t n, float *c, size_t c_stride)
{
    const size_t nr = kernels->gemm_bf16.nr;
    for (size_t column = 0; column < n; column += nr) {
        const struct deit_gemm_bf16_args args = {
            .k = a->k, .n = smaller(nr, n - column), .n_parts = a->n,
            .a = a->data, .a_stride = a->n * a->k,
            .b = panels + column * a->n * a->k,
            .c = c + column, .c_stride = c_stride,
        };
        kernels->gemm_bf16.run(rows, &args);
    }
}

void deit_attention_bf16_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_attention *op = op_;
    const struct deit_kernels *kernels = tile->kernels;
    const struct deit_attention_block block = deit_attention_block(op, tile->index);
    const size_t width = op->n_heads * op->head_dim;
    const size_t stride = deit_round_up(op->n_kv, op->nr);
    const struct scratch s = divide_scratch(op, tile->scratch);
    float inverse[DEIT_ATTENTION_ROWS];

    deit_parts_write(&s.queries, kernels, 0, block.n, 0, op->head_dim,
                     op->q + block.first * op->q_row + block.column, op->q_row);
    multiply(kernels, block.n, &s.queries, packed_keys(op, block.head), op->n_kv, s.scores, stride);
    deit_attention_softmax(op, kernels, &block, s.scores, stride, inverse);
    deit_parts_write(&s.probs, kernels, 0, block.n, 0, op->n_kv, s.scores, stride);

    const bool has_parts = op->parts.data;
    float *y = has_parts ? s.context : op->y + block.first * width + block.column;
    const size_t y_stride = has_parts ? deit_round_up(op->head_dim, op->nr) : width;
    multiply(kernels, block.n, &s.probs, packed_values(op, block.head), op->head_dim, y,
             y_stride);
    for (size_t r = 0; r < block.n; r++)
        kernels->scale_f32(op->head_dim, inverse[r], y + r * y_stride, y + r * y_stride);
    if (has_parts)
        deit_parts_write(&op->parts, kernels, block.first, block.n, block.column, op->head_dim, y,
                         y_stride);
}
