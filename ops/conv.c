/*
 * ops/conv.c: convolution as a matrix product without a packed weight.
 *
 * Rows of the product are output channels and columns are pixels, so that it lands in planes.
 * The panel is then made of pixels: a tile writes the input elements that its pixels meet
 * straight in panel order into its scratch, as it would have to copy them anyway, and the
 * weight stays as it is stored, whether it is a constant or was computed.  With one input
 * channel in a group there is nothing to multiply: those are plain loops over rows.
 */
#include "ops/conv.h"

#include <assert.h>
#include <string.h>

#include "ops/window.h"

enum {
    PANEL_BYTES = 256 * 1024, /* of a tile's panels: they stay in the second-level cache */
    MOST_PANELS = 4,
    CHUNK_BLOCKS = 8,         /* register tiles of output channels in a tile */
    DEPTHWISE_PIXELS = 4096   /* of a depthwise tile, about */
};

/* ------------------------------------------------------------------ as a product */

static size_t panels_per_tile(size_t k, size_t nr)
{
    size_t panels = PANEL_BYTES / (sizeof(float) * nr * (k ? k : 1));
    return panels < 1 ? 1 : panels < MOST_PANELS ? panels : MOST_PANELS;
}

size_t deit_conv_scratch_count(size_t k, size_t nr)
{
    return panels_per_tile(k, nr) * k * nr;
}

static size_t kernel_elements(const struct deit_conv *op)
{
    return op->in_channels * op->kernel_height * op->kernel_width;
}

/* Pieces of the pixels, in whole panels. */
static size_t n_pixel_chunks(const struct deit_conv *op)
{
    size_t panels = deit_ceil_div(op->out_height * op->out_width, op->nr);
    return deit_ceil_div(panels, panels_per_tile(kernel_elements(op), op->nr));
}

static size_t n_row_chunks(const struct deit_conv *op)
{
    return deit_ceil_div(op->out_channels, CHUNK_BLOCKS * op->mr);
}

size_t deit_conv_n_tiles(const void *op_, size_t batch)
{
    const struct deit_conv *op = op_;
    (void)batch;
    return op->images * op->groups * n_row_chunks(op) * n_pixel_chunks(op);
}

/* Pixels 'first' to 'first' + n of one row, for one kernel element: 'x' is its input row. */
static void copy_row(const struct deit_conv *op, const float *x, size_t first, size_t n,
                     size_t tap, float *to)
{
    struct deit_range valid =
        deit_window_meets(op->out_width, op->width, op->stride_width, op->pad_left, tap);
    size_t begin = valid.begin < first ? first : valid.begin;
    size_t end = valid.end < first + n ? valid.end : first + n;
    if (begin >= end) {
        memset(to, 0, n * sizeof *to);
        return;
    }
    const float *from = x + (begin * op->stride_width + tap - op->pad_left);
    memset(to, 0, (begin - first) * sizeof *to);
    if (op->stride_width == 1)
        memcpy(to + (begin - first), from, (end - begin) * sizeof *to);
    else
        for (size_t i = 0; i < end - begin; i++)
            to[begin - first + i] = from[i * op->stride_width];
    memset(to + (end - first), 0, (first + n - end) * sizeof *to);
}

/* Pixels 'first' to 'first' + n, for one kernel element of one input plane. */
static void copy_pixels(const struct deit_conv *op, const float *plane, size_t first, size_t n,
                        size_t ky, size_t kx, float *to)
{
    size_t row = first / op->out_width, column = first % op->out_width;
    struct deit_range valid =
        deit_window_meets(op->out_height, op->height, op->stride_height, op->pad_top, ky);
    while (n) {
        size_t count = op->out_width - column < n ? op->out_width - column : n;
        if (row >= valid.begin && row < valid.end)
            copy_row(op, plane + (row * op->stride_height + ky - op->pad_top) * op->width, column,
                     count, kx, to);
        else
            memset(to, 0, count * sizeof *to);
        to += count;
        n -= count;
        column = 0;
        row++;
    }
}

/* One panel: k rows of nr pixels. */
static void pack_pixels(const struct deit_conv *op, const float *x, size_t first, size_t n,
                        float *panel)
{
    for (size_t c = 0; c < op->in_channels; c++, x += op->height * op->width)
        for (size_t ky = 0; ky < op->kernel_height; ky++)
            for (size_t kx = 0; kx < op->kernel_width; kx++, panel += op->nr) {
                copy_pixels(op, x, first, n, ky * op->dilation_height, kx * op->dilation_width,
                            panel);
                memset(panel + n, 0, (op->nr - n) * sizeof *panel);
            }
}

static void add_bias(const float *bias, size_t rows, size_t n, float *y, size_t stride)
{
    for (size_t r = 0; bias && r < rows; r++)
        for (size_t i = 0; i < n; i++)
            y[r * stride + i] += bias[r];
}

