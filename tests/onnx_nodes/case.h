/* tests/onnx_nodes/case.h: a model with its data, some inputs of which are made constants. */
#ifndef DEIT_TESTS_ONNX_NODES_CASE_H
#define DEIT_TESTS_ONNX_NODES_CASE_H

#include "tests/onnx_nodes/tensor.h"

enum { MOST_PORTS = 64 };

struct ports {
    size_t n;
    DeitOnnx__TensorProto *protos[MOST_PORTS];
    struct tensor tensors[MOST_PORTS];
};

/* A folder's model.onnx with one of its data sets. */
struct test_case {
    DeitOnnx__ModelProto *model;
    struct ports inputs, outputs;
};

enum deit_status case_read(const char *folder, const char *data_set, struct test_case *out,
                           struct deit_error *err);
void case_done(struct test_case *test_case);

/* The graph of a case. */
struct imported_case {
    struct deit_graph *graph;
    unsigned char *bytes;   /* that the graph's constants are in */
    int values[MOST_PORTS]; /* of the inputs that are given at run time, else -1 */
};

/*
 * Imports the model.  Inputs are constants, written into the model as its initializers before
 * the library reads it; but with 'floats_at_run_time' those of type f32 stay inputs, of the
 * data's shape, unless their elements decide the shape of something.
 */
enum deit_status case_import(const struct test_case *test_case, bool floats_at_run_time,
                             struct imported_case *out, struct deit_error *err);
void imported_case_done(struct imported_case *imported);

#endif
