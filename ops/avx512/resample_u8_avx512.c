/*
 * ops/avx512/resample_u8_avx512.c: the two passes of a resize.
 *
 * Both parts of a coefficient are multiplied with pairs of bytes and put together at the end:
 * (high << 15) + low is exact modulo 2^32, and the whole sum fits.  The horizontal pass has the
 * same pixel of four rows in the quarters of a vector, so that what moves bytes to their places
 * and the coefficients are the same in all quarters, and one load of them serves eight rows.
 */
#include <stdbool.h>
#include <string.h>

#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

enum {
    PIXELS = 4,   /* that the horizontal pass stores together */
    QUARTERS = 4, /* rows in a vector of it */
    MOST = 2,     /* such vectors at a time */
    BYTES = 64,   /* per step of the vertical pass */
};

/* The value before it is clipped to a byte. */
INLINE __m512i join(__m512i low, __m512i high)
{
    const __m512i half = _mm512_set1_epi32(1 << (DEIT_COEFF_BITS - 1));
    const __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(high, DEIT_COEFF_LOW_BITS), low);
    return _mm512_srai_epi32(_mm512_add_epi32(sum, half), DEIT_COEFF_BITS);
}

/* The pair of 16-bit numbers at 'pair', everywhere. */
INLINE __m512i spread(const int16_t *pair)
{
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return _mm512_set1_epi32(both);
}

INLINE __m512i add_products(__m512i sum, __m512i pairs, __m512i coeff)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, coeff));
}

/* Sixteen bytes of four rows; only those of 'mask' if the row ends within. */
INLINE __m512i load_quarters(const uint8_t *const row[QUARTERS], size_t at, bool is_at_end,
                             __mmask16 mask)
{
    __m512i v = _mm512_setzero_si512();
    UNROLL
    for (int r = 0; r < QUARTERS; r++) {
        const uint8_t *p = row[r] + at;
        const __m128i bytes = is_at_end ? _mm_maskz_loadu_epi8(mask, p)
                                        : _mm_loadu_si128((const void *)p);
        v = r == 0   ? _mm512_castsi128_si512(bytes)
            : r == 1 ? _mm512_inserti32x4(v, bytes, 1)
            : r == 2 ? _mm512_inserti32x4(v, bytes, 2)
                     : _mm512_inserti32x4(v, bytes, 3);
    }
    return v;
}

/* One pixel of 4 * 'vectors' rows: red, green, blue, 0 in each quarter, not yet clipped. */
INLINE void pixel_sums(const struct deit_resample_x *args, size_t x, size_t vectors,
                       const uint8_t *const row[MOST * QUARTERS], bool is_at_end,
                       __m512i sums[MOST])
{
    /* 16-bit pairs of the same colour from the pixels 0, 1 and 2, 3 of a quarter. */
    const __m512i places01 = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    const __m512i places23 = _mm512_broadcast_i32x4(
        _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
    const struct deit_coeff4 *coeff = args->coeff + x * args->fours;
    const size_t fours = ((size_t)args->count[x] + 3) / 4, end = args->src_width * 3;
    size_t at = (size_t)args->start[x] * 3;
    __m512i low[MOST], high[MOST];
    UNROLL
    for (size_t v = 0; v < vectors; v++)
        low[v] = high[v] = _mm512_setzero_si512();
    for (size_t i = 0; i < fours; i++, at += 12) {
        const __m512i low01 = spread(coeff[i].low), low23 = spread(coeff[i].low + 2);
        const __m512i high01 = spread(coeff[i].high), high23 = spread(coeff[i].high + 2);
        const __mmask16 mask = is_at_end ? tail_mask(end - at) : 0xffff;
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            const __m512i p = load_quarters(row + v * QUARTERS, at, is_at_end, mask);
            const __m512i p01 = _mm512_shuffle_epi8(p, places01);
            const __m512i p23 = _mm512_shuffle_epi8(p, places23);
            low[v] = add_products(add_products(low[v], p01, low01), p23, low23);
            high[v] = add_products(add_products(high[v], p01, high01), p23, high23);
        }
    }
    UNROLL
    for (size_t v = 0; v < vectors; v++)
        sums[v] = join(low[v], high[v]);
}

/* Four pixels, a row in each quarter, as twelve bytes and four zeros. */
INLINE __m512i to_bytes(__m512i p0, __m512i p1, __m512i p2, __m512i p3)
{
    const __m512i squeeze = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    const __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(p0, p1),
                                              _mm512_packs_epi32(p2, p3));
    return _mm512_shuffle_epi8(bytes, squeeze);
}

