/*
 * ops/avx2/softmax_f32_avx2.c: the exponentials of a row and their sum.
 *
 * Four sums hide the latency of the additions; the tail goes to the first of them, and which
 * element goes where depends on its place alone.
 */
#include <math.h>

#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"

enum { SUMS = 4 };

/* A NaN as first operand leaves the maximum alone; it comes back by the difference. */
INLINE float row_max(size_t n, const float *x)
{
    __m256 max[SUMS];
    UNROLL
    for (size_t s = 0; s < SUMS; s++)
        max[s] = _mm256_set1_ps(-INFINITY);

    size_t i = 0;
    for (; i + SUMS * LANES <= n; i += SUMS * LANES) {
        UNROLL
        for (size_t s = 0; s < SUMS; s++)
            max[s] = _mm256_max_ps(_mm256_loadu_ps(x + i + s * LANES), max[s]);
    }
    for (; i < n; i += LANES) {
        const __m256i mask = tail_mask(n - i);
        const __m256 v = _mm256_maskload_ps(x + i, mask);
        max[0] = _mm256_blendv_ps(max[0], _mm256_max_ps(v, max[0]), _mm256_castsi256_ps(mask));
    }
    return max_lanes(_mm256_max_ps(_mm256_max_ps(max[0], max[1]), _mm256_max_ps(max[2], max[3])));
}

INLINE __m256 exp_scaled(__m256 x, __m256 max, __m256 scale)
{
    return exp_vector(_mm256_mul_ps(scale, _mm256_sub_ps(x, max)));
}

float deit_softmax_f32_avx2(size_t n, float scale, float *x)
{
    const __m256 max = _mm256_set1_ps(row_max(n, x)), factor = _mm256_set1_ps(scale);
    __m256 sum[SUMS];
    UNROLL
    for (size_t s = 0; s < SUMS; s++)
        sum[s] = _mm256_setzero_ps();

    size_t i = 0;
    for (; i + SUMS * LANES <= n; i += SUMS * LANES) {
        UNROLL
        for (size_t s = 0; s < SUMS; s++) {
            float *p = x + i + s * LANES;
            const __m256 e = exp_scaled(_mm256_loadu_ps(p), max, factor);
            _mm256_storeu_ps(p, e);
            sum[s] = _mm256_add_ps(sum[s], e);
        }
    }
    for (; i < n; i += LANES) {
        const __m256i mask = tail_mask(n - i);
        const __m256 e = exp_scaled(_mm256_maskload_ps(x + i, mask), max, factor);
        _mm256_maskstore_ps(x + i, mask, e);
        sum[0] = _mm256_add_ps(sum[0], _mm256_and_ps(e, _mm256_castsi256_ps(mask)));
    }
    return sum_lanes(_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}
