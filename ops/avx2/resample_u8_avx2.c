/*
 * ops/avx2/resample_u8_avx2.c: the two passes of a resize.
 *
 * Both parts of a coefficient are multiplied with pairs of bytes and put together at the end:
 * (high << 15) + low is exact modulo 2^32, and the whole sum fits.  The horizontal pass has the
 * same pixel of two rows in the halves of a vector, so that what moves bytes to their places and
 * the coefficients are the same in both, and one load of them serves four rows.
 */
#include <stdbool.h>
#include <string.h>

#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"
#include "ops/scalar/scalar.h"

enum {
    PIXELS = 4,  /* that the horizontal pass stores together */
    HALVES = 2,  /* rows in a vector of it */
    VECTORS = 2, /* of rows at a time */
    ROWS = HALVES * VECTORS,
    BYTES = 32, /* per step of the vertical pass */
};

/* The value before it is clipped to a byte. */
INLINE __m256i join(__m256i low, __m256i high)
{
    const __m256i half = _mm256_set1_epi32(1 << (DEIT_COEFF_BITS - 1));
    const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, DEIT_COEFF_LOW_BITS), low);
    return _mm256_srai_epi32(_mm256_add_epi32(sum, half), DEIT_COEFF_BITS);
}

/* The pair of 16-bit numbers at 'pair', everywhere. */
INLINE __m256i spread(const int16_t *pair)
{
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return _mm256_set1_epi32(both);
}

INLINE __m256i add_products(__m256i sum, __m256i pairs, __m256i coeff)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, coeff));
}

/* The 'left' < 16 bytes at 'p' and zeros; 'before' more may be read in front of them. */
INLINE __m128i load_end(const uint8_t *p, size_t left, size_t before)
{
    static const int8_t up[32] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                   -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };
    if (left + before >= 16)
        return _mm_shuffle_epi8(_mm_loadu_si128((const void *)(p + left - 16)),
                                _mm_loadu_si128((const void *)(up + 16 - left)));
    uint8_t bytes[16] = { 0 };
    memcpy(bytes, p, left);
    return _mm_loadu_si128((const void *)bytes);
}

/* Sixteen bytes of two rows of 'end' bytes; zeros behind their end. */
INLINE __m256i load_halves(const uint8_t *const row[HALVES], size_t at, size_t end)
{
    if (at + 16 <= end)
        return _mm256_set_m128i(_mm_loadu_si128((const void *)(row[1] + at)),
                                _mm_loadu_si128((const void *)(row[0] + at)));
    return _mm256_set_m128i(load_end(row[1] + at, end - at, at),
                            load_end(row[0] + at, end - at, at));
}

/* One pixel of all rows: red, green, blue, 0 in each half, not yet clipped. */
INLINE void pixel_sums(const struct deit_resample_x *args, size_t x,
                       const uint8_t *const row[ROWS], __m256i sums[VECTORS])
{
    /* 16-bit pairs of the same colour from the pixels 0, 1 and 2, 3 of a half. */
    const __m256i places01 = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    const __m256i places23 = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
    const __m256i zero = _mm256_setzero_si256();
    const struct deit_coeff4 *coeff = args->coeff + x * args->fours;
    const size_t fours = ((size_t)args->count[x] + 3) / 4, end = args->src_width * 3;
    size_t at = (size_t)args->start[x] * 3;
    __m256i low[VECTORS] = { zero, zero }, high[VECTORS] = { zero, zero };
    for (size_t i = 0; i < fours; i++, at += 12) {
        const __m256i low01 = spread(coeff[i].low), low23 = spread(coeff[i].low + 2);
        const __m256i high01 = spread(coeff[i].high), high23 = spread(coeff[i].high + 2);
        UNROLL
        for (size_t v = 0; v < VECTORS; v++) {
            const __m256i p = load_halves(row + v * HALVES, at, end);
            const __m256i p01 = _mm256_shuffle_epi8(p, places01);
            const __m256i p23 = _mm256_shuffle_epi8(p, places23);
            low[v] = add_products(add_products(low[v], p01, low01), p23, low23);
            high[v] = add_products(add_products(high[v], p01, high01), p23, high23);
        }
    }
    UNROLL
    for (size_t v = 0; v < VECTORS; v++)
        sums[v] = join(low[v], high[v]);
}

