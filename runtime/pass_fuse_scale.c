/*
 * runtime/pass_fuse_scale.c: layer scale.
 *
 *     linear ──> mul by a constant of one row ──>       becomes        linear(scale) ──>
 */
#include "runtime/passes.h"

/* Whether 'value' is a constant (d), one factor for each column of 'x'. */
static bool is_row_constant(const struct deit_graph *graph, int value, int x)
{
    const struct deit_value *row = &graph->values[value];
    const struct deit_shape *shape = &graph->values[x].shape;
    size_t count;
    return row->origin == DEIT_FROM_CONSTANT && row->shape.rank > 0 &&
           deit_shape_count(&row->shape, &count) && shape->rank >= row->shape.rank &&
           (int64_t)count == shape->dims[shape->rank - 1] &&
           row->shape.dims[row->shape.rank - 1] == (int64_t)count;
}

static bool try_fuse(struct deit_graph *graph, size_t index, int slot)
{
    struct deit_node *linear = deit_pass_linear_before(graph, index, slot);
    int scale = graph->nodes[index].inputs[1 - slot];
    if (!linear || !deit_pass_is_plain(linear) ||
        !is_row_constant(graph, scale, linear->outputs[0]))
        return false;
    linear->inputs[DEIT_LINEAR_SCALE] = scale;
    deit_pass_absorb(graph, linear, index);
    return true;
}

size_t deit_pass_fuse_scale(struct deit_graph *graph)
{
    size_t changes = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        if (!node->is_dead && node->kind == DEIT_NODE_BINARY && node->attrs.binary == DEIT_MUL)
            changes += try_fuse(graph, i, 0) || try_fuse(graph, i, 1);
    }
    return changes;
}
