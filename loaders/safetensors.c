/*
 * loaders/safetensors.c: reads the header of a safetensors file and checks every rule.
 *
 * A file that passes has each byte after the header in exactly one tensor, so nothing can hide
 * between tensors and no tensor can alias another.  Types that weights cannot have are
 * recognised, because files carry counters and masks that no model reads.
 */
#include "loaders/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/json.h"
#include "runtime/error.h"

enum { LENGTH_BYTES = 8, MAX_HEADER_BYTES = 100000000 };

struct type {
    const char *name;
    unsigned bits;
    enum deit_dtype dtype; /* 0: not for weights */
};

static const struct type types[] = {
    { "F32", 32, DEIT_F32 }, { "F16", 16, DEIT_F16 }, { "BF16", 16, DEIT_BF16 },
    { "F64", 64, DEIT_F64 },
    { "BOOL", 8, 0 }, { "U8", 8, 0 }, { "I8", 8, 0 }, { "I16", 16, 0 }, { "U16", 16, 0 },
    { "I32", 32, 0 }, { "U32", 32, 0 }, { "I64", 64, 0 }, { "U64", 64, 0 }, { "C64", 64, 0 },
    { "F4", 4, 0 }, { "F6_E2M3", 6, 0 }, { "F6_E3M2", 6, 0 },
    { "F8_E5M2", 8, 0 }, { "F8_E4M3", 8, 0 }, { "F8_E8M0", 8, 0 },
    { "F8_E4M3FNUZ", 8, 0 }, { "F8_E5M2FNUZ", 8, 0 },
};

/* What the tensors of one file are checked against. */
struct reader {
    struct deit_source *source;
    struct deit_tensors *tensors;
    uint64_t data_start, data_bytes;
    struct deit_error *err;
};

static enum deit_status bad(const struct reader *r, const char *tensor, const char *what)
{
    return deit_fail(r->err, DEIT_ERR_FORMAT, "%s: tensor '%s': %s", r->source->name, tensor,
                     what);
}

static enum deit_status read_type(const struct reader *r, const char *name, const json_t *dtype,
                                  const struct type **out)
{
    if (!json_is_string(dtype))
        return bad(r, name, "dtype is missing or not a string");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!strcmp(types[i].name, json_string_value(dtype))) {
            *out = &types[i];
            return DEIT_OK;
        }
    }
    return deit_fail(r->err, DEIT_ERR_FORMAT, "%s: tensor '%s': unknown dtype '%s'",
                     r->source->name, name, json_string_value(dtype));
}

/* A rank that this library has no room for makes a tensor unusable, not the file. */
static enum deit_status read_shape(const struct reader *r, const json_t *shape,
                                   struct deit_tensor_entry *entry)
{
    if (!json_is_array(shape))
        return bad(r, entry->name, "shape is missing or not an array");

    size_t rank = json_array_size(shape);
    if (rank > DEIT_MAX_RANK) {
        entry->dtype = 0;
        entry->type_name = "of a rank above 8";
    } else {
        entry->shape.rank = (uint32_t)rank;
    }
    entry->n_elements = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *dim = json_array_get(shape, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return bad(r, entry->name, "shape holds something that is not a size");
        uint64_t size = (uint64_t)json_integer_value(dim);
        if (__builtin_mul_overflow(entry->n_elements, size, &entry->n_elements))
            return bad(r, entry->name, "its number of elements does not fit into 64 bits");
        if (rank <= DEIT_MAX_RANK)
            entry->shape.dims[i] = (int64_t)size;
    }
    return DEIT_OK;
}

static enum deit_status read_range(const struct reader *r, const json_t *offsets, unsigned bits,
                                   struct deit_tensor_entry *entry)
{
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 || !json_is_integer(first) ||
        !json_is_integer(last) || json_integer_value(first) < 0 || json_integer_value(last) < 0)
        return bad(r, entry->name, "data_offsets are missing or not two sizes");

    uint64_t begin = (uint64_t)json_integer_value(first);
    uint64_t end = (uint64_t)json_integer_value(last);
    if (begin > end || end > r->data_bytes)
        return deit_fail(r->err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s': data_offsets %" PRIu64 " to %" PRIu64
                         " are not within the %" PRIu64 " bytes of data",
                         r->source->name, entry->name, begin, end, r->data_bytes);

    uint64_t size_bits = 0;
    if (__builtin_mul_overflow(entry->n_elements, (uint64_t)bits, &size_bits))
        return bad(r, entry->name, "its size in bits does not fit into 64 bits");
    if (size_bits % 8 || size_bits / 8 != end - begin)
        return deit_fail(r->err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s': %" PRIu64 " elements of %u bits do not fill the "
                         "%" PRIu64 " bytes of its data_offsets",
                         r->source->name, entry->name, entry->n_elements, bits, end - begin);
    entry->bytes = end - begin;
    entry->offset = r->data_start + begin;
    return DEIT_OK;
}

static enum deit_status read_tensor(const struct reader *r, const char *name, json_t *facts)
{
    if (!json_is_object(facts))
        return bad(r, name, "its entry is not an object");

