/*
 * ops/avx2/gelu_f32_avx2.c: x * Phi(x) by a table of polynomials.
 *
 * The way by the exponential and a quotient has so many roundings that it loses 6 ulp.  Here
 * each element fetches the seven coefficients of its piece from one line, and swapping rows and
 * columns brings equal ones together; that takes a seventh longer.  The result is within 2 ulp
 * down to x = -5, within 2^-17 of itself down to -7.87 (where it is -1.4e-14), and below that it
 * is -1.8e-15 * |x|, which stays finite no longer than x does.
 */
#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"

enum { DEGREE = 6, PIECES = 32 };

/* Coefficient k of piece i at [i][k]. */
static const _Alignas(32) float phi_table[PIECES][LANES] = {
#define PIECE(...) { __VA_ARGS__ },
#include "ops/avx2/phi_pieces.inc"
#undef PIECE
};

/* Four coefficients of the pieces of two lanes, the second ones in the upper half. */
INLINE __m256 two_rows(const float *first, const float *second)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_load_ps(first)), _mm_load_ps(second), 1);
}

/* c[k] gets coefficient k of every lane's piece. */
INLINE void look_up(__m256i pieces, __m256 c[LANES])
{
    const __m256i offsets = _mm256_slli_epi32(pieces, 3);
    const __m128i low = _mm256_castsi256_si128(offsets);
    const __m128i high = _mm256_extracti128_si256(offsets, 1);
    const uint64_t pair[4] = { (uint64_t)_mm_cvtsi128_si64(low),
                               (uint64_t)_mm_extract_epi64(low, 1),
                               (uint64_t)_mm_cvtsi128_si64(high),
                               (uint64_t)_mm_extract_epi64(high, 1) };
    const float *const table = (const void *)phi_table, *row[LANES];
    UNROLL
    for (size_t p = 0; p < 4; p++) {
        row[2 * p] = table + (uint32_t)pair[p];
        row[2 * p + 1] = table + (pair[p] >> 32);
    }
    UNROLL
    for (size_t half = 0; half < LANES; half += 4) {
        const __m256 r0 = two_rows(row[0] + half, row[4] + half);
        const __m256 r1 = two_rows(row[1] + half, row[5] + half);
        const __m256 r2 = two_rows(row[2] + half, row[6] + half);
        const __m256 r3 = two_rows(row[3] + half, row[7] + half);
        const __m256 low01 = _mm256_unpacklo_ps(r0, r1), high01 = _mm256_unpackhi_ps(r0, r1);
        const __m256 low23 = _mm256_unpacklo_ps(r2, r3), high23 = _mm256_unpackhi_ps(r2, r3);
        c[half] = _mm256_shuffle_ps(low01, low23, 0x44);
        c[half + 1] = _mm256_shuffle_ps(low01, low23, 0xee);
        c[half + 2] = _mm256_shuffle_ps(high01, high23, 0x44);
        c[half + 3] = _mm256_shuffle_ps(high01, high23, 0xee);
    }
}

INLINE __m256 gelu(__m256 x)
{
    /* Adding 1.5 * 2^21 leaves the nearest multiple of 1/4: its number in the lowest bits. */
    const __m256 shift = _mm256_set1_ps(0x1.8p21f), one = _mm256_set1_ps(1.0f);
    const __m256 last = _mm256_set1_ps(7.87f);

    const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
    const __m256 t = _mm256_min_ps(last, magnitude); /* the second one if it is NaN */
    const __m256 shifted = _mm256_add_ps(t, shift);
    const __m256 d = _mm256_sub_ps(t, _mm256_sub_ps(shifted, shift));

    __m256 c[LANES];
    look_up(_mm256_and_si256(_mm256_castps_si256(shifted), _mm256_set1_epi32(PIECES - 1)), c);
    __m256 phi = c[DEGREE];
    UNROLL
    for (size_t k = DEGREE; k-- > 0;)
        phi = _mm256_fmadd_ps(phi, d, c[k]);

    const __m256 positive = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ);
    phi = _mm256_blendv_ps(phi, _mm256_sub_ps(one, phi), positive);
    /* The table ends where phi is 2e-15, which a huge x would show. */
    const __m256 nothing = _mm256_cmp_ps(x, _mm256_set1_ps(-14.0f), _CMP_LT_OQ);
    phi = _mm256_andnot_ps(nothing, phi);
    return _mm256_mul_ps(x, phi);
}

void deit_gelu_f32_avx2(size_t rows, size_t n, float *x, size_t stride)
{
    for (; rows; rows--, x += stride) {
        size_t i = 0;
        for (; i + LANES <= n; i += LANES)
            _mm256_storeu_ps(x + i, gelu(_mm256_loadu_ps(x + i)));
        if (i < n) {
            const __m256i mask = tail_mask(n - i);
            _mm256_maskstore_ps(x + i, mask, gelu(_mm256_maskload_ps(x + i, mask)));
        }
    }
}
