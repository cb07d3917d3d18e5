/*
 * tests/primitives_big/run.h: one node as a graph of its own, run in every way there is.
 *
 * Inputs are constants or computed.  All constant: the node is folded, by the same steps as in
 * a session.  Else a plan is made and run on one thread and on three with tiles in another
 * order, by the kernels of each instruction set; on one set the bits must be the same.
 */
#ifndef DEIT_TESTS_PRIMITIVES_BIG_RUN_H
#define DEIT_TESTS_PRIMITIVES_BIG_RUN_H

#include "runtime/graph.h"

/* The caller's, dense in C order; an absent input has dtype 0. */
struct tensor {
    enum deit_dtype dtype;
    struct deit_shape shape;
    void *data;
};

enum { MOST_INPUTS = 4 };

struct run_case {
    enum deit_node_kind kind;
    union deit_attrs attrs;
    size_t n_inputs;
    struct tensor inputs[MOST_INPUTS];
    unsigned computed; /* bit i: input i is one of the graph, else a constant */
};

/* Drawn from one seeded sequence for the whole program. */
uint32_t draw(uint32_t n); /* below n */
void draw_seed(uint64_t seed);
struct tensor draw_floats(struct deit_shape shape); /* in [-1, 1) */
struct tensor draw_ints(struct deit_shape shape, int64_t low, int64_t high);
struct tensor draw_bools(struct deit_shape shape);

struct tensor tensor_floats(struct deit_shape shape, const float *data); /* a copy */
struct tensor tensor_ints(struct deit_shape shape, const int64_t *data);
struct tensor tensor_zeros(enum deit_dtype dtype, struct deit_shape shape);
size_t tensor_count(const struct tensor *tensor);
void tensor_free(struct tensor *tensor);
void run_case_free(struct run_case *run); /* its inputs */

/* 'out' is the caller's to free; written on success only. */
enum deit_status run_folded(const struct run_case *run, struct tensor *out,
                            struct deit_error *err);
enum deit_status run_planned(const struct run_case *run, struct tensor *out,
                             struct deit_error *err);

/* Both, asserting success; every result is given to check(). */
typedef void check_fn(const struct run_case *run, const struct tensor *y, void *ctx);
void run_all(const struct run_case *run, check_fn *check, void *ctx);

/* Whether a node can be, and the shape that is inferred; data of inputs that are not constant
 * is not looked at. */
enum deit_status run_infer(const struct run_case *run, struct tensor *out,
                           struct deit_error *err);

/* Asserts that a run, of which 'computed' inputs are not constant, fails with this message. */
void refuses(const struct run_case *run, enum deit_status status, const char *message);

/* Asserts the type and the shape that are inferred. */
void infers(const struct run_case *run, enum deit_dtype dtype, const char *shape);

#endif
