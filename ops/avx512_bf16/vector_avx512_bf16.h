/*
 * ops/avx512_bf16/vector_avx512_bf16.h: f32 lanes to bf16 parts, for the kernels of this folder.
 */
#ifndef DEIT_OPS_AVX512_BF16_VECTOR_AVX512_BF16_H
#define DEIT_OPS_AVX512_BF16_VECTOR_AVX512_BF16_H

#include <stdint.h>

#include "ops/avx512/vector_avx512.h"

/* Up to 32 elements of a row, in order. */
struct row32 {
    __m512 low, high;
};

/* The f32 values of 16 bf16. */
INLINE __m512 widen(__m256i x)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

/* The next part of 32 elements. */
INLINE __m512i round32(const struct row32 *x)
{
    return (__m512i)_mm512_cvtne2ps_pbh(x->high, x->low);
}

/* Takes it off. */
INLINE void subtract32(struct row32 *x, __m512i part)
{
    x->low = _mm512_sub_ps(x->low, widen(_mm512_castsi512_si256(part)));
    x->high = _mm512_sub_ps(x->high, widen(_mm512_extracti64x4_epi64(part, 1)));
}

/* The first min(n, 32) elements at 'p', and zeros. */
INLINE struct row32 load32(const float *p, size_t n)
{
    struct row32 x = { _mm512_maskz_loadu_ps(tail_mask(n), p), _mm512_setzero_ps() };
    if (n > LANES)
        x.high = _mm512_maskz_loadu_ps(tail_mask(n - LANES), p + LANES);
    return x;
}

/* As tail_mask(), of 32 lanes. */
INLINE __mmask32 tail_mask32(size_t n)
{
    return n < 2 * LANES ? (__mmask32)((UINT32_C(1) << n) - 1) : (__mmask32)0xffffffff;
}

#endif
