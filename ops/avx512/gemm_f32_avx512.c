/*
 * ops/avx512/gemm_f32_avx512.c: the product of 1 to 14 rows and a panel of 32 columns.
 *
 * 14 x 2 registers of sums, two of the panel and one broadcast value fill 31 of 32, and 28
 * multiply-adds pay for 16 loads.  Every number of rows has a body of its own, because the
 * compiler keeps the sums in registers only where it knows how many there are.
 */
#include <immintrin.h>

#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

enum {
    MR = 14,
    NR = 32,
    PREFETCH = 8 * NR, /* floats ahead in the panel */
};

/*
 * Rows are reached from every third one by the address modes base, base + stride and
 * base + 2 * stride: 5 bases and a stride instead of 14 pointers, which would not fit.
 */
struct rows {
    const char *base[(MR + 2) / 3];
    size_t stride; /* bytes */
};

/* Hides where a pointer came from, lest the compiler makes 14 of the 5 again. */
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))

INLINE __m512 broadcast(const struct rows *a, size_t r)
{
    const void *p = a->base[r / 3] + r % 3 * a->stride;
    return _mm512_set1_ps(*(const float *)p);
}

/* sum + x * y.  Left alone, gcc lets it overwrite x or y and then needs moves and spills. */
INLINE __m512 multiply_add(__m512 x, __m512 y, __m512 sum)
{
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y));
    return sum;
}

INLINE void tile(size_t rows, const struct deit_gemm_f32_args *args)
{
    __m512 sum[MR][2];
    UNROLL
    for (size_t r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = _mm512_setzero_ps();

    struct rows a = { .stride = args->a_stride * sizeof(float) };
    UNROLL
    for (size_t g = 0; g < (rows + 2) / 3; g++)
        a.base[g] = (const char *)args->a + g * 3 * a.stride;

    const float *const end = args->b + args->k * NR;
    for (const float *b = args->b; b < end; b += NR) {
        const __m512 b0 = _mm512_load_ps(b), b1 = _mm512_load_ps(b + LANES);
        _mm_prefetch((const char *)(b + PREFETCH), _MM_HINT_T0);
        _mm_prefetch((const char *)(b + PREFETCH + LANES), _MM_HINT_T0);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const __m512 x = broadcast(&a, r);
            sum[r][0] = multiply_add(x, b0, sum[r][0]);
            sum[r][1] = multiply_add(x, b1, sum[r][1]);
        }
        UNROLL
        for (size_t g = 0; g < (rows + 2) / 3; g++) {
            a.base[g] += sizeof(float);
            OPAQUE(a.base[g]);
        }
    }

    const uint32_t columns = (uint32_t)((UINT64_C(1) << args->n) - 1);
    UNROLL
    for (size_t h = 0; h < 2; h++) {
        const __mmask16 mask = (__mmask16)(columns >> h * LANES);
        const size_t j = h * LANES;
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

#define BODY(rows)                                                                                 \
    static __attribute__((noinline)) void tile_##rows(const struct deit_gemm_f32_args *args)       \
    {                                                                                              \
        tile(rows, args);                                                                          \
    }
BODY(1) BODY(2) BODY(3) BODY(4) BODY(5) BODY(6) BODY(7)
BODY(8) BODY(9) BODY(10) BODY(11) BODY(12) BODY(13) BODY(14)

void deit_gemm_f32_14x32_avx512(size_t rows, const struct deit_gemm_f32_args *args)
{
    static void (*const bodies[MR])(const struct deit_gemm_f32_args *) = {
        tile_1, tile_2, tile_3,  tile_4,  tile_5,  tile_6,  tile_7,
        tile_8, tile_9, tile_10, tile_11, tile_12, tile_13, tile_14,
    };
    bodies[rows - 1](args);
}
