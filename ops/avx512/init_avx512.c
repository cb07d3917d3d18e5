/*
 * ops/avx512/init_avx512.c: what AVX-512 puts over the entries of AVX2.
 */
#include "ops/avx512/avx512.h"

void deit_kernels_init_avx512(struct deit_kernels *kernels)
{
    kernels->gemm_f32 =
        (struct deit_gemm_f32){ .mr = 9, .nr = 48, .run = deit_gemm_f32_9x48_avx512 };
    kernels->pack_f32 = deit_pack_f32_avx512;
    kernels->gelu_f32 = deit_gelu_f32_avx512;
    kernels->layernorm_f32 = deit_layernorm_f32_avx512;
    kernels->softmax_f32 = deit_softmax_f32_avx512;
    kernels->add_f32 = deit_add_f32_avx512;
    kernels->mul_f32 = deit_mul_f32_avx512;
    kernels->scale_f32 = deit_scale_f32_avx512;
    kernels->resample_x_u8 = deit_resample_x_u8_avx512;
    kernels->resample_y_u8 = deit_resample_y_u8_avx512;
    kernels->normalise_u8 = deit_normalise_u8_avx512;
    kernels->widen_f16 = deit_widen_f16_avx512;
    kernels->widen_bf16 = deit_widen_bf16_avx512;
}
