/*
 * ops/cast.c: conversions that are defined for every input, unlike those of C.
 *
 * Rounding to halves works on the bits: the mode that flushes denormals does not touch it, and
 * no instruction set needs to have it.
 */
#include "ops/cast.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define CAST(name, x_type, y_type, expression)                                                    \
    void deit_cast_##name(const struct deit_kernels *kernels, size_t n, const void *x_, void *y_) \
    {                                                                                             \
        const x_type *x = x_;                                                                     \
        y_type *y = y_;                                                                           \
        (void)kernels;                                                                            \
        for (size_t i = 0; i < n; i++) {                                                          \
            const x_type v = x[i];                                                                \
            y[i] = (expression);                                                                  \
        }                                                                                         \
    }

static inline uint32_t bits_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline float from_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* The low 'n' bits rounded away, ties to even; a carry runs into the exponent as it should. */
static inline uint32_t round_bits(uint32_t bits, unsigned n)
{
    uint32_t odd = bits >> n & 1;
    return (bits + (UINT32_C(1) << (n - 1)) - 1 + odd) >> n << n;
}

static inline float to_bf16(float v)
{
    return isnan(v) ? v : from_bits(round_bits(bits_of(v), 16));
}

/*
 * Normal halves lose 13 bits of the fraction, and one more for each halving below 2^-14; what
 * is at most 2^-25 rounds to zero.
 */
static inline float to_f16(float v)
{
    uint32_t sign = bits_of(v) & UINT32_C(0x80000000), size = bits_of(v) ^ sign;
    uint32_t exponent = size >> 23;
    if (exponent == 255)
        return v;
    if (size <= UINT32_C(102) << 23)
        return from_bits(sign);
    if (exponent < 102 + 1)
        size = UINT32_C(103) << 23;
    else if (exponent < 113)
        size = round_bits(size, 13 + 113 - exponent);
    else
        size = round_bits(size, 13);
    if (size >= UINT32_C(143) << 23) /* 65536 */
        size = UINT32_C(255) << 23;
    return from_bits(sign | size);
}

static inline int64_t to_i64(float v)
{
    if (isnan(v))
        return 0;
    if (v >= 0x1p63f)
        return INT64_MAX;
    return v < -0x1p63f ? INT64_MIN : (int64_t)v;
}

static inline int64_t to_i32(float v)
{
    if (isnan(v))
        return 0;
    if (v >= 0x1p31f)
        return INT32_MAX;
    return v < -0x1p31f ? INT32_MIN : (int64_t)v;
}

/* The low bits, as two's complement of 2^n values around 'least'. */
static inline int64_t wrap(int64_t v, unsigned n, int64_t least)
{
    uint64_t mask = (UINT64_C(1) << n) - 1;
    return (int64_t)(((uint64_t)v - (uint64_t)least) & mask) + least;
}

CAST(f32_f16, float, float, to_f16(v))
CAST(f32_bf16, float, float, to_bf16(v))
CAST(f32_i64, float, int64_t, to_i64(v))
CAST(f32_i32, float, int64_t, to_i32(v))
CAST(f32_u8, float, int64_t, wrap(to_i32(v), 8, 0))
CAST(f32_i8, float, int64_t, wrap(to_i32(v), 8, INT8_MIN))
CAST(f32_bool, float, uint8_t, v != 0.0f)
CAST(i64_f32, int64_t, float, (float)v)
CAST(i64_f16, int64_t, float, to_f16((float)v))
CAST(i64_bf16, int64_t, float, to_bf16((float)v))
CAST(i64_i32, int64_t, int64_t, wrap(v, 32, INT32_MIN))
CAST(i64_u8, int64_t, int64_t, wrap(v, 8, 0))
CAST(i64_i8, int64_t, int64_t, wrap(v, 8, INT8_MIN))
CAST(i64_bool, int64_t, uint8_t, v != 0)
CAST(bool_f32, uint8_t, float, (float)v)
CAST(bool_i64, uint8_t, int64_t, v)
