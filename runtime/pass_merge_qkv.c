/*
 * runtime/pass_merge_qkv.c: three projections of one value that only an attention reads.
 *
 *     x ─┬─> linear q ─┐
 *        ├─> linear k ─┼─> attention ─>     becomes    x ─> linear qkv ─> attention ─>
 *        └─> linear v ─┘
 *
 * The weights stay where they are: a constant has up to three parts.
 */
#include "runtime/kind.h"
#include "runtime/match.h"
#include "runtime/passes.h"

/* The linear that produces 'value' for this attention alone, reading whole rows. */
static const struct deit_node *plain_linear(const struct deit_graph *graph, int value,
                                            uint32_t column)
{
    const struct deit_node *linear = deit_match_producer(graph, value, DEIT_NODE_LINEAR);
    return linear && column == 0 && deit_pass_is_plain(linear) ? linear : NULL;
}

/* The joined weight (slot WEIGHT) or bias of three linears, -1 if it cannot be. */
static int join(struct deit_graph *graph, const int *linears, int slot)
{
    struct deit_constant joined = { .n_parts = 3 };
    struct deit_shape shape = { 0 };
    const char *name = NULL;
    int64_t rows = 0;
    for (int i = 0; i < 3; i++) {
        const struct deit_node *linear = &graph->nodes[linears[i]];
        const struct deit_value *weight = deit_input_value(graph, linear, DEIT_LINEAR_WEIGHT);
        const struct deit_value *value = deit_input_value(graph, linear, (size_t)slot);
        joined.parts[i] = (struct deit_constant_part){
            .dtype = DEIT_F32, .n_elements = (size_t)weight->shape.dims[0]
        };
        rows += weight->shape.dims[0];
        if (!value)
            continue; /* a part without a source is zeros */
        if (value->origin != DEIT_FROM_CONSTANT || value->constant.n_parts != 1)
            return -1;
        joined.parts[i] = value->constant.parts[0];
        shape = value->shape;
        name = value->name;
    }
    if (!name)
        return -1;
    shape.dims[0] = rows;
    return deit_graph_add_constant(graph, name, DEIT_F32, shape, &joined);
}

static bool try_merge(struct deit_graph *graph, size_t index)
{
    const struct deit_attention_attrs *attrs = &graph->nodes[index].attrs.attention;
    const uint32_t columns[] = { attrs->q_column, attrs->k_column, attrs->v_column };
    int linears[3], first = (int)index;
    int64_t width = 0;
    for (int i = 0; i < 3; i++) {
        int value = graph->nodes[index].inputs[i];
        const struct deit_node *linear = plain_linear(graph, value, columns[i]);
        if (!linear || (i && linear->inputs[0] != graph->nodes[linears[0]].inputs[0]))
            return false;
        linears[i] = (int)(linear - graph->nodes);
        first = linears[i] < first ? linears[i] : first;
        width = (int64_t)attrs->n_heads * attrs->head_dim;
        if (graph->values[value].shape.dims[2] != width)
            return false;
    }
    int weight = join(graph, linears, DEIT_LINEAR_WEIGHT);
    if (weight < 0)
        return false;
    const int inputs[] = { graph->nodes[first].inputs[0], weight,
                           join(graph, linears, DEIT_LINEAR_BIAS) };
    const union deit_attrs linear_attrs = { .linear = { .activation = DEIT_ACTIVATION_NONE } };
    struct deit_node *merged = deit_match_replace(graph, &graph->nodes[first], DEIT_NODE_LINEAR,
                                                  &linear_attrs, 3, inputs);
    if (!merged)
        return false;
    struct deit_node *attention = &graph->nodes[index];
    for (int i = 0; i < 3; i++)
        attention->inputs[i] = merged->outputs[0];
    deit_graph_changed(graph);
    graph->values[merged->outputs[0]].shape.dims[2] = 3 * width;
    attention->attrs.attention.k_column = (uint32_t)width;
    attention->attrs.attention.v_column = 2 * (uint32_t)width;
    return true;
}

size_t deit_pass_merge_qkv(struct deit_graph *graph)
{
    size_t changes = 0, n = graph->n_nodes;
    for (size_t i = 0; i < n; i++)
        if (!graph->nodes[i].is_dead && graph->nodes[i].kind == DEIT_NODE_ATTENTION)
            changes += try_merge(graph, i);
    return changes;
}
