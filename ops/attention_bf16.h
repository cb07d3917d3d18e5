/*
 * ops/attention_bf16.h: struct deit_attention with both products of bf16 parts.
 */
#ifndef DEIT_OPS_ATTENTION_BF16_H
#define DEIT_OPS_ATTENTION_BF16_H

#include "ops/attention.h"

/* Tiles as deit_attention_pack_n_tiles() and deit_attention_n_tiles() count them. */
deit_tile_fn deit_attention_bf16_pack, deit_attention_bf16_run;

/* bf16 of the packed keys and values of one head. */
size_t deit_attention_bf16_packed_count(size_t n_kv, size_t head_dim, size_t nr,
                                        unsigned n_parts);

/* Bytes of scratch for each thread: a block of query, score, probability and context rows. */
size_t deit_attention_bf16_scratch_bytes(size_t n_kv, size_t head_dim, size_t mr, size_t nr,
                                         unsigned n_parts);

#endif
