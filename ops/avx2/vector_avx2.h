/*
 * ops/avx2/vector_avx2.h: what the kernels of this folder share.
 *
 * Everything is inlined: no symbol compiled with these instructions may replace another one.
 */
#ifndef DEIT_OPS_AVX2_VECTOR_AVX2_H
#define DEIT_OPS_AVX2_VECTOR_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES = 8 };

#define INLINE static inline __attribute__((always_inline))

/* Before a loop with a constant number of turns: it disappears, its arrays become registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* The first min(n, 8) lanes. */
INLINE __m256i tail_mask(size_t n)
{
    static const int32_t edge[2 * LANES] = { -1, -1, -1, -1, -1, -1, -1, -1 };
    return _mm256_loadu_si256((const void *)(edge + LANES - (n < LANES ? n : LANES)));
}

/* Halves onto each other. */
INLINE float sum_lanes(__m256 v)
{
    const __m128 v4 = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 v2 = _mm_add_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_add_ss(v2, _mm_shuffle_ps(v2, v2, 1)));
}

INLINE float max_lanes(__m256 v)
{
    const __m128 v4 = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 v2 = _mm_max_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_max_ss(v2, _mm_shuffle_ps(v2, v2, 1)));
}

/*
 * exp(x) for x <= 88, within 1 ulp; 0 where it would be denormal, NaN for NaN.
 *
 * exp(x) = 2^n * exp(r), |r| <= ln 2 / 2.  ln 2 is taken off in two parts, the first so short
 * that n times it is exact.
 */
INLINE __m256 exp_vector(__m256 x)
{
    const __m256 shift = _mm256_set1_ps(0x1.8p23f); /* adding it rounds to a whole number */
    const __m256 lowest = _mm256_set1_ps(-87.33654f); /* exp gives 2^-126 */
    const __m256 is_normal = _mm256_cmp_ps(x, lowest, _CMP_NLT_UQ); /* or NaN */
    x = _mm256_max_ps(lowest, x); /* the second one if it is NaN */
    const __m256 shifted = _mm256_fmadd_ps(x, _mm256_set1_ps(0x1.715476p0f), shift);
    const __m256 n = _mm256_sub_ps(shifted, shift);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.62ep-1f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.0bfbe8p-15f), r);

    __m256 p = _mm256_set1_ps(0x1.6a3d16p-10f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.123858p-7f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.5558bep-5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.555494p-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.fffffcp-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));

    /* n sits in the low bits of 'shifted'.  A product keeps the NaN that adding bits could lose. */
    const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    const __m256i power = _mm256_add_epi32(exponent, _mm256_set1_epi32(0x3f800000));
    return _mm256_and_ps(is_normal, _mm256_mul_ps(p, _mm256_castsi256_ps(power)));
}

#endif
