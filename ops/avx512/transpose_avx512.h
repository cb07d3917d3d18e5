/*
 * ops/avx512/transpose_avx512.h: rows of 32-bit lanes to columns, for what packs panels.
 */
#ifndef DEIT_OPS_AVX512_TRANSPOSE_AVX512_H
#define DEIT_OPS_AVX512_TRANSPOSE_AVX512_H

#include "ops/avx512/vector_avx512.h"

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

#endif
