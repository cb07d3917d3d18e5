/*
 * ops/avx512/elementwise_f32_avx512.c: what touches each element once.
 */
#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

void deit_add_f32_avx512(size_t n, const float *a, const float *b, float *y)
{
    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 mask = tail_mask(n - i);
        _mm512_mask_storeu_ps(y + i, mask,
                              _mm512_add_ps(_mm512_maskz_loadu_ps(mask, a + i),
                                            _mm512_maskz_loadu_ps(mask, b + i)));
    }
}

void deit_mul_f32_avx512(size_t n, const float *a, const float *b, float *y)
{
    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 mask = tail_mask(n - i);
        _mm512_mask_storeu_ps(y + i, mask,
                              _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, a + i),
                                            _mm512_maskz_loadu_ps(mask, b + i)));
    }
}

void deit_scale_f32_avx512(size_t n, float s, const float *x, float *y)
{
    const __m512 factor = _mm512_set1_ps(s);
    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 mask = tail_mask(n - i);
        _mm512_mask_storeu_ps(y + i, mask,
                              _mm512_mul_ps(factor, _mm512_maskz_loadu_ps(mask, x + i)));
    }
}