    const struct type *type = NULL;
    enum deit_status status = read_type(r, name, json_object_get(facts, "dtype"), &type);
    if (status != DEIT_OK)
        return status;

    /* The list copies the name. */
    struct deit_tensor_entry entry = {
        .name = (char *)(uintptr_t)name, .dtype = type->dtype, .type_name = type->name,
        .source = r->source,
    };
    status = read_shape(r, json_object_get(facts, "shape"), &entry);
    if (status != DEIT_OK)
        return status;
    status = read_range(r, json_object_get(facts, "data_offsets"), type->bits, &entry);
    if (status != DEIT_OK)
        return status;
    return deit_tensors_add(r->tensors, &entry, r->err);
}

static enum deit_status check_metadata(const struct reader *r, json_t *metadata)
{
    if (!json_is_object(metadata))
        return deit_fail(r->err, DEIT_ERR_FORMAT, "%s: __metadata__ is %s, not an object",
                         r->source->name, deit_json_kind(metadata));
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
        if (!json_is_string(value))
            return deit_fail(r->err, DEIT_ERR_FORMAT,
                             "%s: __metadata__ '%s' is %s, not a string", r->source->name, key,
                             deit_json_kind(value));
    return DEIT_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const struct deit_tensor_entry *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* Each tensor begins where the one before it ends, the first at 0, and the last ends the file. */
static enum deit_status check_layout(const struct reader *r, size_t first_entry)
{
    size_t n_entries = r->tensors->n_entries - first_entry;
    struct deit_tensor_entry *entries = n_entries ? r->tensors->entries + first_entry : NULL;
    if (n_entries)
        qsort(entries, n_entries, sizeof *entries, compare_offsets);

    uint64_t end = r->data_start;
    for (size_t i = 0; i < n_entries; i++) {
        if (entries[i].offset != end)
            return deit_fail(r->err, DEIT_ERR_FORMAT,
                             "%s: tensor '%s': begins at byte %" PRIu64
                             " of the data, but the tensor before it ends at %" PRIu64,
                             r->source->name, entries[i].name, entries[i].offset - r->data_start,
                             end - r->data_start);
        end += entries[i].bytes;
    }
    if (end - r->data_start != r->data_bytes)
        return deit_fail(r->err, DEIT_ERR_FORMAT,
                         "%s: the tensors end at byte %" PRIu64 " of the data, the file at "
                         "%" PRIu64,
                         r->source->name, end - r->data_start, r->data_bytes);
    return DEIT_OK;
}

static enum deit_status read_header(struct reader *r, json_t **header)
{
    const char *file = r->source->name;
    unsigned char length[LENGTH_BYTES];
    if (r->source->bytes < sizeof length)
        return deit_fail(r->err, DEIT_ERR_FORMAT,
                         "%s: %" PRIu64 " bytes are too few for a safetensors file", file,
                         r->source->bytes);
    enum deit_status status = deit_source_read(r->source, 0, sizeof length, length, r->err);
    if (status != DEIT_OK)
        return status;

    uint64_t bytes = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        bytes = bytes << 8 | length[i];
    if (bytes > r->source->bytes - sizeof length)
        return deit_fail(r->err, DEIT_ERR_FORMAT,
                         "%s: not a safetensors file, or cut short: a header of %" PRIu64
                         " bytes in a file of %" PRIu64,
                         file, bytes, r->source->bytes);
    if (bytes > MAX_HEADER_BYTES)
        return deit_fail(r->err, DEIT_ERR_FORMAT,
                         "%s: a header of %" PRIu64 " bytes, the format allows %d", file, bytes,
                         MAX_HEADER_BYTES);

    char *text = malloc((size_t)bytes + 1);
    if (!text)
        return deit_fail(r->err, DEIT_ERR_MEMORY, "%s: out of memory", file);
    status = deit_source_read(r->source, LENGTH_BYTES, (size_t)bytes, text, r->err);
    if (status == DEIT_OK && (bytes == 0 || text[0] != '{'))
        status = deit_fail(r->err, DEIT_ERR_FORMAT,
                           "%s: not a safetensors file: its header does not begin with '{'",
                           file);
    if (status == DEIT_OK)
        status = deit_json_parse(text, (size_t)bytes, file, header, r->err);
    free(text);
    r->data_start = LENGTH_BYTES + bytes;
    r->data_bytes = r->source->bytes - r->data_start;
    return status;
}

enum deit_status deit_safetensors_read(struct deit_source *source, struct deit_tensors *tensors,
                                       struct deit_error *err)
{
    struct reader r = { .source = source, .tensors = tensors, .err = err };
    size_t first_entry = tensors->n_entries;

    json_t *header = NULL;
    enum deit_status status = read_header(&r, &header);
    if (status != DEIT_OK)
        return status;

    const char *name;
    json_t *value;
    json_object_foreach(header, name, value) {
        if (!strcmp(name, "__metadata__"))
            status = check_metadata(&r, value);
        else
            status = read_tensor(&r, name, value);
        if (status != DEIT_OK)
            goto out;
    }
    status = check_layout(&r, first_entry);
out:
    json_decref(header);
    return status;
}
