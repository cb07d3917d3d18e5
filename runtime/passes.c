/* runtime/passes.c: the table of passes, and what they share. */
#include "runtime/passes.h"

#include <assert.h>

static const struct pass {
    const char *name;
    deit_pass_fn *run;
} passes[] = {
    { "fuse_gelu", deit_pass_fuse_gelu },
    { "fuse_scale", deit_pass_fuse_scale },
    { "fuse_residual", deit_pass_fuse_residual },
};

#ifndef NDEBUG
/* Every live node's outputs know it, and its inputs come from before it. */
static void verify(const struct deit_graph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        if (node->is_dead)
            continue;
        for (int k = 0; k < DEIT_NODE_OUTPUTS; k++)
            assert(node->outputs[k] < 0 || graph->values[node->outputs[k]].producer == (int)i);
        for (int k = 0; k < DEIT_NODE_INPUTS; k++)
            assert(node->inputs[k] < 0 || graph->values[node->inputs[k]].producer < (int)i);
    }
}
#endif

void deit_passes_run(struct deit_graph *graph)
{
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        passes[i].run(graph);
#ifndef NDEBUG
        verify(graph);
#endif
    }
    deit_graph_compact(graph);
}

struct deit_node *deit_pass_linear_before(const struct deit_graph *graph, size_t index, int slot)
{
    int value = graph->nodes[index].inputs[slot];
    if (value < 0 || graph->values[value].producer < 0 || deit_graph_count_uses(graph, value) != 1)
        return NULL;
    struct deit_node *node = &graph->nodes[graph->values[value].producer];
    return node->kind == DEIT_NODE_LINEAR && !node->is_dead ? node : NULL;
}

void deit_pass_absorb(struct deit_graph *graph, struct deit_node *linear, size_t index)
{
    struct deit_node *node = &graph->nodes[index];
    int output = node->outputs[0];
    graph->values[linear->outputs[0]].producer = -1;
    linear->outputs[0] = output;
    graph->values[output].producer = (int)(linear - graph->nodes);
    node->outputs[0] = -1;
    node->is_dead = true;
}
