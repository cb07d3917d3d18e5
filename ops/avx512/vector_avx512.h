/*
 * ops/avx512/vector_avx512.h: what the kernels of this folder share.
 *
 * Everything is inlined: no symbol compiled with these instructions may replace another one.
 */
#ifndef DEIT_OPS_AVX512_VECTOR_AVX512_H
#define DEIT_OPS_AVX512_VECTOR_AVX512_H

#include <immintrin.h>
#include <stddef.h>

enum { LANES = 16 };

#define INLINE static inline __attribute__((always_inline))

/* Before a loop with a constant number of turns: it disappears, its arrays become registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* The first min(n, 16) lanes. */
INLINE __mmask16 tail_mask(size_t n)
{
    return n < LANES ? (__mmask16)((1u << n) - 1) : (__mmask16)0xffff;
}

/* Halves onto each other, an order that the compiler's own reduction does not promise. */
INLINE float sum_lanes(__m512 v)
{
    const __m256 v8 = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 v4 = _mm_add_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_add_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_add_ss(v2, _mm_shuffle_ps(v2, v2, 1)));
}

INLINE float max_lanes(__m512 v)
{
    const __m256 v8 = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 v4 = _mm_max_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_max_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_max_ss(v2, _mm_shuffle_ps(v2, v2, 1)));
}

/*
 * exp(x) for x <= 88, within 1 ulp; 0 below -104, NaN for NaN.
 *
 * exp(x) = 2^n * exp(r), |r| <= ln 2 / 2.  ln 2 is taken off in two parts, the first so short
 * that n times it is exact.
 */
INLINE __m512 exp_vector(__m512 x)
{
    const __m512 shift = _mm512_set1_ps(0x1.8p23f); /* adding it rounds to a whole number */
    x = _mm512_max_ps(_mm512_set1_ps(-104.0f), x);  /* the second one if it is NaN */
    __m512 n = _mm512_fmadd_ps(x, _mm512_set1_ps(0x1.715476p0f), shift);
    n = _mm512_sub_ps(n, shift);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0x1.62ep-1f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0x1.0bfbe8p-15f), r);

    __m512 p = _mm512_set1_ps(0x1.6a3d16p-10f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.123858p-7f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.5558bep-5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.555494p-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.fffffcp-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

#endif
