/*
 * ops/step.h: the shape of all work.
 *
 * A step is a number of tiles and a function of a tile.  Tiles of one step may run in any
 * order, on any threads, at once: they write disjoint memory.  An operator's struct holds all
 * addresses and sizes for the largest batch; a run on fewer images has fewer tiles.
 */
#ifndef DEIT_OPS_STEP_H
#define DEIT_OPS_STEP_H

#include <stddef.h>

#include "ops/kernels.h"

struct deit_tile {
    const struct deit_kernels *kernels;
    size_t batch; /* images of this run */
    size_t index; /* below n_tiles(op, batch) */
    unsigned n_threads; /* that claim tiles of this step: a hint, which no result depends on */
    void *scratch; /* this thread's, of the size that the operator asked for; 64-byte aligned */
};

typedef size_t deit_n_tiles_fn(const void *op, size_t batch);
typedef void deit_tile_fn(const void *op, const struct deit_tile *tile);

/* Piece 'index' of 'n' cut into 'n_pieces' whose sizes differ by at most one. */
struct deit_range {
    size_t begin, end;
};

static inline struct deit_range deit_piece(size_t n, size_t n_pieces, size_t index)
{
    size_t size = n / n_pieces, longer = n % n_pieces;
    size_t begin = index * size + (index < longer ? index : longer);
    return (struct deit_range){ begin, begin + size + (index < longer) };
}

static inline size_t deit_ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* 'n' made a whole number of units. */
static inline size_t deit_round_up(size_t n, size_t unit)
{
    return deit_ceil_div(n, unit) * unit;
}

#endif
