/*
 * ops/scalar/widen_f32_scalar.c: half floats to floats, by their bits.
 *
 * Integer arithmetic does not look at the flush-to-zero mode.  A signalling NaN comes out quiet
 * from f16, as the conversion instructions do it.
 */
#include <string.h>

#include "ops/scalar/scalar.h"

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t f16_to_f32_bits(uint32_t half)
{
    const uint32_t sign = (half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 0x1f, mantissa = half & 0x3ff;

    if (exponent == 0x1f)
        return sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0);
    if (exponent == 0) {
        if (mantissa == 0)
            return sign;
        /* Denormal: shift the leading one up to the hidden place. */
        exponent = 1;
        while (!(mantissa & 0x400)) {
            mantissa <<= 1;
            exponent--; /* may wrap; adding the bias brings it back */
        }
        mantissa &= 0x3ff;
    }
    return sign | (exponent + (127 - 15)) << 23 | mantissa << 13;
}

void deit_widen_f16_scalar(size_t n, const uint16_t *src, float *dst)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = from_bits(f16_to_f32_bits(src[i]));
}

void deit_widen_bf16_scalar(size_t n, const uint16_t *src, float *dst)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = from_bits((uint32_t)src[i] << 16);
}
