/*
 * ops/avx512/gemm_f32_avx512.c: the product of 1 to 9 rows and a panel of up to 48 columns.
 *
 * 9 x 3 registers of sums, three of the panel and one broadcast value are 31 of 32.  Two wide
 * registers of the panel would leave room for 14 rows and read it less often, but then 16 loads
 * feed 28 multiply-adds where here 12 feed 27, and loads share their ports with every line that
 * arrives from the second-level cache: it reaches 92 % of the peak where this reaches 98 %.
 *
 * Every height and width has a body of its own, because the compiler keeps the sums in
 * registers only where it knows how many there are.
 */
#include <immintrin.h>

#include "ops/avx512/avx512.h"
#include "ops/avx512/vector_avx512.h"

enum {
    MR = 9,
    VECTORS = 3,
    NR = VECTORS * LANES,
    AHEAD = 8 * NR, /* floats of the panel that are fetched into the first-level cache ahead */
    BLOCK = 16,     /* values of k between fetches of other memory */
    LINE = 64,
};

/*
 * Rows are reached from every third one by the address modes base, base + stride and
 * base + 2 * stride: 3 bases and a stride instead of 9 pointers, which would not fit.
 */
struct rows {
    const char *base[(MR + 2) / 3];
    size_t stride; /* bytes */
};

/* Hides where a pointer came from, lest the compiler makes 9 of the 3 again. */
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

/*
 * What is fetched while the sums are made: the lines of c, a row at a time, which would stall
 * the stores, and the caller's next memory, evenly.
 */
struct fetch {
    char *c;
    size_t c_stride, rows;
    const char *next, *end;
    size_t step;
};

INLINE void fetch_some(struct fetch *fetch, size_t vectors)
{
    if (fetch->rows) {
        UNROLL
        for (size_t v = 0; v < vectors; v++)
            __builtin_prefetch(fetch->c + v * LINE, 1, 3);
        fetch->c += fetch->c_stride;
        fetch->rows--;
    }
    const char *stop = fetch->next + fetch->step;
    for (; fetch->next < stop && fetch->next < fetch->end; fetch->next += LINE)
        _mm_prefetch(fetch->next, _MM_HINT_T1);
}

INLINE void multiply(size_t rows, size_t vectors, const struct deit_gemm_f32_args *args,
                     __m512 sum[MR][VECTORS])
{
    struct rows a = { .stride = args->a_stride * sizeof(float) };
    UNROLL
    for (size_t g = 0; g < (rows + 2) / 3; g++)
        a.base[g] = (const char *)args->a + g * 3 * a.stride;

    const char *next = args->next ? args->next : (const void *)args->b; /* NULL has no offsets */
    struct fetch fetch = {
        .c = (char *)args->c, .c_stride = args->c_stride * sizeof(float), .rows = rows,
        .next = next, .end = next + args->next_bytes,
        .step = (args->next_bytes * BLOCK / (args->k + 1) + LINE) / LINE * LINE,
    };
    const float *b = args->b, *const end = b + args->k * NR;
    while (b < end) {
        fetch_some(&fetch, vectors);
        const float *const stop = (size_t)(end - b) < BLOCK * NR ? end : b + BLOCK * NR;
        for (; b < stop; b += NR) {
            __m512 column[VECTORS];
            UNROLL
            for (size_t v = 0; v < vectors; v++) {
                column[v] = _mm512_load_ps(b + v * LANES);
                _mm_prefetch((const char *)(b + AHEAD + v * LANES), _MM_HINT_T0);
            }
            UNROLL
            for (size_t r = 0; r < rows; r++) {
                const __m512 x = broadcast(&a, r);
                UNROLL
                for (size_t v = 0; v < vectors; v++)
                    sum[r][v] = multiply_add(x, column[v], sum[r][v]);
            }
            UNROLL
            for (size_t g = 0; g < (rows + 2) / 3; g++) {
                a.base[g] += sizeof(float);
                OPAQUE(a.base[g]);
            }
        }
    }
}

INLINE __mmask16 column_mask(size_t n, size_t v)
{
    return tail_mask(n - v * LANES);
}

INLINE void start(size_t rows, size_t vectors, const struct deit_gemm_f32_args *args,
                  __m512 sum[MR][VECTORS])
{
    UNROLL
    for (size_t r = 0; r < rows; r++)
        UNROLL
        for (size_t v = 0; v < vectors; v++)
            sum[r][v] = args->accumulate
                            ? _mm512_maskz_loadu_ps(column_mask(args->n, v),
                                                    args->c + r * args->c_stride + v * LANES)
                            : _mm512_setzero_ps();
}

INLINE void finish(size_t rows, size_t vectors, const struct deit_gemm_f32_args *args,
                   __m512 sum[MR][VECTORS])
{
    UNROLL
    for (size_t v = 0; v < vectors; v++) {
        const __mmask16 mask = column_mask(args->n, v);
        const size_t j = v * LANES;
        if (args->bias) {
            const __m512 bias = _mm512_maskz_loadu_ps(mask, args->bias + j);
            UNROLL
            for (size_t r = 0; r < rows; r++)
                sum[r][v] = _mm512_add_ps(sum[r][v], bias);
        }
        if (args->scale) {
            const __m512 scale = _mm512_maskz_loadu_ps(mask, args->scale + j);
            UNROLL
            for (size_t r = 0; r < rows; r++)
                sum[r][v] = _mm512_mul_ps(sum[r][v], scale);
        }
        if (args->residual) {
            UNROLL
            for (size_t r = 0; r < rows; r++) {
                const float *residual = args->residual + r * args->residual_stride + j;
                sum[r][v] = _mm512_add_ps(sum[r][v], _mm512_maskz_loadu_ps(mask, residual));
            }
        }
        UNROLL
        for (size_t r = 0; r < rows; r++)
            _mm512_mask_storeu_ps(args->c + r * args->c_stride + j, mask, sum[r][v]);
    }
}

INLINE void tile(size_t rows, size_t vectors, const struct deit_gemm_f32_args *args)
{
    __m512 sum[MR][VECTORS];
    start(rows, vectors, args, sum);
    multiply(rows, vectors, args, sum);
    finish(rows, vectors, args, sum);
}

typedef void body_fn(const struct deit_gemm_f32_args *args);

#define BODY(rows, vectors)                                                                        \
    static __attribute__((noinline)) void tile_##rows##_##vectors(                                 \
        const struct deit_gemm_f32_args *args)                                                     \
    {                                                                                              \
        tile(rows, vectors, args);                                                                 \
    }
#define BODIES(rows) BODY(rows, 1) BODY(rows, 2) BODY(rows, 3)
BODIES(1) BODIES(2) BODIES(3) BODIES(4) BODIES(5) BODIES(6) BODIES(7) BODIES(8) BODIES(9)

#define NAMES(rows) { tile_##rows##_1, tile_##rows##_2, tile_##rows##_3 }
static body_fn *const bodies[MR][VECTORS] = {
    NAMES(1), NAMES(2), NAMES(3), NAMES(4), NAMES(5), NAMES(6), NAMES(7), NAMES(8), NAMES(9),
};

void deit_gemm_f32_9x48_avx512(size_t rows, const struct deit_gemm_f32_args *args)
{
    bodies[rows - 1][(args->n - 1) / LANES](args);
}
