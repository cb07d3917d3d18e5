/*
 * ops/avx512/resample_u8_avx512.c: the two passes of a resize.
 *
 * A 32-bit product costs two instructions, a sum of two 16-bit products one.  So coefficients
 * are cut in two 16-bit parts, each multiplied with pairs of bytes, and put together at the end:
 * that is exact modulo 2^32, and the whole sum fits.
 */
#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

enum {
    PRECISION = 22,
    CUT = 15,   /* low bits of a coefficient in the vertical pass */
    STEP = 8,   /* taps per step of the horizontal pass */
    GROUP = 4,  /* pixels that it finishes together */
    BYTES = 64, /* per step of the vertical pass */
};

/* The value before it is clipped to a byte. */
INLINE __m512i round_off(__m512i sum)
{
    const __m512i half = _mm512_set1_epi32(1 << (PRECISION - 1));
    return _mm512_srai_epi32(_mm512_add_epi32(sum, half), PRECISION);
}

INLINE __m512i join(__m512i low, __m512i high)
{
    return round_off(_mm512_add_epi32(_mm512_slli_epi32(high, CUT), low));
}

INLINE __m512i four(__m128i v0, __m128i v1, __m128i v2, __m128i v3)
{
    __m512i v = _mm512_castsi128_si512(v0);
    v = _mm512_inserti32x4(v, v1, 1);
    v = _mm512_inserti32x4(v, v2, 2);
    return _mm512_inserti32x4(v, v3, 3);
}

/* What the loads of one pixel must not pass. */
struct limits {
    size_t bytes;   /* of the photo, from the pixel's window on */
    size_t coeffs;  /* of the array, from the pixel's row on */
    size_t taps;    /* behind which the next pixel's row begins */
    __mmask16 rest; /* the taps of the last step, twice */
};

/* Eight coefficients, twice; zero behind the pixel's own. */
INLINE __m512i load_coeffs(const int32_t *coeff, size_t i, const struct limits *limits)
{
    const __mmask8 rest = (__mmask8)limits->rest;
    if (i + STEP > limits->coeffs)
        return _mm512_broadcast_i32x8(_mm256_maskz_loadu_epi32(rest, coeff + i));
    const __m512i c = _mm512_broadcast_i32x8(_mm256_loadu_si256((const void *)(coeff + i)));
    return i + STEP > limits->taps ? _mm512_maskz_mov_epi32(limits->rest, c) : c;
}

INLINE __m256i load_pixels(const uint8_t *pixel, size_t i, const struct limits *limits)
{
    if (i * 3 + 32 <= limits->bytes)
        return _mm256_loadu_si256((const void *)(pixel + i * 3));
    return _mm256_maskz_loadu_epi8((1u << (limits->bytes - i * 3)) - 1, pixel + i * 3);
}

/*
 * One pixel: partial sums of red, green, blue, 0, a quarter each.  The lower half has the low 16
 * bits of the coefficients, the upper one the rest, each for four taps and the next four.
 */
INLINE __m512i pixel_sums(size_t count, const uint8_t *pixel, const int32_t *coeff,
                          const struct limits *limits)
{
    /* Eight pixels are six words; each quarter starts with its four pixels. */
    const __m512i spread = _mm512_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6, 0, 1, 2, 3, 3, 4, 5, 6);
    /* 16-bit pairs of the same colour from its pixels 0, 1 and 2, 3. */
    const __m512i pairs01 = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    const __m512i pairs23 = _mm512_broadcast_i32x4(
        _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
    /* The low halves count as signed, so the upper ones are rounded to nearest. */
    const __m512i carry = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(0x8000), 1);
    /* Bytes of the coefficients 0, 1 and 2, 3, thrice. */
    const __m128i low01 = _mm_set1_epi32(0x05040100), high01 = _mm_set1_epi32(0x07060302);
    const __m128i low23 = _mm_set1_epi32(0x0d0c0908), high23 = _mm_set1_epi32(0x0f0e0b0a);
    const __m512i halves01 = four(low01, low01, high01, high01);
    const __m512i halves23 = four(low23, low23, high23, high23);

    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < count; i += STEP) {
        const __m256i eight = load_pixels(pixel, i, limits);
        const __m512i p = _mm512_permutexvar_epi32(spread, _mm512_castsi256_si512(eight));
        const __m512i c = _mm512_add_epi32(load_coeffs(coeff, i, limits), carry);
        const __m512i sum01 = _mm512_madd_epi16(_mm512_shuffle_epi8(p, pairs01),
                                                _mm512_shuffle_epi8(c, halves01));
        const __m512i sum23 = _mm512_madd_epi16(_mm512_shuffle_epi8(p, pairs23),
                                                _mm512_shuffle_epi8(c, halves23));
        sum = _mm512_add_epi32(sum, _mm512_add_epi32(sum01, sum23));
    }
    return _mm512_mask_slli_epi32(sum, 0xff00, sum, 16);
}

