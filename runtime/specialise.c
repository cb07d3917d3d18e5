/*
 * runtime/specialise.c: fixes shapes, keeps what the wanted outputs need, and computes what
 * depends on shapes and constants alone.
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

static void set_inputs(struct deit_graph *graph, size_t batch, uint32_t height, uint32_t width)
{
    for (size_t i = 0; i < graph->n_values; i++) {
        struct deit_value *value = &graph->values[i];
        if (value->origin != DEIT_FROM_INPUT)
            continue;
        value->shape.dims[0] = (int64_t)batch;
        if (value->shape.rank == 4) {
            value->shape.dims[2] = height;
            value->shape.dims[3] = width;
        }
    }
}

/* Outputs that nobody wants are not computed, where the kind can leave them out. */
static void drop_unused_outputs(struct deit_graph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct deit_node *node = &graph->nodes[i];
        for (int k = 0; k < DEIT_NODE_OUTPUTS; k++) {
            bool optional = deit_kind_of(node)->optional_outputs >> k & 1;
            if (optional && node->outputs[k] >= 0 &&
                !deit_graph_count_uses(graph, node->outputs[k])) {
                graph->values[node->outputs[k]].producer = -1;
                node->outputs[k] = -1;
            }
        }
    }
}

static enum deit_status fold_all(struct deit_graph *graph, struct deit_error *err)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (!deit_kind_of(&graph->nodes[i])->fold)
            continue;
        enum deit_status status = deit_kind_of(&graph->nodes[i])->fold(graph, (int)i, err);
        if (status != DEIT_OK)
            return status;
    }
    return DEIT_OK;
}

enum deit_status deit_specialise(const struct deit_graph *graph, size_t batch, uint32_t height,
                                 uint32_t width, size_t n_names, const char *const *names,
                                 struct deit_graph **out, struct deit_error *err)
{
    struct deit_graph *own = deit_graph_clone(graph);
    if (!own)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the graph");
    enum deit_status status = set_outputs(own, n_names, names, err);
    if (status == DEIT_OK) {
        deit_graph_compact(own);
        set_inputs(own, batch, height, width);
        status = deit_graph_infer(own, err);
    }
    if (status == DEIT_OK)
        status = fold_all(own, err);
    if (status == DEIT_OK) {
        deit_graph_compact(own);
        drop_unused_outputs(own);
        status = deit_graph_infer(own, err);
    }
    if (status != DEIT_OK) {
        deit_graph_free(own);
        return status;
    }
    *out = own;
    return DEIT_OK;
}
