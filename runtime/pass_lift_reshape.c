/*
 * runtime/pass_lift_reshape.c: some exporters flatten batch and tokens around each product.
 *
 *     x (b, t, k) ─> reshape (b t, k) ─> linear ─>      becomes      linear ─> reshape (b t, n) ─>
 *
 * The reshape that undoes it then meets the one that was moved, and both vanish
 * (pass_drop_identities.c).
 */
#include "runtime/constant.h"
#include "runtime/kind.h"
#include "runtime/match.h"
#include "runtime/passes.h"

/* Appends a reshape of 'from' that produces 'to', whose shape it has. */
static bool add_reshape(struct deit_graph *graph, int from, int to)
{
    const struct deit_shape shape = graph->values[to].shape;
    const char *name = graph->values[to].name;
    struct deit_constant dims;
    void *data;
    if (deit_constant_create(DEIT_I64, shape.rank, &dims, &data, NULL) != DEIT_OK)
        return false;
    for (uint32_t i = 0; i < shape.rank; i++)
        ((int64_t *)data)[i] = shape.dims[i];
    const int inputs[] = { from, deit_graph_add_constant(graph, name, DEIT_I64,
                                                         deit_shape_of(1, shape.rank), &dims) };
    deit_constant_done(&dims);
    int made = deit_graph_add_node(graph, DEIT_NODE_RESHAPE, name, NULL, 2, inputs, 1, &name);
    if (made < 0)
        return false;
    graph->values[graph->nodes[made].outputs[0]].producer = -1;
    graph->nodes[made].outputs[0] = to;
    graph->values[to].producer = made;
    return true;
}

static bool try_lift(struct deit_graph *graph, size_t index)
{
    const struct deit_node *linear = &graph->nodes[index];
    const struct deit_node *flat =
        deit_match_any_producer(graph, linear->inputs[DEIT_LINEAR_X], DEIT_NODE_RESHAPE);
    if (!flat || linear->inputs[DEIT_LINEAR_RESIDUAL] >= 0)
        return false;
    int x = flat->inputs[0], y = linear->outputs[0];
    const struct deit_shape *from = &graph->values[x].shape;
    const struct deit_shape *to = deit_output_shape(graph, flat, 0);
    if (from->rank != 3 || to->rank != 2 || from->dims[2] != to->dims[1] || from->dims[1] < 2)
        return false;

    struct deit_shape shape = *from;
    shape.dims[2] = graph->values[y].shape.dims[1];
    const char *name = graph->values[y].name;
    int spare = deit_graph_add_value(graph, name, DEIT_F32, shape);
    if (spare < 0)
        return false;
    graph->nodes[index].inputs[DEIT_LINEAR_X] = x;
    graph->nodes[index].outputs[0] = spare;
    graph->values[spare].producer = (int)index;
    deit_graph_changed(graph);
    return add_reshape(graph, spare, y);
}

size_t deit_pass_lift_reshape(struct deit_graph *graph)
{
    size_t changes = 0;
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (!graph->nodes[i].is_dead && graph->nodes[i].kind == DEIT_NODE_LINEAR &&
            try_lift(graph, i))
            changes++;
    if (changes)
        deit_graph_sort(graph);
    return changes;
}
