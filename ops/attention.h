/*
 * ops/attention.h: context = softmax(scale q k^T) v, for each head.
 *
 * Two steps: deit_attention_pack() lays keys and values of each head out as panels,
 * deit_attention_run() computes a block of query rows.
 */
#ifndef DEIT_OPS_ATTENTION_H
#define DEIT_OPS_ATTENTION_H

#include "ops/step.h"

struct deit_attention {
    size_t images; /* for each unit of the batch */
    size_t n_heads, head_dim;
    size_t n_q, n_kv; /* tokens per image */
    size_t mr, nr;    /* of the kernel that will run */
    const float *q, *k, *v; /* head h of a row begins at column h * head_dim */
    size_t q_row, k_row, v_row;
    float scale;
    float *packed; /* workspace: batch * n_heads * deit_attention_packed_count() */
    float *y;      /* (batch, n_q, n_heads * head_dim) */
    float *probs;  /* (batch, n_heads, n_q, n_kv), or NULL */
};

deit_n_tiles_fn deit_attention_pack_n_tiles, deit_attention_n_tiles;
deit_tile_fn deit_attention_pack, deit_attention_run;

/* Floats of the packed keys and values of one head. */
size_t deit_attention_packed_count(size_t n_kv, size_t head_dim, size_t nr);

/* Floats of scratch for each thread: a block of complete score rows. */
size_t deit_attention_scratch_count(size_t n_kv, size_t mr, size_t nr);

#endif
