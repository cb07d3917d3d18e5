/*
 * loaders/onnx_wire.c: the walk that goes before protobuf-c.
 *
 * protobuf-c trusts its input: it recurses as deep as a file says, makes a hundred bytes of an
 * empty message and copies every tensor.  So each byte of structure is checked here first, with
 * a stack of our own, and what protobuf-c then sees is small, shallow and well-formed.
 */
#include "loaders/onnx_wire.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "loaders/onnx_bytes.h"
#include "loaders/onnx_fields.h"
#include "loaders/onnx_model.h"
#include "runtime/error.h"

/* The numbers of protobuf's wire types. */
enum { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES, WIRE_GROUP, WIRE_GROUP_END, WIRE_FIXED32 };

enum {
    MAX_TENSOR_FIELDS = 16, /* more than the table has */
    PIECE_TAG = 16000 << 3 | WIRE_BYTES,
    MAX_FIELD_NUMBER = (1 << 29) - 1,
};

/* A message that has begun and not ended. */
struct frame {
    const struct deit_onnx_message *message;
    uint64_t end;     /* in the file */
    bool is_kept;     /* goes to the skeleton */
    size_t length_at; /* of its length there */
    uint32_t seen;    /* a bit for each field of the table */
    uint64_t n_kept[MAX_TENSOR_FIELDS]; /* of a tensor: elements of each field in the skeleton */
};

struct walk {
    const char *name;
    struct deit_onnx_reader reader;
    struct deit_onnx_writer writer;
    struct deit_error *err;
    size_t n_messages, n_nodes;
    unsigned depth;
    struct frame frames[DEIT_ONNX_MAX_DEPTH + 1];
};

/* Fails with "FILE: byte N: MESSAGE.FIELD: " in front; no field: without it. */
static enum deit_status bad(struct walk *w, const struct deit_onnx_field *field,
                            const char *format, ...) __attribute__((format(printf, 3, 4)));

static enum deit_status bad(struct walk *w, const struct deit_onnx_field *field,
                            const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return deit_fail(w->err, DEIT_ERR_FORMAT, "%s: byte %" PRIu64 ": %s%s%s: %s", w->name,
                     w->reader.position, w->frames[w->depth].message->name, field ? "." : "",
                     field ? field->name : "", what);
}

