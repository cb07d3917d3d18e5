/*
 * tests/onnx_reader/make.h: ONNX files, good and bad, written byte by byte in memory.
 *
 * The writer is the test's own, so that reader and writer cannot share a mistake; it writes
 * what it is told, whether that is allowed or not.
 */
#ifndef DEIT_TESTS_ONNX_READER_MAKE_H
#define DEIT_TESTS_ONNX_READER_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include "loaders/onnx_attr.h"
#include "loaders/onnx_model.h"
#include "loaders/onnx_tensor.h"

/* Starts as { 0 }.  Whatever takes one as its last argument frees it. */
struct bytes {
    unsigned char *data;
    size_t n, room;
};

void put_bytes(struct bytes *b, const void *data, size_t n);
void put_varint(struct bytes *b, uint64_t value);
void put_tag(struct bytes *b, unsigned field, unsigned wire);
void put_int(struct bytes *b, unsigned field, int64_t value);
void put_float(struct bytes *b, unsigned field, float value);
void put_run(struct bytes *b, unsigned field, const void *data, size_t n); /* with its length */
void put_text(struct bytes *b, unsigned field, const char *text);
void put_message(struct bytes *b, unsigned field, struct bytes *inner);
void bytes_done(struct bytes *b);

/* ------------------------------------------------------------------ messages */

/* Standard numbers that tests speak of. */
enum {
    MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_PRODUCER_VERSION = 3, MODEL_GRAPH = 7,
    MODEL_OPSET = 8, MODEL_TRAINING = 20, MODEL_FUNCTION = 25,
    GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12,
    GRAPH_SPARSE = 15,
    NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5,
    NODE_DOMAIN = 7,
    ATTR_NAME = 1, ATTR_F = 2, ATTR_I = 3, ATTR_S = 4, ATTR_T = 5, ATTR_G = 6, ATTR_FLOATS = 7,
    ATTR_INTS = 8, ATTR_TP = 14, ATTR_TYPE = 20, ATTR_REF = 21,
    TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_FLOATS = 4, TENSOR_INT32S = 5, TENSOR_INT64S = 7,
    TENSOR_NAME = 8, TENSOR_RAW = 9, TENSOR_DOUBLES = 10, TENSOR_EXTERNAL = 13,
    TENSOR_LOCATION = 14,
    FUNCTION_NAME = 1, FUNCTION_INPUT = 4, FUNCTION_OUTPUT = 5, FUNCTION_ATTRIBUTE = 6,
    FUNCTION_NODE = 7, FUNCTION_OPSET = 9, FUNCTION_DOMAIN = 10, FUNCTION_ATTRIBUTE_PROTO = 11,
};

/* TensorProto.DataType */
enum { FLOAT = 1, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE,
       UINT32, UINT64, BFLOAT16 = 16 };

/* "a b" are inputs a and b; '-' stands for an absent one. */
struct bytes make_node(const char *op_type, const char *inputs, const char *outputs);
struct bytes make_value_info(const char *name, int type, int rank, const int64_t *dims);
struct bytes make_tensor(const char *name, int type, int rank, const int64_t *dims);
struct bytes make_opset(const char *domain, int64_t version);

/* IR 8, opset 17, and this graph. */
struct bytes make_model(struct bytes *graph);

/* Input x, output y, both f32 of (2, 3), and nothing between. */
struct bytes make_graph(void);

/* y = x + w + c: an initializer of raw data, a Constant, a value that is named, an attribute. */
struct bytes make_small_model(void);

/* With a large tensor, typed data, a function that is called, and a subgraph. */
struct bytes make_rich_model(void);

/* ------------------------------------------------------------------ reading them */

/* Reads a model from memory.  The bytes must stay as long as it does. */
enum deit_status read_bytes(const struct bytes *file, struct deit_onnx **out,
                            struct deit_error *err);

/* Reads, or fails the test; frees nothing. */
struct deit_onnx *must_read(const struct bytes *file);

/* Fails the test unless reading 'file' ends in this status and says all of these, up to NULL. */
void must_refuse(struct bytes *file, enum deit_status status, const char *const *says);

/* Fails the test unless 'err' has this status and says this. */
void must_say(enum deit_status got, const struct deit_error *err, enum deit_status status,
              const char *says);

#define SAYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Resolves the tensors of all graphs and functions; returns how many there are. */
size_t resolve_all(struct deit_onnx *onnx, struct deit_error *err, enum deit_status *status);

#endif
