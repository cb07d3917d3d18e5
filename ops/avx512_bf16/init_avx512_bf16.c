/*
 * ops/avx512_bf16/init_avx512_bf16.c: what AVX512-BF16 puts over the entries of AVX-512.
 */
#include "ops/avx512_bf16/avx512_bf16.h"

void deit_kernels_init_avx512_bf16(struct deit_kernels *kernels)
{
    (void)kernels;
}
