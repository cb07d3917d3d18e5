/*
 * ops/copy.c: slices, concatenations, expansions, plain copies and most transposes are one loop.
 *
 * Most moves of a transformer keep whole rows together: those runs are memcpy().
 */
#include "ops/copy.h"

#include <stdint.h>
#include <string.h>

#define STRIDED(name, type)                                                                       \
    static void name(size_t n, const void *from_, ptrdiff_t from_stride, void *to_,               \
                     ptrdiff_t to_stride)                                                         \
    {                                                                                             \
        const type *from = from_;                                                                 \
        type *to = to_;                                                                           \
        for (size_t i = 0; i < n; i++)                                                            \
            to[(ptrdiff_t)i * to_stride] = from[(ptrdiff_t)i * from_stride];                      \
    }
STRIDED(copy_1, uint8_t)
STRIDED(copy_4, uint32_t)
STRIDED(copy_8, uint64_t)
#undef STRIDED

size_t deit_copy_n_tiles(const void *op_, size_t batch)
{
    const struct deit_copy *op = op_;
    return deit_ceil_div(op->count_per_image * batch, DEIT_TILE_ELEMENTS);
}

void deit_copy_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_copy *op = op_;
    const ptrdiff_t *inner = op->walk.stride[op->walk.rank - 1];
    const ptrdiff_t bytes = (ptrdiff_t)op->element_bytes;
    struct deit_range part = deit_tile_part(op->count_per_image * tile->batch, tile->index);
    size_t left = part.end - part.begin;

    struct deit_walk_at at;
    deit_walk_seek(&op->walk, part.begin, &at);
    while (left) {
        size_t n = deit_walk_run(&op->walk, &at, left);
        const char *from = (const char *)op->from + at.offset[0] * bytes;
        char *to = (char *)op->to + at.offset[1] * bytes;
        if (inner[0] == 1 && inner[1] == 1)
            memcpy(to, from, n * op->element_bytes);
        else if (bytes == 1)
            copy_1(n, from, inner[0], to, inner[1]);
        else if (bytes == 4)
            copy_4(n, from, inner[0], to, inner[1]);
        else
            copy_8(n, from, inner[0], to, inner[1]);
        deit_walk_advance(&op->walk, &at, n);
        left -= n;
    }
}
