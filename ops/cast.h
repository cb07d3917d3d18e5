/*
 * ops/cast.h: from one type to another, as functions of ops/unary.h.
 *
 * Memory holds f32, i64 and bool only.  A cast to a narrower type rounds or wraps to what that
 * type can hold and leaves it in the wide one.  Floats that no integer can be are the nearest
 * that can, NaN is 0.
 */
#ifndef DEIT_OPS_CAST_H
#define DEIT_OPS_CAST_H

#include "ops/unary.h"

deit_unary_fn deit_cast_f32_f16, deit_cast_f32_bf16;
deit_unary_fn deit_cast_f32_i64, deit_cast_f32_i32, deit_cast_f32_u8, deit_cast_f32_i8;
deit_unary_fn deit_cast_f32_bool;
deit_unary_fn deit_cast_i64_f32, deit_cast_i64_f16, deit_cast_i64_bf16;
deit_unary_fn deit_cast_i64_i32, deit_cast_i64_u8, deit_cast_i64_i8, deit_cast_i64_bool;
deit_unary_fn deit_cast_bool_f32, deit_cast_bool_i64;

#endif
