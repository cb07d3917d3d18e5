/*
 * ops/avx512/normalise_u8_avx512.c: sixteen pixels at a time, three shuffles to a colour.
 */
#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

/* Where the bytes of channel c lie in each of the three sixteens of 16 pixels; -1 elsewhere. */
static const int8_t places[3][3][16] = {
    { { 0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 },
      { -1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14, -1, -1, -1, -1, -1 },
      { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 4, 7, 10, 13 } },
    { { 1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 },
      { -1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1 },
      { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14 } },
    { { 2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 },
      { -1, -1, -1, -1, -1, 1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1 },
      { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15 } },
};

INLINE __m128i pick(const __m128i part[3], size_t c)
{
    __m128i bytes = _mm_setzero_si128();
    UNROLL
    for (size_t p = 0; p < 3; p++) {
        const __m128i place = _mm_loadu_si128((const void *)places[c][p]);
        bytes = _mm_or_si128(bytes, _mm_shuffle_epi8(part[p], place));
    }
    return bytes;
}

void deit_normalise_u8_avx512(size_t n, const uint8_t *rgb, float divisor, const float *mean,
                              const float *std, size_t plane, float *y)
{
    const __m512 d = _mm512_set1_ps(divisor);
    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 mask = tail_mask(n - i);
        const size_t bytes = n - i < LANES ? (n - i) * 3 : LANES * 3;
        const __m512i pixels =
            _mm512_maskz_loadu_epi8((UINT64_C(1) << bytes) - 1, rgb + i * 3);
        const __m128i part[3] = { _mm512_castsi512_si128(pixels),
                                  _mm512_extracti32x4_epi32(pixels, 1),
                                  _mm512_extracti32x4_epi32(pixels, 2) };
        UNROLL
        for (size_t c = 0; c < 3; c++) {
            __m512 v = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(pick(part, c)));
            v = _mm512_sub_ps(_mm512_div_ps(v, d), _mm512_set1_ps(mean[c]));
            v = _mm512_div_ps(v, _mm512_set1_ps(std[c]));
            _mm512_mask_storeu_ps(y + c * plane + i, mask, v);
        }
    }
}
