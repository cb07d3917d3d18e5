/*
 * loaders/onnx_decode.c: varints, and elements in several runs, put into memory.
 *
 * A field that is repeated may come in any number of runs, of which the small ones are in the
 * structure and the large ones in the file.  Each piece says how many of the former stand in
 * front of it, which restores the order.
 */
#include "loaders/onnx_decode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_bytes.h"
#include "runtime/constant.h"
#include "runtime/error.h"

/* Varints of one byte become elements of eight; a file is not to fill the memory by that. */
enum { MAX_DECODED_BEYOND_FILE = 256 << 20 };

struct block_source {
    struct deit_source head;
    unsigned char *data; /* behind the name */
    char name[];
};

static enum deit_status block_read(struct deit_source *source, uint64_t offset, size_t n,
                                   void *dst, struct deit_error *err)
{
    (void)err;
    const struct block_source *block = (const struct block_source *)source;
    if (n)
        memcpy(dst, block->data + offset, n);
    return DEIT_OK;
}

static void block_close(struct deit_source *source)
{
    free(source);
}

enum deit_status deit_onnx_block_create(const char *name, size_t bytes, struct deit_source **out,
                                        unsigned char **data, struct deit_error *err)
{
    static const struct deit_source_ops ops = { .read = block_read, .close = block_close };

    size_t name_bytes = strlen(name) + 1, room;
    struct block_source *block = NULL;
    if (!__builtin_add_overflow(sizeof *block + name_bytes, bytes, &room))
        block = malloc(room);
    if (!block)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory for a tensor of %zu bytes",
                         name, bytes);
    memcpy(block->name, name, name_bytes);
    block->data = (unsigned char *)block->name + name_bytes;
    deit_source_init(&block->head, &ops, block->name, bytes);
    *out = &block->head;
    *data = block->data;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ what is there */

const char *deit_onnx_data_name(enum deit_onnx_data_field field)
{
    switch (field) {
    case DEIT_ONNX_FLOAT_DATA: return "float_data";
    case DEIT_ONNX_INT32_DATA: return "int32_data";
    case DEIT_ONNX_INT64_DATA: return "int64_data";
    case DEIT_ONNX_RAW_DATA: return "raw_data";
    case DEIT_ONNX_DOUBLE_DATA: return "double_data";
    case DEIT_ONNX_UINT64_DATA: return "uint64_data";
    }
    return "no data";
}

static size_t count_inline(const DeitOnnx__TensorProto *tensor, enum deit_onnx_data_field field)
{
    switch (field) {
    case DEIT_ONNX_FLOAT_DATA: return tensor->n_float_data;
    case DEIT_ONNX_INT32_DATA: return tensor->n_int32_data;
    case DEIT_ONNX_INT64_DATA: return tensor->n_int64_data;
    case DEIT_ONNX_RAW_DATA: return tensor->raw_data.len;
    case DEIT_ONNX_DOUBLE_DATA: return tensor->n_double_data;
    case DEIT_ONNX_UINT64_DATA: return tensor->n_uint64_data;
    }
    return 0;
}

uint64_t deit_onnx_data_count(const DeitOnnx__TensorProto *tensor,
                              enum deit_onnx_data_field field)
{
    uint64_t n = count_inline(tensor, field);
    for (size_t i = 0; i < tensor->n_deit_piece; i++) {
        const DeitOnnx__Piece *piece = tensor->deit_piece[i];
        if (piece->field == field)
            n += field == DEIT_ONNX_RAW_DATA ? piece->bytes : piece->elements;
    }
    return n;
}

const DeitOnnx__Piece *deit_onnx_piece(const DeitOnnx__TensorProto *tensor,
                                       enum deit_onnx_data_field field)
{
    for (size_t i = 0; i < tensor->n_deit_piece; i++)
        if (tensor->deit_piece[i]->field == field)
            return tensor->deit_piece[i];
    return NULL;
}

/* ------------------------------------------------------------------ decoding */

struct decoder {
    const struct deit_onnx *onnx;
    const DeitOnnx__TensorProto *tensor;
    const char *name;
    enum deit_onnx_data_field field;
    enum deit_dtype dtype;
    size_t element_bytes;
    unsigned char *data;
    size_t done, inline_done; /* elements so far: of all, of those in the structure */
    struct deit_error *err;
};

/* The smallest and the largest value that fit, as int32_data and int64_data hold them. */
static void range_of(enum deit_dtype dtype, int64_t *min, int64_t *max)
{
    *min = 0;
    switch (dtype) {
    case DEIT_BOOL: *max = 1; break;
    case DEIT_U8: *max = UINT8_MAX; break;
    case DEIT_F16: case DEIT_BF16: *max = UINT16_MAX; break; /* the bits */
    case DEIT_I8: *min = INT8_MIN; *max = INT8_MAX; break;
    case DEIT_I32: *min = INT32_MIN; *max = INT32_MAX; break;
    default: *min = INT64_MIN; *max = INT64_MAX; break;
    }
}

