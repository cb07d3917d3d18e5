/*
 * ops/avx512/pack_f32_avx512.c: rows to the columns of a panel, in squares of sixteen.
 *
 * Panels that are not a multiple of sixteen wide belong to other instruction sets and take the
 * plain way.
 */
#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"
#include "ops/scalar/scalar.h"

/*
 * Swaps rows and columns of a 16 x 16 square in place: inside 4 x 4 blocks first (unpack, then
 * 64-bit halves), then the blocks (128-bit quarters).
 */
INLINE void transpose(__m512 v[LANES])
{
    __m512 t[LANES];
    UNROLL
    for (size_t r = 0; r < LANES; r += 2) {
        t[r] = _mm512_unpacklo_ps(v[r], v[r + 1]);
        t[r + 1] = _mm512_unpackhi_ps(v[r], v[r + 1]);
    }
    UNROLL
    for (size_t r = 0; r < LANES; r += 4) {
        v[r] = _mm512_shuffle_ps(t[r], t[r + 2], 0x44);
        v[r + 1] = _mm512_shuffle_ps(t[r], t[r + 2], 0xee);
        v[r + 2] = _mm512_shuffle_ps(t[r + 1], t[r + 3], 0x44);
        v[r + 3] = _mm512_shuffle_ps(t[r + 1], t[r + 3], 0xee);
    }
    /* v[4 * q + j], quarter p: column 4 * p + j of rows 4 * q to 4 * q + 3. */
    UNROLL
    for (size_t j = 0; j < 4; j++) {
        const __m512 even01 = _mm512_shuffle_f32x4(v[j], v[4 + j], 0x88);
        const __m512 odd01 = _mm512_shuffle_f32x4(v[j], v[4 + j], 0xdd);
        const __m512 even23 = _mm512_shuffle_f32x4(v[8 + j], v[12 + j], 0x88);
        const __m512 odd23 = _mm512_shuffle_f32x4(v[8 + j], v[12 + j], 0xdd);
        t[j] = _mm512_shuffle_f32x4(even01, even23, 0x88);
        t[4 + j] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
        t[8 + j] = _mm512_shuffle_f32x4(even01, even23, 0xdd);
        t[12 + j] = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
    }
    UNROLL
    for (size_t r = 0; r < LANES; r++)
        v[r] = t[r];
}

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