/* Output channels 'rows' of one group for pixels [pixels.begin, pixels.end), whose panels are in
 * 'panels'; 'channel' is the group's first. */
static void multiply(const struct deit_conv *op, const struct deit_kernels *kernels,
                     struct deit_range rows, struct deit_range pixels, size_t channel,
                     const float *panels, float *y)
{
    size_t k = kernel_elements(op), n_pixels = op->out_height * op->out_width;
    size_t n_blocks = deit_ceil_div(rows.end - rows.begin, op->mr);
    for (size_t i = 0; i < n_blocks; i++) {
        struct deit_range block = deit_piece(rows.end - rows.begin, n_blocks, i);
        size_t row = rows.begin + block.begin, n_rows = block.end - block.begin;
        for (size_t first = pixels.begin; first < pixels.end; first += op->nr) {
            const struct deit_gemm_f32_args args = {
                .k = k, .n = pixels.end - first < op->nr ? pixels.end - first : op->nr,
                .a = op->weight + (channel + row) * k, .a_stride = k,
                .b = panels + (first - pixels.begin) * k,
                .c = y + row * n_pixels + first, .c_stride = n_pixels,
            };
            kernels->gemm_f32.run(n_rows, &args);
            add_bias(op->bias ? op->bias + channel + row : NULL, n_rows, args.n, args.c,
                     n_pixels);
        }
    }
}

void deit_conv_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_conv *op = op_;
    assert(op->nr == tile->kernels->gemm_f32.nr);
    size_t pixel_chunks = n_pixel_chunks(op), row_chunks = n_row_chunks(op);
    size_t n_pixels = op->out_height * op->out_width, n_panels = deit_ceil_div(n_pixels, op->nr);
    size_t group = tile->index / (pixel_chunks * row_chunks); /* of all images */
    size_t channel = group % op->groups * op->out_channels;
    struct deit_range rows =
        deit_piece(op->out_channels, row_chunks, tile->index / pixel_chunks % row_chunks);
    struct deit_range panels = deit_piece(n_panels, pixel_chunks, tile->index % pixel_chunks);
    struct deit_range pixels = { panels.begin * op->nr, panels.end * op->nr };
    if (pixels.end > n_pixels)
        pixels.end = n_pixels;

    const float *x = op->x + group * op->in_channels * op->height * op->width;
    size_t k = kernel_elements(op);
    float *scratch = tile->scratch;
    for (size_t first = pixels.begin; first < pixels.end; first += op->nr)
        pack_pixels(op, x, first, pixels.end - first < op->nr ? pixels.end - first : op->nr,
                    scratch + (first - pixels.begin) * k);
    multiply(op, tile->kernels, rows, pixels, channel, scratch,
             op->y + group * op->out_channels * n_pixels);
}

/* ------------------------------------------------------------------ depthwise */

static size_t n_depthwise_chunks(const struct deit_conv *op)
{
    size_t rows = DEPTHWISE_PIXELS / (op->out_width ? op->out_width : 1);
    return deit_ceil_div(op->out_height, rows ? rows : 1);
}

size_t deit_conv_depthwise_n_tiles(const void *op_, size_t batch)
{
    const struct deit_conv *op = op_;
    (void)batch;
    return op->images * op->groups * op->out_channels * n_depthwise_chunks(op);
}

/* y += weight * x along a row, of x every stride-th element. */
static void add_row(size_t n, float weight, const float *restrict x, size_t stride,
                    float *restrict y)
{
    if (stride == 1)
        for (size_t i = 0; i < n; i++)
            y[i] += weight * x[i];
    else if (stride == 2)
        for (size_t i = 0; i < n; i++)
            y[i] += weight * x[2 * i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] += weight * x[i * stride];
}

/* All kernel elements that output row 'row' meets; padding adds nothing. */
static void depthwise_row(const struct deit_conv *op, const float *plane, const float *weight,
                          size_t row, float *y)
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
                add_row(valid.end - valid.begin, weight[ky * op->kernel_width + kx],
                        x + (valid.begin * op->stride_width + tap - op->pad_left),
                        op->stride_width, y + valid.begin);
        }
    }
}

void deit_conv_depthwise_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_conv *op = op_;
    size_t chunks = n_depthwise_chunks(op), plane = tile->index / chunks;
    size_t group = plane / op->out_channels; /* of all images: an input plane */
    size_t channel = plane % (op->groups * op->out_channels);
    struct deit_range rows = deit_piece(op->out_height, chunks, tile->index % chunks);
    const float *x = op->x + group * op->height * op->width;
    const float *weight = op->weight + channel * op->kernel_height * op->kernel_width;

    for (size_t row = rows.begin; row < rows.end; row++) {
        float *y = op->y + (plane * op->out_height + row) * op->out_width;
        depthwise_row(op, x, weight, row, y);
        add_bias(op->bias ? op->bias + channel : NULL, 1, op->out_width, y, op->out_width);
    }
}
