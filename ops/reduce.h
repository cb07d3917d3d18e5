/*
 * ops/reduce.h: sum, mean, max, min and product over some dimensions.
 *
 * f32 is summed in double; integers wrap, and their mean truncates; max and min are NaN where an
 * element is.  Of nothing, a sum is 0, a product 1, a mean of floats NaN, and a maximum the least
 * value of the type.
 */
#ifndef DEIT_OPS_REDUCE_H
#define DEIT_OPS_REDUCE_H

#include "ops/step.h"
#include "ops/walk.h"

struct deit_reduce_op;

/*
 * Results of 'n' neighbours along the innermost kept loop, whose elements begin at element
 * 'offset' of x, into y from element 'first' on.
 */
typedef void deit_reduce_fn(const struct deit_reduce_op *op, ptrdiff_t offset, size_t n,
                            size_t first);

deit_reduce_fn deit_reduce_sum_f32, deit_reduce_mean_f32, deit_reduce_max_f32;
deit_reduce_fn deit_reduce_min_f32, deit_reduce_prod_f32;
deit_reduce_fn deit_reduce_sum_i64, deit_reduce_mean_i64, deit_reduce_max_i64;
deit_reduce_fn deit_reduce_min_i64, deit_reduce_prod_i64;
deit_reduce_fn deit_reduce_max_bool, deit_reduce_min_bool;

/* Operand 0 of both walks is x; y is dense over 'kept'. */
struct deit_reduce_op {
    struct deit_walk kept, reduced;
    size_t n_kept, n_reduced;
    deit_reduce_fn *fn;
    const void *x;
    void *y;
};

deit_n_tiles_fn deit_reduce_n_tiles;
deit_tile_fn deit_reduce_run;

#endif
