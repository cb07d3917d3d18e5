/*
 * ops/kernels.c: fills the kernel table for this machine.
 *
 * Levels overwrite each other from the bottom up, so an instruction set needs to bring only the
 * kernels that it makes faster and the table never has a hole.
 */
#include "ops/kernels.h"

#include "ops/scalar/scalar.h"

#ifdef DEIT_HAVE_AVX2
#include "ops/avx2/avx2.h"
#endif
#ifdef DEIT_HAVE_AVX512
#include "ops/avx512/avx512.h"
#endif
#ifdef DEIT_HAVE_AVX512_BF16
#include "ops/avx512_bf16/avx512_bf16.h"
#endif

void deit_kernels_init(struct deit_kernels *kernels, enum deit_level max_level)
{
    enum deit_level limit = deit_cpu_level();
    if (max_level < limit)
        limit = max_level;

    deit_kernels_init_scalar(kernels);
    kernels->level = DEIT_LEVEL_SCALAR;
#ifdef DEIT_HAVE_AVX2
    if (limit >= DEIT_LEVEL_AVX2) {
        deit_kernels_init_avx2(kernels);
        kernels->level = DEIT_LEVEL_AVX2;
    }
#endif
#ifdef DEIT_HAVE_AVX512
    if (limit >= DEIT_LEVEL_AVX512) {
        deit_kernels_init_avx512(kernels);
        kernels->level = DEIT_LEVEL_AVX512;
    }
#endif
#ifdef DEIT_HAVE_AVX512_BF16
    if (limit >= DEIT_LEVEL_AVX512_BF16) {
        deit_kernels_init_avx512_bf16(kernels);
        kernels->level = DEIT_LEVEL_AVX512_BF16;
    }
#endif
}