static enum deit_status put_integer(struct decoder *d, int64_t value)
{
    int64_t min, max;
    range_of(d->dtype, &min, &max);
    if (value < min || value > max)
        return deit_fail(d->err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s': element %zu is %" PRId64 ", type %s goes from %" PRId64
                         " to %" PRId64, d->onnx->name, d->name, d->done, value,
                         deit_dtype_name(d->dtype), min, max);
    /* little-endian: the low bytes come first */
    memcpy(d->data + d->done++ * d->element_bytes, &value, d->element_bytes);
    return DEIT_OK;
}

/* Elements that came along with the structure, up to number 'end'. */
static enum deit_status put_inline(struct decoder *d, size_t end)
{
    const DeitOnnx__TensorProto *t = d->tensor;
    enum deit_status status = DEIT_OK;
    for (; status == DEIT_OK && d->inline_done < end; d->inline_done++) {
        size_t i = d->inline_done;
        unsigned char *to = d->data + d->done * d->element_bytes;
        if (d->field == DEIT_ONNX_INT32_DATA) {
            status = put_integer(d, t->int32_data[i]);
        } else if (d->field == DEIT_ONNX_INT64_DATA) {
            status = put_integer(d, t->int64_data[i]);
        } else {
            memcpy(to, d->field == DEIT_ONNX_FLOAT_DATA ? (const void *)&t->float_data[i]
                                                        : (const void *)&t->double_data[i],
                   d->element_bytes);
            d->done++;
        }
    }
    return status;
}

static enum deit_status put_varints(struct decoder *d, const DeitOnnx__Piece *piece)
{
    struct deit_onnx_reader reader;
    enum deit_status status =
        deit_onnx_reader_init(&reader, d->onnx->source, piece->offset, d->err);
    if (status != DEIT_OK)
        return status;
    uint64_t end = piece->offset + piece->bytes;
    for (uint64_t i = 0; status == DEIT_OK && i < piece->elements; i++) {
        uint64_t bits = 0;
        status = deit_onnx_reader_varint(&reader, end, &bits, d->err);
        if (status == DEIT_OK)
            status = put_integer(d, d->field == DEIT_ONNX_INT32_DATA ? (int32_t)(uint32_t)bits
                                                                     : (int64_t)bits);
    }
    deit_onnx_reader_done(&reader);
    return status;
}

static enum deit_status put_piece(struct decoder *d, const DeitOnnx__Piece *piece)
{
    if (d->field == DEIT_ONNX_INT32_DATA || d->field == DEIT_ONNX_INT64_DATA)
        return put_varints(d, piece);
    enum deit_status status =
        deit_source_read(d->onnx->source, piece->offset, (size_t)piece->bytes,
                         d->data + d->done * d->element_bytes, d->err);
    d->done += (size_t)piece->elements;
    return status;
}

static enum deit_status put_all(struct decoder *d)
{
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; status == DEIT_OK && i < d->tensor->n_deit_piece; i++) {
        const DeitOnnx__Piece *piece = d->tensor->deit_piece[i];
        if (piece->field != d->field)
            continue;
        status = put_inline(d, (size_t)piece->inline_before);
        if (status == DEIT_OK)
            status = put_piece(d, piece);
    }
    return status == DEIT_OK ? put_inline(d, count_inline(d->tensor, d->field)) : status;
}

enum deit_status deit_onnx_decode(struct deit_onnx *onnx, const DeitOnnx__TensorProto *tensor,
                                  const char *name, enum deit_onnx_data_field field,
                                  enum deit_dtype dtype, size_t n, struct deit_source **out,
                                  struct deit_error *err)
{
    struct decoder d = { .onnx = onnx, .tensor = tensor, .name = name, .field = field,
                         .dtype = dtype, .element_bytes = deit_dtype_bytes(dtype), .err = err };
    uint64_t bytes = (uint64_t)n * d.element_bytes;
    uint64_t max = onnx->source->bytes + MAX_DECODED_BEYOND_FILE;
    if (bytes > max - onnx->decoded_bytes)
        return deit_fail(err, DEIT_ERR_LIMIT,
                         "%s: tensor '%s': %" PRIu64 " bytes for values that are stored as "
                         "varints, at most %" PRIu64 " in a file of %" PRIu64, onnx->name, name,
                         onnx->decoded_bytes + bytes, max, onnx->source->bytes);

    struct deit_source *source = NULL;
    enum deit_status status =
        deit_onnx_block_create(onnx->name, (size_t)bytes, &source, &d.data, err);
    if (status != DEIT_OK)
        return status;
    status = put_all(&d);
    if (status != DEIT_OK) {
        deit_source_release(source);
        return status;
    }
    onnx->decoded_bytes += bytes;
    *out = source;
    return DEIT_OK;
}
