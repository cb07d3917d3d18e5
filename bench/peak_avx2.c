/*
 * bench/peak_avx2.c: fused multiply-adds of 8 floats, as many as the CPU starts.
 *
 * Two units of four cycles each need eight chains to be busy; twelve leave slack and fit the
 * sixteen registers.  The count and the jump of a turn have units of their own.
 */
#include "bench/peak.h"

#include <immintrin.h>

typedef __m256 vector;

enum { ACCUMULATORS = 12, LANES = 8 };

static inline vector set(float value)
{
    return _mm256_set1_ps(value);
}

static inline vector multiply_add(vector acc, vector x, vector y)
{
    return _mm256_fmadd_ps(acc, x, y);
}

static inline float sum(vector v)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

static inline vector add(vector a, vector b)
{
    return _mm256_add_ps(a, b);
}

/* Each starts elsewhere: equal chains could be computed once. */
static float run(size_t n, float x_, float y_)
{
    const vector x = set(x_), y = set(y_);
    vector a0 = set(0.0f), a1 = set(1.0f), a2 = set(2.0f), a3 = set(3.0f);
    vector a4 = set(4.0f), a5 = set(5.0f), a6 = set(6.0f), a7 = set(7.0f);
    vector a8 = set(8.0f), a9 = set(9.0f), a10 = set(10.0f), a11 = set(11.0f);

    for (size_t turn = 0; turn < n; turn++) {
        a0 = multiply_add(a0, x, y);
        a1 = multiply_add(a1, x, y);
        a2 = multiply_add(a2, x, y);
        a3 = multiply_add(a3, x, y);
        a4 = multiply_add(a4, x, y);
        a5 = multiply_add(a5, x, y);
        a6 = multiply_add(a6, x, y);
        a7 = multiply_add(a7, x, y);
        a8 = multiply_add(a8, x, y);
        a9 = multiply_add(a9, x, y);
        a10 = multiply_add(a10, x, y);
        a11 = multiply_add(a11, x, y);
    }
    a0 = add(add(a0, a1), add(a2, a3));
    a4 = add(add(a4, a5), add(a6, a7));
    a8 = add(add(a8, a9), add(a10, a11));
    return sum(add(add(a0, a4), a8));
}

const struct deit_peak_loop deit_peak_avx2 = { .run = run, .flop = 2 * LANES * ACCUMULATORS };
