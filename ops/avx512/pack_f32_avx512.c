/*
 * ops/avx512/pack_f32_avx512.c: rows to the columns of a panel, in squares of sixteen.
 *
 * Panels that are not a multiple of sixteen wide belong to other instruction sets and take the
 * plain way.
 */
#include "ops/avx512/avx512.h"
#include "ops/avx512/transpose_avx512.h"
#include "ops/scalar/scalar.h"

/* Up to 16 rows and 16 values of k. */
INLINE void pack_square(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                        float *panel)
{
    const __mmask16 mask = tail_mask(k);
    __m512 v[LANES];
    UNROLL
    for (size_t r = 0; r < LANES; r++)
        v[r] = r < rows ? _mm512_maskz_loadu_ps(mask, src + r * stride) : _mm512_setzero_ps();
    transpose(v);
    UNROLL
    for (size_t i = 0; i < LANES; i++)
        if (i < k)
            _mm512_store_ps(panel + i * nr, v[i]);
}

void deit_pack_f32_avx512(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                          float *panel)
{
    if (nr % LANES) {
        deit_pack_f32_scalar(rows, k, src, stride, nr, panel);
        return;
    }
    for (size_t i = 0; i < k; i += LANES) {
        const size_t depth = k - i < LANES ? k - i : LANES;
        for (size_t r = 0; r < nr; r += LANES) {
            const size_t height = r < rows ? rows - r : 0;
            const float *corner = height ? src + r * stride + i : src;
            if (height >= LANES && depth == LANES)
                pack_square(LANES, LANES, corner, stride, nr, panel + i * nr + r);
            else
                pack_square(height, depth, corner, stride, nr, panel + i * nr + r);
        }
    }
}
