/*
 * runtime/constant.h: reading the elements of constants.
 *
 * In memory there are three types: f32 for every float, i64 for every integer, bool as a byte.
 */
#ifndef DEIT_RUNTIME_CONSTANT_H
#define DEIT_RUNTIME_CONSTANT_H

#include "runtime/graph.h"

/*
 * Reads n elements from element 'first' on as 'dtype': DEIT_F32 from floats, DEIT_I64 from
 * integers, DEIT_BOOL from booleans.  'name' is the tensor's, for messages.
 */
enum deit_status deit_constant_read(const struct deit_constant *constant, const char *name,
                                    enum deit_dtype dtype, size_t first, size_t n, void *dst,
                                    struct deit_error *err);

/* A one-part constant of n elements that it owns; '*data' is theirs to be filled. */
enum deit_status deit_constant_create(enum deit_dtype dtype, size_t n,
                                      struct deit_constant *constant, void **data,
                                      struct deit_error *err);

/*
 * Rows [first, first + n) of an (m, k) constant, without a copy; 'out' holds no reference of its
 * own.  False: there are not so many.
 */
bool deit_constant_rows(const struct deit_constant *constant, size_t k, size_t first, size_t n,
                        struct deit_constant *out);

/* Drops the references on the sources. */
void deit_constant_done(struct deit_constant *constant);

/* DEIT_F32, DEIT_I64 or DEIT_BOOL: how elements of a type are held in memory; 0: not at all. */
enum deit_dtype deit_memory_dtype(enum deit_dtype stored);

size_t deit_dtype_bytes(enum deit_dtype dtype);

#endif
