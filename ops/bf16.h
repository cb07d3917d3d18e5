/*
 * ops/bf16.h: bf16 parts of a number, in plain C, and the sizes of arrays of them.
 */
#ifndef DEIT_OPS_BF16_H
#define DEIT_OPS_BF16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ops/kernels.h"

/* To nearest, ties to even; a NaN stays one. */
static inline uint16_t deit_bf16_round(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static inline float deit_bf16_widen(uint16_t x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

/* Takes the next part off 'x', which keeps what is left. */
static inline uint16_t deit_bf16_take(float *x)
{
    const uint16_t part = deit_bf16_round(*x);
    *x -= deit_bf16_widen(part);
    return part;
}

/* Elements of k with the zeros behind them. */
static inline size_t deit_bf16_padded(size_t k)
{
    return (k + DEIT_BF16_K - 1) / DEIT_BF16_K * DEIT_BF16_K;
}

#endif
