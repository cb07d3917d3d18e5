/*
 * ops/scalar/init_scalar.c: the bottom of the kernel table; there is an entry for everything.
 */
#include "ops/scalar/scalar.h"

void deit_kernels_init_scalar(struct deit_kernels *kernels)
{
    *kernels = (struct deit_kernels){
        .level = DEIT_LEVEL_SCALAR,
        .gemm_f32 = { .mr = 4, .nr = 8, .run = deit_gemm_f32_4x8_scalar },
        .pack_f32 = deit_pack_f32_scalar,
        .bf16_level = DEIT_LEVEL_SCALAR,
        .gemm_bf16 = { .mr = 4, .nr = 8, .run = deit_gemm_bf16_4x8_scalar },
        .split_bf16 = deit_split_bf16_scalar,
        .pack_bf16 = deit_pack_bf16_scalar,
        .interleave_bf16 = deit_interleave_bf16_scalar,
        .gelu_f32 = deit_gelu_f32_scalar,
        .layernorm_f32 = deit_layernorm_f32_scalar,
        .softmax_f32 = deit_softmax_f32_scalar,
        .add_f32 = deit_add_f32_scalar,
        .mul_f32 = deit_mul_f32_scalar,
        .scale_f32 = deit_scale_f32_scalar,
        .resample_x_u8 = deit_resample_x_u8_scalar,
        .resample_y_u8 = deit_resample_y_u8_scalar,
        .normalise_u8 = deit_normalise_u8_scalar,
        .widen_f16 = deit_widen_f16_scalar,
        .widen_bf16 = deit_widen_bf16_scalar,
    };
}
