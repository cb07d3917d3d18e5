/*
 * ops/avx512_bf16/gemm_bf16_avx512_bf16.c: bf16 products of 1 to 14 rows and 32 columns.
 *
 * The register tile of the f32 kernel, with pairs in place of floats: vdpbf16ps adds the odd
 * product of a pair, rounds, and adds the even one (Intel's description), so an element's chain
 * is one instruction after the other.  A block is all of k: a part of the panel is then read
 * up to three times, but the instruction is slow enough for that.
 */
#include <immintrin.h>
#include <string.h>

#include "ops/avx512/vector_avx512.h"
#include "ops/avx512_bf16/avx512_bf16.h"

enum {
    MR = 14,
    NR = 32,
    ROW = 2 * NR,       /* bf16 of a row of pairs */
    PREFETCH = 8 * ROW, /* ahead in the panel */
};

/* Every third row, the others by address modes, as in gemm_f32_avx512.c. */
struct rows {
    const char *base[(MR + 2) / 3];
    size_t stride; /* bytes */
};

/* Hides where a pointer came from, lest the compiler makes 14 of the 5 again. */
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))

/* A pair of row r in all lanes. */
INLINE __m512i broadcast(const struct rows *a, size_t r)
{
    int pair;
    memcpy(&pair, a->base[r / 3] + r % 3 * a->stride, sizeof pair);
    return _mm512_set1_epi32(pair);
}

INLINE __m512 dot_add(__m512i x, __m512i y, __m512 sum)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y));
    return sum;
}

/* Sums go on by the product of one part of the rows, from 'first', and one of the panel. */
INLINE void add_product(size_t rows, size_t k, const uint16_t *first, size_t stride,
                        const uint16_t *b, __m512 sum[MR][2])
{
    struct rows a = { .stride = stride };
    UNROLL
    for (size_t g = 0; g < (rows + 2) / 3; g++)
        a.base[g] = (const char *)first + g * 3 * stride;

    for (const uint16_t *const end = b + k * NR; b < end; b += ROW) {
        const __m512i b0 = _mm512_load_si512(b), b1 = _mm512_load_si512(b + NR);
        _mm_prefetch((const char *)(b + PREFETCH), _MM_HINT_T0);
        _mm_prefetch((const char *)(b + PREFETCH + NR), _MM_HINT_T0);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const __m512i x = broadcast(&a, r);
            sum[r][0] = dot_add(x, b0, sum[r][0]);
            sum[r][1] = dot_add(x, b1, sum[r][1]);
        }
        UNROLL
        for (size_t g = 0; g < (rows + 2) / 3; g++) {
            a.base[g] += 2 * sizeof(uint16_t);
            OPAQUE(a.base[g]);
        }
    }
}

INLINE void finish(size_t rows, const struct deit_gemm_bf16_args *args, __m512 sum[MR][2])
{
    UNROLL
    for (size_t h = 0; h < 2; h++) {
        const size_t j = h * LANES;
        const __mmask16 mask = tail_mask(args->n > j ? args->n - j : 0);
        if (args->bias) {
            const __m512 bias = _mm512_maskz_loadu_ps(mask, args->bias + j);
            UNROLL
            for (size_t r = 0; r < rows; r++)
                sum[r][h] = _mm512_add_ps(sum[r][h], bias);
        }
        if (args->scale) {
            const __m512 scale = _mm512_maskz_loadu_ps(mask, args->scale + j);
            UNROLL
            for (size_t r = 0; r < rows; r++)
                sum[r][h] = _mm512_mul_ps(sum[r][h], scale);
        }
        if (args->residual) {
            UNROLL
            for (size_t r = 0; r < rows; r++) {
                const float *residual = args->residual + r * args->residual_stride + j;
                sum[r][h] = _mm512_add_ps(sum[r][h], _mm512_maskz_loadu_ps(mask, residual));
            }
        }
        UNROLL
        for (size_t r = 0; r < rows; r++)
            _mm512_mask_storeu_ps(args->c + r * args->c_stride + j, mask, sum[r][h]);
    }
}

INLINE void tile(size_t rows, const struct deit_gemm_bf16_args *args)
{
    const size_t k = args->k, n_parts = args->n_parts, stride = args->a_stride * sizeof(uint16_t);
    __m512 sum[MR][2];
    UNROLL
    for (size_t r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = _mm512_setzero_ps();

    for (size_t order = n_parts; order-- > 0;) /* p + q, of part p of a and q of b */
        for (size_t p = 0; p <= order; p++)
            add_product(rows, k, args->a + p * k, stride, args->b + (order - p) * k * NR, sum);
    finish(rows, args, sum);
}

#define BODY(rows)                                                                                 \
    static __attribute__((noinline)) void tile_##rows(const struct deit_gemm_bf16_args *args)      \
    {                                                                                              \
        tile(rows, args);                                                                          \
    }
BODY(1) BODY(2) BODY(3) BODY(4) BODY(5) BODY(6) BODY(7)
BODY(8) BODY(9) BODY(10) BODY(11) BODY(12) BODY(13) BODY(14)

void deit_gemm_bf16_14x32_avx512_bf16(size_t rows, const struct deit_gemm_bf16_args *args)
{
    static void (*const bodies[MR])(const struct deit_gemm_bf16_args *) = {
        tile_1, tile_2, tile_3,  tile_4,  tile_5,  tile_6,  tile_7,
        tile_8, tile_9, tile_10, tile_11, tile_12, tile_13, tile_14,
    };
    bodies[rows - 1](args);
}
