/*
 * ops/avx2/avx2.h: kernels for AVX2 with FMA and F16C.  The types in ops/kernels.h are their
 * prototypes and contracts.
 */
#ifndef DEIT_OPS_AVX2_AVX2_H
#define DEIT_OPS_AVX2_AVX2_H

#include "ops/kernels.h"

deit_gemm_f32_fn deit_gemm_f32_6x16_avx2;
deit_pack_f32_fn deit_pack_f32_avx2;
deit_gelu_f32_fn deit_gelu_f32_avx2;
deit_layernorm_f32_fn deit_layernorm_f32_avx2;
deit_softmax_f32_fn deit_softmax_f32_avx2;
deit_binary_f32_fn deit_add_f32_avx2;
deit_binary_f32_fn deit_mul_f32_avx2;
deit_scale_f32_fn deit_scale_f32_avx2;
deit_resample_x_u8_fn deit_resample_x_u8_avx2;
deit_resample_y_u8_fn deit_resample_y_u8_avx2;
deit_normalise_u8_fn deit_normalise_u8_avx2;
deit_widen_f32_fn deit_widen_f16_avx2;
deit_widen_f32_fn deit_widen_bf16_avx2;

void deit_kernels_init_avx2(struct deit_kernels *kernels);

#endif
