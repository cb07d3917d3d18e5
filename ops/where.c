/*
 * ops/where.c: a choice moves bits, so it is one loop for each width of an element.
 *
 * Attention masks are the use: a condition of (T, T) over (B, H, T, T) scores and a constant.
 */
#include "ops/where.h"

#include <stdint.h>

#define CHOOSE(name, type)                                                                        \
    static void name(size_t n, const uint8_t *condition, const void *a_, const void *b_,          \
                     const ptrdiff_t *step, void *y_)                                             \
    {                                                                                             \
        const type *a = a_, *b = b_;                                                              \
        type *y = y_;                                                                             \
        for (size_t i = 0; i < n; i++) {                                                          \
            const type v = a[(ptrdiff_t)i * step[1]], w = b[(ptrdiff_t)i * step[2]];              \
            y[i] = condition[(ptrdiff_t)i * step[0]] ? v : w;                                     \
        }                                                                                         \
    }
CHOOSE(choose_1, uint8_t)
CHOOSE(choose_4, uint32_t)
CHOOSE(choose_8, uint64_t)
#undef CHOOSE

size_t deit_where_n_tiles(const void *op_, size_t batch)
{
    const struct deit_where *op = op_;
    (void)batch;
    return deit_ceil_div(op->count, DEIT_TILE_ELEMENTS);
}

void deit_where_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_where *op = op_;
    const ptrdiff_t *step = op->walk.stride[op->walk.rank - 1];
    const ptrdiff_t bytes = (ptrdiff_t)op->element_bytes;
    struct deit_range part = deit_tile_part(op->count, tile->index);
    struct deit_walk_at at;
    deit_walk_seek(&op->walk, part.begin, &at);
    for (size_t i = part.begin; i < part.end;) {
        size_t n = deit_walk_run(&op->walk, &at, part.end - i);
        const uint8_t *condition = (const uint8_t *)op->condition + at.offset[0];
        const char *a = (const char *)op->a + at.offset[1] * bytes;
        const char *b = (const char *)op->b + at.offset[2] * bytes;
        char *y = (char *)op->y + i * op->element_bytes;
        (bytes == 1 ? choose_1 : bytes == 4 ? choose_4 : choose_8)(n, condition, a, b, step, y);
        deit_walk_advance(&op->walk, &at, n);
        i += n;
    }
}
