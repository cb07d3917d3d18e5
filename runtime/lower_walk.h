/*
 * runtime/lower_walk.h: what the primitive kinds share: strides, copies, constants that decide
 * shapes, and constants under another name.
 */
#ifndef DEIT_RUNTIME_LOWER_WALK_H
#define DEIT_RUNTIME_LOWER_WALK_H

#include "ops/walk.h"
#include "runtime/plan.h"

/* A shape of which nothing, or only the rank, is known. */
struct deit_shape deit_shape_unknown(uint32_t rank);

/* How many elements a list of integers has, constant or not; false if that is not known. */
bool deit_list_length(const struct deit_graph *graph, const struct deit_node *node, size_t slot,
                      size_t *n);

/* DEIT_ERR_FORMAT if there are too many dims, or all are known and their product is no size. */
enum deit_status deit_expect_size(const struct deit_node *node, const struct deit_shape *shape,
                                  struct deit_error *err);

/* Of a dense tensor; shapes are known. */
void deit_dense_strides(const struct deit_shape *shape, ptrdiff_t *stride);

/* Strides of a dense tensor seen in a larger shape that it is broadcast to. */
void deit_broadcast_strides(const struct deit_shape *shape, const struct deit_shape *to,
                            ptrdiff_t *stride);

/* The loops over 'shape'; operand k is walked with strides[k]; NULL: not used. */
void deit_walk_over(const struct deit_shape *shape, const ptrdiff_t *const *strides,
                    struct deit_walk *walk);

/*
 * A step that copies elements: the loops are over 'shape', 'from' and 'to' are first elements.
 * No step if there are no elements or both places are the same.
 */
enum deit_status deit_lower_copy(struct deit_lowering *lowering, const struct deit_node *node,
                                 const struct deit_shape *shape, enum deit_dtype dtype,
                                 const void *from, const ptrdiff_t *from_stride, void *to,
                                 const ptrdiff_t *to_stride, struct deit_error *err);

/* The same elements in the same order: input 0 to output 0. */
enum deit_status deit_lower_same(struct deit_lowering *lowering, const struct deit_node *node,
                                 struct deit_error *err);

/*
 * The axes that input 'slot' lists, each from the front and once.  As deit_constant_ints() for
 * what is not constant yet.
 */
enum deit_status deit_constant_axes(const struct deit_graph *graph, const struct deit_node *node,
                                    size_t slot, uint32_t rank, uint32_t *axes, size_t *n,
                                    bool *is_known, struct deit_error *err);

/* The error of lower() for an input that decides shapes and is no constant. */
enum deit_status deit_fail_not_constant(const struct deit_graph *graph,
                                        const struct deit_node *node, size_t slot,
                                        struct deit_error *err);

/* A plan() for kinds whose output may take over input 0. */
void deit_plan_same(const struct deit_lowering *lowering, const struct deit_node *node,
                    struct deit_node_memory *memory);

/* A fold(): the constant input 0 under the shape of output 0, without a copy. */
enum deit_status deit_fold_same(struct deit_graph *graph, int node, bool *done,
                                struct deit_error *err);

#endif
