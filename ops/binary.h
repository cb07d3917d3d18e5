/*
 * ops/binary.h: functions of two tensors, element by element, with broadcasting.
 *
 * Each is there for the types in its name.  Integers wrap, x / 0 and x mod 0 are 0, division
 * truncates; mod has the sign of the divisor and fmod that of the dividend; min and max are NaN
 * where an operand is.  Comparisons give bool.
 */
#ifndef DEIT_OPS_BINARY_H
#define DEIT_OPS_BINARY_H

#include "ops/step.h"
#include "ops/walk.h"

/*
 * n elements; 'a_step' and 'b_step' are 1, or 0 where one element stands for all.  'y' may be
 * an operand whose step is 1 and which is as wide.
 */
typedef void deit_binary_fn(const struct deit_kernels *kernels, size_t n, const void *a,
                            size_t a_step, const void *b, size_t b_step, void *y);

deit_binary_fn deit_add_f32, deit_sub_f32, deit_mul_f32, deit_div_f32;
deit_binary_fn deit_mod_f32, deit_fmod_f32, deit_min_f32, deit_max_f32;
deit_binary_fn deit_add_i64, deit_sub_i64, deit_mul_i64, deit_div_i64;
deit_binary_fn deit_mod_i64, deit_fmod_i64, deit_min_i64, deit_max_i64;
deit_binary_fn deit_and_bool, deit_or_bool, deit_xor_bool;
deit_binary_fn deit_equal_f32, deit_equal_i64, deit_equal_bool;
deit_binary_fn deit_less_f32, deit_less_i64, deit_less_or_equal_f32, deit_less_or_equal_i64;
deit_binary_fn deit_greater_f32, deit_greater_i64;
deit_binary_fn deit_greater_or_equal_f32, deit_greater_or_equal_i64;

/* base, exponent; the result has the base's type.  A power that is no integer is truncated. */
deit_binary_fn deit_pow_f32, deit_pow_f32_i64, deit_pow_i64, deit_pow_i64_f32;

/* Operand 0 of the walk is a, 1 is b; y is dense.  Inner strides are 0 or 1. */
struct deit_binary_op {
    struct deit_walk walk;
    size_t count_per_image; /* the images are the outermost loop */
    size_t a_bytes, b_bytes, y_bytes; /* of an element */
    deit_binary_fn *fn;
    const void *a, *b;
    void *y;
};

deit_n_tiles_fn deit_binary_n_tiles;
deit_tile_fn deit_binary_run;

#endif
