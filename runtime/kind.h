/*
 * runtime/kind.h: what the runtime knows about a kind of node.
 *
 * To add one: a line in node_kinds.inc, attributes in graph.h, a file runtime/kind_<name>.c
 * with this struct, an ops/<name>.c with the tiles, and kernels.
 *
 * A kind speaks of types and shapes (infer), of work (macs), of memory (plan), and finally
 * turns a node into steps (lower), when all addresses are known.
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

    /* Steps take any batch up to the planned one, which is the first dimension of all values. */
    bool is_batched;

    /*
     * Sets types and shapes of the node's outputs, as far as they are known, or says what
     * cannot be.  A dim or a rank may be unknown; what lower() needs is known by then.
     */
    enum deit_status (*infer)(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err);

    /* Multiply-adds for the whole batch; NULL: none worth counting. */
    double (*macs)(const struct deit_graph *graph, const struct deit_node *node);

    /* NULL: wants nothing. */
    void (*plan)(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory);

    /* Adds the node's steps; NULL for kinds that are folded when a session is made. */
    enum deit_status (*lower)(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err);

    /*
     * Computes output 0 from shapes and constants without running the node, by
     * deit_fold_replace(); '*done' stays false if that is not possible (yet).  NULL: a node
     * whose inputs are all constants is run once instead.
     */
    enum deit_status (*fold)(struct deit_graph *graph, int node, bool *done,
                             struct deit_error *err);
};

extern const struct deit_kind *const deit_kinds[DEIT_N_NODE_KINDS];

static inline const struct deit_kind *deit_kind_of(const struct deit_node *node)
{
    return deit_kinds[node->kind];
}

/* The tokens that heads read, from the first on; with pool_mean they read all. */
uint32_t deit_heads_rows(const struct deit_heads_attrs *attrs);

/* ------------------------------------------------------------------ for infer() */

static inline struct deit_value *deit_input_value(const struct deit_graph *graph,
                                                  const struct deit_node *node, size_t slot)
{
    int value = deit_node_input(node, slot);
    return value < 0 ? NULL : &graph->values[value];
}

/* Shape of a node's input or output; the slot must not be absent. */
static inline struct deit_shape *deit_input_shape(const struct deit_graph *graph,
                                                  const struct deit_node *node, size_t slot)
{
    return &graph->values[node->inputs[slot]].shape;
}

static inline struct deit_shape *deit_output_shape(const struct deit_graph *graph,
                                                   const struct deit_node *node, size_t slot)
{
    return &graph->values[node->outputs[slot]].shape;
}

/* Sets type and shape of output 'slot' unless it is absent. */
static inline void deit_set_output(struct deit_graph *graph, const struct deit_node *node,
                                   size_t slot, enum deit_dtype dtype, struct deit_shape shape)
{
    if (deit_node_output(node, slot) >= 0) {
        graph->values[node->outputs[slot]].dtype = dtype;
        graph->values[node->outputs[slot]].shape = shape;
    }
}

static inline bool deit_shape_is_known(const struct deit_shape *shape)
{
    size_t count;
    return deit_shape_count(shape, &count);
}

/* Whether a rank is known; then dims may still be unknown. */
static inline bool deit_rank_is_known(const struct deit_shape *shape)
{
    return shape->rank != DEIT_RANK_UNKNOWN;
}

/* 'axis' counted from the front, or an error that names the node and both numbers. */
enum deit_status deit_axis_of(const struct deit_node *node, int64_t axis, uint32_t rank,
                              uint32_t *from_front, struct deit_error *err);

/* The error of an input whose type is not 'wanted'. */
enum deit_status deit_expect_dtype(const struct deit_graph *graph, const struct deit_node *node,
                                   size_t slot, enum deit_dtype wanted, struct deit_error *err);

/*
 * The error of an input whose shape is not 'wanted', naming the tensor, its shape and that one;
 * an unknown dim on either side fits anything.  An absent input is right.
 */
enum deit_status deit_expect_shape(const struct deit_graph *graph, const struct deit_node *node,
                                   size_t slot, struct deit_shape wanted, struct deit_error *err);

/* NumPy's broadcasting of two shapes; the error names the node and both shapes. */
enum deit_status deit_broadcast(const struct deit_node *node, struct deit_shape a,
                                struct deit_shape b, struct deit_shape *out,
                                struct deit_error *err);

/*
 * The elements of a small constant integer input (shapes, axes, pads): at most 'room' of them,
 * more is an error.  '*is_known' is false if the input is there but not constant (yet); an
 * absent one is known and has '*n' 0.
 */
enum deit_status deit_constant_ints(const struct deit_graph *graph, const struct deit_node *node,
                                    size_t slot, int64_t *out, size_t room, size_t *n,
                                    bool *is_known, struct deit_error *err);

/* The same for floats (scales). */
enum deit_status deit_constant_floats(const struct deit_graph *graph,
                                      const struct deit_node *node, size_t slot, float *out,
                                      size_t room, size_t *n, bool *is_known,
                                      struct deit_error *err);

/* ------------------------------------------------------------------ for fold() */

/* Makes output 0 the constant whose n elements of the output's type stand at 'data'. */
enum deit_status deit_fold_replace(struct deit_graph *graph, int node, const void *data,
                                   struct deit_error *err);

/* ------------------------------------------------------------------ over a graph */

/* Checks and infers one node. */
enum deit_status deit_node_infer(struct deit_graph *graph, size_t index, struct deit_error *err);

/*
 * One walk in order: infers each node, and replaces it by constants if it can be computed now
 * and the result has at most 'max_bytes'.
 */
enum deit_status deit_graph_fold(struct deit_graph *graph, size_t max_bytes,
                                 struct deit_error *err);

#endif
