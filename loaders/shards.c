/*
 * loaders/shards.c: the index of a model that was saved in pieces.
 *
 * The index is an object with "weight_map": tensor name -> file name.  It decides: a tensor
 * that a file holds beyond the map is not part of the model, and is only reported as unused.
 */
#include "loaders/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/folder.h"
#include "loaders/json.h"
#include "loaders/safetensors.h"
#include "loaders/source_file.h"
#include "runtime/error.h"

enum { MAX_INDEX_BYTES = 32 << 20, MAX_NAME_BYTES = 255 };

struct reader {
    const char *path; /* of the index */
    json_t *map;      /* tensor -> file */
    json_t *files;    /* file -> true: those that were read */
    struct deit_tensors *tensors;
    struct deit_error *err;
};

/* A file beside the index and nothing else: the index may come from anywhere. */
static enum deit_status check_file_name(const struct reader *r, const char *tensor,
                                        const json_t *value)
{
    if (!json_is_string(value))
        return deit_fail(r->err, DEIT_ERR_FORMAT, "%s: weight_map '%s' is %s, not a file name",
                         r->path, tensor, deit_json_kind(value));
    const char *name = json_string_value(value);
    if (strlen(name) > MAX_NAME_BYTES)
        return deit_fail(r->err, DEIT_ERR_FORMAT,
                         "%s: weight_map '%s' is a file name longer than %d bytes", r->path,
                         tensor, MAX_NAME_BYTES);
    if (!*name || strchr(name, '/') || strchr(name, '\\') || !strcmp(name, ".") ||
        !strcmp(name, ".."))
        return deit_fail(r->err, DEIT_ERR_FORMAT,
                         "%s: weight_map '%s' is '%s': a shard must lie beside the index",
                         r->path, tensor, name);
    return DEIT_OK;
}

/* Adds one shard's tensors; what the map does not give to this file stays out of the way. */
static enum deit_status add_shard(struct reader *r, const char *file,
                                  const struct deit_tensors *shard)
{
    for (size_t i = 0; i < shard->n_entries; i++) {
        struct deit_tensor_entry entry = shard->entries[i];
        const char *owner = json_string_value(json_object_get(r->map, entry.name));
        char *renamed = NULL;
        if (!owner || strcmp(owner, file)) {
            if (asprintf(&renamed, "%s:%s", file, entry.name) < 0)
                return deit_fail(r->err, DEIT_ERR_MEMORY, "%s: out of memory", r->path);
            entry.name = renamed;
        }
        enum deit_status status = deit_tensors_add(r->tensors, &entry, r->err);
        free(renamed);
        if (status != DEIT_OK)
            return status;
    }
    return DEIT_OK;
}

static enum deit_status read_shard(struct reader *r, const char *file)
{
    struct deit_source *source = NULL;
    struct deit_tensors shard = { 0 };
    char *path = deit_path_beside(r->path, file);
    enum deit_status status = path ? deit_source_open_file(path, &source, r->err)
                                   : deit_fail(r->err, DEIT_ERR_MEMORY, "%s: out of memory", file);
    if (status == DEIT_OK)
        status = deit_tensors_init(&shard, path, r->err);
    if (status == DEIT_OK)
        status = deit_safetensors_read(source, &shard, r->err);
    if (status == DEIT_OK)
        status = add_shard(r, file, &shard);
    if (status == DEIT_OK && json_object_set_new(r->files, file, json_true()))
        status = deit_fail(r->err, DEIT_ERR_MEMORY, "%s: out of memory", r->path);
    deit_tensors_done(&shard);
    deit_source_release(source);
    free(path);
    return status;
}

static enum deit_status read_all(struct reader *r)
{
    const char *tensor;
    json_t *value;
    json_object_foreach(r->map, tensor, value) {
        enum deit_status status = check_file_name(r, tensor, value);
        if (status == DEIT_OK && !json_object_get(r->files, json_string_value(value)))
            status = read_shard(r, json_string_value(value));
        if (status != DEIT_OK)
            return status;
    }
    enum deit_status status = deit_tensors_sort(r->tensors, r->err);
    if (status != DEIT_OK)
        return status;
    json_object_foreach(r->map, tensor, value)
        if (!deit_tensors_find(r->tensors, tensor))
            return deit_fail(r->err, DEIT_ERR_FORMAT, "%s: tensor '%s' is not in '%s'", r->path,
                             tensor, json_string_value(value));
    return DEIT_OK;
}

enum deit_status deit_shards_read(const char *path, struct deit_tensors *tensors,
                                  struct deit_error *err)
{
    json_t *index = NULL;
    enum deit_status status = deit_json_read(path, MAX_INDEX_BYTES, &index, err);
    if (status != DEIT_OK)
        return status;

    struct reader r = { .path = path, .map = json_object_get(index, "weight_map"),
                        .files = json_object(), .tensors = tensors, .err = err };
    if (!r.map)
        status = deit_fail(err, DEIT_ERR_FORMAT,
                           "%s: is JSON without \"weight_map\", so no index of safetensors files",
                           path);
    else if (!json_is_object(r.map))
        status = deit_fail(err, DEIT_ERR_FORMAT, "%s: weight_map is %s, not an object", path,
                           deit_json_kind(r.map));
    else if (!r.files)
        status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    else
        status = read_all(&r);
    json_decref(r.files);
    json_decref(index);
    return status;
}
