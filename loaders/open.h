/* loaders/open.h: from a path to a graph, the step before deit_model_create(). */
#ifndef DEIT_LOADERS_OPEN_H
#define DEIT_LOADERS_OPEN_H

#include "models/detect.h"
#include "runtime/model.h"

/* What a loader found.  The graph and the description are given on; the rest is for tests. */
struct deit_loaded {
    struct deit_graph *graph;
    struct deit_description description;
    struct deit_architecture architecture;
};

enum deit_status deit_load_path(const char *path, struct deit_loaded *out,
                                struct deit_error *err);

/* With the options of a model, NULL for the defaults: only follow_links matters here. */
enum deit_status deit_load_path_with(const char *path, const struct deit_model_options *options,
                                     struct deit_loaded *out, struct deit_error *err);
enum deit_status deit_load_memory(const void *data, size_t bytes, const char *name,
                                  struct deit_loaded *out, struct deit_error *err);
enum deit_status deit_load_random(const char *architecture, uint64_t seed,
                                  struct deit_loaded *out, struct deit_error *err);
void deit_loaded_done(struct deit_loaded *loaded);

#endif
