/* loaders/onnx_fields.h: the messages of an ONNX file and their fields, as a table. */
#ifndef DEIT_LOADERS_ONNX_FIELDS_H
#define DEIT_LOADERS_ONNX_FIELDS_H

#include <stddef.h>
#include <stdint.h>

enum deit_onnx_message_id {
    DEIT_ONNX_MODEL, DEIT_ONNX_OPSET_ID, DEIT_ONNX_GRAPH, DEIT_ONNX_NODE, DEIT_ONNX_ATTRIBUTE,
    DEIT_ONNX_TENSOR, DEIT_ONNX_SPARSE_TENSOR, DEIT_ONNX_ENTRY, DEIT_ONNX_VALUE_INFO,
    DEIT_ONNX_TYPE, DEIT_ONNX_TENSOR_TYPE, DEIT_ONNX_SPARSE_TENSOR_TYPE, DEIT_ONNX_SEQUENCE_TYPE,
    DEIT_ONNX_MAP_TYPE, DEIT_ONNX_OPTIONAL_TYPE, DEIT_ONNX_SHAPE, DEIT_ONNX_DIMENSION,
    DEIT_ONNX_FUNCTION, DEIT_ONNX_TRAINING, DEIT_ONNX_N_MESSAGES
};

/* What a field holds; the scalars come first. */
enum deit_onnx_field_kind {
    DEIT_ONNX_VARINT, DEIT_ONNX_FIXED32, DEIT_ONNX_FIXED64, /* scalars */
    DEIT_ONNX_TEXT,                                         /* UTF-8 without a zero byte */
    DEIT_ONNX_BYTES, DEIT_ONNX_MESSAGE
};

enum {
    DEIT_ONNX_KEEP = 1,     /* is in onnx.proto; others are checked and left out */
    DEIT_ONNX_REPEATED = 2, /* scalars then come packed, too */
    DEIT_ONNX_ONCE = 4,     /* a second one is an error, where protobuf would merge or replace */
    DEIT_ONNX_CUT = 8,      /* may stay in the file */
};

struct deit_onnx_field {
    uint32_t number;
    const char *name;
    enum deit_onnx_field_kind kind;
    unsigned flags;
    enum deit_onnx_message_id message; /* of a DEIT_ONNX_MESSAGE */
};

struct deit_onnx_message {
    const char *name;
    const struct deit_onnx_field *fields;
    size_t n_fields; /* at most 32 */
};

extern const struct deit_onnx_message deit_onnx_messages[DEIT_ONNX_N_MESSAGES];

#endif
