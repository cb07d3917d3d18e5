/*
 * ops/avx2/resample_u8_avx2.c: the two passes of a resize.
 *
 * A 32-bit product costs two instructions, a sum of two 16-bit products one.  So coefficients
 * are cut into their low 15 bits and the signed rest, each multiplied with pairs of bytes, and
 * put together at the end: (high << 15) + low is exact modulo 2^32, and the whole sum fits.
 */
#include <string.h>

#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"
#include "ops/scalar/scalar.h"

enum {
    PRECISION = 22,
    CUT = 15,
    GROUP = 4,  /* taps per step of the horizontal pass, which makes two pixels */
    BYTES = 32, /* per step of the vertical pass */
};

/* The value before it is clipped to a byte. */
INLINE __m256i join(__m256i low, __m256i high)
{
    const __m256i half = _mm256_set1_epi32(1 << (PRECISION - 1));
    const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, CUT), low);
    return _mm256_srai_epi32(_mm256_add_epi32(sum, half), PRECISION);
}

/* GROUP pixels from the i-th on; 'bytes' may be read from 'pixel' on. */
INLINE __m128i load_pixels(const uint8_t *pixel, size_t i, size_t bytes)
{
    if (i * 3 + 16 <= bytes)
        return _mm_loadu_si128((const void *)(pixel + i * 3));

    uint8_t rest[16] = { 0 };
    const size_t left = bytes > i * 3 ? bytes - i * 3 : 0;
    memcpy(rest, pixel + i * 3, left);
    return _mm_loadu_si128((const void *)rest);
}

INLINE __m128i load_coeffs(const int32_t *coeff, size_t i, size_t taps)
{
    if (i + GROUP <= taps)
        return _mm_loadu_si128((const void *)(coeff + i));
    return _mm_maskload_epi32(coeff + i, _mm256_castsi256_si128(tail_mask(taps - i)));
}

/* Pixels x0 and x1: red, green, blue, 0 in each half. */
INLINE __m256i row_sums(const struct deit_resample_x *args, const uint8_t *src, size_t x0,
                        size_t x1)
{
    /* 16-bit pairs of the same colour from pixels 0, 1 and 2, 3. */
    const __m256i pairs01 = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    const __m256i pairs23 = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
    const __m256i low_bits = _mm256_set1_epi32((1 << CUT) - 1);

    const size_t start0 = (size_t)args->start[x0], start1 = (size_t)args->start[x1];
    const size_t bytes0 = (args->src_width - start0) * 3, bytes1 = (args->src_width - start1) * 3;
    const uint8_t *pixel0 = src + start0 * 3, *pixel1 = src + start1 * 3;
    const int32_t *coeff0 = args->coeff + x0 * args->taps, *coeff1 = args->coeff + x1 * args->taps;
    const int32_t count =
        args->count[x0] > args->count[x1] ? args->count[x0] : args->count[x1];

    __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
    for (size_t i = 0; i < (size_t)count; i += GROUP) {
        const __m256i pixels = _mm256_set_m128i(load_pixels(pixel1, i, bytes1),
                                                load_pixels(pixel0, i, bytes0));
        const __m256i coeffs = _mm256_set_m128i(load_coeffs(coeff1, i, args->taps),
                                                load_coeffs(coeff0, i, args->taps));
        const __m256i p01 = _mm256_shuffle_epi8(pixels, pairs01);
        const __m256i p23 = _mm256_shuffle_epi8(pixels, pairs23);
        /* Pairs of 16 bits: low 0 1, low 2 3, high 0 1, high 2 3. */
        const __m256i c = _mm256_packs_epi32(_mm256_and_si256(coeffs, low_bits),
                                             _mm256_srai_epi32(coeffs, CUT));
        const __m256i low01 = _mm256_shuffle_epi32(c, 0x00), low23 = _mm256_shuffle_epi32(c, 0x55);
        const __m256i high01 = _mm256_shuffle_epi32(c, 0xaa);
        const __m256i high23 = _mm256_shuffle_epi32(c, 0xff);
        low = _mm256_add_epi32(low, _mm256_madd_epi16(p01, low01));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(p01, high01));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(p23, low23));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(p23, high23));
    }
    return join(low, high);
}

void deit_resample_x_u8_avx2(const struct deit_resample_x *args, const uint8_t *src, uint8_t *dst)
{
    /* After packing, a pixel is the first four bytes of each half. */
    for (size_t x = 0; x < args->n; x += 2) {
        const size_t x1 = x + 1 < args->n ? x + 1 : x;
        const __m256i words = _mm256_packs_epi32(row_sums(args, src, x, x1),
                                                 _mm256_setzero_si256());
        const __m256i bytes = _mm256_packus_epi16(words, words);
        const int rgb0 = _mm256_extract_epi32(bytes, 0), rgb1 = _mm256_extract_epi32(bytes, 4);
        memcpy(dst + x * 3, &rgb0, 3);
        memcpy(dst + x1 * 3, &rgb1, 3);
    }
}

/* 16-bit pairs of two coefficients' low bits and of the rest. */
INLINE __m256i low_pair(int32_t c0, int32_t c1)
{
    const int32_t mask = (1 << CUT) - 1;
    return _mm256_set1_epi32((c0 & mask) | (c1 & mask) << 16);
}

INLINE __m256i high_pair(int32_t c0, int32_t c1)
{
    return _mm256_set1_epi32((int32_t)(((uint32_t)(c0 >> CUT) & 0xffff) |
                                       (uint32_t)(c1 >> CUT) << 16));
}

INLINE __m256i column_sums(size_t taps, const int32_t *coeff, const uint8_t *src, size_t stride)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i low[4] = { zero, zero, zero, zero }, high[4] = { zero, zero, zero, zero };
    for (size_t t = 0; t < taps; t += 2) {
        const int has_two = t + 1 < taps;
        const int32_t c0 = coeff[t], c1 = has_two ? coeff[t + 1] : 0;
        const void *next = src + (has_two ? t + 1 : t) * stride;
        const __m256i a = _mm256_loadu_si256((const void *)(src + t * stride));
        const __m256i b = _mm256_loadu_si256(next);
        const __m256i ab0 = _mm256_unpacklo_epi8(a, b), ab1 = _mm256_unpackhi_epi8(a, b);
        const __m256i pair[4] = {
            _mm256_unpacklo_epi8(ab0, zero),
            _mm256_unpackhi_epi8(ab0, zero),
            _mm256_unpacklo_epi8(ab1, zero),
            _mm256_unpackhi_epi8(ab1, zero),
        };
        const __m256i c_low = low_pair(c0, c1), c_high = high_pair(c0, c1);
        UNROLL
        for (size_t q = 0; q < 4; q++) {
            low[q] = _mm256_add_epi32(low[q], _mm256_madd_epi16(pair[q], c_low));
            high[q] = _mm256_add_epi32(high[q], _mm256_madd_epi16(pair[q], c_high));
        }
    }
    /* Packing undoes the unpacking, inside each half too. */
    return _mm256_packus_epi16(
        _mm256_packs_epi32(join(low[0], high[0]), join(low[1], high[1])),
        _mm256_packs_epi32(join(low[2], high[2]), join(low[3], high[3])));
}

void deit_resample_y_u8_avx2(size_t n, size_t taps, const int32_t *coeff, const uint8_t *src,
                             size_t stride, uint8_t *dst)
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
