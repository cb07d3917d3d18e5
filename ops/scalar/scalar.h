/*
 * ops/scalar/scalar.h: the kernels in plain C, which every machine can run and which all others
 * are measured against.  The types in ops/kernels.h are their prototypes and contracts.
 */
#ifndef DEIT_OPS_SCALAR_SCALAR_H
#define DEIT_OPS_SCALAR_SCALAR_H

#include "ops/kernels.h"

deit_gemm_f32_fn deit_gemm_f32_4x8_scalar;
deit_pack_f32_fn deit_pack_f32_scalar;
deit_gemm_bf16_fn deit_gemm_bf16_4x8_scalar;
deit_split_bf16_fn deit_split_bf16_scalar;
deit_pack_bf16_fn deit_pack_bf16_scalar;
deit_interleave_bf16_fn deit_interleave_bf16_scalar;
deit_gelu_f32_fn deit_gelu_f32_scalar;
deit_layernorm_f32_fn deit_layernorm_f32_scalar;
deit_softmax_f32_fn deit_softmax_f32_scalar;
deit_binary_f32_fn deit_add_f32_scalar;
deit_binary_f32_fn deit_mul_f32_scalar;
deit_scale_f32_fn deit_scale_f32_scalar;
deit_resample_x_u8_fn deit_resample_x_u8_scalar;
deit_resample_y_u8_fn deit_resample_y_u8_scalar;
deit_normalise_u8_fn deit_normalise_u8_scalar;
deit_widen_f32_fn deit_widen_f16_scalar;
deit_widen_f32_fn deit_widen_bf16_scalar;

/* Fills every kernel of the table. */
void deit_kernels_init_scalar(struct deit_kernels *kernels);

#endif
