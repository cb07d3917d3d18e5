/*
 * runtime/specialise.c: fixes shapes, keeps what the wanted outputs need, computes what depends
 * on shapes and constants alone, and raises patterns.
 *
 * Patterns are raised here and not when the model is opened, because here every shape is a
 * number: a pass compares them instead of following chains of Shape, Gather and Concat.
 */
#include "runtime/specialise.h"

#include <stdio.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/kind.h"

/* The names that can be asked for, as far as they fit. */
static void list_names(const struct deit_graph *graph, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < graph->n_values && used < room; i++) {
        const struct deit_value *value = &graph->values[i];
        if (value->origin == DEIT_FROM_NODE && value->producer >= 0)
            used += (size_t)snprintf(text + used, room - used, "%s%s", used ? ", " : "",
                                     value->name);
    }
    if (used >= room)
        memcpy(text + room - 4, "...", 4);
}

static enum deit_status set_outputs(struct deit_graph *graph, size_t n_names,
                                    const char *const *names, struct deit_error *err)
{
    if (n_names)
        graph->n_outputs = 0;
    for (size_t i = 0; i < n_names; i++) {
        int value = deit_graph_find(graph, names[i]);
        if (value < 0 || graph->values[value].origin != DEIT_FROM_NODE) {
            char known[400];
            list_names(graph, known, sizeof known);
            return deit_fail(err, DEIT_ERR_ARGUMENT, "no output '%s'; there are %s", names[i],
                             known);
        }
        deit_graph_add_output(graph, value);
    }
    return deit_graph_check(graph, err);
}

/* Fills in one open dim; a fixed one must be what is asked for. */
static enum deit_status set_dim(struct deit_value *value, uint32_t dim, const char *what,
                                size_t wanted, struct deit_error *err)
{
    int64_t *is = &value->shape.dims[dim];
    if (*is == DEIT_DIM_UNKNOWN)
        *is = (int64_t)wanted;
    if (*is == (int64_t)wanted)
        return DEIT_OK;
    return deit_fail(err, DEIT_ERR_ARGUMENT, "input '%s' has %s %lld, %zu was asked for",
                     value->name, what, (long long)*is, wanted);
}

static enum deit_status set_inputs(struct deit_graph *graph,
                                   const struct deit_specialise_options *options,
                                   struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; status == DEIT_OK && i < graph->n_values; i++) {
        struct deit_value *value = &graph->values[i];
        if (value->origin != DEIT_FROM_INPUT || !deit_rank_is_known(&value->shape))
            continue;
        if (value->shape.rank > 0)
            status = set_dim(value, 0, "a batch of", options->batch, err);
        if (status == DEIT_OK && value->shape.rank == 4)
            status = set_dim(value, 2, "height", options->height, err);
        if (status == DEIT_OK && value->shape.rank == 4)
            status = set_dim(value, 3, "width", options->width, err);
    }
    return status;
}

/* Outputs that nobody wants are not computed, where the kind can leave them out. */
static void drop_unused_outputs(struct deit_graph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct deit_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->n_outputs; k++) {
            bool optional = deit_kind_of(node)->optional_outputs >> k & 1;
            if (optional && node->outputs[k] >= 0 &&
                !deit_graph_count_uses(graph, node->outputs[k])) {
                graph->values[node->outputs[k]].producer = -1;
                node->outputs[k] = -1;
            }
        }
    }
}

/* Passes and plan need numbers; what still has none depends on values that only a run has. */
static enum deit_status check_shapes(const struct deit_graph *graph, struct deit_error *err)
{
    for (size_t i = 0; i < graph->n_values; i++) {
        const struct deit_value *value = &graph->values[i];
        char shape[128];
        bool is_live = value->origin == DEIT_FROM_INPUT ||
                       (value->origin == DEIT_FROM_NODE && value->producer >= 0);
        if (is_live && !deit_shape_is_known(&value->shape))
            return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                             "%s: the shape %s depends on values of the run, or is too large",
                             value->producer >= 0 ? graph->nodes[value->producer].name
                                                  : value->name,
                             deit_shape_print(&value->shape, shape));
    }
    return DEIT_OK;
}

/* Larger results are left to the passes first, which may read the operand as it is stored. */
enum { SMALL_BYTES = 256 * 1024 };

static enum deit_status specialise(struct deit_graph *graph,
                                   const struct deit_specialise_options *options,
                                   struct deit_error *err)
{
    graph->max_fold_bytes = options->max_bytes;
    enum deit_status status = set_outputs(graph, options->n_names, options->names, err);
    if (status == DEIT_OK) {
        if (!options->checks_all)
            deit_graph_compact(graph);
        status = set_inputs(graph, options, err);
    }
    if (status == DEIT_OK)
        status = deit_graph_fold(graph, SMALL_BYTES, err);
    if (status == DEIT_OK)
        status = check_shapes(graph, err);
    if (status != DEIT_OK)
        return status;
    deit_observe(options->observer, "folded", 1, 0, graph);
    if (options->passes == DEIT_PASSES_ON)
        deit_passes_run_observed(graph, options->observer);
    drop_unused_outputs(graph);
    status = deit_graph_check(graph, err);
    if (status == DEIT_OK)
        status = deit_graph_fold(graph, SIZE_MAX / 4, err);
    if (status == DEIT_OK)
        deit_observe(options->observer, "final", 1, 0, graph);
    return status;
}

enum deit_status deit_specialise(const struct deit_graph *graph,
                                 const struct deit_specialise_options *options,
                                 struct deit_graph **out, struct deit_error *err)
{
    struct deit_graph *own = deit_graph_clone(graph);
    if (!own)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the graph");
    enum deit_status status = specialise(own, options, err);
    if (status != DEIT_OK) {
        deit_graph_free(own);
        return status;
    }
    *out = own;
    return DEIT_OK;
}
