/*
 * ops/bf16.h: bf16 parts of numbers: one in plain C, and rows of them as products read them.
 */
#ifndef DEIT_OPS_BF16_H
#define DEIT_OPS_BF16_H

#include <stdbool.h>
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

/* Elements of a packed (n, k) weight, or of keys: ceil(n / nr) panels. */
static inline size_t deit_bf16_packed_count(size_t n, size_t k, size_t nr, unsigned n_parts)
{
    return (n + nr - 1) / nr * nr * deit_bf16_padded(k) * n_parts;
}

/* Rows of 'width' elements as bf16 parts: part p of row r is at data + (r * n + p) * k. */
struct deit_parts {
    uint16_t *data; /* NULL: there are none */
    size_t width, k; /* k: deit_bf16_padded(width) */
    unsigned n;
};

static inline struct deit_parts deit_parts_of(void *data, size_t width, unsigned n)
{
    return (struct deit_parts){ data, width, deit_bf16_padded(width), n };
}

static inline uint16_t *deit_parts_row(const struct deit_parts *parts, size_t row)
{
    return parts->data + row * parts->n * parts->k;
}

/* Splits a block of f32 into n_columns from 'column' on of rows from 'row' on. */
static inline void deit_parts_write(const struct deit_parts *parts,
                                    const struct deit_kernels *kernels, size_t row, size_t n_rows,
                                    size_t column, size_t n_columns, const float *src,
                                    size_t src_stride)
{
    const bool is_last = column + n_columns == parts->width;
    const struct deit_split_bf16_args args = {
        .k = n_columns,
        .k_padded = is_last ? parts->k - column : n_columns,
        .n_parts = parts->n,
        .src = src,
        .src_stride = src_stride,
        .dst = deit_parts_row(parts, row) + column,
        .dst_stride = parts->n * parts->k,
        .part_stride = parts->k,
    };
    kernels->split_bf16(n_rows, &args);
}

#endif
