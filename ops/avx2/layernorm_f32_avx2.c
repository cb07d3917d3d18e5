/*
 * ops/avx2/layernorm_f32_avx2.c: mean, centred moments, result, in three walks over a row.
 *
 * The rounded mean is off by some ulp, which matters where it is large against the spread.  The
 * second walk therefore also sums the centred values: what is left of the mean corrects both
 * the variance and the result, and costs an addition.
 */
#include <math.h>

#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"

enum { SUMS = 4 };

INLINE float total(const __m256 sum[SUMS])
{
    return sum_lanes(_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}

INLINE float row_sum(size_t d, const float *x)
{
    __m256 sum[SUMS];
    UNROLL
    for (size_t s = 0; s < SUMS; s++)
        sum[s] = _mm256_setzero_ps();

    size_t i = 0;
    for (; i + SUMS * LANES <= d; i += SUMS * LANES) {
        UNROLL
        for (size_t s = 0; s < SUMS; s++)
            sum[s] = _mm256_add_ps(sum[s], _mm256_loadu_ps(x + i + s * LANES));
    }
    for (; i < d; i += LANES)
        sum[0] = _mm256_add_ps(sum[0], _mm256_maskload_ps(x + i, tail_mask(d - i)));
    return total(sum);
}

/* Sum and sum of squares of x - centre. */
INLINE void centred_sums(size_t d, const float *x, float centre, float *first, float *second)
{
    const __m256 c = _mm256_set1_ps(centre);
    __m256 sum[SUMS], squares[SUMS];
    UNROLL
    for (size_t s = 0; s < SUMS; s++)
        sum[s] = squares[s] = _mm256_setzero_ps();

    size_t i = 0;
    for (; i + SUMS * LANES <= d; i += SUMS * LANES) {
        UNROLL
        for (size_t s = 0; s < SUMS; s++) {
            const __m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + i + s * LANES), c);
            sum[s] = _mm256_add_ps(sum[s], v);
            squares[s] = _mm256_fmadd_ps(v, v, squares[s]);
        }
    }
    for (; i < d; i += LANES) {
        const __m256i mask = tail_mask(d - i);
        const __m256 wide = _mm256_sub_ps(_mm256_maskload_ps(x + i, mask), c);
        const __m256 v = _mm256_and_ps(wide, _mm256_castsi256_ps(mask));
        sum[0] = _mm256_add_ps(sum[0], v);
        squares[0] = _mm256_fmadd_ps(v, v, squares[0]);
    }
    *first = total(sum);
    *second = total(squares);
}

void deit_layernorm_f32_avx2(size_t d, const float *x, const float *gamma, const float *beta,
                               float eps, float *y)
{
    const float centre = row_sum(d, x) / (float)d;
    float first, second;
    centred_sums(d, x, centre, &first, &second);
    const float rest = first / (float)d;
    const float variance = second / (float)d - rest * rest;
    const float factor = 1.0f / sqrtf(variance + eps);

    const __m256 c = _mm256_set1_ps(centre), f = _mm256_set1_ps(factor);
    const __m256 shift = _mm256_set1_ps(-rest * factor);
    for (size_t i = 0; i < d; i += LANES) {
        const __m256i mask = tail_mask(d - i);
        const __m256 v = _mm256_sub_ps(_mm256_maskload_ps(x + i, mask), c);
        const __m256 g = _mm256_maskload_ps(gamma + i, mask);
        const __m256 b = _mm256_maskload_ps(beta + i, mask);
        _mm256_maskstore_ps(y + i, mask, _mm256_fmadd_ps(_mm256_fmadd_ps(v, f, shift), g, b));
    }
}
