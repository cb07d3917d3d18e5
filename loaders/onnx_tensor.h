/* loaders/onnx_tensor.h: from a TensorProto to a constant whose bytes stay where they are. */
#ifndef DEIT_LOADERS_ONNX_TENSOR_H
#define DEIT_LOADERS_ONNX_TENSOR_H

#include "loaders/onnx_model.h"
#include "runtime/graph.h"

/*
 * 'constant' has one part.  The tensor's owner drops it with deit_constant_done(); it may
 * outlive the model.
 */
struct deit_onnx_tensor {
    enum deit_dtype dtype;
    struct deit_shape shape;
    size_t n_elements;
    struct deit_constant constant;
};

/*
 * deit_onnx_tensor() finds a tensor's data: a run of the model's file or of a file of external
 * data beside it, or a small block of memory for typed and small data.  Elements lie there in C
 * order in the type's own layout, bool as bytes that are 0 or 1.  A tensor without elements has
 * a part without a source.
 *
 * 'name' stands for the tensor in messages; NULL: its own name.
 *
 * Returns DEIT_ERR_FORMAT (data that is missing, there twice, or not as many bytes as the shape
 * says; external data outside of the model's folder), DEIT_ERR_UNSUPPORTED (a type that is no
 * deit_dtype, a rank above 8, external data of a model in memory), DEIT_ERR_IO,
 * DEIT_ERR_MEMORY.
 */
enum deit_status deit_onnx_tensor(struct deit_onnx *onnx, const DeitOnnx__TensorProto *tensor,
                                  const char *name, struct deit_onnx_tensor *out,
                                  struct deit_error *err);

/* The deit_dtype of a TensorProto.DataType; 0: there is none. */
enum deit_dtype deit_onnx_dtype(int32_t data_type);

/* "FLOAT", "STRING", "INT4", ...; "type 77" is written into 'text' (32 bytes) for others. */
const char *deit_onnx_dtype_name(int32_t data_type, char *text);

#endif
