/*
 * ops/unary.h: functions of one tensor, element by element.
 *
 * Each is there for the types in its name: f32, i64, or bool as bytes of 0 and 1.  Integers wrap.
 */
#ifndef DEIT_OPS_UNARY_H
#define DEIT_OPS_UNARY_H

#include "ops/step.h"

/* n elements; 'y' may be 'x' where both are as wide. */
typedef void deit_unary_fn(const struct deit_kernels *kernels, size_t n, const void *x, void *y);

deit_unary_fn deit_neg_f32, deit_neg_i64, deit_abs_f32, deit_abs_i64;
deit_unary_fn deit_relu_f32, deit_relu_i64, deit_sign_f32, deit_sign_i64;
deit_unary_fn deit_sqrt_f32, deit_exp_f32, deit_log_f32, deit_erf_f32, deit_tanh_f32;
deit_unary_fn deit_sigmoid_f32, deit_reciprocal_f32;
deit_unary_fn deit_floor_f32, deit_ceil_f32, deit_round_f32; /* halves to even */
deit_unary_fn deit_gelu_f32, deit_gelu_tanh_f32;
deit_unary_fn deit_is_nan_f32; /* to bool */
deit_unary_fn deit_not_bool;

struct deit_unary_op {
    size_t count_per_image;
    size_t x_bytes, y_bytes; /* of an element */
    deit_unary_fn *fn;
    const void *x;
    void *y;
};

deit_n_tiles_fn deit_unary_n_tiles;
deit_tile_fn deit_unary_run;

#endif
