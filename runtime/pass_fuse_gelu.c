/*
 * runtime/pass_fuse_gelu.c
 *
 *     linear ──> gelu ──>        becomes        linear(gelu) ──>
 */
#include "runtime/passes.h"

size_t deit_pass_fuse_gelu(struct deit_graph *graph)
{
    size_t changes = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].is_dead || graph->nodes[i].kind != DEIT_NODE_UNARY ||
            graph->nodes[i].attrs.unary != DEIT_GELU)
            continue;
        struct deit_node *linear = deit_pass_linear_before(graph, i, 0);
        if (!linear || !deit_pass_is_plain(linear))
            continue;
        linear->attrs.linear.activation = DEIT_ACTIVATION_GELU;
        deit_pass_absorb(graph, linear, i);
        changes++;
    }
    return changes;
}
