/*
 * models/tensors.c: a list of tensors, sorted once and then searched.
 *
 * A sorted array instead of a hash table: names come from a file that nobody trusts, and
 * sorting has no bad case.
 */
#include "models/tensors.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

enum deit_status deit_tensors_init(struct deit_tensors *tensors, const char *name,
                                   struct deit_error *err)
{
    *tensors = (struct deit_tensors){ .name = strdup(name) };
    if (!tensors->name)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", name);
    return DEIT_OK;
}

void deit_tensors_done(struct deit_tensors *tensors)
{
    for (size_t i = 0; i < tensors->n_entries; i++) {
        free(tensors->entries[i].name);
        deit_source_release(tensors->entries[i].source);
    }
    free(tensors->entries);
    free(tensors->name);
    *tensors = (struct deit_tensors){ 0 };
}

enum deit_status deit_tensors_add(struct deit_tensors *tensors,
                                  const struct deit_tensor_entry *entry, struct deit_error *err)
{
    if (tensors->n_entries == tensors->room) {
        size_t room = tensors->room ? 2 * tensors->room : 64;
        struct deit_tensor_entry *entries =
            realloc(tensors->entries, room * sizeof *tensors->entries);
        if (!entries)
            return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", tensors->name);
        tensors->entries = entries;
        tensors->room = room;
    }

    struct deit_tensor_entry copy = *entry;
    copy.name = strdup(entry->name);
    if (!copy.name)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", tensors->name);
    copy.source = deit_source_retain(entry->source);
    tensors->entries[tensors->n_entries++] = copy;
    tensors->is_sorted = false;
    return DEIT_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct deit_tensor_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

enum deit_status deit_tensors_sort(struct deit_tensors *tensors, struct deit_error *err)
{
    if (tensors->n_entries)
        qsort(tensors->entries, tensors->n_entries, sizeof *tensors->entries, compare_names);
    tensors->is_sorted = true;
    for (size_t i = 1; i < tensors->n_entries; i++)
        if (!strcmp(tensors->entries[i - 1].name, tensors->entries[i].name))
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: two tensors are named '%s'",
                             tensors->name, tensors->entries[i].name);
    return DEIT_OK;
}

static int compare_key(const void *key, const void *member)
{
    return strcmp(key, ((const struct deit_tensor_entry *)member)->name);
}

struct deit_tensor_entry *deit_tensors_find(const struct deit_tensors *tensors, const char *name)
{
    assert(tensors->is_sorted);
    if (!tensors->n_entries)
        return NULL;
    return bsearch(name, tensors->entries, tensors->n_entries, sizeof *tensors->entries,
                   compare_key);
}

enum deit_status deit_tensors_unused(const struct deit_tensors *tensors, char ***names,
                                     size_t *n_names, struct deit_error *err)
{
    size_t n = 0;
    char **list = calloc(tensors->n_entries + 1, sizeof *list);
    if (!list)
        goto fail;
    for (size_t i = 0; i < tensors->n_entries; i++) {
        if (tensors->entries[i].is_used)
            continue;
        list[n] = strdup(tensors->entries[i].name);
        if (!list[n])
            goto fail;
        n++;
    }
    *names = list;
    *n_names = n;
    return DEIT_OK;
fail:
    for (size_t i = 0; list && i < n; i++)
        free(list[i]);
    free(list);
    return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", tensors->name);
}

void deit_tensors_sum(const struct deit_tensors *tensors, uint64_t *n_parameters,
                      uint64_t *weight_bytes)
{
    *n_parameters = 0;
    *weight_bytes = 0;
    for (size_t i = 0; i < tensors->n_entries; i++) {
        if (!tensors->entries[i].is_used)
            continue;
        *n_parameters += tensors->entries[i].n_elements;
        *weight_bytes += tensors->entries[i].bytes;
    }
}
