/*
 * loaders/json.c: the one place that hands text to jansson.
 *
 * jansson itself refuses invalid UTF-8, NUL in strings and integers beyond 64 bits; duplicate
 * keys have to be asked for.  It nests 2048 deep and makes 200 bytes of the two of an empty
 * object, so depth and number of values are bounded before it sees the text.
 */
#include "loaders/json.h"

#include <stdlib.h>

#include "loaders/source_file.h"
#include "runtime/error.h"

enum { MAX_DEPTH = 100, MAX_VALUES = 500000 };

/* Behind the string whose text begins at 'at'. */
static size_t skip_string(const char *text, size_t bytes, size_t at)
{
    while (at < bytes && text[at] != '"')
        at += text[at] == '\\' ? 2 : 1;
    return at + 1;
}

/*
 * Counts brackets, and what may stand in front of a value.  Text that is no JSON is counted
 * right up to where jansson stops.
 */
static enum deit_status check_bounds(const char *text, size_t bytes, const char *name,
                                     struct deit_error *err)
{
    size_t depth = 0, n_values = 1;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (c == '"')
            i = skip_string(text, bytes, i + 1) - 1;
        else if (c == ']' || c == '}')
            depth -= depth > 0;
        else if (c == '[' || c == '{')
            depth++;
        n_values += c == '[' || c == '{' || c == ',' || c == ':';
        if (depth > MAX_DEPTH)
            return deit_fail(err, DEIT_ERR_LIMIT,
                             "%s: byte %zu: JSON nested %zu deep, at most %d levels are read",
                             name, i, depth, MAX_DEPTH);
        if (n_values > MAX_VALUES)
            return deit_fail(err, DEIT_ERR_LIMIT,
                             "%s: more than %d JSON values (byte %zu of %zu)", name, MAX_VALUES,
                             i, bytes);
    }
    return DEIT_OK;
}

enum deit_status deit_json_parse(const char *text, size_t bytes, const char *name, json_t **out,
                                 struct deit_error *err)
{
    json_error_t reason;
    enum deit_status status = check_bounds(text, bytes, name, err);
    if (status != DEIT_OK)
        return status;
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
