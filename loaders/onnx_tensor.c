/*
 * loaders/onnx_tensor.c: the many ways in which an ONNX file stores a tensor, as one.
 *
 * Runs of plain bytes, in the file or beside it, are pointed at and not read: packing reads them
 * once, later.  Only what is not plain, such as varints, or is small enough to have come along
 * with the structure, becomes a block of memory.
 */
#include "loaders/onnx_tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_decode.h"
#include "loaders/onnx_external.h"
#include "runtime/constant.h"
#include "runtime/error.h"

enum { LOCATION_DEFAULT, LOCATION_EXTERNAL };

struct type {
    const char *name;
    enum deit_dtype dtype;                /* 0: none of ours */
    enum deit_onnx_data_field typed_data; /* where its elements are if they are not raw */
};

/* By TensorProto.DataType. */
static const struct type types[] = {
    { "UNDEFINED", 0, 0 }, { "FLOAT", DEIT_F32, DEIT_ONNX_FLOAT_DATA },
    { "UINT8", DEIT_U8, DEIT_ONNX_INT32_DATA }, { "INT8", DEIT_I8, DEIT_ONNX_INT32_DATA },
    { "UINT16", 0, 0 }, { "INT16", 0, 0 }, { "INT32", DEIT_I32, DEIT_ONNX_INT32_DATA },
    { "INT64", DEIT_I64, DEIT_ONNX_INT64_DATA }, { "STRING", 0, 0 },
    { "BOOL", DEIT_BOOL, DEIT_ONNX_INT32_DATA }, { "FLOAT16", DEIT_F16, DEIT_ONNX_INT32_DATA },
    { "DOUBLE", DEIT_F64, DEIT_ONNX_DOUBLE_DATA }, { "UINT32", 0, 0 }, { "UINT64", 0, 0 },
    { "COMPLEX64", 0, 0 }, { "COMPLEX128", 0, 0 },
    { "BFLOAT16", DEIT_BF16, DEIT_ONNX_INT32_DATA }, { "FLOAT8E4M3FN", 0, 0 },
    { "FLOAT8E4M3FNUZ", 0, 0 }, { "FLOAT8E5M2", 0, 0 }, { "FLOAT8E5M2FNUZ", 0, 0 },
    { "UINT4", 0, 0 }, { "INT4", 0, 0 }, { "FLOAT4E2M1", 0, 0 }, { "FLOAT8E8M0", 0, 0 },
    { "UINT2", 0, 0 }, { "INT2", 0, 0 },
};

enum { N_TYPES = sizeof types / sizeof *types };

enum deit_dtype deit_onnx_dtype(int32_t data_type)
{
    return data_type >= 0 && data_type < N_TYPES ? types[data_type].dtype : 0;
}

const char *deit_onnx_dtype_name(int32_t data_type, char *text)
{
    if (data_type >= 0 && data_type < N_TYPES)
        return types[data_type].name;
    snprintf(text, 32, "type %" PRId32, data_type);
    return text;
}

/* ------------------------------------------------------------------ type and shape */

static enum deit_status read_type(const struct deit_onnx *onnx,
                                  const DeitOnnx__TensorProto *tensor, const char *name,
                                  const struct type **out, struct deit_error *err)
{
    if (tensor->data_type == 0)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: tensor '%s': it has no type", onnx->name,
                         name);
    if (!deit_onnx_dtype(tensor->data_type)) {
        char text[32];
        return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                         "%s: tensor '%s': elements of type %s are not supported", onnx->name,
                         name, deit_onnx_dtype_name(tensor->data_type, text));
    }
    *out = &types[tensor->data_type];
    return DEIT_OK;
}