/* A length that the current message has room for. */
static enum deit_status read_length(struct walk *w, const struct deit_onnx_field *field,
                                    uint64_t *length)
{
    uint64_t end = w->frames[w->depth].end, value = 0;
    enum deit_status status = deit_onnx_reader_varint(&w->reader, end, &value, w->err);
    if (status != DEIT_OK)
        return status;
    if (value > end - w->reader.position)
        return bad(w, field, "%" PRIu64 " bytes, but only %" PRIu64 " are left in %s", value,
                   end - w->reader.position, w->depth ? "the message around it" : "the file");
    *length = value;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ messages */

static enum deit_status count_message(struct walk *w, enum deit_onnx_message_id id)
{
    if (++w->n_messages > DEIT_ONNX_MAX_MESSAGES)
        return deit_fail(w->err, DEIT_ERR_LIMIT,
                         "%s: more than %d messages (byte %" PRIu64 " of %" PRIu64 ")", w->name,
                         DEIT_ONNX_MAX_MESSAGES, w->reader.position, w->reader.source->bytes);
    if (id == DEIT_ONNX_NODE && ++w->n_nodes > DEIT_ONNX_MAX_NODES)
        return deit_fail(w->err, DEIT_ERR_LIMIT,
                         "%s: %zu nodes up to byte %" PRIu64 ", at most %d are read", w->name,
                         w->n_nodes, w->reader.position, DEIT_ONNX_MAX_NODES);
    return DEIT_OK;
}

static enum deit_status begin_message(struct walk *w, const struct deit_onnx_field *field)
{
    uint64_t length = 0;
    enum deit_status status = read_length(w, field, &length);
    if (status == DEIT_OK)
        status = count_message(w, field->message);
    if (status != DEIT_OK)
        return status;
    if (w->depth == DEIT_ONNX_MAX_DEPTH)
        return deit_fail(w->err, DEIT_ERR_LIMIT,
                         "%s: byte %" PRIu64 ": messages are nested %d deep, at most %d are "
                         "read", w->name, w->reader.position, DEIT_ONNX_MAX_DEPTH + 1,
                         DEIT_ONNX_MAX_DEPTH);

    const struct frame *parent = &w->frames[w->depth++];
    struct frame *frame = &w->frames[w->depth];
    *frame = (struct frame){
        .message = &deit_onnx_messages[field->message],
        .end = w->reader.position + length,
        .is_kept = parent->is_kept && (field->flags & DEIT_ONNX_KEEP),
    };
    if (frame->is_kept) {
        deit_onnx_writer_varint(&w->writer, field->number << 3 | WIRE_BYTES);
        frame->length_at = w->writer.n;
        deit_onnx_writer_reserve(&w->writer, DEIT_ONNX_LENGTH_BYTES);
    }
    return DEIT_OK;
}

static void end_message(struct walk *w)
{
    const struct frame *frame = &w->frames[w->depth--];
    if (frame->is_kept)
        deit_onnx_writer_set_length(&w->writer, frame->length_at,
                                    w->writer.n - frame->length_at - DEIT_ONNX_LENGTH_BYTES);
}

/* ------------------------------------------------------------------ the data of a tensor */

/* How many elements a packed field has; its bytes are jumped over. */
static enum deit_status count_packed(struct walk *w, const struct deit_onnx_field *field,
                                     uint64_t length, uint64_t *n)
{
    if (field->kind != DEIT_ONNX_VARINT) {
        uint64_t size = field->kind == DEIT_ONNX_FIXED32 ? 4 : 8;
        if (length % size)
            return bad(w, field, "%" PRIu64 " bytes are not a whole number of elements of %"
                       PRIu64 " bytes", length, size);
        w->reader.position += length;
        *n = length / size;
        return DEIT_OK;
    }
    uint64_t end = w->reader.position + length, value;
    for (*n = 0; w->reader.position < end; ++*n) {
        enum deit_status status = deit_onnx_reader_varint(&w->reader, end, &value, w->err);
        if (status != DEIT_OK)
            return status;
    }
    return DEIT_OK;
}

static void write_piece(struct walk *w, const struct deit_onnx_field *field, uint64_t offset,
                        uint64_t bytes, uint64_t n_elements, uint64_t n_before)
{
    const uint64_t values[] = { field->number, offset, bytes, n_elements, n_before };
    deit_onnx_writer_varint(&w->writer, PIECE_TAG);
    size_t at = w->writer.n;
    deit_onnx_writer_reserve(&w->writer, DEIT_ONNX_LENGTH_BYTES);
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        deit_onnx_writer_varint(&w->writer, (i + 1) << 3 | WIRE_VARINT);
        deit_onnx_writer_varint(&w->writer, values[i]);
    }
    deit_onnx_writer_set_length(&w->writer, at, w->writer.n - at - DEIT_ONNX_LENGTH_BYTES);
}

/* ------------------------------------------------------------------ fields */

static bool is_utf8(const unsigned char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned char c = text[i];
        size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || more > n - i - 1)
            return false;
        uint32_t code = more ? c & (0x3fu >> more) : c;
        for (size_t k = 1; k <= more; k++) {
            if ((text[i + k] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (text[i + k] & 0x3f);
        }
        /* what has a shorter form, surrogates, and above the last character */
        if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10ffff)) ||
            (code >= 0xd800 && code < 0xe000))
            return false;
        i += more + 1;
    }
    return true;
}

static enum deit_status check_text(struct walk *w, const struct deit_onnx_field *field,
                                   const unsigned char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!text[i])
            return bad(w, field, "the string has a zero byte inside, after %zu of %zu bytes", i,
                       n);
    return is_utf8(text, n) ? DEIT_OK : bad(w, field, "the string is not UTF-8");
}