/* Adds the quarters of each; the sum of the p-th is quarter p. */
INLINE __m512i add_quarters(const __m512i v[GROUP])
{
    const __m512i v01 = _mm512_add_epi32(_mm512_shuffle_i32x4(v[0], v[1], 0x88),
                                         _mm512_shuffle_i32x4(v[0], v[1], 0xdd));
    const __m512i v23 = _mm512_add_epi32(_mm512_shuffle_i32x4(v[2], v[3], 0x88),
                                         _mm512_shuffle_i32x4(v[2], v[3], 0xdd));
    return _mm512_add_epi32(_mm512_shuffle_i32x4(v01, v23, 0x88),
                            _mm512_shuffle_i32x4(v01, v23, 0xdd));
}

void deit_resample_x_u8_avx512(const struct deit_resample_x *args, const uint8_t *src,
                               uint8_t *dst)
{
    const __m128i squeeze = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    const size_t n = args->n, taps = args->taps, width = args->src_width;
    const int32_t *const start = args->start, *const count = args->count;
    const int32_t *const coeff = args->coeff;
    const unsigned last = (1u << ((taps - 1) % STEP + 1)) - 1;
    const __mmask16 rest = (__mmask16)(last | last << STEP);
    __m512i sums[GROUP] = { _mm512_setzero_si512() };
    for (size_t x = 0; x < n; x += GROUP) {
        const size_t left = n - x < GROUP ? n - x : GROUP;
        for (size_t p = 0; p < left; p++) {
            const size_t at = x + p, first = (size_t)start[at];
            const struct limits limits = { (width - first) * 3, (n - at) * taps, taps, rest };
            sums[p] = pixel_sums((size_t)count[at], src + first * 3, coeff + at * taps, &limits);
        }
        __m512i rgb = round_off(add_quarters(sums));
        rgb = _mm512_max_epi32(rgb, _mm512_setzero_si512());
        const __m128i bytes = _mm_shuffle_epi8(_mm512_cvtusepi32_epi8(rgb), squeeze);
        _mm_mask_storeu_epi8(dst + x * 3, tail_mask(left * 3), bytes);
    }
}

/* 16-bit pairs of two coefficients' low bits and of the rest. */
INLINE __m512i low_pair(int32_t c0, int32_t c1)
{
    const int32_t mask = (1 << CUT) - 1;
    return _mm512_set1_epi32((c0 & mask) | (c1 & mask) << 16);
}

INLINE __m512i high_pair(int32_t c0, int32_t c1)
{
    return _mm512_set1_epi32((int32_t)(((uint32_t)(c0 >> CUT) & 0xffff) |
                                       (uint32_t)(c1 >> CUT) << 16));
}

INLINE __m512i column_sums(__mmask64 mask, size_t taps, const int32_t *coeff, const uint8_t *src,
                           size_t stride)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i low[4] = { zero, zero, zero, zero }, high[4] = { zero, zero, zero, zero };
    for (size_t t = 0; t < taps; t += 2) {
        const int has_two = t + 1 < taps;
        const int32_t c0 = coeff[t], c1 = has_two ? coeff[t + 1] : 0;
        const __m512i a = _mm512_maskz_loadu_epi8(mask, src + t * stride);
        const __m512i b = has_two ? _mm512_maskz_loadu_epi8(mask, src + (t + 1) * stride) : zero;
        const __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
        const __m512i pair[4] = {
            _mm512_unpacklo_epi8(ab0, zero),
            _mm512_unpackhi_epi8(ab0, zero),
            _mm512_unpacklo_epi8(ab1, zero),
            _mm512_unpackhi_epi8(ab1, zero),
        };
        const __m512i c_low = low_pair(c0, c1), c_high = high_pair(c0, c1);
        UNROLL
        for (size_t q = 0; q < 4; q++) {
            low[q] = _mm512_add_epi32(low[q], _mm512_madd_epi16(pair[q], c_low));
            high[q] = _mm512_add_epi32(high[q], _mm512_madd_epi16(pair[q], c_high));
        }
    }
    /* Packing undoes the unpacking, inside each quarter too. */
    return _mm512_packus_epi16(
        _mm512_packs_epi32(join(low[0], high[0]), join(low[1], high[1])),
        _mm512_packs_epi32(join(low[2], high[2]), join(low[3], high[3])));
}

void deit_resample_y_u8_avx512(size_t n, size_t taps, const int32_t *coeff, const uint8_t *src,
                               size_t stride, uint8_t *dst)
{
    size_t i = 0;
    for (; i + BYTES <= n; i += BYTES)
        _mm512_storeu_si512(dst + i, column_sums(UINT64_MAX, taps, coeff, src + i, stride));
    if (i < n) {
        const __mmask64 mask = (UINT64_C(1) << (n - i)) - 1;
        _mm512_mask_storeu_epi8(dst + i, mask, column_sums(mask, taps, coeff, src + i, stride));
    }
}
