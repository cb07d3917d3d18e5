/*
 * loaders/json.c: the one place that hands text to jansson.
 *
 * jansson itself refuses invalid UTF-8, NUL in strings, integers beyond 64 bits and nesting
 * beyond its limit; duplicate keys have to be asked for.
 */
#include "loaders/json.h"

#include <stdlib.h>

#include "loaders/source_file.h"
#include "runtime/error.h"

enum deit_status deit_json_parse(const char *text, size_t bytes, const char *name, json_t **out,
                                 struct deit_error *err)
{
    json_error_t reason;
    json_t *value = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &reason);
    if (!value && (json_error_code(&reason) == json_error_out_of_memory || !reason.text[0]))
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", name);
    if (!value)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s:%d: %s", name,
                         reason.line > 0 ? reason.line : 1, reason.text);
    *out = value;
    return DEIT_OK;
}

enum deit_status deit_json_read(const char *path, size_t max_bytes, json_t **out,
                                struct deit_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    enum deit_status status = deit_file_read(path, max_bytes, &text, &bytes, err);
    if (status == DEIT_OK)
        status = deit_json_parse(text, bytes, path, out, err);
    free(text);
    return status;
}

const char *deit_json_kind(const json_t *value)
{
    if (!value)
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a fraction";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: return "null";
    }
    return "unknown";
}