/* What has a length: text, bytes and packed scalars.  It is copied, cut out or left out. */
static enum deit_status read_bytes(struct walk *w, const struct deit_onnx_field *field,
                                   unsigned index)
{
    struct frame *frame = &w->frames[w->depth];
    uint64_t length = 0, n_elements = 0;
    enum deit_status status = read_length(w, field, &length);
    uint64_t offset = w->reader.position;
    if (status == DEIT_OK && field->kind <= DEIT_ONNX_FIXED64)
        status = count_packed(w, field, length, &n_elements);
    if (status != DEIT_OK)
        return status;

    bool is_cut = (field->flags & DEIT_ONNX_CUT) && length > DEIT_ONNX_INLINE_BYTES;
    if (!frame->is_kept || !(field->flags & DEIT_ONNX_KEEP) || is_cut) {
        if (frame->is_kept && is_cut)
            write_piece(w, field, offset, length, n_elements, frame->n_kept[index]);
        w->reader.position = offset + length;
        return DEIT_OK;
    }
    if (field->flags & DEIT_ONNX_CUT) {
        assert(index < MAX_TENSOR_FIELDS);
        frame->n_kept[index] += n_elements;
    }
    w->reader.position = offset;
    deit_onnx_writer_varint(&w->writer, field->number << 3 | WIRE_BYTES);
    deit_onnx_writer_varint(&w->writer, length);
    unsigned char *to = deit_onnx_writer_reserve(&w->writer, (size_t)length);
    if (!to)
        return DEIT_OK; /* told at the end of the round */
    status = deit_onnx_reader_copy(&w->reader, (size_t)length, to, w->err);
    if (status == DEIT_OK && field->kind == DEIT_ONNX_TEXT)
        status = check_text(w, field, to, (size_t)length);
    return status;
}

/* A scalar that stands alone. */
static enum deit_status read_scalar(struct walk *w, const struct deit_onnx_field *field,
                                    unsigned wire, unsigned index)
{
    struct frame *frame = &w->frames[w->depth];
    bool is_kept = field && frame->is_kept && (field->flags & DEIT_ONNX_KEEP);
    if (is_kept)
        deit_onnx_writer_varint(&w->writer, field->number << 3 | wire);
    if (is_kept && (field->flags & DEIT_ONNX_CUT))
        frame->n_kept[index]++;

    if (wire == WIRE_VARINT) {
        uint64_t value = 0;
        enum deit_status status =
            deit_onnx_reader_varint(&w->reader, frame->end, &value, w->err);
        if (is_kept)
            deit_onnx_writer_varint(&w->writer, value);
        return status;
    }
    size_t n = wire == WIRE_FIXED32 ? 4 : 8;
    if (n > frame->end - w->reader.position)
        return bad(w, field, "%zu bytes, but only %" PRIu64 " are left", n,
                   frame->end - w->reader.position);
    unsigned char *to = is_kept ? deit_onnx_writer_reserve(&w->writer, n) : NULL;
    if (to)
        return deit_onnx_reader_copy(&w->reader, n, to, w->err);
    w->reader.position += n;
    return DEIT_OK;
}

static enum deit_status skip_unknown(struct walk *w, unsigned wire)
{
    if (wire != WIRE_BYTES)
        return read_scalar(w, NULL, wire, 0);
    uint64_t length = 0;
    enum deit_status status = read_length(w, NULL, &length);
    w->reader.position += length;
    return status;
}

