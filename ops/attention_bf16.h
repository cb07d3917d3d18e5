/*
 * ops/attention_bf16.h: context = softmax(scale q k^T) v, for each head, with both products of
 * bf16 parts; scores, softmax and sums are f32.
 *
 * Two steps as in ops/attention.h: keys and values of each head become panels, then blocks of
 * query rows are computed.
 */
#ifndef DEIT_OPS_ATTENTION_BF16_H
#define DEIT_OPS_ATTENTION_BF16_H

#include "ops/bf16.h"
#include "ops/step.h"

struct deit_attention_bf16 {
    size_t images; /* for each unit of the batch */
    size_t n_heads, head_dim;
    size_t n_q, n_kv; /* tokens per image */
    size_t mr, nr;    /* of the kernel that will run */
    unsigned n_parts;
    const float *q, *k, *v; /* head h of a row begins at column h * head_dim */
    size_t q_row, k_row, v_row;
    float scale;
    uint16_t *packed; /* workspace: batch * n_heads * deit_attention_bf16_packed_count() */
    float *y; /* (batch, n_q, n_heads * head_dim); not written if there are parts */
    struct deit_parts parts; /* of y, or none */
    float *probs; /* (batch, n_heads, n_q, n_kv), or NULL */
};

deit_n_tiles_fn deit_attention_bf16_pack_n_tiles, deit_attention_bf16_n_tiles;
deit_tile_fn deit_attention_bf16_pack, deit_attention_bf16_run;

/* bf16 of the packed keys and values of one head. */
size_t deit_attention_bf16_packed_count(size_t n_kv, size_t head_dim, size_t nr,
                                        unsigned n_parts);

/* Bytes of scratch for each thread: a block of query, score, probability and context rows. */
size_t deit_attention_bf16_scratch_bytes(size_t n_kv, size_t head_dim, size_t mr, size_t nr,
                                         unsigned n_parts);

#endif
