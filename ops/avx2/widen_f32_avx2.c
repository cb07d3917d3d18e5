/*
 * ops/avx2/widen_f32_avx2.c: half floats to floats.
 *
 * The conversion from f16 does not look at the flush-to-zero mode, and all results are normal.
 * There is no masked load of 16-bit lanes: the last few take a detour.
 */
#include <string.h>

#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"

INLINE __m128i load_tail(size_t n, const uint16_t *src)
{
    uint16_t half[LANES] = { 0 };
    memcpy(half, src, n * sizeof *src);
    return _mm_loadu_si128((const void *)half);
}

INLINE __m256 widen_bf16(__m128i half)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

void deit_widen_f16_avx2(size_t n, const uint16_t *src, float *dst)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(src + i))));
    if (i < n)
        _mm256_maskstore_ps(dst + i, tail_mask(n - i), _mm256_cvtph_ps(load_tail(n - i, src + i)));
}

void deit_widen_bf16_avx2(size_t n, const uint16_t *src, float *dst)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        _mm256_storeu_ps(dst + i, widen_bf16(_mm_loadu_si128((const void *)(src + i))));
    if (i < n)
        _mm256_maskstore_ps(dst + i, tail_mask(n - i), widen_bf16(load_tail(n - i, src + i)));
}