static enum deit_status read_shape(const struct deit_onnx *onnx,
                                   const DeitOnnx__TensorProto *tensor, const char *name,
                                   struct deit_onnx_tensor *out, struct deit_error *err)
{
    if (tensor->n_dims > DEIT_MAX_RANK)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: tensor '%s': rank %zu, at most %d",
                         onnx->name, name, tensor->n_dims, DEIT_MAX_RANK);
    out->shape.rank = (uint32_t)tensor->n_dims;
    uint64_t product = 1, n = 1;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        int64_t dim = tensor->dims[i];
        if (dim < 0)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: tensor '%s': dimension %zu is %" PRId64,
                             onnx->name, name, i, dim);
        out->shape.dims[i] = dim;
        n = dim && n ? n : 0;
        /* dims beside a zero must not overflow either: readers multiply some of them */
        if (dim && __builtin_mul_overflow(product, (uint64_t)dim, &product))
            product = UINT64_MAX;
    }
    if (product > INT64_MAX / deit_dtype_bytes(out->dtype))
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s': its number of bytes does not fit into 63 bits",
                         onnx->name, name);
    out->n_elements = n ? (size_t)product : 0;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ data */

static enum deit_status check_bytes(const struct deit_onnx *onnx, const char *name,
                                    const char *what, uint64_t have, uint64_t need,
                                    const char *unit, struct deit_error *err)
{
    if (have == need)
        return DEIT_OK;
    return deit_fail(err, DEIT_ERR_FORMAT,
                     "%s: tensor '%s': %s holds %" PRIu64 " %s, its shape and type need %" PRIu64,
                     onnx->name, name, what, have, unit, need);
}

static void set_range(struct deit_onnx_tensor *out, struct deit_source *source, uint64_t offset)
{
    out->constant.parts[0].source = deit_source_retain(source);
    out->constant.parts[0].offset = offset;
}

/* The bytes of a bool are used as they are, and must be 0 or 1. */
static enum deit_status check_bools(const struct deit_onnx *onnx, const char *name,
                                    const struct deit_onnx_tensor *out, struct deit_error *err)
{
    const struct deit_constant_part *part = &out->constant.parts[0];
    unsigned char chunk[4096];
    for (size_t done = 0; done < out->n_elements;) {
        size_t n = out->n_elements - done < sizeof chunk ? out->n_elements - done : sizeof chunk;
        enum deit_status status =
            deit_source_read(part->source, part->offset + done, n, chunk, err);
        if (status != DEIT_OK)
            return status;
        for (size_t i = 0; i < n; i++)
            if (chunk[i] > 1)
                return deit_fail(err, DEIT_ERR_FORMAT,
                                 "%s: tensor '%s': element %zu of type BOOL is the byte %u",
                                 onnx->name, name, done + i, chunk[i]);
        done += n;
    }
    return DEIT_OK;
}

static enum deit_status read_raw(struct deit_onnx *onnx, const DeitOnnx__TensorProto *tensor,
                                 const char *name, struct deit_onnx_tensor *out,
                                 struct deit_error *err)
{
    uint64_t need = (uint64_t)out->n_elements * deit_dtype_bytes(out->dtype);
    const DeitOnnx__Piece *piece = deit_onnx_piece(tensor, DEIT_ONNX_RAW_DATA);
    enum deit_status status = check_bytes(onnx, name, "raw_data",
                                          piece ? piece->bytes : tensor->raw_data.len, need,
                                          "bytes", err);
    if (status != DEIT_OK || !need)
        return status;
    if (piece) {
        set_range(out, onnx->source, piece->offset);
        return DEIT_OK;
    }
    unsigned char *block = NULL;
    status = deit_onnx_block_create(onnx->name, (size_t)need, &out->constant.parts[0].source,
                                    &block, err);
    if (status == DEIT_OK)
        memcpy(block, tensor->raw_data.data, (size_t)need);
    return status;
}

