/*
 * loaders/labels.c: class names from text or JSON.
 *
 * Text may come from any editor: CRLF, a byte order mark and a missing last newline are fine,
 * and bytes that are no UTF-8 are kept, because whoever prints them knows better.
 */
#include "loaders/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/source_file.h"
#include "runtime/error.h"
#include "runtime/labels.h"

enum { MAX_LABEL_BYTES = 16 << 20 };

static enum deit_status set_name(deit_labels *labels, size_t index, const json_t *name,
                                 const char *file, const char *key, struct deit_error *err)
{
    if (!json_is_string(name))
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %s: the name of class %zu is %s", file, key,
                         index, deit_json_kind(name));
    return deit_labels_set(labels, index, json_string_value(name), err);
}

static enum deit_status set_by_key(deit_labels *labels, const char *digits, const json_t *name,
                                   const char *file, const char *key, struct deit_error *err)
{
    size_t n = strlen(digits);
    if (n == 0 || n > 9 || strspn(digits, "0123456789") != n)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %s: '%s' is not the number of a class", file,
                         key, digits);
    return set_name(labels, (size_t)strtoul(digits, NULL, 10), name, file, key, err);
}

enum deit_status deit_labels_from_json(const json_t *value, const char *file, const char *key,
                                       deit_labels **out, struct deit_error *err)
{
    deit_labels *labels = deit_labels_create();
    if (!labels)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", file);

    enum deit_status status = DEIT_OK;
    if (json_is_array(value)) {
        for (size_t i = 0; status == DEIT_OK && i < json_array_size(value); i++)
            status = set_name(labels, i, json_array_get(value, i), file, key, err);
    } else if (json_is_object(value)) {
        const char *digits;
        json_t *name;
        /* Iterating does not change the object; jansson's macro has no const form. */
        json_object_foreach((json_t *)(uintptr_t)value, digits, name)
            if (status == DEIT_OK)
                status = set_by_key(labels, digits, name, file, key, err);
    } else {
        status = deit_fail(err, DEIT_ERR_FORMAT, "%s: %s is %s, not a list of names", file, key,
                           deit_json_kind(value));
    }
    if (status != DEIT_OK) {
        deit_labels_close(labels);
        return status;
    }
    *out = labels;
    return DEIT_OK;
}

static enum deit_status parse_json(const char *text, size_t bytes, const char *path,
                                   deit_labels **out, struct deit_error *err)
{
    json_t *root = NULL;
    enum deit_status status = deit_json_parse(text, bytes, path, &root, err);
    if (status != DEIT_OK)
        return status;

    const char *key = "the file";
    const json_t *names = root;
    if (json_is_object(root)) {
        key = json_object_get(root, "id2label") ? "id2label" : "label_names";
        names = json_object_get(root, key);
        if (!names)
            status = deit_fail(err, DEIT_ERR_FORMAT,
                               "%s: has neither \"id2label\" nor \"label_names\"", path);
    }
    if (status == DEIT_OK)
        status = deit_labels_from_json(names, path, key, out, err);
    json_decref(root);
    return status;
}

/* One name a line; an empty line is a class without a name.  Cuts 'text' into its lines. */
static enum deit_status parse_lines(char *text, size_t bytes, const char *path,
                                    deit_labels **out, struct deit_error *err)
{
    if (memchr(text, 0, bytes))
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: holds a zero byte: not text", path);
    deit_labels *labels = deit_labels_create();
    if (!labels)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);

    enum deit_status status = DEIT_OK;
    size_t index = 0;
    for (char *line = text; status == DEIT_OK && line < text + bytes; index++) {
        char *end = memchr(line, '\n', (size_t)(text + bytes - line));
        char *next = end ? end + 1 : text + bytes;
        if (!end)
            end = text + bytes;
        if (end > line && end[-1] == '\r')
            end--;
        *end = '\0'; /* the file was read with a NUL behind it, so there is room */
        if (*line)
            status = deit_labels_set(labels, index, line, err);
        line = next;
    }
    if (status != DEIT_OK) {
        deit_labels_close(labels);
        return status;
    }
    *out = labels;
    return DEIT_OK;
}

DEIT_API enum deit_status deit_labels_open(const char *path, deit_labels **labels,
                                           struct deit_error *err)
{
    if (!path || !labels)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "labels: path or labels is NULL");
    char *text = NULL;
    size_t bytes = 0;
    enum deit_status status = deit_file_read(path, MAX_LABEL_BYTES, &text, &bytes, err);
    if (status != DEIT_OK)
        return status;

    char *start = text;
    if (bytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        start += 3;
    size_t rest = bytes - (size_t)(start - text);
    size_t blank = strspn(start, " \t\r\n");
    if (start[blank] == '{' || start[blank] == '[')
        status = parse_json(start, rest, path, labels, err);
    else
        status = parse_lines(start, rest, path, labels, err);
    free(text);
    return status;
}
