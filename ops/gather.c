/*
 * ops/gather.c: indices to addresses, and copies of what stands there.
 *
 * A tile is about 32 KB of the output.  A scatter cannot be cut between tuples, because two of
 * them may name the same run; it is cut through the runs instead, and each tile walks all
 * tuples.
 */
#include "ops/gather.h"

#include <stdbool.h>
#include <string.h>

enum { TILE_BYTES = 32 * 1024 };

/* Tiles of n runs, of which each tile has at least one. */
static size_t n_run_tiles(size_t n, size_t run_bytes)
{
    size_t runs = TILE_BYTES / (run_bytes ? run_bytes : 1);
    return run_bytes ? deit_ceil_div(n, runs ? runs : 1) : 0;
}

/* Compilers turn copies of a constant size into moves; runs of one element are common. */
static void copy_run(unsigned char *dst, const unsigned char *src, size_t bytes)
{
    switch (bytes) {
    case 1: *dst = *src; break;
    case 4: memcpy(dst, src, 4); break;
    case 8: memcpy(dst, src, 8); break;
    default: memcpy(dst, src, bytes);
    }
}

/* Whether an index lies in a dimension; a negative one is made positive. */
static bool resolve(int64_t index, size_t dim, size_t *position)
{
    uint64_t wrapped = (uint64_t)index + (index < 0 ? dim : 0);
    *position = wrapped;
    return wrapped < dim;
}

size_t deit_gather_n_tiles(const void *op_, size_t batch)
{
    const struct deit_gather *op = op_;
    (void)batch;
    return n_run_tiles(op->outer * op->n_indices, op->run_bytes);
}

void deit_gather_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_gather *op = op_;
    size_t n = op->outer * op->n_indices, position;
    struct deit_range runs = deit_piece(n, n_run_tiles(n, op->run_bytes), tile->index);
    size_t outer = runs.begin / op->n_indices, i = runs.begin % op->n_indices;
    const unsigned char *x = op->x + outer * op->dim * op->run_bytes;

    for (size_t r = runs.begin; r < runs.end; r++) {
        unsigned char *y = op->y + r * op->run_bytes;
        if (resolve(op->indices[i], op->dim, &position))
            copy_run(y, x + position * op->run_bytes, op->run_bytes);
        else
            memset(y, 0, op->run_bytes);
        if (++i == op->n_indices) {
            i = 0;
            x += op->dim * op->run_bytes;
        }
    }
}

/* ------------------------------------------------------------------ elements */

size_t deit_gather_elements_n_tiles(const void *op_, size_t batch)
{
    const struct deit_gather_elements *op = op_;
    (void)batch;
    return n_run_tiles(op->count, op->element_bytes);
}

void deit_gather_elements_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_gather_elements *op = op_;
    struct deit_range part = deit_piece(
        op->count, n_run_tiles(op->count, op->element_bytes), tile->index);
    size_t at[DEIT_GATHER_DIMS] = { 0 }, base = 0, position; /* base: of x without the axis */
    for (size_t d = op->rank, rest = part.begin; d-- > 0; rest /= op->dims[d]) {
        at[d] = rest % op->dims[d];
        base += d == op->axis ? 0 : at[d] * op->x_step[d];
    }
    for (size_t i = part.begin; i < part.end; i++) {
        unsigned char *y = op->y + i * op->element_bytes;
        if (resolve(op->indices[i], op->dim, &position))
            copy_run(y, op->x + (base + position * op->x_step[op->axis]) * op->element_bytes,
                     op->element_bytes);
        else
            memset(y, 0, op->element_bytes);
        for (size_t d = op->rank; d-- > 0;) {
            size_t step = d == op->axis ? 0 : op->x_step[d];
            base += step;
            if (++at[d] < op->dims[d])
                break;
            base -= step * op->dims[d];
            at[d] = 0;
        }
    }
}

/* ------------------------------------------------------------------ tuples */

/* The run that tuple t names; false if there is no such run. */
static bool find_run(const struct deit_gather_nd *op, size_t t, size_t *run)
{
    const int64_t *tuple = op->indices + t * op->depth;
    size_t offset = 0, position;
    for (size_t d = 0; d < op->depth; d++) {
        if (!resolve(tuple[d], op->dims[d], &position))
            return false;
        offset = offset * op->dims[d] + position;
    }
    *run = t / op->per_batch * op->runs_per_batch + offset;
    return true;
}

size_t deit_gather_nd_n_tiles(const void *op_, size_t batch)
{
    const struct deit_gather_nd *op = op_;
    (void)batch;
    return n_run_tiles(op->n_tuples, op->run_bytes);
}

void deit_gather_nd_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_gather_nd *op = op_;
    size_t run;
    struct deit_range part =
        deit_piece(op->n_tuples, n_run_tiles(op->n_tuples, op->run_bytes), tile->index);
    for (size_t t = part.begin; t < part.end; t++) {
        unsigned char *y = op->y + t * op->run_bytes;
        if (find_run(op, t, &run))
            copy_run(y, op->x + run * op->run_bytes, op->run_bytes);
        else
            memset(y, 0, op->run_bytes);
    }
}

size_t deit_scatter_nd_n_tiles(const void *op_, size_t batch)
{
    const struct deit_gather_nd *op = op_;
    (void)batch;
    return op->n_tuples ? deit_ceil_div(op->run_bytes, TILE_BYTES) : 0;
}

void deit_scatter_nd_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_gather_nd *op = op_;
    size_t run;
    size_t bytes = op->element_bytes, n = op->run_bytes / bytes;
    struct deit_range part =
        deit_piece(n, deit_ceil_div(op->run_bytes, TILE_BYTES), tile->index);
    for (size_t t = 0; t < op->n_tuples; t++) {
        if (!find_run(op, t, &run))
            continue;
        unsigned char *y = op->y + run * op->run_bytes + part.begin * bytes;
        const unsigned char *x = op->x + t * op->run_bytes + part.begin * bytes;
        if (op->combine)
            op->combine(tile->kernels, part.end - part.begin, y, 1, x, 1, y);
        else
            copy_run(y, x, (part.end - part.begin) * bytes);
    }
}
