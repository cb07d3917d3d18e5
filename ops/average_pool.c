/*
 * ops/average_pool.c: sums along rows, one window element after the other, then a division.
 *
 * Rows of the output are summed as a whole, because a window by itself is too narrow for
 * vectors.  How many elements a window has is a product of two counts, one for each axis.
 */
#include "ops/average_pool.h"

#include <string.h>

#include "ops/window.h"

enum { TILE_PRODUCTS = 16 * 1024 }; /* additions of a tile, about */

static size_t n_chunks(const struct deit_average_pool *op)
{
    size_t work = op->out_width * op->kernel_height * op->kernel_width;
    size_t rows = TILE_PRODUCTS / (work ? work : 1);
    return deit_ceil_div(op->planes * op->out_height, rows ? rows : 1);
}

size_t deit_average_pool_n_tiles(const void *op_, size_t batch)
{
    (void)batch;
    return n_chunks(op_);
}

/* Elements of window 'i' with positions in [low, high), which count from the padding's begin. */
static size_t count_inside(size_t i, size_t kernel, size_t stride, size_t dilation, size_t low,
                           size_t high)
{
    size_t first = i * stride;
    size_t begin = low > first ? deit_ceil_div(low - first, dilation) : 0;
    size_t end = high > first ? deit_ceil_div(high - first, dilation) : 0;
    end = end < kernel ? end : kernel;
    return begin < end ? end - begin : 0;
}

static void add_row(size_t n, const float *restrict x, size_t stride, float *restrict y)
{
    if (stride == 1)
        for (size_t i = 0; i < n; i++)
            y[i] += x[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] += x[i * stride];
}

static void sum_row(const struct deit_average_pool *op, const float *plane, size_t row, float *y)
{
    memset(y, 0, op->out_width * sizeof *y);
    for (size_t ky = 0; ky < op->kernel_height; ky++) {
        size_t at = row * op->stride_height + ky * op->dilation_height;
        if (at < op->pad_top || at - op->pad_top >= op->height)
            continue;
        const float *x = plane + (at - op->pad_top) * op->width;
        for (size_t kx = 0; kx < op->kernel_width; kx++) {
            size_t tap = kx * op->dilation_width;
            struct deit_range valid =
                deit_window_meets(op->out_width, op->width, op->stride_width, op->pad_left, tap);
            if (valid.begin < valid.end)
                add_row(valid.end - valid.begin,
                        x + (valid.begin * op->stride_width + tap - op->pad_left),
                        op->stride_width, y + valid.begin);
        }
    }
}

static void divide_row(const struct deit_average_pool *op, size_t row, float *y)
{
    bool padding = op->count_include_pad;
    size_t rows = count_inside(row, op->kernel_height, op->stride_height, op->dilation_height,
                               padding ? 0 : op->pad_top,
                               op->pad_top + op->height + (padding ? op->pad_bottom : 0));
    for (size_t i = 0; i < op->out_width; i++) {
        size_t columns = count_inside(i, op->kernel_width, op->stride_width, op->dilation_width,
                                      padding ? 0 : op->pad_left,
                                      op->pad_left + op->width + (padding ? op->pad_right : 0));
        y[i] /= (float)(rows * columns);
    }
}

void deit_average_pool_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_average_pool *op = op_;
    struct deit_range rows =
        deit_piece(op->planes * op->out_height, n_chunks(op), tile->index);
    for (size_t r = rows.begin; r < rows.end; r++) {
        size_t plane = r / op->out_height, row = r % op->out_height;
        float *y = op->y + r * op->out_width;
        sum_row(op, op->x + plane * op->height * op->width, row, y);
        divide_row(op, row, y);
    }
}
