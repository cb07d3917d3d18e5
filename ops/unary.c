/*
 * ops/unary.c: one plain loop for each function, which the compiler vectorises where the machine
 * has the instruction.
 *
 * The raised graph of a DeiT has none of these as steps, so exp and its like are the C library's:
 * correct comes before fast here.
 */
#include "ops/unary.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "ops/walk.h"

/* y[i] = expression of v = x[i] */
#define UNARY(name, x_type, y_type, expression)                                                   \
    void deit_##name(const struct deit_kernels *kernels, size_t n, const void *x_, void *y_)      \
    {                                                                                             \
        const x_type *x = x_;                                                                     \
        y_type *y = y_;                                                                           \
        (void)kernels;                                                                            \
        for (size_t i = 0; i < n; i++) {                                                          \
            const x_type v = x[i];                                                                \
            y[i] = (expression);                                                                  \
        }                                                                                         \
    }

static inline int64_t negate(int64_t v)
{
    return (int64_t)(0 - (uint64_t)v);
}

static inline float sign(float v)
{
    if (isnan(v))
        return v;
    return (float)((v > 0.0f) - (v < 0.0f));
}

/* x (1 + tanh u) / 2 = x / (1 + exp(-2 u)), which keeps its digits where tanh is close to -1. */
static inline float gelu_tanh(float v)
{
    const float two_root = 1.5957691216057308f; /* 2 sqrt(2 / pi) */
    return v / (1.0f + expf(-two_root * (v + 0.044715f * v * v * v)));
}

UNARY(neg_f32, float, float, -v)
UNARY(neg_i64, int64_t, int64_t, negate(v))
UNARY(abs_f32, float, float, fabsf(v))
UNARY(abs_i64, int64_t, int64_t, v < 0 ? negate(v) : v)
UNARY(relu_f32, float, float, v < 0.0f ? 0.0f : v)
UNARY(relu_i64, int64_t, int64_t, v < 0 ? 0 : v)
UNARY(sign_f32, float, float, sign(v))
UNARY(sign_i64, int64_t, int64_t, (v > 0) - (v < 0))
UNARY(sqrt_f32, float, float, sqrtf(v))
UNARY(exp_f32, float, float, expf(v))
UNARY(log_f32, float, float, logf(v))
UNARY(erf_f32, float, float, erff(v))
UNARY(tanh_f32, float, float, tanhf(v))
UNARY(sigmoid_f32, float, float, 1.0f / (1.0f + expf(-v)))
UNARY(reciprocal_f32, float, float, 1.0f / v)
UNARY(floor_f32, float, float, floorf(v))
UNARY(ceil_f32, float, float, ceilf(v))
UNARY(round_f32, float, float, rintf(v))
UNARY(gelu_tanh_f32, float, float, gelu_tanh(v))
UNARY(is_nan_f32, float, uint8_t, v != v)
UNARY(not_bool, uint8_t, uint8_t, !v)

void deit_gelu_f32(const struct deit_kernels *kernels, size_t n, const void *x, void *y)
{
    if (y != x)
        memcpy(y, x, n * sizeof(float));
    kernels->gelu_f32(1, n, y, n);
}

size_t deit_unary_n_tiles(const void *op_, size_t batch)
{
    const struct deit_unary_op *op = op_;
    return deit_ceil_div(op->count_per_image * batch, DEIT_TILE_ELEMENTS);
}

void deit_unary_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_unary_op *op = op_;
    struct deit_range part = deit_tile_part(op->count_per_image * tile->batch, tile->index);
    op->fn(tile->kernels, part.end - part.begin, (const char *)op->x + part.begin * op->x_bytes,
           (char *)op->y + part.begin * op->y_bytes);
}
