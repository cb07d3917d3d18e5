/*
 * ops/gather.h: copying the elements that indices name, and the way back.
 *
 * Elements are bytes: any type.  A negative index counts from the end.  A tile cannot fail:
 * what an index outside of its dimension would read is zeros, and what it would write is left
 * out.
 */
#ifndef DEIT_OPS_GATHER_H
#define DEIT_OPS_GATHER_H

#include "ops/binary.h"
#include "ops/step.h"

enum { DEIT_GATHER_DIMS = 8 };

/* y[o][i] = x[o][indices[i]], runs of 'run_bytes'. */
struct deit_gather {
    size_t outer, dim; /* x is (outer, dim) runs */
    size_t n_indices;  /* y is (outer, n_indices) runs */
    size_t run_bytes;
    const int64_t *indices;
    const unsigned char *x;
    unsigned char *y;
};

deit_n_tiles_fn deit_gather_n_tiles;
deit_tile_fn deit_gather_run;

/* y[p] = x[p with indices[p] along 'axis'], p over all positions of y. */
struct deit_gather_elements {
    size_t rank, axis;
    size_t dims[DEIT_GATHER_DIMS]; /* of indices and y */
    size_t x_step[DEIT_GATHER_DIMS]; /* elements of x along each dim */
    size_t dim; /* of x along the axis */
    size_t count, element_bytes;
    const int64_t *indices;
    const unsigned char *x;
    unsigned char *y;
};

deit_n_tiles_fn deit_gather_elements_n_tiles;
deit_tile_fn deit_gather_elements_run;

/* Tuple t of 'depth' indices, of batch t / per_batch, names a run of x: run t of y. */
struct deit_gather_nd {
    size_t n_tuples, per_batch;
    size_t depth;
    size_t dims[DEIT_GATHER_DIMS]; /* of x that the indices speak of */
    size_t runs_per_batch;         /* their product */
    size_t run_bytes;
    const int64_t *indices;
    const unsigned char *x; /* scatter: the updates, one run for each tuple */
    unsigned char *y;
    deit_binary_fn *combine; /* scatter: (what is there, update) -> y; NULL: the update */
    size_t element_bytes;    /* of what combine() takes */
};

deit_n_tiles_fn deit_gather_nd_n_tiles;
deit_tile_fn deit_gather_nd_run;

/*
 * The way back: run t of 'x' is copied to, or combined with, the run of 'y' that tuple t names,
 * in ascending order, so that of two copies with the same indices the later one stays.
 */
deit_n_tiles_fn deit_scatter_nd_n_tiles;
deit_tile_fn deit_scatter_nd_run;

#endif
