/*
 * ops/transpose.c: small squares through a buffer, so that each cache line is read and written as
 * a whole.
 *
 * A plain loop comes back to a line for each of its elements; where a row is a power of two
 * long, the lines of a column share a few places of the cache and are gone by then.
 */
#include "ops/transpose.h"

#include <stdint.h>
#include <string.h>

enum { SIDE = 16, LEAST = 8 };

bool deit_transpose_of(const struct deit_walk *walk, struct deit_transpose *op)
{
    size_t last = walk->rank - 1, row = last;
    if (walk->stride[last][1] != 1 || walk->stride[last][0] == 1 || walk->n[last] < LEAST)
        return false;
    for (size_t i = 0; i < last; i++)
        if (walk->stride[i][0] == 1 && walk->n[i] >= LEAST)
            row = i;
    if (row == last)
        return false;
    op->rows = walk->n[row];
    op->columns = walk->n[last];
    op->from_column = walk->stride[last][0];
    op->to_row = walk->stride[row][1];
    op->outer = (struct deit_walk){ .rank = 0 };
    for (size_t i = 0; i < last; i++) {
        if (i == row)
            continue;
        op->outer.n[op->outer.rank] = walk->n[i];
        for (size_t k = 0; k < DEIT_WALK_OPERANDS; k++)
            op->outer.stride[op->outer.rank][k] = walk->stride[i][k];
        op->outer.rank++;
    }
    deit_walk_join(&op->outer);
    op->n_outer = deit_walk_count(&op->outer);
    return true;
}

/* Rows [first, end), at most SIDE, of one matrix. */
#define STRIP(name, type)                                                                         \
    static void name(const struct deit_transpose *op, const void *from_, void *to_, size_t first, \
                     size_t end)                                                                  \
    {                                                                                             \
        const type *from = from_;                                                                 \
        type *to = to_, square[SIDE][SIDE];                                                       \
        size_t rows = end - first;                                                                \
        for (size_t c = 0; c < op->columns; c += SIDE) {                                          \
            size_t columns = op->columns - c < SIDE ? op->columns - c : SIDE;                     \
            for (size_t j = 0; j < columns; j++)                                                  \
                memcpy(square[j], from + (ptrdiff_t)(c + j) * op->from_column + first,            \
                       rows * sizeof(type));                                                      \
            for (size_t i = 0; i < rows; i++)                                                     \
                for (size_t j = 0; j < columns; j++)                                              \
                    to[(ptrdiff_t)(first + i) * op->to_row + (ptrdiff_t)(c + j)] = square[j][i];  \
        }                                                                                         \
    }
STRIP(strip_1, uint8_t)
STRIP(strip_4, uint32_t)
STRIP(strip_8, uint64_t)
#undef STRIP

static size_t strips_of_matrix(const struct deit_transpose *op)
{
    return deit_ceil_div(op->rows, SIDE);
}

static size_t strips_of_tile(const struct deit_transpose *op)
{
    return deit_ceil_div(DEIT_TILE_ELEMENTS / SIDE, op->columns);
}

size_t deit_transpose_n_tiles(const void *op_, size_t batch)
{
    const struct deit_transpose *op = op_;
    (void)batch;
    return deit_ceil_div(op->n_outer * strips_of_matrix(op), strips_of_tile(op));
}

void deit_transpose_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_transpose *op = op_;
    const ptrdiff_t bytes = (ptrdiff_t)op->element_bytes;
    size_t per_matrix = strips_of_matrix(op), all = op->n_outer * per_matrix;
    size_t strip = tile->index * strips_of_tile(op), end = strip + strips_of_tile(op);
    for (; strip < end && strip < all; strip++) {
        struct deit_walk_at at;
        deit_walk_seek(&op->outer, strip / per_matrix, &at);
        const char *from = (const char *)op->from + at.offset[0] * bytes;
        char *to = (char *)op->to + at.offset[1] * bytes;
        size_t row = strip % per_matrix * SIDE;
        size_t row_end = op->rows - row < SIDE ? op->rows : row + SIDE;
        (bytes == 1 ? strip_1 : bytes == 4 ? strip_4 : strip_8)(op, from, to, row, row_end);
    }
}
