/*
 * loaders/onnx_external.c: files of external data, each opened once, and never outside of the
 * model's folder.
 *
 * A model from the internet names the files that are read for it.  What could make it read
 * others is refused by the look of the name first, and then by where the name really leads.  The
 * checksum that a model may name is not compared: whoever writes the one can write the other.
 */
#include "loaders/onnx_external.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/folder.h"
#include "loaders/source_file.h"
#include "runtime/error.h"

/* Each is a descriptor, of which a process often has 1024.  Exporters that write a file for each
   tensor need some hundreds. */
enum { MAX_FILES = 768, MAX_LOCATION = 4096 };

struct deit_onnx_external {
    const char *location; /* the model's */
    struct deit_source *source;
};

/* What external_data says; NULL where it says nothing. */
struct entries {
    const char *location, *offset, *length;
};

static enum deit_status bad(const struct deit_onnx *onnx, const char *name, const char *location,
                            struct deit_error *err, const char *what)
{
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: tensor '%s': external data '%.200s': %s",
                     onnx->name, name, location, what);
}

static enum deit_status read_entries(const struct deit_onnx *onnx,
                                     const DeitOnnx__TensorProto *tensor, const char *name,
                                     struct entries *out, struct deit_error *err)
{
    *out = (struct entries){ 0 };
    for (size_t i = 0; i < tensor->n_external_data; i++) {
        const char *key = deit_onnx_text(tensor->external_data[i]->key);
        const char **to = !strcmp(key, "location") ? &out->location
                        : !strcmp(key, "offset")   ? &out->offset
                        : !strcmp(key, "length")   ? &out->length
                                                   : NULL;
        if (to && *to)
            return deit_fail(err, DEIT_ERR_FORMAT,
                             "%s: tensor '%s': external data: key '%s' is there twice",
                             onnx->name, name, key);
        if (to)
            *to = deit_onnx_text(tensor->external_data[i]->value);
    }
    if (!out->location || !*out->location)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s': external data without a location", onnx->name, name);
    return DEIT_OK;
}

/* Decimal digits and nothing else. */
static enum deit_status read_number(const struct deit_onnx *onnx, const char *name,
                                    const char *key, const char *text, uint64_t *value,
                                    struct deit_error *err)
{
    uint64_t result = 0;
    bool is_number = *text != '\0';
    for (const char *c = text; *c && is_number; c++)
        is_number = *c >= '0' && *c <= '9' &&
                    !__builtin_mul_overflow(result, (uint64_t)10, &result) &&
                    !__builtin_add_overflow(result, (uint64_t)(*c - '0'), &result);
    if (!is_number)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s': external data: %s '%s' is not a number of bytes",
                         onnx->name, name, key, text);
    *value = result;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ containment */

static bool has_dot_dot(const char *location)
{
    while (*location) {
        size_t n = strcspn(location, "/");
        if (n == 2 && !memcmp(location, "..", 2))
            return true;
        location += n + (location[n] == '/');
    }
    return false;
}

static enum deit_status open_inside(const struct deit_onnx *onnx, const char *path,
                                    bool *is_outside, struct deit_source **out,
                                    struct deit_error *err)
{
    char *folder = deit_path_beside(onnx->path, ".");
    enum deit_status status =
        folder ? deit_source_open_inside(path, folder, is_outside, out, err)
               : deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    free(folder);
    return status;
}

static enum deit_status open_location(struct deit_onnx *onnx, const char *name,
                                      const char *location, struct deit_source **out,
                                      struct deit_error *err)
{
    if (!onnx->path)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                         "%s: tensor '%s': external data '%s': a model in memory has no files "
                         "beside it", onnx->name, name, location);
    if (strlen(location) > MAX_LOCATION)
        return bad(onnx, name, location, err, "the name is longer than 4096 bytes");
    if (*location == '/')
        return bad(onnx, name, location, err,
                   "an absolute path; external data must lie beside the model");
    if (has_dot_dot(location))
        return bad(onnx, name, location, err,
                   "a path with '..'; external data must lie beside the model");

    char *path = deit_path_beside(onnx->path, location);
    if (!path)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    bool is_outside = false;
    struct deit_error why = { 0 };
    enum deit_status status = onnx->follow_links
                                  ? deit_source_open_file(path, out, &why)
                                  : open_inside(onnx, path, &is_outside, out, &why);
    size_t n = strlen(path);
    bool is_named = !strncmp(why.message, path, n) && why.message[n] == ':';
    free(path);
    if (status == DEIT_OK)
        return DEIT_OK;
    if (is_outside)
        return bad(onnx, name, location, err,
                   "a symbolic link leads out of the model's folder; --follow-links "
                   "(follow_links) allows that");
    return deit_fail(err, status, "%s: tensor '%s': external data '%.200s': %s", onnx->name, name,
                     location, why.message + (is_named ? n + 2 : 0));
}

/* ------------------------------------------------------------------ one source per file */

static enum deit_status find_source(struct deit_onnx *onnx, const char *name,
                                    const char *location, struct deit_source **out,
                                    struct deit_error *err)
{
    for (size_t i = 0; i < onnx->n_externals; i++)
        if (!strcmp(onnx->externals[i].location, location)) {
            *out = onnx->externals[i].source;
            return DEIT_OK;
        }
    if (onnx->n_externals == MAX_FILES)
        return deit_fail(err, DEIT_ERR_LIMIT,
                         "%s: tensor '%s': file %d of external data, at most %d are opened",
                         onnx->name, name, MAX_FILES + 1, MAX_FILES);
    struct deit_onnx_external *list =
        realloc(onnx->externals, (onnx->n_externals + 1) * sizeof *list);
    if (!list)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    onnx->externals = list;
    struct deit_source *source = NULL;
    enum deit_status status = open_location(onnx, name, location, &source, err);
    if (status != DEIT_OK)
        return status;
    list[onnx->n_externals++] = (struct deit_onnx_external){ location, source };
    *out = source;
    return DEIT_OK;
}

void deit_onnx_externals_done(struct deit_onnx *onnx)
{
    for (size_t i = 0; i < onnx->n_externals; i++)
        deit_source_release(onnx->externals[i].source);
    free(onnx->externals);
    onnx->externals = NULL;
    onnx->n_externals = 0;
}

enum deit_status deit_onnx_external(struct deit_onnx *onnx, const DeitOnnx__TensorProto *tensor,
                                    const char *name, uint64_t bytes,
                                    struct deit_onnx_range *out, struct deit_error *err)
{
    struct entries entries;
    uint64_t offset = 0, length = bytes;
    enum deit_status status = read_entries(onnx, tensor, name, &entries, err);
    if (status == DEIT_OK && entries.offset)
        status = read_number(onnx, name, "offset", entries.offset, &offset, err);
    if (status == DEIT_OK && entries.length)
        status = read_number(onnx, name, "length", entries.length, &length, err);
    if (status != DEIT_OK)
        return status;
    if (length != bytes)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s': external data of %" PRIu64 " bytes, its shape and "
                         "type need %" PRIu64, onnx->name, name, length, bytes);

    struct deit_source *source = NULL;
    status = find_source(onnx, name, entries.location, &source, err);
    if (status != DEIT_OK)
        return status;
    if (offset > source->bytes || length > source->bytes - offset)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s': external data: %" PRIu64 " bytes at offset %" PRIu64
                         " of '%s', which has %" PRIu64, onnx->name, name, length, offset,
                         entries.location, source->bytes);
    *out = (struct deit_onnx_range){ source, offset };
    return DEIT_OK;
}
