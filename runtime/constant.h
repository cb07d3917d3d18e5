/* runtime/constant.h: reading the elements of constants. */
#ifndef DEIT_RUNTIME_CONSTANT_H
#define DEIT_RUNTIME_CONSTANT_H

#include "runtime/graph.h"

/*
 * Reads n elements from element 'first' on, widened to f32.  'name' is the tensor's, for
 * messages.
 */
enum deit_status deit_constant_read(const struct deit_constant *constant, const char *name,
                                    size_t first, size_t n, float *dst, struct deit_error *err);

/* A one-part constant of n floats that it owns; '*data' is theirs to be filled. */
enum deit_status deit_constant_create(size_t n, struct deit_constant *constant, float **data,
                                      struct deit_error *err);

/* Drops the references on the sources. */
void deit_constant_done(struct deit_constant *constant);

size_t deit_dtype_bytes(enum deit_dtype dtype);
const char *deit_dtype_name(enum deit_dtype dtype);

#endif
