/*
 * ops/avx512_bf16/init_avx512_bf16.c: what AVX512-BF16 puts over the entries of AVX-512.
 */
#include "ops/avx512_bf16/avx512_bf16.h"

void deit_kernels_init_avx512_bf16(struct deit_kernels *kernels)
{
    kernels->bf16_level = DEIT_LEVEL_AVX512_BF16;
    kernels->gemm_bf16 =
        (struct deit_gemm_bf16){ .mr = 14, .nr = 32, .run = deit_gemm_bf16_14x32_avx512_bf16 };
    kernels->split_bf16 = deit_split_bf16_avx512_bf16;
    kernels->pack_bf16 = deit_pack_bf16_avx512_bf16;
    kernels->interleave_bf16 = deit_interleave_bf16_avx512_bf16;
}
