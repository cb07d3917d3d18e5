/*
 * ops/pad.c: row by row of the last padded dim: what comes from the middle is one memcpy(), the
 * borders are moved unit by unit.
 */
#include "ops/pad.h"

#include <stdint.h>
#include <string.h>

#include "ops/walk.h"

ptrdiff_t deit_pad_index_constant(ptrdiff_t i, ptrdiff_t n)
{
    return i < 0 || i >= n ? -1 : i;
}

ptrdiff_t deit_pad_index_edge(ptrdiff_t i, ptrdiff_t n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

ptrdiff_t deit_pad_index_wrap(ptrdiff_t i, ptrdiff_t n)
{
    ptrdiff_t rest = i % n;
    return rest < 0 ? rest + n : rest;
}

/* There and back again, without the ends twice: a period of 2 n - 2. */
ptrdiff_t deit_pad_index_reflect(ptrdiff_t i, ptrdiff_t n)
{
    if (n == 1)
        return 0;
    ptrdiff_t rest = deit_pad_index_wrap(i, 2 * n - 2);
    return rest < n ? rest : 2 * n - 2 - rest;
}

static size_t count_rows(const struct deit_pad *op)
{
    size_t rows = 1;
    for (size_t i = 0; i + 1 < op->rank; i++)
        rows *= op->n_y[i];
    return rows;
}

static size_t row_elements(const struct deit_pad *op)
{
    return op->n_y[op->rank - 1] * op->unit;
}

static size_t tile_rows(const struct deit_pad *op)
{
    return deit_ceil_div(DEIT_TILE_ELEMENTS, row_elements(op));
}

size_t deit_pad_n_tiles(const void *op_, size_t batch)
{
    const struct deit_pad *op = op_;
    (void)batch;
    return deit_ceil_div(count_rows(op), tile_rows(op));
}

static void fill(const struct deit_pad *op, size_t n, void *y)
{
    uint64_t zero = 0;
    const void *value = op->value ? op->value : &zero;
    if (op->element_bytes == 1)
        memset(y, *(const uint8_t *)value, n);
    else if (op->element_bytes == 4)
        for (size_t i = 0; i < n; i++)
            memcpy((char *)y + i * 4, value, 4);
    else
        for (size_t i = 0; i < n; i++)
            memcpy((char *)y + i * 8, value, 8);
}

/* The row of x that row 'row' of y is made of, or NULL if all of it is the value. */
static const char *row_of_x(const struct deit_pad *op, size_t row)
{
    const char *x = op->x;
    for (size_t i = op->rank - 1; i-- > 0;) {
        ptrdiff_t at = (ptrdiff_t)(row % op->n_y[i]) - op->before[i];
        row /= op->n_y[i];
        at = op->index(at, (ptrdiff_t)op->n_x[i]);
        if (at < 0)
            return NULL;
        x += at * op->x_stride[i];
    }
    return x;
}

static void pad_row(const struct deit_pad *op, const char *x, char *y)
{
    size_t last = op->rank - 1, n_x = op->n_x[last], n_y = op->n_y[last];
    size_t unit_bytes = op->unit * op->element_bytes, before = (size_t)op->before[last];
    for (size_t i = 0; i < n_y;) {
        if (i == before && n_x) {
            memcpy(y + i * unit_bytes, x, n_x * unit_bytes);
            i += n_x;
            continue;
        }
        ptrdiff_t at = op->index((ptrdiff_t)i - op->before[last], (ptrdiff_t)n_x);
        if (at < 0)
            fill(op, op->unit, y + i * unit_bytes);
        else
            memcpy(y + i * unit_bytes, x + (size_t)at * unit_bytes, unit_bytes);
        i++;
    }
}

void deit_pad_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_pad *op = op_;
    size_t n = count_rows(op), first = tile->index * tile_rows(op);
    size_t end = n - first < tile_rows(op) ? n : first + tile_rows(op);
    for (size_t row = first; row < end; row++) {
        const char *x = row_of_x(op, row);
        char *y = (char *)op->y + row * row_elements(op) * op->element_bytes;
        if (x)
            pad_row(op, x, y);
        else
            fill(op, row_elements(op), y);
    }
}