/* Four pixels, a row in each half, as twelve bytes and four zeros. */
INLINE __m256i to_bytes(__m256i p0, __m256i p1, __m256i p2, __m256i p3)
{
    const __m256i squeeze = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(p0, p1),
                                              _mm256_packs_epi32(p2, p3));
    return _mm256_shuffle_epi8(bytes, squeeze);
}

/* Sixteen bytes, the last four of which the next pixels overwrite; fewer if 'left' is less. */
INLINE void store(__m128i bytes, size_t left, uint8_t *dst)
{
    if (left >= 16) {
        _mm_storeu_si128((void *)dst, bytes);
        return;
    }
    uint8_t some[16];
    _mm_storeu_si128((void *)some, bytes);
    memcpy(dst, some, left);
}

void deit_resample_x_u8_avx2(const struct deit_resample_x *args, size_t rows, const uint8_t *src,
                             size_t src_stride, uint8_t *dst, size_t dst_stride)
{
    const size_t n = args->n;
    for (size_t done = 0; done < rows; done += ROWS) {
        /* The last row stands in for those that are missing. */
        const uint8_t *from[ROWS];
        uint8_t *to[ROWS];
        for (size_t r = 0; r < ROWS; r++) {
            const size_t y = done + r < rows ? done + r : rows - 1;
            from[r] = src + y * src_stride;
            to[r] = dst + y * dst_stride;
        }
        for (size_t x = 0; x < n; x += PIXELS) {
            __m256i sums[PIXELS][VECTORS];
            UNROLL
            for (size_t p = 0; p < PIXELS; p++)
                pixel_sums(args, x + p < n ? x + p : n - 1, from, sums[p]);
            UNROLL
            for (size_t v = 0; v < VECTORS; v++) {
                const __m256i bytes = to_bytes(sums[0][v], sums[1][v], sums[2][v], sums[3][v]);
                store(_mm256_castsi256_si128(bytes), (n - x) * 3, to[v * HALVES] + x * 3);
                store(_mm256_extracti128_si256(bytes, 1), (n - x) * 3,
                      to[v * HALVES + 1] + x * 3);
            }
        }
    }
}

INLINE __m256i column_sums(size_t taps, const struct deit_coeff4 *coeff, const uint8_t *src,
                           size_t stride)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i low[4] = { zero, zero, zero, zero }, high[4] = { zero, zero, zero, zero };
    for (size_t t = 0; t < taps; t += 2, src += 2 * stride) {
        const uint8_t *next = src + (t + 1 < taps ? stride : 0);
        const __m256i a = _mm256_loadu_si256((const void *)src);
        const __m256i b = _mm256_loadu_si256((const void *)next);
        const __m256i ab0 = _mm256_unpacklo_epi8(a, b), ab1 = _mm256_unpackhi_epi8(a, b);
        const __m256i pair[4] = {
            _mm256_unpacklo_epi8(ab0, zero),
            _mm256_unpackhi_epi8(ab0, zero),
            _mm256_unpacklo_epi8(ab1, zero),
            _mm256_unpackhi_epi8(ab1, zero),
        };
        const __m256i c_low = spread(coeff[t / 4].low + t % 4);
        const __m256i c_high = spread(coeff[t / 4].high + t % 4);
        UNROLL
        for (size_t q = 0; q < 4; q++) {
            low[q] = add_products(low[q], pair[q], c_low);
            high[q] = add_products(high[q], pair[q], c_high);
        }
    }
    /* Packing undoes the unpacking, inside each half too. */
    return _mm256_packus_epi16(
        _mm256_packs_epi32(join(low[0], high[0]), join(low[1], high[1])),
        _mm256_packs_epi32(join(low[2], high[2]), join(low[3], high[3])));
}

void deit_resample_y_u8_avx2(size_t n, size_t taps, const struct deit_coeff4 *coeff,
                             const uint8_t *src, size_t stride, uint8_t *dst)
{
    if (n < BYTES) {
        deit_resample_y_u8_scalar(n, taps, coeff, src, stride, dst);
        return;
    }
    /* The last step starts early enough to be whole: what it repeats comes out the same. */
    for (size_t i = 0; i < n; i += BYTES) {
        const size_t at = i + BYTES <= n ? i : n - BYTES;
        const __m256i bytes = column_sums(taps, coeff, src + at, stride);
        _mm256_storeu_si256((void *)(dst + at), bytes);
    }
}
