/*
 * loaders/onnx_bytes.c: a buffered reader and a growing writer.
 *
 * Structure is a few kilobytes between tensors of megabytes, so the reader has a small buffer
 * and a position that jumps, instead of a file in memory.
 */
#include "loaders/onnx_bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

enum { BUFFER_BYTES = 64 * 1024, FIRST_ROOM = 64 * 1024, MAX_VARINT_BYTES = 10 };

enum deit_status deit_onnx_reader_init(struct deit_onnx_reader *r, struct deit_source *source,
                                       uint64_t position, struct deit_error *err)
{
    unsigned char *buffer = malloc(BUFFER_BYTES);
    if (!buffer)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", source->name);
    *r = (struct deit_onnx_reader){ .source = source, .position = position, .buffer = buffer };
    return DEIT_OK;
}

void deit_onnx_reader_done(struct deit_onnx_reader *r)
{
    free(r->buffer);
    r->buffer = NULL;
}

/* Makes the byte at the position one of the buffer's; there is one. */
static enum deit_status fill(struct deit_onnx_reader *r, struct deit_error *err)
{
    if (r->position >= r->start && r->position - r->start < r->n)
        return DEIT_OK;
    uint64_t left = r->source->bytes - r->position;
    size_t n = left < BUFFER_BYTES ? (size_t)left : BUFFER_BYTES;
    r->n = 0;
    enum deit_status status = deit_source_read(r->source, r->position, n, r->buffer, err);
    if (status != DEIT_OK)
        return status;
    r->start = r->position;
    r->n = n;
    return DEIT_OK;
}

enum deit_status deit_onnx_reader_varint(struct deit_onnx_reader *r, uint64_t end,
                                         uint64_t *value, struct deit_error *err)
{
    uint64_t begin = r->position, result = 0;
    for (unsigned i = 0; i < MAX_VARINT_BYTES; i++) {
        if (r->position >= end)
            return deit_fail(err, DEIT_ERR_FORMAT,
                             "%s: byte %" PRIu64 ": a varint is cut short by the end of its "
                             "message at byte %" PRIu64, r->source->name, begin, end);
        enum deit_status status = fill(r, err);
        if (status != DEIT_OK)
            return status;
        unsigned char byte = r->buffer[r->position++ - r->start];
        result |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *value = result;
            return DEIT_OK;
        }
    }
    return deit_fail(err, DEIT_ERR_FORMAT,
                     "%s: byte %" PRIu64 ": a varint of more than %d bytes", r->source->name,
                     begin, MAX_VARINT_BYTES);
}

enum deit_status deit_onnx_reader_copy(struct deit_onnx_reader *r, size_t n, void *dst,
                                       struct deit_error *err)
{
    unsigned char *to = dst;
    while (n) {
        enum deit_status status = fill(r, err);
        if (status != DEIT_OK)
            return status;
        size_t at = (size_t)(r->position - r->start);
        size_t count = r->n - at < n ? r->n - at : n;
        memcpy(to, r->buffer + at, count);
        r->position += count;
        to += count;
        n -= count;
    }
    return DEIT_OK;
}

unsigned char *deit_onnx_writer_reserve(struct deit_onnx_writer *w, size_t n)
{
    if (w->is_full || w->is_out_of_memory)
        return NULL;
    if (n > w->max_bytes - w->n) {
        w->is_full = true;
        return NULL;
    }
    if (n > w->room - w->n) {
        size_t room = w->room ? 2 * w->room : FIRST_ROOM;
        while (room - w->n < n)
            room *= 2;
        unsigned char *data = realloc(w->data, room);
        if (!data) {
            w->is_out_of_memory = true;
            return NULL;
        }
        w->data = data;
        w->room = room;
    }
    unsigned char *to = w->data + w->n;
    w->n += n;
    return to;
}

void deit_onnx_writer_varint(struct deit_onnx_writer *w, uint64_t value)
{
    unsigned char text[MAX_VARINT_BYTES];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        text[n++] = (unsigned char)(value | 0x80);
    text[n++] = (unsigned char)value;
    unsigned char *to = deit_onnx_writer_reserve(w, n);
    if (to)
        memcpy(to, text, n);
}

void deit_onnx_writer_set_length(struct deit_onnx_writer *w, size_t at, size_t length)
{
    if (w->is_full || w->is_out_of_memory)
        return;
    for (unsigned i = 0; i < DEIT_ONNX_LENGTH_BYTES; i++, length >>= 7)
        w->data[at + i] = (unsigned char)((length & 0x7f) |
                                          (i + 1 < DEIT_ONNX_LENGTH_BYTES ? 0x80 : 0));
}
