/*
 * runtime/labels.c: a list of class names.
 *
 * An index may come from a file ("id2label": {"4000000000": ...}), so the list has a limit and
 * grows geometrically instead of by what is asked for.
 */
#include "runtime/labels.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

enum { MAX_LABELS = 1000000 };

struct deit_labels {
    char **names; /* NULL: a gap */
    size_t count, room;
};

deit_labels *deit_labels_create(void)
{
    return calloc(1, sizeof(deit_labels));
}

void deit_labels_close(deit_labels *labels)
{
    if (!labels)
        return;
    for (size_t i = 0; i < labels->count; i++)
        free(labels->names[i]);
    free(labels->names);
    free(labels);
}

static enum deit_status reserve(deit_labels *labels, size_t count, struct deit_error *err)
{
    if (count <= labels->room)
        return DEIT_OK;
    size_t room = labels->room ? labels->room : 16;
    while (room < count)
        room *= 2;
    char **names = realloc(labels->names, room * sizeof *names);
    if (!names)
        return deit_fail(err, DEIT_ERR_MEMORY, "labels: out of memory");
    memset(names + labels->room, 0, (room - labels->room) * sizeof *names);
    labels->names = names;
    labels->room = room;
    return DEIT_OK;
}

enum deit_status deit_labels_set(deit_labels *labels, size_t index, const char *name,
                                 struct deit_error *err)
{
    if (index >= MAX_LABELS)
        return deit_fail(err, DEIT_ERR_LIMIT, "labels: class %zu is above the limit of %d", index,
                         MAX_LABELS);
    enum deit_status status = reserve(labels, index + 1, err);
    if (status != DEIT_OK)
        return status;
    char *copy = strdup(name);
    if (!copy)
        return deit_fail(err, DEIT_ERR_MEMORY, "labels: out of memory");
    free(labels->names[index]);
    labels->names[index] = copy;
    if (labels->count <= index)
        labels->count = index + 1;
    return DEIT_OK;
}

size_t deit_labels_count(const deit_labels *labels)
{
    return labels ? labels->count : 0;
}

const char *deit_labels_get(const deit_labels *labels, size_t index)
{
    return labels && index < labels->count ? labels->names[index] : NULL;
}
