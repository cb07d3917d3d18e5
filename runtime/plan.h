/*
 * runtime/plan.h: a graph of fixed shapes, turned into steps over one arena.
 *
 * Planning goes in three passes over the nodes: each says what memory it wants, the memory
 * planner turns life spans into offsets, and each is lowered to steps with final addresses.
 */
#ifndef DEIT_RUNTIME_PLAN_H
#define DEIT_RUNTIME_PLAN_H

#include "ops/step.h"
#include "runtime/graph.h"
#include "runtime/kind.h"
#include "runtime/plan_memory.h"
#include "runtime/weight_store.h"

struct deit_step {
    const char *name;   /* the node's, owned by the graph */
    const char *suffix; /* "", or which part of the node */
    deit_n_tiles_fn *n_tiles;
    deit_tile_fn *run;
    void *op; /* the operator's struct, owned */
    size_t node;        /* of the graph */
    size_t weights_end; /* of the plan's weights, those before are for this step or earlier ones */
};

struct deit_plan {
    const struct deit_kernels *kernels;
    unsigned n_parts; /* bf16 parts of the operands of products, 0: they are f32 */
    bool *has_parts;  /* for each value: it is held so (runtime/plan_parts.h) */
    struct deit_step *steps;
    size_t n_steps, steps_room;
    struct deit_weight_store *store; /* not owned */
    struct deit_weight **weights;
    size_t n_weights, weights_room;
    size_t batch; /* planned, if steps can take fewer images, else 1 */
    struct deit_memory_plan memory; /* a range for each value, then a workspace for each node */
    unsigned char *arena;
    size_t arena_bytes;   /* ranges, then the threads' scratch */
    size_t scratch_offset, scratch_bytes; /* of each thread */
    struct deit_allocator hooks;
};

struct deit_plan_options {
    const struct deit_kernels *kernels;
    unsigned n_parts; /* of bf16 for linears, attention and patches; 0: f32 */
    struct deit_weight_store *store;
    const struct deit_allocator *hooks; /* or NULL */
    unsigned n_threads;
    size_t l2_bytes; /* second-level cache of a CPU; 0: not known */
    size_t batch; /* the first dimension of all values, as far as the graph is batched */
    size_t max_arena_bytes; /* above: DEIT_ERR_LIMIT */
};

/* 'graph' has been inferred with a fixed batch, and must outlive the plan. */
enum deit_status deit_plan_create(struct deit_graph *graph, const struct deit_plan_options *options,
                                  struct deit_plan **out, struct deit_error *err);
void deit_plan_free(struct deit_plan *plan);

/* Where a value lives in the arena. */
void *deit_plan_buffer(const struct deit_plan *plan, int value);

/* ------------------------------------------------------------------ for runtime/kind_*.c */

struct deit_lowering {
    struct deit_graph *graph;
    const struct deit_kernels *kernels;
    struct deit_plan *plan;
    unsigned n_threads; /* that will run the plan */
    size_t l2_bytes;    /* second-level cache of each */
    size_t batch; /* what steps multiply their tiles with; 1: they always do all */
};

/* The memory of an output; NULL if it is absent. */
void *deit_lower_output(const struct deit_lowering *lowering, const struct deit_node *node,
                        size_t slot);
void *deit_lower_workspace(const struct deit_lowering *lowering, const struct deit_node *node);

/* A constant input of floats in the layout that a kernel reads; '*data' is NULL if absent. */
enum deit_status deit_lower_panels(struct deit_lowering *lowering, const struct deit_node *node,
                                   size_t slot, const float **data, struct deit_error *err);
enum deit_status deit_lower_plain(struct deit_lowering *lowering, const struct deit_node *node,
                                  size_t slot, const float **data, struct deit_error *err);

/* The same in a layout of the caller's. */
enum deit_status deit_lower_layout(struct deit_lowering *lowering, const struct deit_node *node,
                                   size_t slot, struct deit_weight_layout layout,
                                   const float **data, struct deit_error *err);

/* The same as n_parts bf16 parts of the plan, in panels. */
enum deit_status deit_lower_panels_bf16(struct deit_lowering *lowering,
                                        const struct deit_node *node, size_t slot,
                                        const uint16_t **data, struct deit_error *err);

/* An input of any type, computed or constant, dense in C order; '*data' is NULL if absent. */
enum deit_status deit_lower_operand(struct deit_lowering *lowering, const struct deit_node *node,
                                    size_t slot, const void **data, struct deit_error *err);

/* The same of floats; another type is an error. */
enum deit_status deit_lower_floats(struct deit_lowering *lowering, const struct deit_node *node,
                                   size_t slot, const float **data, struct deit_error *err);

/* Appends a step; 'op' of 'op_bytes' is copied. */
enum deit_status deit_lower_step(struct deit_lowering *lowering, const struct deit_node *node,
                                 const char *suffix, deit_n_tiles_fn *n_tiles, deit_tile_fn *run,
                                 const void *op, size_t op_bytes, struct deit_error *err);

struct deit_linear;

/* Appends the steps of a product, cut as it is best here: 'product' says nothing of that. */
enum deit_status deit_lower_linear(struct deit_lowering *lowering, const struct deit_node *node,
                                   const char *suffix, const struct deit_linear *product,
                                   struct deit_error *err);

#endif
