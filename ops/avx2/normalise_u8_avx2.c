/*
 * ops/avx2/normalise_u8_avx2.c: eight pixels at a time, two shuffles to a colour.
 */
#include <string.h>

#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"

/* Where the bytes of channel c lie in the first sixteen and last eight of 24; -1 elsewhere. */
static const int8_t places[3][2][16] = {
    { { 0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 },
      { -1, -1, -1, -1, -1, -1, 2, 5, -1, -1, -1, -1, -1, -1, -1, -1 } },
    { { 1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 },
      { -1, -1, -1, -1, -1, 0, 3, 6, -1, -1, -1, -1, -1, -1, -1, -1 } },
    { { 2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 },
      { -1, -1, -1, -1, -1, 1, 4, 7, -1, -1, -1, -1, -1, -1, -1, -1 } },
};

INLINE __m256 channel(const uint8_t *rgb, size_t c)
{
    const __m128i first = _mm_loadu_si128((const void *)rgb);
    const __m128i last = _mm_loadl_epi64((const void *)(rgb + 16));
    const __m128i bytes =
        _mm_or_si128(_mm_shuffle_epi8(first, _mm_loadu_si128((const void *)places[c][0])),
                     _mm_shuffle_epi8(last, _mm_loadu_si128((const void *)places[c][1])));
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}

void deit_normalise_u8_avx2(size_t n, const uint8_t *rgb, float divisor, const float *mean,
                            const float *std, size_t plane, float *y)
{
    const __m256 d = _mm256_set1_ps(divisor);
    for (size_t i = 0; i < n; i += LANES) {
        const __m256i mask = tail_mask(n - i);
        const uint8_t *pixels = rgb + i * 3;
        uint8_t rest[LANES * 3] = { 0 };
        if (n - i < LANES) {
            memcpy(rest, pixels, (n - i) * 3);
            pixels = rest;
        }
        UNROLL
        for (size_t c = 0; c < 3; c++) {
            __m256 v = _mm256_div_ps(channel(pixels, c), d);
            v = _mm256_sub_ps(v, _mm256_set1_ps(mean[c]));
            v = _mm256_div_ps(v, _mm256_set1_ps(std[c]));
            _mm256_maskstore_ps(y + c * plane + i, mask, v);
        }
    }
}
