/* loaders/onnx_decode.h: the typed data fields of a TensorProto, in the file and in memory. */
#ifndef DEIT_LOADERS_ONNX_DECODE_H
#define DEIT_LOADERS_ONNX_DECODE_H

#include "loaders/onnx_model.h"

/* By field number. */
enum deit_onnx_data_field {
    DEIT_ONNX_FLOAT_DATA = 4,
    DEIT_ONNX_INT32_DATA = 5,
    DEIT_ONNX_INT64_DATA = 7,
    DEIT_ONNX_RAW_DATA = 9,
    DEIT_ONNX_DOUBLE_DATA = 10,
    DEIT_ONNX_UINT64_DATA = 11
};

const char *deit_onnx_data_name(enum deit_onnx_data_field field); /* "float_data" */

/* Elements of a field (bytes of raw_data), in the structure and in the file. */
uint64_t deit_onnx_data_count(const DeitOnnx__TensorProto *tensor,
                              enum deit_onnx_data_field field);

/* The first piece of a field that stayed in the file, or NULL. */
const DeitOnnx__Piece *deit_onnx_piece(const DeitOnnx__TensorProto *tensor,
                                       enum deit_onnx_data_field field);

/* A source over memory that it owns; '*data' is that memory, to be filled. */
enum deit_status deit_onnx_block_create(const char *name, size_t bytes, struct deit_source **out,
                                        unsigned char **data, struct deit_error *err);

/*
 * Puts the n elements of a typed field into memory, in the layout of 'dtype'.  A value that the
 * type cannot hold is DEIT_ERR_FORMAT; 'name' is the tensor's.  All of a model's together may
 * be as large as its file and 256 MB more.
 */
enum deit_status deit_onnx_decode(struct deit_onnx *onnx, const DeitOnnx__TensorProto *tensor,
                                  const char *name, enum deit_onnx_data_field field,
                                  enum deit_dtype dtype, size_t n, struct deit_source **out,
                                  struct deit_error *err);

#endif
