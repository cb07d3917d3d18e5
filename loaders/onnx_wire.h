/* loaders/onnx_wire.h: the bytes of an ONNX file, checked, and without its tensors. */
#ifndef DEIT_LOADERS_ONNX_WIRE_H
#define DEIT_LOADERS_ONNX_WIRE_H

#include <stddef.h>

#include "runtime/source.h"

enum {
    DEIT_ONNX_MAX_DEPTH = 100,        /* messages in messages, the model itself not counted */
    DEIT_ONNX_MAX_MESSAGES = 2000000,
    DEIT_ONNX_MAX_SKELETON = 64 << 20, /* bytes */
    DEIT_ONNX_INLINE_BYTES = 1024,     /* larger data of a tensor stays in the file */
};

/* A ModelProto of loaders/onnx.proto that protobuf-c unpacks safely. */
struct deit_onnx_skeleton {
    unsigned char *bytes;
    size_t n_bytes;
};

/*
 * deit_onnx_skeleton_read() goes through the file once, without holding more of it than the
 * skeleton.
 *
 * Each message is well-formed, known fields have their wire types, strings are UTF-8 without a
 * zero byte.  What onnx.proto lacks is left out.  A data field of a tensor above
 * DEIT_ONNX_INLINE_BYTES becomes a Piece.  The caller frees 'bytes'.
 *
 * Returns DEIT_ERR_FORMAT with the byte where it is wrong, DEIT_ERR_LIMIT with both numbers,
 * DEIT_ERR_IO, DEIT_ERR_MEMORY.
 */
enum deit_status deit_onnx_skeleton_read(struct deit_source *source,
                                         struct deit_onnx_skeleton *out, struct deit_error *err);

#endif
