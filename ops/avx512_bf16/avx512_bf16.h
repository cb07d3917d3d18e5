/*
 * ops/avx512_bf16/avx512_bf16.h: kernels for AVX512-BF16.  The types in ops/kernels.h are
 * their prototypes and contracts.
 */
#ifndef DEIT_OPS_AVX512_BF16_AVX512_BF16_H
#define DEIT_OPS_AVX512_BF16_AVX512_BF16_H

#include "ops/kernels.h"

deit_gemm_bf16_fn deit_gemm_bf16_14x32_avx512_bf16;
deit_split_bf16_fn deit_split_bf16_avx512_bf16;
deit_pack_bf16_fn deit_pack_bf16_avx512_bf16;
deit_interleave_bf16_fn deit_interleave_bf16_avx512_bf16;

void deit_kernels_init_avx512_bf16(struct deit_kernels *kernels);

#endif
