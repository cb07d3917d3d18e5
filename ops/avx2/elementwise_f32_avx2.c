/*
 * ops/avx2/elementwise_f32_avx2.c: what touches each element once.
 */
#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"

void deit_add_f32_avx2(size_t n, const float *a, const float *b, float *y)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        _mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    if (i < n) {
        const __m256i mask = tail_mask(n - i);
        _mm256_maskstore_ps(y + i, mask,
                            _mm256_add_ps(_mm256_maskload_ps(a + i, mask),
                                          _mm256_maskload_ps(b + i, mask)));
    }
}

void deit_mul_f32_avx2(size_t n, const float *a, const float *b, float *y)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    if (i < n) {
        const __m256i mask = tail_mask(n - i);
        _mm256_maskstore_ps(y + i, mask,
                            _mm256_mul_ps(_mm256_maskload_ps(a + i, mask),
                                          _mm256_maskload_ps(b + i, mask)));
    }
}

void deit_scale_f32_avx2(size_t n, float s, const float *x, float *y)
{
    const __m256 factor = _mm256_set1_ps(s);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        _mm256_storeu_ps(y + i, _mm256_mul_ps(factor, _mm256_loadu_ps(x + i)));
    if (i < n) {
        const __m256i mask = tail_mask(n - i);
        _mm256_maskstore_ps(y + i, mask,
                            _mm256_mul_ps(factor, _mm256_maskload_ps(x + i, mask)));
    }
}
