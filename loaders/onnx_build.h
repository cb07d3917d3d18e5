/*
 * loaders/onnx_build.h: what the functions that import operators are written with.
 *
 * A builder holds the node that is being imported.  Values are indices into the graph, -1 is
 * absent.  A failure is remembered in 'status' and turns the rest into no-ops that return -1,
 * so that an operator reads like its definition.
 *
 * Types and shapes of values are known as far as they follow from what stands before: each
 * node that is added is inferred at once.
 */
#ifndef DEIT_LOADERS_ONNX_BUILD_H
#define DEIT_LOADERS_ONNX_BUILD_H

#include "loaders/onnx_attr.h"
#include "loaders/onnx_model.h"
#include "loaders/onnx_names.h"
#include "runtime/graph.h"

struct deit_build {
    struct deit_onnx *onnx;
    struct deit_graph *graph;
    const struct deit_onnx_names *names; /* the innermost: of the graph that is walked */
    enum deit_status status;
    struct deit_error *err;

    const DeitOnnx__NodeProto *node;
    int64_t opset;     /* of the node's domain */
    int argument;      /* the operator's row in the table says so */
    const char *title; /* of the nodes that come from it */
    const int *inputs; /* (node->n_input) */
    int *outputs;      /* (node->n_output), -1 until deit_build_output() */
    size_t first_value; /* values from here on are the node's own */

    uint64_t n_parameters, weight_bytes; /* of all float tensors so far */
    unsigned n_evaluations;
};

/* Remembers a failure that names the node, unless there is one already. */
void deit_build_fail(struct deit_build *b, enum deit_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline bool deit_build_ok(const struct deit_build *b)
{
    return b->status == DEIT_OK;
}

/* ------------------------------------------------------------------ the node */

/* Input 'slot', -1 if it is absent. */
int deit_build_input(const struct deit_build *b, size_t slot);

/* Whether output 'slot' has a name. */
bool deit_build_wants(const struct deit_build *b, size_t slot);

/* Makes a value output 'slot', if that is wanted. */
void deit_build_output(struct deit_build *b, size_t slot, int value);

int64_t deit_build_attr_int(struct deit_build *b, const char *name, int64_t otherwise);
float deit_build_attr_float(struct deit_build *b, const char *name, float otherwise);
const char *deit_build_attr_string(struct deit_build *b, const char *name, const char *otherwise);

/* NULL if it is absent, not NULL if it has no elements. */
const int64_t *deit_build_attr_ints(struct deit_build *b, const char *name, size_t *n);
const float *deit_build_attr_floats(struct deit_build *b, const char *name, size_t *n);

bool deit_build_has_attr(const struct deit_build *b, const char *name);

/* An attribute that must be there. */
void deit_build_need_attr(struct deit_build *b, const char *name);

/*
 * The place of an attribute's text in a list that ends with NULL; a text that is not in it is
 * DEIT_ERR_UNSUPPORTED.
 */
int deit_build_attr_choice(struct deit_build *b, const char *name, const char *otherwise,
                           const char *const *choices);

/* An axis fits an int32_t; whether it fits the tensor, shape inference tells. */
int32_t deit_build_attr_axis(struct deit_build *b, const char *name, int64_t otherwise);

/* ------------------------------------------------------------------ values */

enum deit_dtype deit_build_dtype(const struct deit_build *b, int value);

/* DEIT_RANK_UNKNOWN if it is not known. */
uint32_t deit_build_rank_if_known(const struct deit_build *b, int value);

/* An unknown rank is DEIT_ERR_UNSUPPORTED; returns 0 after a failure. */
uint32_t deit_build_rank(struct deit_build *b, int value);

/* A dim, 'axis' from the front or negative from the end; DEIT_DIM_UNKNOWN if it is not known. */
int64_t deit_build_dim(const struct deit_build *b, int value, int axis);

bool deit_build_is_constant(const struct deit_build *b, int value);

/* Elements of a constant integer input; false if it is not constant.  -1 has none. */
bool deit_build_const_ints(struct deit_build *b, int value, size_t room, int64_t *out, size_t *n);

/*
 * The one element of a value that can be computed from constants now; false if it cannot, or
 * has not exactly one element.  'number' holds integers up to 2^53 exactly.  A file that asks
 * for this very often is DEIT_ERR_LIMIT: each time a part of the graph is run.
 */
bool deit_build_evaluate(struct deit_build *b, int value, double *number);

/* ------------------------------------------------------------------ constants */

int deit_build_tensor(struct deit_build *b, const DeitOnnx__TensorProto *tensor,
                      const char *name);
int deit_build_ints(struct deit_build *b, size_t n, const int64_t *values); /* of rank 1 */
int deit_build_int(struct deit_build *b, int64_t value);                    /* of rank 0 */
int deit_build_float(struct deit_build *b, float value);
int deit_build_bool(struct deit_build *b, bool value);
int deit_build_floats(struct deit_build *b, size_t n, const float *values);
int deit_build_zeros(struct deit_build *b, size_t n); /* f32, of rank 1 */

#define deit_build_list(b, n, ...) deit_build_ints(b, n, (const int64_t[]){ __VA_ARGS__ })

/* A number of the type that 'like' has. */
int deit_build_number(struct deit_build *b, int like, double value);

/* ------------------------------------------------------------------ nodes */

int deit_build_add(struct deit_build *b, enum deit_node_kind kind, const union deit_attrs *attrs,
                   size_t n_inputs, const int *inputs);
int deit_build_unary(struct deit_build *b, enum deit_unary function, int x);
int deit_build_binary(struct deit_build *b, enum deit_binary function, int x, int y);
int deit_build_where(struct deit_build *b, int condition, int x, int y);
int deit_build_matmul(struct deit_build *b, int x, int y);
int deit_build_softmax(struct deit_build *b, int x, int32_t axis);
int deit_build_reduce(struct deit_build *b, enum deit_reduce op, int x, int axes, bool keep_dims);
int deit_build_concat(struct deit_build *b, int32_t axis, size_t n, const int *values);
int deit_build_transpose(struct deit_build *b, int x, size_t n, const int64_t *axes);
int deit_build_reshape(struct deit_build *b, int x, int shape);
int deit_build_reshape_exactly(struct deit_build *b, int x, int shape); /* a 0 is a dim of 0 */
int deit_build_expand(struct deit_build *b, int x, int shape);
int deit_build_unsqueeze(struct deit_build *b, int x, int axes);
int deit_build_squeeze(struct deit_build *b, int x, int axes);
int deit_build_shape(struct deit_build *b, int x, int32_t start, int32_t end);

/* x * value, x + value: a factor of 1 and a summand of 0 add no node. */
int deit_build_scale(struct deit_build *b, int x, float value);
int deit_build_offset(struct deit_build *b, int x, float value);

/* Elements [start, end) along one axis; 'end' INT64_MAX: up to the last. */
int deit_build_slice(struct deit_build *b, int x, int64_t axis, int64_t start, int64_t end);

/* The last two axes exchanged; needs a known rank of at least 2. */
int deit_build_swap(struct deit_build *b, int x);

/*
 * In memory there is one float type, so a cast between floats is its input, and what is cast
 * to a float becomes f32.
 */
int deit_build_cast(struct deit_build *b, int x, enum deit_dtype to);

/* A node that copies: for outputs that must not be their source. */
int deit_build_copy(struct deit_build *b, int x);

/* The dims before and behind 'axis' multiplied: (x) -> (outer, inner). */
int deit_build_flatten(struct deit_build *b, int x, int64_t axis);

#endif
