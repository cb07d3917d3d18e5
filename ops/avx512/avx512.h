/*
 * ops/avx512/avx512.h: kernels for AVX-512 F, BW, DQ and VL.  The types in ops/kernels.h are
 * their prototypes and contracts.
 */
#ifndef DEIT_OPS_AVX512_AVX512_H
#define DEIT_OPS_AVX512_AVX512_H

#include "ops/kernels.h"

deit_gemm_f32_fn deit_gemm_f32_9x48_avx512;
deit_pack_f32_fn deit_pack_f32_avx512;
deit_gelu_f32_fn deit_gelu_f32_avx512;
deit_layernorm_f32_fn deit_layernorm_f32_avx512;
deit_softmax_f32_fn deit_softmax_f32_avx512;
deit_binary_f32_fn deit_add_f32_avx512;
deit_binary_f32_fn deit_mul_f32_avx512;
deit_scale_f32_fn deit_scale_f32_avx512;
deit_resample_x_u8_fn deit_resample_x_u8_avx512;
deit_resample_y_u8_fn deit_resample_y_u8_avx512;
deit_normalise_u8_fn deit_normalise_u8_avx512;
deit_widen_f32_fn deit_widen_f16_avx512;
deit_widen_f32_fn deit_widen_bf16_avx512;

void deit_kernels_init_avx512(struct deit_kernels *kernels);

#endif
