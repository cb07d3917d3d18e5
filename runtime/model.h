/*
 * runtime/model.h: what is behind a deit_model.
 *
 * A loader describes what it found and hands the graph over; deit_model_create() checks it for
 * the default input size.  After that nothing changes but the weight store, which has its own
 * lock.
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
    bool is_guess; /* 'architecture': what the raised graph shows is better, if it shows one */
    char *producer; /* or NULL */
    int64_t opset, ir_version; /* or 0 */
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

/*
 * Takes over 'graph' and '*description', also on failure.  'options' may be NULL.
 */
enum deit_status deit_model_create(struct deit_graph *graph,
                                   struct deit_description *description,
                                   const struct deit_model_options *options,
                                   deit_model **out, struct deit_error *err);

deit_model *deit_model_retain(deit_model *model);

/* The batch that the graph's input is fixed to, 0 if it is open. */
size_t deit_model_batch(const deit_model *model);

/* Sum over all nodes of a graph with known shapes. */
double deit_graph_macs(const struct deit_graph *graph);

/*
 * What a session for a batch may need beyond the weights: the model's limit for each image, and
 * never more than the machine has free.
 */
size_t deit_model_max_bytes(const deit_model *model, size_t batch);

#endif