/* Fixed-size elements in one piece lie in the file as they would in memory. */
static enum deit_status read_typed(struct deit_onnx *onnx, const DeitOnnx__TensorProto *tensor,
                                   const char *name, enum deit_onnx_data_field field,
                                   struct deit_onnx_tensor *out, struct deit_error *err)
{
    uint64_t n = deit_onnx_data_count(tensor, field);
    if (!n && out->n_elements)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s': has no data, its shape and type need %zu elements",
                         onnx->name, name, out->n_elements);
    enum deit_status status = check_bytes(onnx, name, deit_onnx_data_name(field), n,
                                          out->n_elements, "elements", err);
    if (status != DEIT_OK || !n)
        return status;
    const DeitOnnx__Piece *piece = deit_onnx_piece(tensor, field);
    bool is_plain = field == DEIT_ONNX_FLOAT_DATA || field == DEIT_ONNX_DOUBLE_DATA;
    if (is_plain && piece && piece->elements == n) {
        set_range(out, onnx->source, piece->offset);
        return DEIT_OK;
    }
    return deit_onnx_decode(onnx, tensor, name, field, out->dtype, out->n_elements,
                            &out->constant.parts[0].source, err);
}

/* Fails if anything but 'field' holds data too. */
static enum deit_status check_alone(const struct deit_onnx *onnx,
                                    const DeitOnnx__TensorProto *tensor, const char *name,
                                    enum deit_onnx_data_field field, const char *what,
                                    struct deit_error *err)
{
    for (enum deit_onnx_data_field other = DEIT_ONNX_FLOAT_DATA; other <= DEIT_ONNX_UINT64_DATA;
         other++)
        if (other != field && deit_onnx_data_count(tensor, other))
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: tensor '%s': has %s and %s", onnx->name,
                             name, what, deit_onnx_data_name(other));
    return DEIT_OK;
}

static enum deit_status read_data(struct deit_onnx *onnx, const DeitOnnx__TensorProto *tensor,
                                  const char *name, const struct type *type,
                                  struct deit_onnx_tensor *out, struct deit_error *err)
{
    enum deit_status status;
    if (tensor->data_location == LOCATION_EXTERNAL) {
        struct deit_onnx_range range = { 0 };
        status = check_alone(onnx, tensor, name, 0, "external data", err);
        if (status != DEIT_OK || !out->n_elements)
            return status;
        status = deit_onnx_external(onnx, tensor, name,
                                    (uint64_t)out->n_elements * deit_dtype_bytes(out->dtype),
                                    &range, err);
        if (status == DEIT_OK)
            set_range(out, range.source, range.offset);
        return status;
    }
    if (tensor->data_location != LOCATION_DEFAULT)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: tensor '%s': data_location %" PRId32,
                         onnx->name, name, tensor->data_location);
    bool is_raw = deit_onnx_data_count(tensor, DEIT_ONNX_RAW_DATA) ||
                  (tensor->has_raw_data && !deit_onnx_data_count(tensor, type->typed_data));
    enum deit_onnx_data_field field = is_raw ? DEIT_ONNX_RAW_DATA : type->typed_data;
    status = check_alone(onnx, tensor, name, field, deit_onnx_data_name(field), err);
    if (status != DEIT_OK)
        return status;
    return is_raw ? read_raw(onnx, tensor, name, out, err)
                  : read_typed(onnx, tensor, name, field, out, err);
}

enum deit_status deit_onnx_tensor(struct deit_onnx *onnx, const DeitOnnx__TensorProto *tensor,
                                  const char *name, struct deit_onnx_tensor *out,
                                  struct deit_error *err)
{
    const struct type *type = NULL;
    struct deit_onnx_tensor result = { 0 };
    if (!name)
        name = deit_onnx_text(tensor->name);
    enum deit_status status = read_type(onnx, tensor, name, &type, err);
    if (status != DEIT_OK)
        return status;
    result.dtype = type->dtype;
    status = read_shape(onnx, tensor, name, &result, err);
    if (status != DEIT_OK)
        return status;
    result.constant.n_parts = 1;
    result.constant.parts[0].dtype = result.dtype;
    result.constant.parts[0].n_elements = result.n_elements;

    status = read_data(onnx, tensor, name, type, &result, err);
    if (status == DEIT_OK && result.dtype == DEIT_BOOL && result.n_elements)
        status = check_bools(onnx, name, &result, err);
    if (status != DEIT_OK) {
        deit_constant_done(&result.constant);
        return status;
    }
    *out = result;
    return DEIT_OK;
}
