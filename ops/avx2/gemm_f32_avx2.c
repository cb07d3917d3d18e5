/*
 * ops/avx2/gemm_f32_avx2.c: the product of 1 to 6 rows and a panel of 16 columns.
 *
 * 6 x 2 registers of sums, two of the panel and one broadcast value fill 15 of 16.  Every number
 * of rows has a body of its own, because the compiler keeps the sums in registers only where it
 * knows how many there are.
 */
#include "ops/avx2/avx2.h"
#include "ops/avx2/vector_avx2.h"

enum {
    MR = 6,
    NR = 16,
    PREFETCH = 16 * NR, /* floats ahead in the panel */
};

/* Hides where a pointer came from, lest the compiler makes six of two again. */
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))

/* Rows r, r + 1, r + 2 are base[r / 3] plus 0, 1 or 2 strides, as the address modes have it. */
struct rows {
    const char *base[MR / 3];
    size_t stride; /* bytes */
};

INLINE __m256 broadcast(const struct rows *a, size_t r)
{
    const void *p = a->base[r / 3] + r % 3 * a->stride;
    return _mm256_broadcast_ss(p);
}

/* sum + x * y.  Left alone, gcc lets it overwrite x or y and then needs moves and spills. */
INLINE __m256 multiply_add(__m256 x, __m256 y, __m256 sum)
{
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(x), "x"(y));
    return sum;
}

INLINE void start(size_t rows, const struct deit_gemm_f32_args *args, __m256 sum[MR][2])
{
    UNROLL
    for (size_t h = 0; h < 2; h++) {
        const size_t j = h * LANES;
        const __m256i mask = tail_mask(args->n > j ? args->n - j : 0);
        UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r][h] = args->accumulate
                            ? _mm256_maskload_ps(args->c + r * args->c_stride + j, mask)
                            : _mm256_setzero_ps();
    }
}

INLINE void tile(size_t rows, const struct deit_gemm_f32_args *args)
{
    __m256 sum[MR][2];
    start(rows, args, sum);

    struct rows a = { .stride = args->a_stride * sizeof(float) };
    UNROLL
    for (size_t g = 0; g < (rows + 2) / 3; g++)
        a.base[g] = (const char *)args->a + g * 3 * a.stride;

    const char *next = args->next ? args->next : (const void *)args->b; /* NULL has no offsets */
    const char *const next_end = next + args->next_bytes;
    const size_t step = args->next_bytes / (args->k + 1) + 1;
    const float *const end = args->b + args->k * NR;
    for (const float *b = args->b; b < end; b += NR) {
        if (next < next_end)
            _mm_prefetch(next, _MM_HINT_T1);
        next += step;
        const __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + LANES);
        _mm_prefetch((const char *)(b + PREFETCH), _MM_HINT_T0);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const __m256 x = broadcast(&a, r);
            sum[r][0] = multiply_add(x, b0, sum[r][0]);
            sum[r][1] = multiply_add(x, b1, sum[r][1]);
        }
        UNROLL
        for (size_t g = 0; g < (rows + 2) / 3; g++) {
            a.base[g] += sizeof(float);
            OPAQUE(a.base[g]);
        }
    }

    UNROLL
    for (size_t h = 0; h < 2; h++) {
        const size_t j = h * LANES;
        const __m256i mask = tail_mask(args->n > j ? args->n - j : 0);
        if (args->bias) {
            const __m256 bias = _mm256_maskload_ps(args->bias + j, mask);
            UNROLL
            for (size_t r = 0; r < rows; r++)
                sum[r][h] = _mm256_add_ps(sum[r][h], bias);
        }
        if (args->scale) {
            const __m256 scale = _mm256_maskload_ps(args->scale + j, mask);
            UNROLL
            for (size_t r = 0; r < rows; r++)
                sum[r][h] = _mm256_mul_ps(sum[r][h], scale);
        }
        if (args->residual) {
            UNROLL
            for (size_t r = 0; r < rows; r++) {
                const float *residual = args->residual + r * args->residual_stride + j;
                sum[r][h] = _mm256_add_ps(sum[r][h], _mm256_maskload_ps(residual, mask));
            }
        }
        UNROLL
        for (size_t r = 0; r < rows; r++)
            _mm256_maskstore_ps(args->c + r * args->c_stride + j, mask, sum[r][h]);
    }
}

#define BODY(rows)                                                                                 \
    static __attribute__((noinline)) void tile_##rows(const struct deit_gemm_f32_args *args)       \
    {                                                                                              \
        tile(rows, args);                                                                          \
    }
BODY(1) BODY(2) BODY(3) BODY(4) BODY(5) BODY(6)

void deit_gemm_f32_6x16_avx2(size_t rows, const struct deit_gemm_f32_args *args)
{
    static void (*const bodies[MR])(const struct deit_gemm_f32_args *) = {
        tile_1, tile_2, tile_3, tile_4, tile_5, tile_6,
    };
    bodies[rows - 1](args);
}
