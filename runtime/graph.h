/*
 * runtime/graph.h: the one intermediate representation, for all loaders.
 *
 * A graph is a list of nodes in an order that can be executed, and a list of values that they
 * connect.  A value is an input, a constant or a node's output, and is named by its index; -1
 * is "absent".  Nodes and values are never removed one by one: passes mark nodes dead and
 * deit_graph_compact() drops them.
 *
 * Building does not check for memory at each call: the first failure is remembered, further
 * calls do nothing, and deit_graph_check() reports it.  That keeps the builders readable.
 */
#ifndef DEIT_RUNTIME_GRAPH_H
#define DEIT_RUNTIME_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/include/deit.h"
#include "runtime/source.h"

#define DEIT_DIM_UNKNOWN (-1) /* until a session fixes it */
#define DEIT_RANK_UNKNOWN UINT32_MAX /* of a shape of which nothing is known yet */
#define DEIT_CONSTANT_PARTS 3

struct deit_shape {
    uint32_t rank;
    int64_t dims[DEIT_MAX_RANK];
};

/* deit_shape_of(3, 1, 197, 192); a macro, so that each dim is converted to int64_t */
#define deit_shape_of(rank_, ...) ((struct deit_shape){ .rank = (rank_), .dims = { __VA_ARGS__ } })

/* The product of all dims; false if one is unknown or the product does not fit. */
bool deit_shape_count(const struct deit_shape *shape, size_t *count);

/* The product of all dims but the last, which are known. */
size_t deit_shape_rows(const struct deit_shape *shape);

bool deit_shape_equal(const struct deit_shape *a, const struct deit_shape *b);

/* "(1, 197, 192)", an unknown dim as "?", into a buffer of at least 128 bytes; returns it. */
char *deit_shape_print(const struct deit_shape *shape, char *text);

/*
 * n_elements stored in a row at 'offset' of a source, in C order; no source: zeros.  'dtype' is
 * how they are stored; the value's own type is what a reader gets, f32 for any float.
 */
struct deit_constant_part {
    struct deit_source *source;
    uint64_t offset;
    enum deit_dtype dtype;
    size_t n_elements;
    bool is_k_major; /* an (n, k) block that is stored (k, n): for packed weights alone */
    size_t k_stride; /* then, elements from one k to the next; 0: n, all that is stored */
};

/*
 * A tensor of weights, in one to three parts behind each other along the first dimension: so
 * q, k and v that a file stores apart are one (3D, D) weight without a copy.
 */
struct deit_constant {
    size_t n_parts;
    struct deit_constant_part parts[DEIT_CONSTANT_PARTS];
};

enum deit_origin { DEIT_FROM_INPUT, DEIT_FROM_CONSTANT, DEIT_FROM_NODE };

struct deit_value {
    char *name;
    enum deit_dtype dtype;
    struct deit_shape shape;
    enum deit_origin origin;
    int producer;                  /* node index if DEIT_FROM_NODE, else -1 */
    struct deit_constant constant; /* if DEIT_FROM_CONSTANT */
    bool is_folded;                /* a constant that was computed and is held in memory */
};

enum deit_node_kind {
#define DEIT_KIND(id, ...) DEIT_NODE_##id,
#include "runtime/node_kinds.inc"
#undef DEIT_KIND
    DEIT_N_NODE_KINDS
};

/* The inputs of a linear that passes speak of. */
enum {
    DEIT_LINEAR_X,
    DEIT_LINEAR_WEIGHT,
    DEIT_LINEAR_BIAS,
    DEIT_LINEAR_SCALE,
    DEIT_LINEAR_RESIDUAL
};

enum deit_activation { DEIT_ACTIVATION_NONE, DEIT_ACTIVATION_GELU };

/* Elementwise functions, as ONNX means them on each type (runtime/kind_elementwise.c). */
enum deit_unary {
    DEIT_NEG, DEIT_ABS, DEIT_SQRT, DEIT_EXP, DEIT_LOG, DEIT_ERF, DEIT_TANH, DEIT_SIGMOID,
    DEIT_RELU, DEIT_RECIPROCAL, DEIT_FLOOR, DEIT_CEIL, DEIT_ROUND, DEIT_SIGN, DEIT_NOT,
    DEIT_IS_NAN, DEIT_GELU, DEIT_GELU_TANH
};

enum deit_binary {
    DEIT_ADD, DEIT_SUB, DEIT_MUL, DEIT_DIV, DEIT_POW, DEIT_MOD, DEIT_FMOD, DEIT_MIN, DEIT_MAX,
    DEIT_AND, DEIT_OR, DEIT_XOR, DEIT_EQUAL, DEIT_LESS, DEIT_LESS_OR_EQUAL, DEIT_GREATER,
    DEIT_GREATER_OR_EQUAL
};

