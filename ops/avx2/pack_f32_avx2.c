/*
 * ops/avx2/pack_f32_avx2.c: rows to the columns of a panel, in squares of eight.
 *
 * Panels that are not a multiple of eight wide belong to other instruction sets and take the
 * plain way.
 */
#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"
#include "ops/scalar/scalar.h"

/* Swaps rows and columns of an 8 x 8 square: inside 4 x 4 blocks first, then the blocks. */
INLINE void transpose(__m256 v[LANES])
{
    __m256 t[LANES];
    UNROLL
    for (size_t r = 0; r < LANES; r += 2) {
        t[r] = _mm256_unpacklo_ps(v[r], v[r + 1]);
        t[r + 1] = _mm256_unpackhi_ps(v[r], v[r + 1]);
    }
    UNROLL
    for (size_t r = 0; r < LANES; r += 4) {
        v[r] = _mm256_shuffle_ps(t[r], t[r + 2], 0x44);
        v[r + 1] = _mm256_shuffle_ps(t[r], t[r + 2], 0xee);
        v[r + 2] = _mm256_shuffle_ps(t[r + 1], t[r + 3], 0x44);
        v[r + 3] = _mm256_shuffle_ps(t[r + 1], t[r + 3], 0xee);
    }
    UNROLL
    for (size_t j = 0; j < 4; j++) {
        t[j] = _mm256_permute2f128_ps(v[j], v[4 + j], 0x20);
        t[4 + j] = _mm256_permute2f128_ps(v[j], v[4 + j], 0x31);
    }
    UNROLL
    for (size_t r = 0; r < LANES; r++)
        v[r] = t[r];
}

/* Up to 8 rows and 8 values of k. */
INLINE void pack_square(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                        float *panel)
{
    const __m256i mask = tail_mask(k);
    __m256 v[LANES];
    UNROLL
    for (size_t r = 0; r < LANES; r++)
        v[r] = r < rows ? _mm256_maskload_ps(src + r * stride, mask) : _mm256_setzero_ps();
    transpose(v);
    UNROLL
    for (size_t i = 0; i < LANES; i++)
        if (i < k)
            _mm256_store_ps(panel + i * nr, v[i]);
}

void deit_pack_f32_avx2(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
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