/* Sixteen bytes, the last four of which the next pixels overwrite; fewer if 'left' is less. */
INLINE void store_quarters(__m512i bytes, size_t left, uint8_t *const row[QUARTERS], size_t at)
{
    const __m128i quarter[QUARTERS] = {
        _mm512_castsi512_si128(bytes), _mm512_extracti32x4_epi32(bytes, 1),
        _mm512_extracti32x4_epi32(bytes, 2), _mm512_extracti32x4_epi32(bytes, 3),
    };
    const __mmask16 mask = tail_mask(left);
    UNROLL
    for (int r = 0; r < QUARTERS; r++)
        if (left >= 16)
            _mm_storeu_si128((void *)(row[r] + at), quarter[r]);
        else
            _mm_mask_storeu_epi8(row[r] + at, mask, quarter[r]);
}

/* Up to 4 * 'vectors' rows; the last one stands in for those that are missing. */
INLINE void resample_rows(const struct deit_resample_x *args, size_t rows, size_t vectors,
                          const uint8_t *src, size_t src_stride, uint8_t *dst, size_t dst_stride)
{
    const uint8_t *from[MOST * QUARTERS];
    uint8_t *to[MOST * QUARTERS];
    for (size_t r = 0; r < vectors * QUARTERS; r++) {
        from[r] = src + (r < rows ? r : rows - 1) * src_stride;
        to[r] = dst + (r < rows ? r : rows - 1) * dst_stride;
    }
    const size_t n = args->n, end = args->src_width * 3;
    for (size_t x = 0; x < n; x += PIXELS) {
        __m512i sums[PIXELS][MOST];
        UNROLL
        for (size_t p = 0; p < PIXELS; p++) {
            const size_t i = x + p < n ? x + p : n - 1;
            const size_t last = (size_t)args->start[i] + ((size_t)args->count[i] - 1) / 4 * 4;
            if (last * 3 + 16 <= end)
                pixel_sums(args, i, vectors, from, false, sums[p]);
            else
                pixel_sums(args, i, vectors, from, true, sums[p]);
        }
        UNROLL
        for (size_t v = 0; v < vectors; v++)
            store_quarters(to_bytes(sums[0][v], sums[1][v], sums[2][v], sums[3][v]),
                           (n - x) * 3, to + v * QUARTERS, x * 3);
    }
}

void deit_resample_x_u8_avx512(const struct deit_resample_x *args, size_t rows,
                               const uint8_t *src, size_t src_stride, uint8_t *dst,
                               size_t dst_stride)
{
    enum { ROWS = MOST * QUARTERS };
    for (; rows > QUARTERS; rows -= rows < ROWS ? rows : ROWS) {
        resample_rows(args, rows < ROWS ? rows : ROWS, MOST, src, src_stride, dst, dst_stride);
        src += ROWS * src_stride;
        dst += ROWS * dst_stride;
    }
    if (rows > 0)
        resample_rows(args, rows, 1, src, src_stride, dst, dst_stride);
}

INLINE __m512i column_sums(__mmask64 mask, size_t taps, const struct deit_coeff4 *coeff,
                           const uint8_t *src, size_t stride)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i low[4] = { zero, zero, zero, zero }, high[4] = { zero, zero, zero, zero };
    for (size_t t = 0; t < taps; t += 2, src += 2 * stride) {
        const __m512i a = _mm512_maskz_loadu_epi8(mask, src);
        const __m512i b = _mm512_maskz_loadu_epi8(t + 1 < taps ? mask : 0, src + stride);
        const __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
        const __m512i pair[4] = {
            _mm512_unpacklo_epi8(ab0, zero),
            _mm512_unpackhi_epi8(ab0, zero),
            _mm512_unpacklo_epi8(ab1, zero),
            _mm512_unpackhi_epi8(ab1, zero),
        };
        const __m512i c_low = spread(coeff[t / 4].low + t % 4);
        const __m512i c_high = spread(coeff[t / 4].high + t % 4);
        UNROLL
        for (size_t q = 0; q < 4; q++) {
            low[q] = add_products(low[q], pair[q], c_low);
            high[q] = add_products(high[q], pair[q], c_high);
        }
    }
    /* Packing undoes the unpacking, inside each quarter too. */
    return _mm512_packus_epi16(
        _mm512_packs_epi32(join(low[0], high[0]), join(low[1], high[1])),
        _mm512_packs_epi32(join(low[2], high[2]), join(low[3], high[3])));
}

void deit_resample_y_u8_avx512(size_t n, size_t taps, const struct deit_coeff4 *coeff,
                               const uint8_t *src, size_t stride, uint8_t *dst)
{
    size_t i = 0;
    for (; i + BYTES <= n; i += BYTES)
        _mm512_storeu_si512(dst + i, column_sums(UINT64_MAX, taps, coeff, src + i, stride));
    if (i < n) {
        const __mmask64 mask = (UINT64_C(1) << (n - i)) - 1;
        _mm512_mask_storeu_epi8(dst + i, mask, column_sums(mask, taps, coeff, src + i, stride));
    }
}
