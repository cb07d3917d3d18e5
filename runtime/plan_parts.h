/*
 * runtime/plan_parts.h: activations as bf16 parts, for plans of a bf16 precision.
 *
 * Where all readers of a value are linears, its producer writes the parts that they multiply
 * (ops/bf16.h), and it never exists as f32.  Elsewhere a linear splits what it reads.  The
 * parts are the same either way, so answers do not depend on which outputs were asked for.
 */
#ifndef DEIT_RUNTIME_PLAN_PARTS_H
#define DEIT_RUNTIME_PLAN_PARTS_H

#include "ops/bf16.h"
#include "runtime/plan.h"

/* For each value: whether it is held as parts. */
void deit_plan_find_parts(const struct deit_graph *graph, bool *has_parts);

/* Bytes of a value that is. */
size_t deit_parts_bytes(const struct deit_shape *shape, unsigned n_parts);

/* Where a node writes output 'slot': its parts, or none if it is f32 or absent. */
struct deit_parts deit_lower_output_parts(const struct deit_lowering *lowering,
                                          const struct deit_node *node, size_t slot);

/* Whether input 'slot' has to be split, into a workspace of that many bytes; else 0. */
size_t deit_plan_split_bytes(const struct deit_lowering *lowering, const struct deit_node *node,
                             size_t slot);

/* An input as parts, by a step that splits it into the node's workspace where needed. */
enum deit_status deit_lower_parts(struct deit_lowering *lowering, const struct deit_node *node,
                                  size_t slot, struct deit_parts *parts, struct deit_error *err);

#endif
