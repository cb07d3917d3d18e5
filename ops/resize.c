/*
 * ops/resize.c: passes along one axis, each a sum of a few weighted rows.
 *
 * What lies behind the axis is one run, so all axes but the last are sums of whole rows.  An
 * antialiased filter has many taps: one axis after the other needs their sum where all at once
 * would need their product.
 */
#include "ops/resize.h"

#include <string.h>

enum { TILE_PRODUCTS = 16 * 1024 }; /* of a tile, about */

static size_t n_chunks(const struct deit_resize_pass *op)
{
    size_t work = op->inner * op->taps, rows = TILE_PRODUCTS / (work ? work : 1);
    return op->inner ? deit_ceil_div(op->outer * op->out, rows ? rows : 1) : 0;
}

size_t deit_resize_n_tiles(const void *op_, size_t batch)
{
    (void)batch;
    return n_chunks(op_);
}

static float dot(size_t n, const float *weights, const float *x)
{
    float sum = 0;
    for (size_t t = 0; t < n; t++)
        sum += weights[t] * x[t];
    return sum;
}

static void sum_rows(size_t n, size_t count, const float *weights, const float *restrict x,
                     float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = weights[0] * x[i];
    for (size_t t = 1; t < count; t++)
        for (size_t i = 0; i < n; i++)
            y[i] += weights[t] * x[t * n + i];
}

static void copy_run(unsigned char *y, const unsigned char *x, size_t bytes)
{
    switch (bytes) {
    case 1: *y = *x; break;
    case 4: memcpy(y, x, 4); break;
    case 8: memcpy(y, x, 8); break;
    default: memcpy(y, x, bytes);
    }
}

void deit_resize_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_resize_pass *op = op_;
    const float *weights = (const float *)(const void *)(op->rows + op->out);
    size_t run = op->inner * op->element_bytes;
    struct deit_range part = deit_piece(op->outer * op->out, n_chunks(op), tile->index);

    for (size_t r = part.begin; r < part.end; r++) {
        const struct deit_resize_row row = op->rows[r % op->out];
        const float *w = weights + r % op->out * op->taps;
        size_t from = r / op->out * op->in + row.start;
        unsigned char *y = (unsigned char *)op->y + r * run;
        const float *x = (const float *)op->x + from * op->inner;
        if (!row.count)
            memset(y, 0, run);
        else if (op->nearest)
            copy_run(y, (const unsigned char *)op->x + from * run, run);
        else if (op->inner == 1)
            ((float *)op->y)[r] = dot(row.count, w, x);
        else
            sum_rows(op->inner, row.count, w, x, (float *)op->y + r * op->inner);
    }
}

size_t deit_resize_fill_n_tiles(const void *op_, size_t batch)
{
    const struct deit_resize_pass *op = op_;
    (void)batch;
    return op->inner ? op->outer : 0;
}

void deit_resize_fill(const void *op_, const struct deit_tile *tile)
{
    const struct deit_resize_pass *op = op_;
    size_t run = op->inner * op->element_bytes;
    unsigned char *y = (unsigned char *)op->y + tile->index * op->out * run;
    for (size_t i = 0; i < op->out; i++, y += run)
        for (size_t at = 0; !op->rows[i].count && at < run; at += op->element_bytes)
            memcpy(y + at, op->fill, op->element_bytes);
}
