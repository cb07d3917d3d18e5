/*
 * ops/binary.c: broadcasting outside, three loops for each function inside: both operands go on,
 * or one of them stands still.
 *
 * The steps are constants in each loop, so the compiler vectorises it; what a tile is has no say
 * in which loop runs, so answers do not depend on the cut.
 */
#include "ops/binary.h"

#include <math.h>
#include <stdint.h>

/* y[i] = expression of v = a[i], w = b[i] */
#define LOOP(name, a_type, b_type, y_type, expression)                                            \
    static inline __attribute__((always_inline)) void name##_loop(                                \
        size_t n, const a_type *a, size_t a_step, const b_type *b, size_t b_step, y_type *y)      \
    {                                                                                             \
        for (size_t i = 0; i < n; i++) {                                                          \
            const a_type v = a[i * a_step];                                                       \
            const b_type w = b[i * b_step];                                                       \
            (void)w;                                                                              \
            y[i] = (expression);                                                                  \
        }                                                                                         \
    }

#define BINARY(name, a_type, b_type, y_type, expression)                                          \
    LOOP(name, a_type, b_type, y_type, expression)                                                \
    void deit_##name(const struct deit_kernels *kernels, size_t n, const void *a, size_t a_step,  \
                     const void *b, size_t b_step, void *y)                                       \
    {                                                                                             \
        (void)kernels;                                                                            \
        if (a_step && b_step)                                                                     \
            name##_loop(n, a, 1, b, 1, y);                                                        \
        else if (a_step)                                                                          \
            name##_loop(n, a, 1, b, 0, y);                                                        \
        else                                                                                      \
            name##_loop(n, a, 0, b, b_step, y);                                                   \
    }

#define FLOATS(name, expression) BINARY(name##_f32, float, float, float, expression)
#define INTS(name, expression) BINARY(name##_i64, int64_t, int64_t, int64_t, expression)
#define BOOLS(name, expression) BINARY(name##_bool, uint8_t, uint8_t, uint8_t, expression)
#define COMPARE(name, operator)                                                                   \
    BINARY(name##_f32, float, float, uint8_t, v operator w)                                       \
    BINARY(name##_i64, int64_t, int64_t, uint8_t, v operator w)

static inline int64_t divide(int64_t a, int64_t b)
{
    if (b == 0)
        return 0;
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static inline int64_t remainder_of(int64_t a, int64_t b)
{
    return b == 0 || b == -1 ? 0 : a % b;
}

static inline int64_t modulo(int64_t a, int64_t b)
{
    int64_t rest = remainder_of(a, b);
    return rest && (rest < 0) != (b < 0) ? rest + b : rest;
}

static inline float modulo_f32(float a, float b)
{
    float rest = fmodf(a, b);
    return rest != 0.0f && (rest < 0.0f) != (b < 0.0f) ? rest + b : rest;
}

LOOP(add_f32, float, float, float, v + w)

void deit_add_f32(const struct deit_kernels *kernels, size_t n, const void *a, size_t a_step,
                  const void *b, size_t b_step, void *y)
{
    if (a_step && b_step)
        kernels->add_f32(n, a, b, y);
    else if (a_step)
        add_f32_loop(n, a, 1, b, 0, y);
    else
        add_f32_loop(n, a, 0, b, b_step, y);
}

void deit_mul_f32(const struct deit_kernels *kernels, size_t n, const void *a, size_t a_step,
                  const void *b, size_t b_step, void *y)
{
    if (a_step && b_step)
        kernels->mul_f32(n, a, b, y);
    else if (a_step)
        kernels->scale_f32(n, *(const float *)b, a, y);
    else
        kernels->scale_f32(n, *(const float *)a, b, y);
}

FLOATS(sub, v - w)
FLOATS(div, v / w)
FLOATS(mod, modulo_f32(v, w))
FLOATS(fmod, fmodf(v, w))
FLOATS(min, v < w || v != v ? v : w)
FLOATS(max, v > w || v != v ? v : w)

INTS(add, (int64_t)((uint64_t)v + (uint64_t)w))
INTS(sub, (int64_t)((uint64_t)v - (uint64_t)w))
INTS(mul, (int64_t)((uint64_t)v * (uint64_t)w))
INTS(div, divide(v, w))
INTS(mod, modulo(v, w))
INTS(fmod, remainder_of(v, w))
INTS(min, v < w ? v : w)
INTS(max, v > w ? v : w)

BOOLS(and, v & w)
BOOLS(or, v | w)
BOOLS(xor, v ^ w)
BOOLS(equal, v == w)

COMPARE(equal, ==)
COMPARE(less, <)
COMPARE(less_or_equal, <=)
COMPARE(greater, >)
COMPARE(greater_or_equal, >=)

/* By squares; a negative exponent leaves 1, -1, or what rounds to 0. */
static inline int64_t power(int64_t base, int64_t exponent)
{
    if (exponent < 0)
        return base == 1 || (base == -1 && exponent % 2 == 0) ? 1 : -(base == -1);
    uint64_t square = (uint64_t)base, result = 1;
    for (uint64_t left = (uint64_t)exponent; left; left >>= 1, square *= square)
        if (left & 1)
            result *= square;
    return (int64_t)result;
}

static inline int64_t to_integer(double v)
{
    if (isnan(v))
        return 0;
    if (v >= 0x1p63)
        return INT64_MAX;
    return v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

LOOP(pow_f32, float, float, float, powf(v, w))
LOOP(square_f32, float, float, float, v * v)
BINARY(pow_f32_i64, float, int64_t, float, (float)pow((double)v, (double)w))
BINARY(pow_i64_f32, int64_t, float, int64_t, to_integer(pow((double)v, (double)w)))
INTS(pow, power(v, w))

void deit_pow_f32(const struct deit_kernels *kernels, size_t n, const void *a, size_t a_step,
                  const void *b, size_t b_step, void *y)
{
    (void)kernels;
    if (!b_step && *(const float *)b == 2.0f)
        square_f32_loop(n, a, a_step, b, 0, y);
    else
        pow_f32_loop(n, a, a_step, b, b_step, y);
}

size_t deit_binary_n_tiles(const void *op_, size_t batch)
{
    const struct deit_binary_op *op = op_;
    return deit_ceil_div(op->count_per_image * batch, DEIT_TILE_ELEMENTS);
}

void deit_binary_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_binary_op *op = op_;
    const ptrdiff_t *step = op->walk.stride[op->walk.rank - 1];
    struct deit_range part = deit_tile_part(op->count_per_image * tile->batch, tile->index);
    struct deit_walk_at at;
    deit_walk_seek(&op->walk, part.begin, &at);
    for (size_t i = part.begin; i < part.end;) {
        size_t n = deit_walk_run(&op->walk, &at, part.end - i);
        op->fn(tile->kernels, n, (const char *)op->a + (size_t)at.offset[0] * op->a_bytes,
               (size_t)step[0], (const char *)op->b + (size_t)at.offset[1] * op->b_bytes,
               (size_t)step[1], (char *)op->y + i * op->y_bytes);
        deit_walk_advance(&op->walk, &at, n);
        i += n;
    }
}
