/*
 * runtime/model.h: what is behind a deit_model.
 *
 * A loader describes what it found and hands the graph over; deit_model_create() runs the
 * passes.  After that nothing changes but the weight store, which has its own lock.
 */
#ifndef DEIT_RUNTIME_MODEL_H
#define DEIT_RUNTIME_MODEL_H

#include <stdatomic.h>

#include "runtime/graph.h"
#include "runtime/include/deit.h"
#include "runtime/recipe.h"
#include "runtime/weight_store.h"

/* All strings and arrays are allocated with malloc; deit_model_create() takes them over. */
struct deit_description {
    char *name;
    const char *format; /* static */
    char *architecture;
    uint32_t channels, height, width;
    uint32_t n_classes, n_heads_out, n_features;
    uint64_t n_parameters, weight_bytes;
    char **unused; /* names of tensors that the model does not need */
    size_t n_unused;
    deit_labels *labels; /* or NULL */
    struct deit_recipe_facts recipe;
};

void deit_description_done(struct deit_description *description);

struct deit_model {
    atomic_size_t references; /* the caller's and one for each session */
    struct deit_graph *graph;
    struct deit_weight_store *store;
    struct deit_description description;
    struct deit_model_options options; /* defaults filled in, allocator pointing below */
    struct deit_allocator allocator;
    double gflop;
};

/* Whether passes run: the tests look at both. */
enum deit_passes { DEIT_PASSES_ON, DEIT_PASSES_OFF };

/*
 * Takes over 'graph' and '*description', also on failure.  'options' may be NULL.
 */
enum deit_status deit_model_create(struct deit_graph *graph,
                                   struct deit_description *description,
                                   const struct deit_model_options *options,
                                   enum deit_passes passes, deit_model **out,
                                   struct deit_error *err);

deit_model *deit_model_retain(deit_model *model);

/* Sum over all nodes of a graph with known shapes. */
double deit_graph_macs(const struct deit_graph *graph);

#endif
