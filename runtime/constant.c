/*
 * runtime/constant.c: elements of constants, widened on their way from the source.
 *
 * f32 is read straight to its place; narrower types pass through a small buffer on the stack,
 * so no tensor is ever held twice.
 */
#include "runtime/constant.h"

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

enum { CHUNK = 4096 }; /* elements */

static enum deit_status read_narrow(const struct deit_constant_part *part, size_t first, size_t n,
                                    float *dst, struct deit_error *err)
{
    union {
        uint16_t halves[CHUNK];
        double doubles[CHUNK];
    } buffer;
    size_t bytes = deit_dtype_bytes(part->dtype);
    struct deit_kernels kernels;
    deit_kernels_init(&kernels, deit_cpu_level());

    while (n) {
        size_t count = n < CHUNK ? n : CHUNK;
        enum deit_status status = deit_source_read(part->source, part->offset + first * bytes,
                                                   count * bytes, &buffer, err);
        if (status != DEIT_OK)
            return status;
        if (part->dtype == DEIT_F16)
            kernels.widen_f16(count, buffer.halves, dst);
        else if (part->dtype == DEIT_BF16)
            kernels.widen_bf16(count, buffer.halves, dst);
        else
            for (size_t i = 0; i < count; i++)
                dst[i] = (float)buffer.doubles[i];
        first += count;
        dst += count;
        n -= count;
    }
    return DEIT_OK;
}

static enum deit_status read_part(const struct deit_constant_part *part, const char *name,
                                  size_t first, size_t n, float *dst, struct deit_error *err)
{
    if (!part->source) {
        memset(dst, 0, n * sizeof *dst);
        return DEIT_OK;
    }
    switch (part->dtype) {
    case DEIT_F32:
        return deit_source_read(part->source, part->offset + first * sizeof *dst, n * sizeof *dst,
                                dst, err);
    case DEIT_F16: case DEIT_BF16: case DEIT_F64:
        return read_narrow(part, first, n, dst, err);
    default:
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: weights of type %s", name,
                         deit_dtype_name(part->dtype));
    }
}

enum deit_status deit_constant_read(const struct deit_constant *constant, const char *name,
                                    size_t first, size_t n, float *dst, struct deit_error *err)
{
    for (size_t i = 0; i < constant->n_parts && n; i++) {
        const struct deit_constant_part *part = &constant->parts[i];
        if (first >= part->n_elements) {
            first -= part->n_elements;
            continue;
        }
        size_t count = part->n_elements - first < n ? part->n_elements - first : n;
        enum deit_status status = read_part(part, name, first, count, dst, err);
        if (status != DEIT_OK)
            return status;
        dst += count;
        n -= count;
        first = 0;
    }
    if (n)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %zu elements are missing", name, n);
    return DEIT_OK;
}

struct owned_source {
    struct deit_source head;
    float data[];
};

static enum deit_status owned_read(struct deit_source *source, uint64_t offset, size_t n,
                                   void *dst, struct deit_error *err)
{
    (void)err;
    const struct owned_source *owned = (const struct owned_source *)source;
    memcpy(dst, (const char *)owned->data + offset, n);
    return DEIT_OK;
}

static void owned_close(struct deit_source *source)
{
    free(source);
}

enum deit_status deit_constant_create(size_t n, struct deit_constant *constant, float **data,
                                      struct deit_error *err)
{
    static const struct deit_source_ops ops = { .read = owned_read, .close = owned_close };

    struct owned_source *owned = malloc(sizeof *owned + n * sizeof *owned->data);
    if (!owned)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for a constant of %zu elements", n);
    deit_source_init(&owned->head, &ops, "constant", n * sizeof *owned->data);
    *constant = (struct deit_constant){
        .n_parts = 1,
        .parts = { { .source = &owned->head, .dtype = DEIT_F32, .n_elements = n } },
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