static enum deit_status read_known(struct walk *w, const struct deit_onnx_field *field,
                                   unsigned wire, unsigned index)
{
    static const unsigned wires[] = {
        [DEIT_ONNX_VARINT] = WIRE_VARINT, [DEIT_ONNX_FIXED32] = WIRE_FIXED32,
        [DEIT_ONNX_FIXED64] = WIRE_FIXED64, [DEIT_ONNX_TEXT] = WIRE_BYTES,
        [DEIT_ONNX_BYTES] = WIRE_BYTES, [DEIT_ONNX_MESSAGE] = WIRE_BYTES,
    };
    struct frame *frame = &w->frames[w->depth];
    bool is_scalar = field->kind <= DEIT_ONNX_FIXED64;
    bool may_be_packed = is_scalar && (field->flags & DEIT_ONNX_REPEATED);
    if (wire != wires[field->kind] && !(may_be_packed && wire == WIRE_BYTES))
        return bad(w, field, "field %u has wire type %u, not %u", field->number, wire,
                   wires[field->kind]);
    uint32_t bit = UINT32_C(1) << index;
    if ((field->flags & DEIT_ONNX_ONCE) && (frame->seen & bit))
        return bad(w, field, "is there twice");
    frame->seen |= bit;

    if (field->kind == DEIT_ONNX_MESSAGE)
        return begin_message(w, field);
    return wire == WIRE_BYTES ? read_bytes(w, field, index) : read_scalar(w, field, wire, index);
}

static enum deit_status read_field(struct walk *w)
{
    const struct frame *frame = &w->frames[w->depth];
    uint64_t tag = 0;
    enum deit_status status = deit_onnx_reader_varint(&w->reader, frame->end, &tag, w->err);
    if (status != DEIT_OK)
        return status;
    unsigned wire = tag & 7;
    if (tag >> 3 == 0 || tag >> 3 > MAX_FIELD_NUMBER)
        return bad(w, NULL, "field number %" PRIu64 ", they go from 1 to %d", tag >> 3,
                   MAX_FIELD_NUMBER);
    if (wire == WIRE_GROUP || wire == WIRE_GROUP_END)
        return bad(w, NULL, "field %" PRIu64 " is a group, and ONNX has none", tag >> 3);
    if (wire > WIRE_FIXED32)
        return bad(w, NULL, "field %" PRIu64 " has wire type %u, they go from 0 to 5", tag >> 3,
                   wire);
    for (unsigned i = 0; i < frame->message->n_fields; i++)
        if (frame->message->fields[i].number == tag >> 3)
            return read_known(w, &frame->message->fields[i], wire, i);
    return skip_unknown(w, wire);
}

static enum deit_status check_writer(struct walk *w)
{
    if (w->writer.is_full)
        return deit_fail(w->err, DEIT_ERR_LIMIT,
                         "%s: the structure of the model, without its tensors, is %zu bytes up to "
                         "byte %" PRIu64 ", at most %d are read", w->name, w->writer.n,
                         w->reader.position, DEIT_ONNX_MAX_SKELETON);
    if (w->writer.is_out_of_memory)
        return deit_fail(w->err, DEIT_ERR_MEMORY, "%s: out of memory", w->name);
    return DEIT_OK;
}

static enum deit_status walk_model(struct walk *w)
{
    enum deit_status status = DEIT_OK;
    while (status == DEIT_OK) {
        if (w->reader.position < w->frames[w->depth].end)
            status = read_field(w);
        else if (w->depth)
            end_message(w);
        else
            break;
        if (status == DEIT_OK)
            status = check_writer(w);
    }
    return status;
}

enum deit_status deit_onnx_skeleton_read(struct deit_source *source,
                                         struct deit_onnx_skeleton *out, struct deit_error *err)
{
    struct walk *w = calloc(1, sizeof *w);
    if (!w)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", source->name);
    w->name = source->name;
    w->err = err;
    w->writer.max_bytes = DEIT_ONNX_MAX_SKELETON;
    w->frames[0] = (struct frame){
        .message = &deit_onnx_messages[DEIT_ONNX_MODEL], .end = source->bytes, .is_kept = true,
    };
    enum deit_status status = deit_onnx_reader_init(&w->reader, source, 0, err);
    if (status == DEIT_OK)
        status = walk_model(w);
    deit_onnx_reader_done(&w->reader);
    if (status == DEIT_OK)
        *out = (struct deit_onnx_skeleton){ .bytes = w->writer.data, .n_bytes = w->writer.n };
    else
        free(w->writer.data);
    free(w);
    return status;
}
