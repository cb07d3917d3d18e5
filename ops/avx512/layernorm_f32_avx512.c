/*
 * ops/avx512/layernorm_f32_avx512.c: mean, centred moments, result, in three walks over a row.
 *
 * The rounded mean is off by some ulp, which matters where it is large against the spread.  The
 * second walk therefore also sums the centred values: what is left of the mean corrects both
 * the variance and the result, and costs an addition.
 */
#include <math.h>

#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

enum { SUMS = 4 };

INLINE float total(const __m512 sum[SUMS])
{
    return sum_lanes(_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
}

INLINE float row_sum(size_t d, const float *x)
{
    __m512 sum[SUMS];
    UNROLL
    for (size_t s = 0; s < SUMS; s++)
        sum[s] = _mm512_setzero_ps();

    size_t i = 0;
    for (; i + SUMS * LANES <= d; i += SUMS * LANES) {
        UNROLL
        for (size_t s = 0; s < SUMS; s++)
            sum[s] = _mm512_add_ps(sum[s], _mm512_loadu_ps(x + i + s * LANES));
    }
    for (; i < d; i += LANES)
        sum[0] = _mm512_add_ps(sum[0], _mm512_maskz_loadu_ps(tail_mask(d - i), x + i));
    return total(sum);
}

/* Sum and sum of squares of x - centre. */
INLINE void centred_sums(size_t d, const float *x, float centre, float *first, float *second)
{
    const __m512 c = _mm512_set1_ps(centre);
    __m512 sum[SUMS], squares[SUMS];
    UNROLL
    for (size_t s = 0; s < SUMS; s++)
        sum[s] = squares[s] = _mm512_setzero_ps();

    size_t i = 0;
    for (; i + SUMS * LANES <= d; i += SUMS * LANES) {
        UNROLL
        for (size_t s = 0; s < SUMS; s++) {
            const __m512 v = _mm512_sub_ps(_mm512_loadu_ps(x + i + s * LANES), c);
            sum[s] = _mm512_add_ps(sum[s], v);
            squares[s] = _mm512_fmadd_ps(v, v, squares[s]);
        }
    }
    for (; i < d; i += LANES) {
        const __mmask16 mask = tail_mask(d - i);
        const __m512 v = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, x + i), c);
        sum[0] = _mm512_add_ps(sum[0], v);
        squares[0] = _mm512_fmadd_ps(v, v, squares[0]);
    }
    *first = total(sum);
    *second = total(squares);
}

void deit_layernorm_f32_avx512(size_t d, const float *x, const float *gamma, const float *beta,
                               float eps, float *y)
{
    const float centre = row_sum(d, x) / (float)d;
    float first, second;
    centred_sums(d, x, centre, &first, &second);
    const float rest = first / (float)d;
    const float variance = second / (float)d - rest * rest;
    const float factor = 1.0f / sqrtf(variance + eps);

    const __m512 c = _mm512_set1_ps(centre), f = _mm512_set1_ps(factor);
    const __m512 shift = _mm512_set1_ps(-rest * factor);
    for (size_t i = 0; i < d; i += LANES) {
        const __mmask16 mask = tail_mask(d - i);
        const __m512 v = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), c);
        const __m512 g = _mm512_maskz_loadu_ps(mask, gamma + i);
        const __m512 b = _mm512_maskz_loadu_ps(mask, beta + i);
        _mm512_mask_storeu_ps(y + i, mask, _mm512_fmadd_ps(_mm512_fmadd_ps(v, f, shift), g, b));
    }
}
