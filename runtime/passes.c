/* runtime/passes.c: the table of passes, and what they share. */
#include "runtime/passes.h"

#include <assert.h>
#include <string.h>

#include "runtime/match.h"

static const struct pass {
    const char *name;
    deit_pass_fn *run;
} passes[] = {
    { "drop_identities", deit_pass_drop_identities },
    { "raise_layernorm", deit_pass_raise_layernorm },
    { "raise_gelu", deit_pass_raise_gelu },
    { "raise_linear", deit_pass_raise_linear },
    { "fuse_gelu", deit_pass_fuse_gelu },
    { "lift_reshape", deit_pass_lift_reshape },
    { "drop_identities", deit_pass_drop_identities },
    { "raise_attention", deit_pass_raise_attention },
    { "drop_identities", deit_pass_drop_identities },
    { "lift_reshape", deit_pass_lift_reshape },
    { "drop_identities", deit_pass_drop_identities },
    { "merge_qkv", deit_pass_merge_qkv },
    { "raise_patch_embed", deit_pass_raise_patch_embed },
    { "raise_heads", deit_pass_raise_heads },
    { "fuse_scale", deit_pass_fuse_scale },
    { "fuse_residual", deit_pass_fuse_residual },
    { "select_rows", deit_pass_select_rows },
};

#ifndef NDEBUG
/* Every live node's outputs know it, and its inputs come from before it. */
static void verify(const struct deit_graph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        if (node->is_dead)
            continue;
        for (size_t k = 0; k < node->n_outputs; k++)
            assert(node->outputs[k] < 0 || graph->values[node->outputs[k]].producer == (int)i);
        for (size_t k = 0; k < node->n_inputs; k++)
            assert(node->inputs[k] < 0 || graph->values[node->inputs[k]].producer < (int)i);
    }
}
#endif

void deit_observe(const struct deit_observer *observer, const char *name, unsigned nth,
                  size_t n_changes, const struct deit_graph *graph)
{
    const struct deit_stage stage = {
        .name = name, .nth = nth, .n_changes = n_changes, .graph = graph
    };
    if (observer)
        observer->see(observer->ctx, &stage);
}

/* How many passes up to 'index' have its name. */
static unsigned nth_of_name(size_t index)
{
    unsigned n = 0;
    for (size_t i = 0; i <= index; i++)
        n += strcmp(passes[i].name, passes[index].name) == 0;
    return n;
}

void deit_passes_run_observed(struct deit_graph *graph, const struct deit_observer *observer)
{
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        size_t n_changes = passes[i].run(graph);
        deit_graph_compact(graph); /* what nobody reads any more must not count as a reader */
#ifndef NDEBUG
        verify(graph);
#endif
        deit_observe(observer, passes[i].name, nth_of_name(i), n_changes, graph);
    }
}

void deit_passes_run(struct deit_graph *graph)
{
    deit_passes_run_observed(graph, NULL);
}

bool deit_pass_is_plain(const struct deit_node *linear)
{
    return linear->attrs.linear.activation == DEIT_ACTIVATION_NONE &&
           linear->inputs[DEIT_LINEAR_SCALE] < 0 && linear->inputs[DEIT_LINEAR_RESIDUAL] < 0;
}

struct deit_node *deit_pass_linear_before(const struct deit_graph *graph, size_t index, int slot)
{
    return deit_match_producer(graph, graph->nodes[index].inputs[slot], DEIT_NODE_LINEAR);
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
