/*
 * ops/avx512/gelu_f32_avx512.c: x * Phi(x) by a table of polynomials.
 *
 * Two registers hold 32 values and one instruction looks 16 of them up, so 32 polynomials of
 * degree 6 cost half of what the exponential and a quotient do.  The result is within 2 ulp down
 * to x = -5, within 2^-17 of itself down to -7.87 (where it is -1.4e-14), and below that it is
 * -1.8e-15 * |x|, which stays finite no longer than x does.
 */
#include <immintrin.h>

#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

enum { DEGREE = 6, PIECES = 32 };

/* Coefficient k of piece i at [k][i]. */
static const _Alignas(64) float phi_table[DEGREE + 1][PIECES] = {
    {
#define PIECE(c0, c1, c2, c3, c4, c5, c6) c0,
#include "ops/avx2/phi_pieces.inc"
#undef PIECE
    },
    {
#define PIECE(c0, c1, c2, c3, c4, c5, c6) c1,
#include "ops/avx2/phi_pieces.inc"
#undef PIECE
    },
    {
#define PIECE(c0, c1, c2, c3, c4, c5, c6) c2,
#include "ops/avx2/phi_pieces.inc"
#undef PIECE
    },
    {
#define PIECE(c0, c1, c2, c3, c4, c5, c6) c3,
#include "ops/avx2/phi_pieces.inc"
#undef PIECE
    },
    {
#define PIECE(c0, c1, c2, c3, c4, c5, c6) c4,
#include "ops/avx2/phi_pieces.inc"
#undef PIECE
    },
    {
#define PIECE(c0, c1, c2, c3, c4, c5, c6) c5,
#include "ops/avx2/phi_pieces.inc"
#undef PIECE
    },
    {
#define PIECE(c0, c1, c2, c3, c4, c5, c6) c6,
#include "ops/avx2/phi_pieces.inc"
#undef PIECE
    },
};

INLINE __m512 gelu(__m512 x)
{
    /* Adding 1.5 * 2^21 leaves the nearest multiple of 1/4: its number in the lowest bits. */
    const __m512 shift = _mm512_set1_ps(0x1.8p21f);
    const __m512 last = _mm512_set1_ps(7.87f);

    const __m512 t = _mm512_min_ps(last, _mm512_abs_ps(x)); /* the second one if it is NaN */
    const __m512 shifted = _mm512_add_ps(t, shift);
    const __m512i piece = _mm512_castps_si512(shifted);
    const __m512 d = _mm512_sub_ps(t, _mm512_sub_ps(shifted, shift));

    __m512 phi = _mm512_setzero_ps();
    UNROLL
    for (size_t k = DEGREE + 1; k-- > 0;) {
        const __m512 c = _mm512_permutex2var_ps(_mm512_load_ps(phi_table[k]), piece,
                                                _mm512_load_ps(phi_table[k] + LANES));
        phi = k == DEGREE ? c : _mm512_fmadd_ps(phi, d, c);
    }
    const __mmask16 positive = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ);
    phi = _mm512_mask_sub_ps(phi, positive, _mm512_set1_ps(1.0f), phi);
    /* The table ends where phi is 2e-15, which a huge x would show. */
    const __mmask16 nothing = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-14.0f), _CMP_LT_OQ);
    phi = _mm512_mask_mov_ps(phi, nothing, _mm512_setzero_ps());
    return _mm512_mul_ps(x, phi);
}

void deit_gelu_f32_avx512(size_t rows, size_t n, float *x, size_t stride)
{
    for (; rows; rows--, x += stride) {
        size_t i = 0;
        for (; i + LANES <= n; i += LANES)
            _mm512_storeu_ps(x + i, gelu(_mm512_loadu_ps(x + i)));
        if (i < n) {
            const __mmask16 mask = tail_mask(n - i);
            _mm512_mask_storeu_ps(x + i, mask, gelu(_mm512_maskz_loadu_ps(mask, x + i)));
        }
    }
}
