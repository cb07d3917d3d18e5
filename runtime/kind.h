/*
 * runtime/kind.h: what the runtime knows about a kind of node.
 *
 * To add one: a line in node_kinds.inc, attributes in graph.h, a file runtime/kind_<name>.c
 * with this struct, an ops/<name>.c with the tiles, and kernels.
 *
 * A kind speaks of shapes (infer), of work (macs), of memory (plan), and finally turns a node
 * into steps (lower), when all addresses are known.
 */
#ifndef DEIT_RUNTIME_KIND_H
#define DEIT_RUNTIME_KIND_H

#include "runtime/graph.h"

struct deit_lowering;

/* Memory that a node wants beside its outputs. */
struct deit_node_memory {
    size_t workspace_bytes; /* shared by the node's steps and threads, contents undefined */
    size_t scratch_bytes;   /* for each thread */
    int in_place;           /* the input whose memory output 0 may take over, -1: none */
};

struct deit_kind {
    unsigned optional_outputs; /* bit i: output i need not be computed */

    /* Fills in the shapes of the node's outputs, or says what cannot be. */
    enum deit_status (*infer)(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err);

    /* Multiply-adds for the whole batch; NULL: none worth counting. */
    double (*macs)(const struct deit_graph *graph, const struct deit_node *node);

    /* NULL: wants nothing. */
    void (*plan)(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory);

    /* Adds the node's steps; NULL for kinds that are gone when a session is made. */
    enum deit_status (*lower)(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err);

    /*
     * If all that output 0 depends on is constants and shapes: computes it at session create.
     * Replaces the node by a constant and marks it dead.  NULL: never.
     */
    enum deit_status (*fold)(struct deit_graph *graph, int node, struct deit_error *err);
};

extern const struct deit_kind *const deit_kinds[DEIT_N_NODE_KINDS];

static inline const struct deit_kind *deit_kind_of(const struct deit_node *node)
{
    return deit_kinds[node->kind];
}

/* Shape of a node's input or output; the slot must not be absent. */
static inline struct deit_shape *deit_input_shape(const struct deit_graph *graph,
                                                  const struct deit_node *node, int slot)
{
    return &graph->values[node->inputs[slot]].shape;
}

static inline struct deit_shape *deit_output_shape(const struct deit_graph *graph,
                                                   const struct deit_node *node, int slot)
{
    return &graph->values[node->outputs[slot]].shape;
}

/* Sets the shape of output 'slot' unless it is absent. */
static inline void deit_set_output_shape(struct deit_graph *graph, const struct deit_node *node,
                                         int slot, struct deit_shape shape)
{
    if (node->outputs[slot] >= 0)
        graph->values[node->outputs[slot]].shape = shape;
}

/*
 * The error of an input whose shape is not 'wanted', naming the tensor, its shape and that one;
 * an unknown dim of 'wanted' fits anything.  An absent input is right.
 */
enum deit_status deit_expect_shape(const struct deit_graph *graph, const struct deit_node *node,
                                   int slot, struct deit_shape wanted, struct deit_error *err);

#endif
