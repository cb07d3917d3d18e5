/*
 * ops/avx512/softmax_f32_avx512.c: the exponentials of a row and their sum.
 *
 * Four sums hide the latency of the additions; the tail goes to the first of them, and which
 * element goes where depends on its place alone.
 */
#include <math.h>

#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

enum { SUMS = 4 };

/* A NaN as first operand leaves the maximum alone; it comes back by the difference. */
INLINE float row_max(size_t n, const float *x)
{
    __m512 max[SUMS];
    UNROLL
    for (size_t s = 0; s < SUMS; s++)
        max[s] = _mm512_set1_ps(-INFINITY);

    size_t i = 0;
    for (; i + SUMS * LANES <= n; i += SUMS * LANES) {
        UNROLL
        for (size_t s = 0; s < SUMS; s++)
            max[s] = _mm512_max_ps(_mm512_loadu_ps(x + i + s * LANES), max[s]);
    }
    for (; i < n; i += LANES) {
        const __mmask16 mask = tail_mask(n - i);
        max[0] = _mm512_mask_max_ps(max[0], mask, _mm512_maskz_loadu_ps(mask, x + i), max[0]);
    }
    return max_lanes(_mm512_max_ps(_mm512_max_ps(max[0], max[1]), _mm512_max_ps(max[2], max[3])));
}

INLINE __m512 exp_scaled(__m512 x, __m512 max, __m512 scale)
{
    return exp_vector(_mm512_mul_ps(scale, _mm512_sub_ps(x, max)));
}

float deit_softmax_f32_avx512(size_t n, float scale, float *x)
{
    const __m512 max = _mm512_set1_ps(row_max(n, x)), factor = _mm512_set1_ps(scale);
    __m512 sum[SUMS];
    UNROLL
    for (size_t s = 0; s < SUMS; s++)
        sum[s] = _mm512_setzero_ps();

    size_t i = 0;
    for (; i + SUMS * LANES <= n; i += SUMS * LANES) {
        UNROLL
        for (size_t s = 0; s < SUMS; s++) {
            float *p = x + i + s * LANES;
            const __m512 e = exp_scaled(_mm512_loadu_ps(p), max, factor);
            _mm512_storeu_ps(p, e);
            sum[s] = _mm512_add_ps(sum[s], e);
        }
    }
    for (; i < n; i += LANES) {
        const __mmask16 mask = tail_mask(n - i);
        const __m512 e = exp_scaled(_mm512_maskz_loadu_ps(mask, x + i), max, factor);
        _mm512_mask_storeu_ps(x + i, mask, e);
        sum[0] = _mm512_mask_add_ps(sum[0], mask, sum[0], e);
    }
    return sum_lanes(_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
}
