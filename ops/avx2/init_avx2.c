/*
 * ops/avx2/init_avx2.c: what AVX2 puts over the scalar entries.
 */
#include "ops/avx2/avx2.h"

void deit_kernels_init_avx2(struct deit_kernels *kernels)
{
    kernels->gemm_f32 = (struct deit_gemm_f32){ .mr = 6, .nr = 16, .run = deit_gemm_f32_6x16_avx2 };
    kernels->pack_f32 = deit_pack_f32_avx2;
    kernels->gelu_f32 = deit_gelu_f32_avx2;
    kernels->layernorm_f32 = deit_layernorm_f32_avx2;
    kernels->softmax_f32 = deit_softmax_f32_avx2;
    kernels->add_f32 = deit_add_f32_avx2;
    kernels->mul_f32 = deit_mul_f32_avx2;
    kernels->scale_f32 = deit_scale_f32_avx2;
    kernels->resample_x_u8 = deit_resample_x_u8_avx2;
    kernels->resample_y_u8 = deit_resample_y_u8_avx2;
    kernels->normalise_u8 = deit_normalise_u8_avx2;
    kernels->widen_f16 = deit_widen_f16_avx2;
    kernels->widen_bf16 = deit_widen_bf16_avx2;
}
