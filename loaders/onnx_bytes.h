/* loaders/onnx_bytes.h: protobuf's bytes, read from a source in pieces, written to memory. */
#ifndef DEIT_LOADERS_ONNX_BYTES_H
#define DEIT_LOADERS_ONNX_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/source.h"

/*
 * A position in a source with a buffer around it.  Moving 'position' is free: what is jumped
 * over is not read.
 */
struct deit_onnx_reader {
    struct deit_source *source;
    uint64_t position;
    uint64_t start; /* of the buffer's 'n' bytes in the source */
    size_t n;
    unsigned char *buffer;
};

enum deit_status deit_onnx_reader_init(struct deit_onnx_reader *r, struct deit_source *source,
                                       uint64_t position, struct deit_error *err);
void deit_onnx_reader_done(struct deit_onnx_reader *r);

/* Reads a varint that must end before 'end'; bits beyond the 64th are dropped. */
enum deit_status deit_onnx_reader_varint(struct deit_onnx_reader *r, uint64_t end,
                                         uint64_t *value, struct deit_error *err);

/* Copies the next n bytes; the caller has checked that the source has them. */
enum deit_status deit_onnx_reader_copy(struct deit_onnx_reader *r, size_t n, void *dst,
                                       struct deit_error *err);

/*
 * Bytes that grow up to 'max_bytes'.  The first failure is remembered and later writes do
 * nothing, as when a graph is built.
 */
struct deit_onnx_writer {
    unsigned char *data;
    size_t n, room, max_bytes;
    bool is_full, is_out_of_memory;
};

void deit_onnx_writer_varint(struct deit_onnx_writer *w, uint64_t value);

/* Room for n bytes, to be filled before the next call; NULL after a failure. */
unsigned char *deit_onnx_writer_reserve(struct deit_onnx_writer *w, size_t n);

/* A length that is known later: five bytes, as a varint that is longer than it need be. */
enum { DEIT_ONNX_LENGTH_BYTES = 5 };
void deit_onnx_writer_set_length(struct deit_onnx_writer *w, size_t at, size_t length);

#endif
