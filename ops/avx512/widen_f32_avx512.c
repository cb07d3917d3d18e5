/*
 * ops/avx512/widen_f32_avx512.c: half floats to floats.
 *
 * The conversion from f16 does not look at the flush-to-zero mode, and all results are normal.
 */
#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

void deit_widen_f16_avx512(size_t n, const uint16_t *src, float *dst)
{
    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 mask = tail_mask(n - i);
        const __m256i half = _mm256_maskz_loadu_epi16(mask, src + i);
        _mm512_mask_storeu_ps(dst + i, mask, _mm512_cvtph_ps(half));
    }
}

void deit_widen_bf16_avx512(size_t n, const uint16_t *src, float *dst)
{
    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 mask = tail_mask(n - i);
        const __m512i half = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, src + i));
        _mm512_mask_storeu_epi32(dst + i, mask, _mm512_slli_epi32(half, 16));
    }
}
