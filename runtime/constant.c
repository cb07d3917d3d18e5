/*
 * runtime/constant.c: elements of constants, widened on their way from the source.
 *
 * f32 is read straight to its place; narrower types pass through a small buffer on the stack,
 * so no tensor is ever held twice.
 */
#include "runtime/constant.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ops/kernels.h"
#include "runtime/error.h"

size_t deit_dtype_bytes(enum deit_dtype dtype)
{
    switch (dtype) {
    case DEIT_F64: case DEIT_I64: return 8;
    case DEIT_F32: case DEIT_I32: return 4;
    case DEIT_F16: case DEIT_BF16: return 2;
    case DEIT_U8: case DEIT_I8: case DEIT_BOOL: return 1;
    }
    return 0;
}

const char *deit_dtype_name(enum deit_dtype dtype)
{
    static const char *const names[] = { "?",    "f32", "f16", "bf16", "f64",
                                         "i64", "i32", "u8",  "i8",   "bool" };
    return dtype >= DEIT_F32 && dtype <= DEIT_BOOL ? names[dtype] : names[0];
}

enum deit_dtype deit_memory_dtype(enum deit_dtype stored)
{
    switch (stored) {
    case DEIT_F32: case DEIT_F16: case DEIT_BF16: case DEIT_F64: return DEIT_F32;
    case DEIT_I64: case DEIT_I32: case DEIT_U8: case DEIT_I8: return DEIT_I64;
    case DEIT_BOOL: return DEIT_BOOL;
    }
    return (enum deit_dtype)0;
}

enum { CHUNK = 4096 }; /* elements */

union chunk {
    uint16_t halves[CHUNK];
    double doubles[CHUNK];
    int32_t i32[CHUNK];
    uint8_t u8[CHUNK];
    int8_t i8[CHUNK];
};

/* Widens n elements of 'dtype' to what memory holds. */
static void widen(const struct deit_kernels *kernels, enum deit_dtype dtype,
                  const union chunk *chunk, size_t n, void *dst)
{
    float *floats = dst;
    int64_t *ints = dst;
    switch (dtype) {
    case DEIT_F16: kernels->widen_f16(n, chunk->halves, floats); break;
    case DEIT_BF16: kernels->widen_bf16(n, chunk->halves, floats); break;
    case DEIT_F64:
        for (size_t i = 0; i < n; i++)
            floats[i] = (float)chunk->doubles[i];
        break;
    case DEIT_I32:
        for (size_t i = 0; i < n; i++)
            ints[i] = chunk->i32[i];
        break;
    case DEIT_U8:
        for (size_t i = 0; i < n; i++)
            ints[i] = chunk->u8[i];
        break;
    default:
        for (size_t i = 0; i < n; i++)
            ints[i] = chunk->i8[i];
    }
}

static enum deit_status read_narrow(const struct deit_constant_part *part, size_t first, size_t n,
                                    unsigned char *dst, struct deit_error *err)
{
    union chunk chunk;
    size_t bytes = deit_dtype_bytes(part->dtype);
    size_t wide = deit_dtype_bytes(deit_memory_dtype(part->dtype));
    struct deit_kernels kernels;
    deit_kernels_init(&kernels, deit_cpu_level());

    while (n) {
        size_t count = n < CHUNK ? n : CHUNK;
        enum deit_status status = deit_source_read(part->source, part->offset + first * bytes,
                                                   count * bytes, &chunk, err);
        if (status != DEIT_OK)
            return status;
        widen(&kernels, part->dtype, &chunk, count, dst);
        first += count;
        dst += count * wide;
        n -= count;
    }
    return DEIT_OK;
}

static enum deit_status read_part(const struct deit_constant_part *part, const char *name,
                                  enum deit_dtype dtype, size_t first, size_t n, void *dst,
                                  struct deit_error *err)
{
    size_t bytes = deit_dtype_bytes(dtype);
    if (!part->source) {
        memset(dst, 0, n * bytes);
        return DEIT_OK;
    }
    if (part->is_k_major)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: is stored with its dimensions exchanged",
                         name);
    if (deit_memory_dtype(part->dtype) != dtype)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: elements of type %s where %s is needed",
                         name, deit_dtype_name(part->dtype), deit_dtype_name(dtype));
    if (part->dtype == dtype)
        return deit_source_read(part->source, part->offset + first * bytes, n * bytes, dst, err);
    return read_narrow(part, first, n, dst, err);
}

enum deit_status deit_constant_read(const struct deit_constant *constant, const char *name,
                                    enum deit_dtype dtype, size_t first, size_t n, void *dst_,
                                    struct deit_error *err)
{
    unsigned char *dst = dst_;
    for (size_t i = 0; i < constant->n_parts && n; i++) {
        const struct deit_constant_part *part = &constant->parts[i];
        if (first >= part->n_elements) {
            first -= part->n_elements;
            continue;
        }
        size_t count = part->n_elements - first < n ? part->n_elements - first : n;
        enum deit_status status = read_part(part, name, dtype, first, count, dst, err);
        if (status != DEIT_OK)
            return status;
        dst += count * deit_dtype_bytes(dtype);
        n -= count;
        first = 0;
    }
    if (n)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %zu elements are missing", name, n);
    return DEIT_OK;
}

struct owned_source {
    struct deit_source head;
    max_align_t data[];
};

static enum deit_status owned_read(struct deit_source *source, uint64_t offset, size_t n,
                                   void *dst, struct deit_error *err)
{
    (void)err;
    const struct owned_source *owned = (const void *)source;
    if (n)
        memcpy(dst, (const char *)owned->data + offset, n);
    return DEIT_OK;
}

static void owned_close(struct deit_source *source)
{
    free(source);
}

enum deit_status deit_constant_create(enum deit_dtype dtype, size_t n,
                                      struct deit_constant *constant, void **data,
                                      struct deit_error *err)
{
    static const struct deit_source_ops ops = { .read = owned_read, .close = owned_close };

    size_t bytes;
    struct owned_source *owned = NULL;
    if (!__builtin_mul_overflow(n, deit_dtype_bytes(dtype), &bytes) && bytes < SIZE_MAX / 2)
        owned = malloc(sizeof *owned + bytes);
    if (!owned)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for a constant of %zu elements", n);
    deit_source_init(&owned->head, &ops, "constant", bytes);
    *constant = (struct deit_constant){
        .n_parts = 1,
        .parts = { { .source = &owned->head, .dtype = dtype, .n_elements = n } },
    };
    *data = owned->data;
    return DEIT_OK;
}

void deit_constant_done(struct deit_constant *constant)
{
    for (size_t i = 0; i < constant->n_parts; i++)
        deit_source_release(constant->parts[i].source);
    constant->n_parts = 0;
}

bool deit_constant_rows(const struct deit_constant *constant, size_t k, size_t first, size_t n,
                        struct deit_constant *out)
{
    struct deit_constant rows = { 0 };
    for (size_t i = 0; i < constant->n_parts && n && k; i++) {
        struct deit_constant_part part = constant->parts[i];
        size_t in_part = part.n_elements / k;
        if (first >= in_part) {
            first -= in_part;
            continue;
        }
        size_t count = in_part - first < n ? in_part - first : n;
        if (part.is_k_major && !part.k_stride)
            part.k_stride = in_part;
        part.offset += (uint64_t)first * (part.is_k_major ? 1 : k) * deit_dtype_bytes(part.dtype);
        part.n_elements = count * k;
        rows.parts[rows.n_parts++] = part;
        n -= count;
        first = 0;
    }
    if (n || !rows.n_parts)
        return false;
    *out = rows;
    return true;
}
