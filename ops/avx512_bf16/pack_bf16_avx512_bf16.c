/*
 * ops/avx512_bf16/pack_bf16_avx512_bf16.c: panels of pairs.
 *
 * A pair is 32 bits, and rounding two vectors of a row into one puts pairs next to each other:
 * 16 rows of 32 elements are then a square of 16 x 16 pairs, transposed like f32.  Panels that
 * are not a multiple of sixteen wide belong to other instruction sets and take the plain way.
 */
#include "ops/avx512/transpose_avx512.h"
#include "ops/avx512_bf16/avx512_bf16.h"
#include "ops/avx512_bf16/vector_avx512_bf16.h"
#include "ops/scalar/scalar.h"

enum { DEPTH = 2 * LANES };

/* Up to 16 rows and 32 values of k, which become 16 rows of 16 pairs of each part. */
INLINE void pack_square(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                        unsigned n_parts, size_t part_stride, uint16_t *panel)
{
    struct row32 x[LANES];
    __m512 v[LANES];
    for (size_t r = 0; r < LANES; r++)
        x[r] = r < rows ? load32(src + r * stride, k)
                        : (struct row32){ _mm512_setzero_ps(), _mm512_setzero_ps() };
    for (size_t p = 0; p < n_parts; p++) {
        UNROLL
        for (size_t r = 0; r < LANES; r++) {
            const __m512i part = round32(&x[r]);
            if (p + 1 < n_parts)
                subtract32(&x[r], part);
            v[r] = _mm512_castsi512_ps(part);
        }
        transpose(v);
        UNROLL
        for (size_t i = 0; i < LANES; i++)
            _mm512_store_ps((void *)(panel + p * part_stride + i * 2 * nr), v[i]);
    }
}

void deit_pack_bf16_avx512_bf16(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                                unsigned n_parts, size_t k_padded, uint16_t *panel)
{
    if (nr % LANES) {
        deit_pack_bf16_scalar(rows, k, src, stride, nr, n_parts, k_padded, panel);
        return;
    }
    for (size_t i = 0; i < k_padded; i += DEPTH) {
        const size_t depth = i < k ? k - i : 0;
        for (size_t r = 0; r < nr; r += LANES) {
            const size_t height = r < rows && depth ? rows - r : 0;
            const float *corner = height ? src + r * stride + i : src;
            pack_square(height, depth, corner, stride, nr, n_parts, k_padded * nr,
                        panel + i * nr + 2 * r);
        }
    }
}

/* 16 pairs of each part from two rows, of which the second may be absent. */
INLINE void interleave(const float *even, const float *odd, __mmask16 mask, unsigned n_parts,
                       size_t part_stride, uint16_t *panel)
{
    __m512 x = _mm512_maskz_loadu_ps(mask, even);
    __m512 y = odd ? _mm512_maskz_loadu_ps(mask, odd) : _mm512_setzero_ps();
    for (size_t p = 0; p < n_parts; p++) {
        const __m256i low = (__m256i)_mm512_cvtneps_pbh(x), high = (__m256i)_mm512_cvtneps_pbh(y);
        const __m512i pairs = _mm512_or_si512(
            _mm512_cvtepu16_epi32(low), _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
        _mm512_store_si512(panel + p * part_stride, pairs);
        x = _mm512_sub_ps(x, widen(low));
        y = _mm512_sub_ps(y, widen(high));
    }
}

void deit_interleave_bf16_avx512_bf16(size_t k, size_t n, const float *src, size_t stride,
                                      size_t nr, unsigned n_parts, size_t part_stride,
                                      uint16_t *panel)
{
    if (nr % LANES) {
        deit_interleave_bf16_scalar(k, n, src, stride, nr, n_parts, part_stride, panel);
        return;
    }
    for (size_t i = 0; i < k; i += 2, panel += 2 * nr)
        for (size_t j = 0; j < nr; j += LANES) {
            const float *even = src + i * stride + j;
            interleave(even, i + 1 < k ? even + stride : NULL, tail_mask(j < n ? n - j : 0),
                       n_parts, part_stride, panel + 2 * j);
        }
}
