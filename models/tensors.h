/*
 * models/tensors.h: the named tensors that a loader found, wherever they are stored.
 *
 * Detection and the graph builder look tensors up by name and mark what they use; what stays
 * unmarked is reported.  Bytes are not read here.
 */
#ifndef DEIT_MODELS_TENSORS_H
#define DEIT_MODELS_TENSORS_H

#include "runtime/graph.h"

struct deit_tensor_entry {
    char *name;
    enum deit_dtype dtype;      /* 0: weights cannot be of this type; see type_name */
    const char *type_name;      /* as the file spells it, static */
    struct deit_shape shape;
    uint64_t n_elements, bytes;
    struct deit_source *source; /* a reference is held */
    uint64_t offset;
    bool is_used;
};

struct deit_tensors {
    char *name; /* of the file or folder, for messages about what is missing */
    struct deit_tensor_entry *entries;
    size_t n_entries, room;
    bool is_sorted;
};

enum deit_status deit_tensors_init(struct deit_tensors *tensors, const char *name,
                                   struct deit_error *err);
void deit_tensors_done(struct deit_tensors *tensors);

/* Copies 'entry', its name too, and retains its source. */
enum deit_status deit_tensors_add(struct deit_tensors *tensors,
                                  const struct deit_tensor_entry *entry, struct deit_error *err);

/* Sorts by name; the last call before lookups.  Two tensors of one name: DEIT_ERR_FORMAT. */
enum deit_status deit_tensors_sort(struct deit_tensors *tensors, struct deit_error *err);

/* The tensor of a name, or NULL. */
struct deit_tensor_entry *deit_tensors_find(const struct deit_tensors *tensors, const char *name);

/* Copies the names of what is not used into a malloc'ed list of malloc'ed strings. */
enum deit_status deit_tensors_unused(const struct deit_tensors *tensors, char ***names,
                                     size_t *n_names, struct deit_error *err);

/* What the used tensors hold. */
void deit_tensors_sum(const struct deit_tensors *tensors, uint64_t *n_parameters,
                      uint64_t *weight_bytes);

#endif
