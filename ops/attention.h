/*
 * ops/attention.h: context = softmax(scale q k^T) v, for each head.
 *
 * Two steps: keys and values of each head are laid out as panels, then blocks of query rows are
 * computed.  Products are of f32, or of bf16 parts (ops/attention_bf16.h); scores and softmax
 * are f32.
 */
#ifndef DEIT_OPS_ATTENTION_H
#define DEIT_OPS_ATTENTION_H

#include "ops/bf16.h"
#include "ops/step.h"

struct deit_attention {
    size_t images; /* for each unit of the batch */
    size_t n_heads, head_dim;
    size_t n_q, n_kv; /* tokens per image */
    size_t mr, nr;    /* of the kernel that will run */
    unsigned n_parts; /* of the bf16 operands; 0: they are f32 */
    const float *q, *k, *v; /* head h of a row begins at column h * head_dim */
    size_t q_row, k_row, v_row;
    float scale;
    void *packed; /* workspace: batch * n_heads * deit_attention*_packed_count() */
    float *y;     /* (batch, n_q, n_heads * head_dim); not written if there are parts */
    struct deit_parts parts; /* of y, or none; with bf16 operands alone */
    float *probs; /* (batch, n_heads, n_q, n_kv), or NULL */
};

deit_n_tiles_fn deit_attention_pack_n_tiles, deit_attention_n_tiles;
deit_tile_fn deit_attention_pack, deit_attention_run;

/* Floats of the packed keys and values of one head. */
size_t deit_attention_packed_count(size_t n_kv, size_t head_dim, size_t nr);

/* Floats of scratch for each thread: a block of complete score rows. */
size_t deit_attention_scratch_count(size_t n_kv, size_t mr, size_t nr);

/* ------------------------------------------------------------------ for both kinds of operands */

/* The query rows of one tile, for one head. */
struct deit_attention_block {
    size_t head;   /* of all heads of the batch */
    size_t column; /* where it begins in a row of y */
    size_t row, first, n; /* n rows: from 'row' on of the image, 'first' of all images' rows */
};
struct deit_attention_block deit_attention_block(const struct deit_attention *op, size_t index);

/* Keys and values of a head: where their rows begin. */
struct deit_attention_head {
    size_t index; /* of all heads of the batch */
    const float *k, *v;
};
struct deit_attention_head deit_attention_head(const struct deit_attention *op, size_t index);

/*
 * Turns a block's score rows into exponentials, with 1 / sum of each row in 'inverse', and
 * writes the probabilities if they are wanted.
 */
void deit_attention_softmax(const struct deit_attention *op, const struct deit_kernels *kernels,
                            const struct deit_attention_block *block, float *scores,
                            size_t stride, float *inverse);

/* Room for that: no kernel has more rows. */
enum { DEIT_ATTENTION_ROWS = 64 };

#endif
