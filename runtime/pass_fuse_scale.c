/*
 * runtime/pass_fuse_scale.c: layer scale.
 *
 *     linear ──> scale ──>       becomes        linear(scale) ──>
 */
#include "runtime/passes.h"

size_t deit_pass_fuse_scale(struct deit_graph *graph)
{
    size_t changes = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].is_dead || graph->nodes[i].kind != DEIT_NODE_SCALE)
            continue;
        struct deit_node *linear = deit_pass_linear_before(graph, i, 0);
        if (!linear || linear->attrs.linear.activation != DEIT_ACTIVATION_NONE ||
            linear->inputs[DEIT_LINEAR_SCALE] >= 0 || linear->inputs[DEIT_LINEAR_RESIDUAL] >= 0)
            continue;
        linear->inputs[DEIT_LINEAR_SCALE] = graph->nodes[i].inputs[1];
        deit_pass_absorb(graph, linear, i);
        changes++;
    }
    return changes;
}
