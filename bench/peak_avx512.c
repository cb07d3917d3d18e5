/*
 * bench/peak_avx512.c: fused multiply-adds of 16 floats, as many as the CPU starts.
 *
 * Two units of four cycles each need eight chains to be busy; sixteen leave slack and fit the
 * thirty-two registers.  The count and the jump of a turn have units of their own.
 */
#include "bench/peak.h"

#include <immintrin.h>

typedef __m512 vector;

enum { ACCUMULATORS = 16, LANES = 16 };

static inline vector set(float value)
{
    return _mm512_set1_ps(value);
}

static inline vector multiply_add(vector acc, vector x, vector y)
{
    return _mm512_fmadd_ps(acc, x, y);
}

static inline float sum(vector v)
{
    return _mm512_reduce_add_ps(v);
}

static inline vector add(vector a, vector b)
{
    return _mm512_add_ps(a, b);
}

/* Each starts elsewhere: equal chains could be computed once. */
static float run(size_t n, float x_, float y_)
{
    const vector x = set(x_), y = set(y_);
    vector a0 = set(0.0f), a1 = set(1.0f), a2 = set(2.0f), a3 = set(3.0f);
    vector a4 = set(4.0f), a5 = set(5.0f), a6 = set(6.0f), a7 = set(7.0f);
    vector a8 = set(8.0f), a9 = set(9.0f), a10 = set(10.0f), a11 = set(11.0f);
    vector a12 = set(12.0f), a13 = set(13.0f), a14 = set(14.0f), a15 = set(15.0f);

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
        a12 = multiply_add(a12, x, y);
        a13 = multiply_add(a13, x, y);
        a14 = multiply_add(a14, x, y);
        a15 = multiply_add(a15, x, y);
    }
    a0 = add(add(a0, a1), add(a2, a3));
    a4 = add(add(a4, a5), add(a6, a7));
    a8 = add(add(a8, a9), add(a10, a11));
    a12 = add(add(a12, a13), add(a14, a15));
    return sum(add(add(a0, a4), add(a8, a12)));
}

const struct deit_peak_loop deit_peak_avx512 = { .run = run, .flop = 2 * LANES * ACCUMULATORS };
