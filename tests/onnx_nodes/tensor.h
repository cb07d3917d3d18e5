/* tests/onnx_nodes/tensor.h: a tensor that stands alone in a file, as ONNX's test data has it. */
#ifndef DEIT_TESTS_ONNX_NODES_TENSOR_H
#define DEIT_TESTS_ONNX_NODES_TENSOR_H

#include "loaders/onnx.pb-c.h"
#include "runtime/graph.h"

/* In C order; 'dtype' is how the runtime holds it: f32, i64 or bool. */
struct tensor {
    enum deit_dtype dtype;
    struct deit_shape shape;
    size_t n;
    void *data; /* owned */
};

/* The elements of a TensorProto, by the library's reader of models; 'path' is for messages. */
enum deit_status tensor_read(const DeitOnnx__TensorProto *proto, const char *path,
                             struct tensor *out, struct deit_error *err);

/* A copy of a constant's elements. */
enum deit_status tensor_of_constant(const struct deit_value *value, struct tensor *out,
                                    struct deit_error *err);

void tensor_done(struct tensor *tensor);

struct tolerance {
    double relative, absolute;
};

/*
 * Whether type, shape and each element are as expected: floats within absolute + relative *
 * |expected|, NaN where NaN is expected, anything else exactly.  If not, 'text' says what.
 */
bool tensor_matches(const struct tensor *is, const struct tensor *expected,
                    struct tolerance tolerance, char *text, size_t room);

#endif
