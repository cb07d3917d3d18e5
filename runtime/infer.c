/*
 * runtime/infer.c: the table of kinds, and shape inference over a whole graph.
 */
#include "runtime/error.h"
#include "runtime/kind.h"

#define DEIT_KIND(id, name, least_inputs) extern const struct deit_kind deit_kind_##name;
#include "runtime/node_kinds.inc"
#undef DEIT_KIND

const struct deit_kind *const deit_kinds[DEIT_N_NODE_KINDS] = {
#define DEIT_KIND(id, name, least_inputs) [DEIT_NODE_##id] = &deit_kind_##name,
#include "runtime/node_kinds.inc"
#undef DEIT_KIND
};

static const int least_inputs[DEIT_N_NODE_KINDS] = {
#define DEIT_KIND(id, name, least_inputs) [DEIT_NODE_##id] = least_inputs,
#include "runtime/node_kinds.inc"
#undef DEIT_KIND
};

enum deit_status deit_expect_shape(const struct deit_graph *graph, const struct deit_node *node,
                                   int slot, struct deit_shape wanted, struct deit_error *err)
{
    if (node->inputs[slot] < 0)
        return DEIT_OK;
    const struct deit_value *value = &graph->values[node->inputs[slot]];
    struct deit_shape is = value->shape;
    bool fits = is.rank == wanted.rank;
    for (uint32_t i = 0; fits && i < is.rank; i++)
        fits = is.dims[i] == wanted.dims[i] || wanted.dims[i] == DEIT_DIM_UNKNOWN;
    if (fits)
        return DEIT_OK;
    char is_text[128], wanted_text[128];
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: input '%s' is %s, not %s", node->name, value->name,
                     deit_shape_print(&is, is_text), deit_shape_print(&wanted, wanted_text));
}

static enum deit_status check_inputs(const struct deit_graph *graph, size_t index,
                                     struct deit_error *err)
{
    const struct deit_node *node = &graph->nodes[index];
    for (int i = 0; i < DEIT_NODE_INPUTS; i++) {
        int input = node->inputs[i];
        if (input < 0 && i < least_inputs[node->kind])
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: input %d of a %s is missing", node->name,
                             i, deit_node_kind_name(node->kind));
        if (input >= 0 && graph->values[input].producer >= (int)index)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: uses '%s' before it is computed",
                             node->name, graph->values[input].name);
    }
    return DEIT_OK;
}

enum deit_status deit_graph_infer(struct deit_graph *graph, struct deit_error *err)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        enum deit_status status = check_inputs(graph, i, err);
        if (status == DEIT_OK)
            status = deit_kind_of(node)->infer(graph, node, err);
        if (status != DEIT_OK)
            return status;
    }
    return DEIT_OK;
}
