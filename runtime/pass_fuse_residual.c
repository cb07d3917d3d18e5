/*
 * runtime/pass_fuse_residual.c
 *
 *     x ─────────────┐
 *     linear ──> add ──>         becomes        linear(residual x) ──>
 *
 * The linear runs where it stood, so x must be there by then.
 */
#include "runtime/passes.h"

static bool try_fuse(struct deit_graph *graph, size_t index, int slot)
{
    struct deit_node *linear = deit_pass_linear_before(graph, index, slot);
    int residual = graph->nodes[index].inputs[1 - slot];
    if (!linear || linear->attrs.linear.activation != DEIT_ACTIVATION_NONE ||
        linear->inputs[DEIT_LINEAR_RESIDUAL] >= 0 ||
        graph->values[residual].origin == DEIT_FROM_CONSTANT ||
        !deit_shape_equal(&graph->values[residual].shape,
                          &graph->values[linear->outputs[0]].shape) ||
        graph->values[residual].producer >= (int)(linear - graph->nodes))
        return false;
    linear->inputs[DEIT_LINEAR_RESIDUAL] = residual;
    deit_pass_absorb(graph, linear, index);
    return true;
}

size_t deit_pass_fuse_residual(struct deit_graph *graph)
{
    size_t changes = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].is_dead || graph->nodes[i].kind != DEIT_NODE_BINARY ||
            graph->nodes[i].attrs.binary != DEIT_ADD)
            continue;
        changes += try_fuse(graph, i, 1) || try_fuse(graph, i, 0);
    }
    return changes;
}
