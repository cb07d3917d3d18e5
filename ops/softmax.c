/*
 * ops/softmax.c: a line is made contiguous if it is not, so that every axis goes through the same
 * kernel and gives the same bits.
 */
#include "ops/softmax.h"

#include <string.h>

#include "ops/walk.h"

static size_t tile_lines(const struct deit_softmax_op *op)
{
    return deit_ceil_div(DEIT_TILE_ELEMENTS, op->n);
}

size_t deit_softmax_n_tiles(const void *op_, size_t batch)
{
    const struct deit_softmax_op *op = op_;
    (void)batch;
    return deit_ceil_div(op->outer * op->inner, tile_lines(op));
}

static void normalise(const struct deit_kernels *kernels, size_t n, float *line)
{
    float sum = kernels->softmax_f32(n, 1.0f, line);
    kernels->scale_f32(n, 1.0f / sum, line, line);
}

void deit_softmax_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_softmax_op *op = op_;
    size_t lines = op->outer * op->inner, first = tile->index * tile_lines(op);
    size_t end = lines - first < tile_lines(op) ? lines : first + tile_lines(op);
    for (size_t i = first; i < end; i++) {
        size_t at = i / op->inner * op->n * op->inner + i % op->inner;
        if (op->inner == 1) {
            if (op->y != op->x)
                memcpy(op->y + at, op->x + at, op->n * sizeof *op->y);
            normalise(tile->kernels, op->n, op->y + at);
            continue;
        }
        float *line = tile->scratch;
        for (size_t k = 0; k < op->n; k++)
            line[k] = op->x[at + k * op->inner];
        normalise(tile->kernels, op->n, line);
        for (size_t k = 0; k < op->n; k++)
            op->y[at + k * op->inner] = line[k];
    }
}