enum deit_reduce { DEIT_REDUCE_SUM, DEIT_REDUCE_MEAN, DEIT_REDUCE_MAX, DEIT_REDUCE_MIN,
                   DEIT_REDUCE_PROD };

struct deit_patch_embed_attrs {
    uint32_t patch_height, patch_width;
    uint32_t n_prefix;        /* class and distillation token: 0 to 2 */
    bool positions_of_prefix; /* the table has rows for them, in front */
};

struct deit_resize_positions_attrs {
    uint32_t grid_height, grid_width; /* of the table */
    uint32_t n_prefix;                /* rows in front that stay as they are */
    uint32_t patch_height, patch_width;
    uint32_t image_height, image_width; /* the one size whose rest beyond patches may be cut */
    bool antialias; /* bicubic a = -0.5 with support, else plain bicubic a = -0.75 */
};

struct deit_attention_attrs {
    uint32_t n_heads;
    uint32_t head_dim;
    uint32_t q_column, k_column, v_column; /* where each begins in a row of its input */
    float scale;
};

struct deit_heads_attrs {
    bool pool_mean;    /* of the tokens behind the prefix, else the prefix tokens themselves */
    uint32_t n_prefix; /* tokens in front */
    uint32_t n_heads;  /* 0 to 2; head i reads token i */
    bool features_mean; /* features are the mean of two tokens, else token 0 */
    float eps;         /* of the norm after pooling, if there is one */
};

/* Spatial operators: two dimensions; a 1-D one is lowered to height 1 by its loader. */
struct deit_window_attrs {
    uint32_t kernel_height, kernel_width;
    uint32_t stride_height, stride_width;
    uint32_t dilation_height, dilation_width;
    uint32_t pad_top, pad_left, pad_bottom, pad_right;
    uint32_t groups;        /* conv */
    bool ceil_mode;         /* pool */
    bool count_include_pad; /* pool */
};

enum deit_pad_mode { DEIT_PAD_CONSTANT, DEIT_PAD_REFLECT, DEIT_PAD_EDGE, DEIT_PAD_WRAP };

enum deit_resize_mode { DEIT_RESIZE_MODE_NEAREST, DEIT_RESIZE_MODE_LINEAR,
                        DEIT_RESIZE_MODE_CUBIC };
enum deit_coordinates {
    DEIT_COORDINATES_HALF_PIXEL, DEIT_COORDINATES_HALF_PIXEL_SYMMETRIC,
    DEIT_COORDINATES_PYTORCH_HALF_PIXEL, DEIT_COORDINATES_ALIGN_CORNERS,
    DEIT_COORDINATES_ASYMMETRIC, DEIT_COORDINATES_CROP_AND_RESIZE
};
enum deit_nearest { DEIT_NEAREST_ROUND_PREFER_FLOOR, DEIT_NEAREST_ROUND_PREFER_CEIL,
                    DEIT_NEAREST_FLOOR, DEIT_NEAREST_CEIL };
enum deit_aspect { DEIT_ASPECT_STRETCH, DEIT_ASPECT_NOT_LARGER, DEIT_ASPECT_NOT_SMALLER };

/* What an update of scatter_nd does to what stands there: takes its place, or is added, ... */
enum deit_scatter { DEIT_SCATTER_NONE, DEIT_SCATTER_ADD, DEIT_SCATTER_MUL, DEIT_SCATTER_MIN,
                    DEIT_SCATTER_MAX };

struct deit_resize_attrs {
    enum deit_resize_mode mode;
    enum deit_coordinates coordinates;
    enum deit_nearest nearest;
    enum deit_aspect aspect;
    bool antialias, exclude_outside;
    float cubic_a, extrapolation;
    uint32_t n_axes; /* that scales or sizes speak of; 0: all */
    int32_t axes[DEIT_MAX_RANK];
};

/* A list of axes; negative ones count from the end. */
struct deit_axes_attrs {
    uint32_t n;
    int32_t axis[DEIT_MAX_RANK];
};

union deit_attrs {
    struct deit_patch_embed_attrs patch_embed;
    struct deit_resize_positions_attrs resize_positions;
    struct { float eps; } layernorm;
    struct { enum deit_activation activation; } linear;
    struct deit_attention_attrs attention;
    struct deit_heads_attrs heads;
    struct { uint32_t n; } first_rows;
    enum deit_unary unary;
    enum deit_binary binary;
    struct { enum deit_dtype to; } cast;
    struct {
        enum deit_reduce op;
        bool keep_dims, noop_with_empty_axes;
    } reduce; /* axes: input 1, absent or empty: all */
    struct { int32_t axis; } axis; /* softmax, concat, gather, gather_elements, ... */
    struct { int32_t batch_dims; } gather_nd;
    struct { enum deit_scatter reduction; } scatter_nd;
    struct deit_axes_attrs transpose; /* n axes; n 0: reversed */
    struct { bool zero_is_zero; } reshape;
    struct { int32_t start, end; } shape; /* of the dims that are given; end INT32_MAX: all */
    struct deit_window_attrs window;      /* conv, average_pool */
    struct { enum deit_pad_mode mode; } pad;
    struct deit_resize_attrs resize;
};

