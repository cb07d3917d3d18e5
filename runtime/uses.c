/*
 * runtime/uses.c: who uses a value.
 *
 * One walk over the graph answers for all values, so passes over a graph of n nodes cost n steps
 * for each change that they make, and not for each question that they ask.  Without an index,
 * or without the memory for one, the walk is made for the one value.
 */
#include <assert.h>
#include <stdlib.h>

#include "runtime/graph.h"

struct use {
    size_t count;
    int user; /* the last node, -1: none */
};

struct deit_use_index {
    struct use *uses; /* (room), NULL: must be made */
    size_t n, room;
    bool is_fresh;
};

static struct use scan(const struct deit_graph *graph, int value)
{
    struct use use = { .user = -1 };
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].is_dead)
            continue;
        for (size_t k = 0; k < graph->nodes[i].n_inputs; k++)
            if (graph->nodes[i].inputs[k] == value) {
                use.count++;
                use.user = (int)i;
            }
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        use.count += graph->outputs[i] == value;
    return use;
}

/* False: out of memory. */
static bool refresh(const struct deit_graph *graph, struct deit_use_index *index)
{
    if (index->room < graph->n_values) {
        free(index->uses);
        index->room = 2 * graph->n_values;
        index->uses = malloc(index->room * sizeof *index->uses);
        if (!index->uses) {
            index->room = 0;
            return false;
        }
    }
    for (size_t i = 0; i < graph->n_values; i++)
        index->uses[i] = (struct use){ .user = -1 };
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        for (size_t k = 0; !node->is_dead && k < node->n_inputs; k++)
            if (node->inputs[k] >= 0) {
                index->uses[node->inputs[k]].count++;
                index->uses[node->inputs[k]].user = (int)i;
            }
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        index->uses[graph->outputs[i]].count++;
    index->n = graph->n_values;
    index->is_fresh = true;
    return true;
}

static struct use use_of(const struct deit_graph *graph, int value)
{
    struct deit_use_index *index = graph->index;
    if (!index || value < 0)
        return scan(graph, value);
    bool is_known = index->is_fresh && (size_t)value < index->n;
    if (!is_known && !refresh(graph, index))
        return scan(graph, value);
    /* Compared while that is cheap: a forgotten deit_graph_changed() shows in any model. */
    assert(graph->n_nodes > 1000 || index->uses[value].count == scan(graph, value).count);
    return index->uses[value];
}

size_t deit_graph_count_uses(const struct deit_graph *graph, int value)
{
    return use_of(graph, value).count;
}

struct deit_node *deit_graph_user(const struct deit_graph *graph, int value)
{
    int user = use_of(graph, value).user;
    return user < 0 ? NULL : &graph->nodes[user];
}

void deit_graph_index(struct deit_graph *graph)
{
    if (!graph->index)
        graph->index = calloc(1, sizeof *graph->index);
}

void deit_graph_drop_index(struct deit_graph *graph)
{
    if (graph->index)
        free(graph->index->uses);
    free(graph->index);
    graph->index = NULL;
}

void deit_graph_changed(struct deit_graph *graph)
{
    if (graph->index)
        graph->index->is_fresh = false;
}
