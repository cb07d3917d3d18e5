/*
 * ops/reduce.c: each result is one chain, or four that are joined in a fixed order, so the answer
 * does not depend on how results were dealt to tiles.
 *
 * Where neighbours in memory are kept, a block of results is carried along (a mean over tokens);
 * where they are reduced, four chains hide the latency of the sum (a mean over columns).
 */
#include "ops/reduce.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum { BLOCK = 64, CHAINS = 4 };

static inline double sum_f64(double a, double b)
{
    return a + b;
}

static inline double prod_f64(double a, double b)
{
    return a * b;
}

static inline double max_f64(double a, double b)
{
    return a > b || isnan(a) ? a : b;
}

static inline double min_f64(double a, double b)
{
    return a < b || isnan(a) ? a : b;
}

static inline uint64_t sum_u64(uint64_t a, uint64_t b)
{
    return a + b;
}

static inline uint64_t prod_u64(uint64_t a, uint64_t b)
{
    return a * b;
}

static inline int64_t max_s64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t min_s64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline uint8_t or_u8(uint8_t a, uint8_t b)
{
    return a | b;
}

static inline uint8_t and_u8(uint8_t a, uint8_t b)
{
    return a & b;
}

/* The mean of nothing is 0, since integers have no NaN. */
static inline int64_t mean_of(uint64_t sum, size_t n)
{
    return n ? (int64_t)sum / (int64_t)n : 0;
}

/*
 * name_block: up to BLOCK results whose elements are neighbours, carried along together.
 * name_single: one result, its elements dealt to CHAINS in turn within each innermost run.
 */
#define REDUCE(name, x_type, sum_type, y_type, join, first_value, finish)                         \
    static void name##_block(const struct deit_reduce_op *op, const x_type *x, size_t n,          \
                             y_type *y)                                                           \
    {                                                                                             \
        const struct deit_walk *walk = &op->reduced;                                              \
        const ptrdiff_t stride = walk->stride[walk->rank - 1][0];                                 \
        struct deit_walk_at at = { .i = { 0 } };                                                  \
        sum_type sum[BLOCK];                                                                      \
        for (size_t j = 0; j < n; j++)                                                            \
            sum[j] = first_value;                                                                 \
        for (size_t left = op->n_reduced; left;) {                                                \
            size_t run = deit_walk_run(walk, &at, left);                                          \
            const x_type *row = x + at.offset[0];                                                 \
            for (size_t i = 0; i < run; i++, row += stride)                                       \
                for (size_t j = 0; j < n; j++)                                                    \
                    sum[j] = join(sum[j], (sum_type)row[j]);                                      \
            deit_walk_advance(walk, &at, run);                                                    \
            left -= run;                                                                          \
        }                                                                                         \
        for (size_t j = 0; j < n; j++)                                                            \
            y[j] = (y_type)finish(sum[j], op->n_reduced);                                         \
    }                                                                                             \
    static y_type name##_single(const struct deit_reduce_op *op, const x_type *x)                 \
    {                                                                                             \
        const struct deit_walk *walk = &op->reduced;                                              \
        const ptrdiff_t stride = walk->stride[walk->rank - 1][0];                                 \
        struct deit_walk_at at = { .i = { 0 } };                                                  \
        sum_type sum[CHAINS] = { first_value, first_value, first_value, first_value };            \
        for (size_t left = op->n_reduced; left;) {                                                \
            size_t run = deit_walk_run(walk, &at, left), i = 0;                                   \
            const x_type *row = x + at.offset[0];                                                 \
            for (; i + CHAINS <= run; i += CHAINS)                                                \
                for (size_t c = 0; c < CHAINS; c++)                                               \
                    sum[c] = join(sum[c], (sum_type)row[(ptrdiff_t)(i + c) * stride]);            \
            for (size_t c = 0; i < run; i++, c++)                                                 \
                sum[c] = join(sum[c], (sum_type)row[(ptrdiff_t)i * stride]);                      \
            deit_walk_advance(walk, &at, run);                                                    \
            left -= run;                                                                          \
        }                                                                                         \
        sum_type all = join(join(sum[0], sum[1]), join(sum[2], sum[3]));                          \
        return (y_type)finish(all, op->n_reduced);                                                \
    }                                                                                             \
    void deit_reduce_##name(const struct deit_reduce_op *op, ptrdiff_t offset, size_t n,          \
                            size_t first)                                                         \
    {                                                                                             \
        const ptrdiff_t stride = op->kept.stride[op->kept.rank - 1][0];                           \
        const x_type *x = (const x_type *)op->x + offset;                                         \
        y_type *y = (y_type *)op->y + first;                                                      \
        if (stride == 1 && op->n_kept > 1)                                                        \
            for (size_t j = 0; j < n; j += BLOCK)                                                 \
                name##_block(op, x + j, n - j < BLOCK ? n - j : BLOCK, y + j);                    \
        else                                                                                      \
            for (size_t j = 0; j < n; j++)                                                        \
                y[j] = name##_single(op, x + (ptrdiff_t)j * stride);                              \
    }

#define AS_IT_IS(sum, n) (sum)
#define MEAN_F64(sum, n) ((sum) / (double)(n))

REDUCE(sum_f32, float, double, float, sum_f64, 0.0, AS_IT_IS)
REDUCE(mean_f32, float, double, float, sum_f64, 0.0, MEAN_F64)
REDUCE(max_f32, float, double, float, max_f64, -(double)INFINITY, AS_IT_IS)
REDUCE(min_f32, float, double, float, min_f64, (double)INFINITY, AS_IT_IS)
REDUCE(prod_f32, float, double, float, prod_f64, 1.0, AS_IT_IS)

REDUCE(sum_i64, int64_t, uint64_t, int64_t, sum_u64, 0, AS_IT_IS)
REDUCE(mean_i64, int64_t, uint64_t, int64_t, sum_u64, 0, mean_of)
REDUCE(max_i64, int64_t, int64_t, int64_t, max_s64, INT64_MIN, AS_IT_IS)
REDUCE(min_i64, int64_t, int64_t, int64_t, min_s64, INT64_MAX, AS_IT_IS)
REDUCE(prod_i64, int64_t, uint64_t, int64_t, prod_u64, 1, AS_IT_IS)

REDUCE(max_bool, uint8_t, uint8_t, uint8_t, or_u8, 0, AS_IT_IS)
REDUCE(min_bool, uint8_t, uint8_t, uint8_t, and_u8, 1, AS_IT_IS)

/* As many results a tile as read about DEIT_TILE_ELEMENTS elements, and no fewer than a block. */
static size_t tile_results(const struct deit_reduce_op *op)
{
    size_t n = DEIT_TILE_ELEMENTS / (op->n_reduced ? op->n_reduced : 1);
    return n < BLOCK ? BLOCK : n;
}

size_t deit_reduce_n_tiles(const void *op_, size_t batch)
{
    const struct deit_reduce_op *op = op_;
    (void)batch;
    return deit_ceil_div(op->n_kept, tile_results(op));
}

void deit_reduce_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_reduce_op *op = op_;
    size_t first = tile->index * tile_results(op), end = first + tile_results(op);
    if (end > op->n_kept)
        end = op->n_kept;
    struct deit_walk_at at;
    deit_walk_seek(&op->kept, first, &at);
    while (first < end) {
        size_t n = deit_walk_run(&op->kept, &at, end - first);
        op->fn(op, at.offset[0], n, first);
        deit_walk_advance(&op->kept, &at, n);
        first += n;
    }
}