/* 'inputs' and 'outputs' are values, -1 where one is absent. */
struct deit_node {
    enum deit_node_kind kind;
    bool is_dead;
    char *name;
    union deit_attrs attrs;
    size_t n_inputs, n_outputs;
    int *inputs, *outputs;
};

/* Input or output 'slot', -1 if it is absent or the node has fewer. */
static inline int deit_node_input(const struct deit_node *node, size_t slot)
{
    return slot < node->n_inputs ? node->inputs[slot] : -1;
}

static inline int deit_node_output(const struct deit_node *node, size_t slot)
{
    return slot < node->n_outputs ? node->outputs[slot] : -1;
}

struct deit_use_index;

struct deit_graph {
    struct deit_value *values;
    size_t n_values, values_room;
    struct deit_node *nodes;
    size_t n_nodes, nodes_room;
    int *outputs; /* values */
    size_t n_outputs, outputs_room;
    bool is_out_of_memory;
    struct deit_use_index *index; /* NULL: uses are counted by looking at all nodes */

    size_t folded_bytes;    /* of constants that folding made and something still reads */
    size_t max_fold_bytes;  /* that folding may need; 0: any */
};

struct deit_graph *deit_graph_create(void); /* NULL: out of memory */
void deit_graph_free(struct deit_graph *graph);
struct deit_graph *deit_graph_clone(const struct deit_graph *graph);

/* DEIT_ERR_MEMORY if any building call failed. */
enum deit_status deit_graph_check(const struct deit_graph *graph, struct deit_error *err);

/* Names are copied; constants' sources are retained.  All return the value, or -1. */
int deit_graph_add_input(struct deit_graph *graph, const char *name, enum deit_dtype dtype,
                         struct deit_shape shape);
int deit_graph_add_constant(struct deit_graph *graph, const char *name, enum deit_dtype dtype,
                            struct deit_shape shape, const struct deit_constant *constant);

/*
 * Appends a node.  'inputs' are values or -1; 'output_names' are NULL where the output is
 * absent.  Types and shapes of outputs are filled in by inference.  Returns the node's index,
 * or -1.
 */
int deit_graph_add_node(struct deit_graph *graph, enum deit_node_kind kind, const char *name,
                        const union deit_attrs *attrs, size_t n_inputs, const int *inputs,
                        size_t n_outputs, const char *const *output_names);
void deit_graph_add_output(struct deit_graph *graph, int value);

/* A value without a producer yet, for passes that give it one. */
int deit_graph_add_value(struct deit_graph *graph, const char *name, enum deit_dtype dtype,
                         struct deit_shape shape);

/* The value of a name, or -1. */
int deit_graph_find(const struct deit_graph *graph, const char *name);

/* How many node inputs and graph outputs use a value. */
size_t deit_graph_count_uses(const struct deit_graph *graph, int value);

/* The last node that uses a value, or NULL. */
struct deit_node *deit_graph_user(const struct deit_graph *graph, int value);

/*
 * Between these two, the answers of both functions above are looked up in an index, which is
 * made again after changes: passes ask about each value of a graph.  The functions here know
 * when they change uses; who writes to a node's inputs or lets it die says so.
 */
void deit_graph_index(struct deit_graph *graph);
void deit_graph_drop_index(struct deit_graph *graph);
void deit_graph_changed(struct deit_graph *graph);

/*
 * Makes a node's output a constant, whose sources are retained; the node is dead when all its
 * outputs are.
 */
void deit_graph_set_constant(struct deit_graph *graph, int value,
                             const struct deit_constant *constant);

/* Makes every use of 'from' a use of 'to'. */
void deit_graph_replace_uses(struct deit_graph *graph, int from, int to);

/* Drops dead nodes and those that no output needs. */
void deit_graph_compact(struct deit_graph *graph);

/* Puts producers before readers, so that nodes may be added anywhere; false: there is a cycle. */
bool deit_graph_sort(struct deit_graph *graph);

/* "linear", "attention"; of an elementwise node its function: "add", "erf". */
const char *deit_node_kind_name(const struct deit_node *node);

/*
 * Fills in type and shape of every value from those of inputs and constants, as far as they
 * are known.  What cannot be, such as inner dimensions that differ, is DEIT_ERR_FORMAT naming
 * the node and both numbers.
 */
enum deit_status deit_graph_infer(struct deit_graph *graph, struct deit_error *err);

#endif
