/*
 * tests/primitives/tensors.h: small tensors, and one node run in every way that there is.
 *
 * All functions end the test on failure.
 */
#ifndef DEIT_TESTS_PRIMITIVES_TENSORS_H
#define DEIT_TESTS_PRIMITIVES_TENSORS_H

#include "ops/cpu.h"
#include "runtime/graph.h"

enum { MAX_INPUTS = 6 };

/* Dense, in C order, as memory holds it: f32, i64 or bool. */
struct tensor {
    enum deit_dtype dtype;
    struct deit_shape shape;
    size_t n;
    union { void *data; float *f32; int64_t *i64; uint8_t *b8; };
};

struct tensor tensor_make(enum deit_dtype dtype, struct deit_shape shape); /* zeros */
struct tensor tensor_of_ints(size_t n, const int64_t *list);
struct tensor tensor_of_floats(size_t n, const float *list);
void tensor_free(struct tensor *tensor);
double tensor_get(const struct tensor *tensor, size_t i); /* exact but for large integers */

/* Pseudo-random numbers from a seed that a failing test can print. */
struct random { uint64_t state; };
uint32_t random_below(struct random *random, uint32_t n);

/* Floats in (-3, 3) with at times a zero or a repeated value, integers in [-9, 9], booleans. */
struct tensor tensor_random(struct random *random, enum deit_dtype dtype,
                            struct deit_shape shape);
enum deit_dtype random_dtype(struct random *random);

/* A shape of rank 0 to 5 with dims of 1 to 6, at times 0, and now and then a large last one. */
struct deit_shape random_shape(struct random *random, uint32_t rank);

/* 'shape' as an operand that is broadcast to it: dims left out in front or made 1. */
struct deit_shape random_operand(struct random *random, struct deit_shape shape);

/* The next index in C order; false after the last. */
bool index_next(const struct deit_shape *shape, int64_t *index);

/* The element of 'shape' at an index of a shape that it is broadcast to. */
size_t index_broadcast(const struct deit_shape *shape, const struct deit_shape *to,
                       const int64_t *index);

/* A node, its inputs (NULL data: absent) and which of them decide shapes: always constants. */
struct trial {
    enum deit_node_kind kind;
    union deit_attrs attrs;
    size_t n_inputs;
    const struct tensor *inputs[MAX_INPUTS];
    unsigned constants; /* bit i: input i */
};

/*
 * Runs it as a constant expression, and in plans with computed inputs on one and three threads,
 * tiles claimed in other orders, with the scalar and the best kernels.  The plans of one level
 * must agree in all bits.  Returns the constant expression's answer.
 */
struct tensor trial_run(const struct trial *trial);

/* Its answer as a constant expression. */
struct tensor trial_fold(const struct trial *trial);

/* The steps of its plan, without those that only make its inputs computed ones. */
size_t trial_n_steps(const struct trial *trial);

/* Folds it; the error's text must be 'expected'. */
void trial_refused(const struct trial *trial, const char *expected);

/* The graph that holds it, with a constant or an input for each tensor; the caller frees it. */
struct deit_graph *trial_graph(const struct trial *trial, bool is_folded);

/* Plans and runs a graph with inputs for 'batch' of 'max_batch'; its one output. */
struct plan_run {
    enum deit_level level;
    unsigned n_threads;
    size_t shuffle, max_batch, batch;
};
struct tensor graph_run(struct deit_graph *graph, const struct trial *trial,
                        const struct plan_run *how);

/* Type, shape and bits. */
void expect_same(const struct tensor *is, const struct tensor *wanted);

/* Type and shape, and elements within 'tolerance' of max(1, |wanted|); NaN is NaN. */
void expect_close(const struct tensor *is, const struct tensor *wanted, double tolerance);

#endif
