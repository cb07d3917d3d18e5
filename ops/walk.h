/*
 * ops/walk.h: nested loops over elements of several tensors at once, each with strides.
 *
 * Broadcasting is a stride of zero, a transposed tensor has its strides permuted, a slice has
 * larger ones.  Loops that are one in all operands are joined first, so that the innermost is
 * as long as can be; a tile is then a piece of the elements in C order, cut anywhere.
 */
#ifndef DEIT_OPS_WALK_H
#define DEIT_OPS_WALK_H

#include "ops/step.h"

enum {
    DEIT_WALK_RANK = 8,
    DEIT_WALK_OPERANDS = 3,
    DEIT_TILE_ELEMENTS = 16 * 1024 /* of a tile that touches each element once */
};

/* The elements of tile 'index' of n. */
static inline struct deit_range deit_tile_part(size_t n, size_t index)
{
    size_t begin = index * DEIT_TILE_ELEMENTS, left = n - begin;
    return (struct deit_range){ begin,
                                left < DEIT_TILE_ELEMENTS ? n : begin + DEIT_TILE_ELEMENTS };
}

/* Outermost loop first; strides are elements of the operand and may be negative. */
struct deit_walk {
    size_t rank; /* at least 1 once joined */
    size_t n[DEIT_WALK_RANK];
    ptrdiff_t stride[DEIT_WALK_RANK][DEIT_WALK_OPERANDS];
};

/* Drops loops of one and joins neighbours. */
void deit_walk_join(struct deit_walk *walk);

/* How many elements: 1 of no loops. */
size_t deit_walk_count(const struct deit_walk *walk);

/* Where a walk is: the count of each loop, and the offset of each operand. */
struct deit_walk_at {
    size_t i[DEIT_WALK_RANK];
    ptrdiff_t offset[DEIT_WALK_OPERANDS];
};

/* Element 'index' in C order. */
void deit_walk_seek(const struct deit_walk *walk, size_t index, struct deit_walk_at *at);

/* The elements that are left in the innermost loop, at most 'most'. */
static inline size_t deit_walk_run(const struct deit_walk *walk, const struct deit_walk_at *at,
                                   size_t most)
{
    size_t left = walk->n[walk->rank - 1] - at->i[walk->rank - 1];
    return left < most ? left : most;
}

/* Goes on by n elements, no more than are left in the innermost loop. */
void deit_walk_advance(const struct deit_walk *walk, struct deit_walk_at *at, size_t n);

#endif
