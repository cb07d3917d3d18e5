/*
 * runtime/pass_raise_linear.c: products with a weight.
 *
 *     x ─> matmul by a constant (k, n) [─> + constant (n)] ─>      becomes      linear(x) ─>
 *
 * A residual may be added before the constant.
 *
 * A weight that the file holds as (k, n) is marked instead of transposed: the packing reads
 * either order.  A transpose of a constant (n, k) is the constant as it is.
 */
#include "runtime/kind.h"
#include "runtime/match.h"
#include "runtime/passes.h"

/* The weight as a constant (n, k), or -1. */
static int weight_of(struct deit_graph *graph, int value)
{
    const struct deit_node *turned = deit_match_any_producer(graph, value, DEIT_NODE_TRANSPOSE);
    if (turned && graph->values[turned->inputs[0]].origin == DEIT_FROM_CONSTANT &&
        graph->values[turned->inputs[0]].shape.rank == 2 && graph->values[value].shape.rank == 2 &&
        (!turned->attrs.transpose.n || turned->attrs.transpose.axis[0] == 1))
        return turned->inputs[0];

    const struct deit_value *v = &graph->values[value];
    if (v->origin != DEIT_FROM_CONSTANT || v->dtype != DEIT_F32 || v->shape.rank != 2 ||
        v->constant.n_parts != 1)
        return -1;
    struct deit_constant constant = v->constant;
    constant.parts[0].is_k_major = !constant.parts[0].is_k_major;
    return deit_graph_add_constant(graph, v->name, DEIT_F32,
                                   deit_shape_of(2, v->shape.dims[1], v->shape.dims[0]),
                                   &constant);
}

static bool raise_product(struct deit_graph *graph, size_t index)
{
    const struct deit_node *node = &graph->nodes[index];
    int x = node->inputs[0];
    if (graph->values[x].origin == DEIT_FROM_CONSTANT || graph->values[x].shape.rank < 2 ||
        graph->values[x].dtype != DEIT_F32)
        return false;
    int weight = weight_of(graph, node->inputs[1]);
    const int inputs[] = { x, weight };
    const union deit_attrs attrs = { .linear = { .activation = DEIT_ACTIVATION_NONE } };
    return weight >= 0 && deit_match_replace(graph, &graph->nodes[index], DEIT_NODE_LINEAR,
                                             &attrs, 2, inputs);
}

static bool is_bare(const struct deit_node *linear)
{
    return linear->inputs[DEIT_LINEAR_BIAS] < 0 && deit_pass_is_plain(linear);
}

/* linear ─> + residual ─> + constant row: the constant moves into the linear. */
static bool raise_late_bias(struct deit_graph *graph, size_t index)
{
    for (int k = 0; k < 2; k++) {
        int value = graph->nodes[index].inputs[k];
        const struct deit_node *sum = deit_match_producer(graph, value, DEIT_NODE_BINARY);
        if (!sum || sum->attrs.binary != DEIT_ADD)
            continue;
        size_t at = (size_t)(sum - graph->nodes);
        for (int m = 0; m < 2; m++) {
            struct deit_node *linear = deit_pass_linear_before(graph, at, m);
            if (!linear || !is_bare(linear))
                continue;
            int64_t n = deit_input_shape(graph, linear, DEIT_LINEAR_WEIGHT)->dims[0];
            int bias = deit_match_row(graph, graph->nodes[index].inputs[1 - k], n);
            if (bias < 0)
                return false;
            linear->inputs[DEIT_LINEAR_BIAS] = bias;
            deit_graph_replace_uses(graph, graph->nodes[index].outputs[0], value);
            graph->nodes[index].is_dead = true;
            deit_graph_changed(graph);
            return true;
        }
    }
    return false;
}

/* linear ─> + constant row */
static bool raise_bias(struct deit_graph *graph, size_t index)
{
    for (int k = 0; k < 2; k++) {
        struct deit_node *linear = deit_pass_linear_before(graph, index, k);
        if (!linear || !is_bare(linear))
            continue;
        int64_t n = deit_input_shape(graph, linear, DEIT_LINEAR_WEIGHT)->dims[0];
        int bias = deit_match_row(graph, graph->nodes[index].inputs[1 - k], n);
        if (bias < 0)
            continue;
        linear->inputs[DEIT_LINEAR_BIAS] = bias;
        deit_pass_absorb(graph, linear, index);
        return true;
    }
    return false;
}

size_t deit_pass_raise_linear(struct deit_graph *graph)
{
    size_t changes = 0, n = graph->n_nodes;
    for (size_t i = 0; i < n; i++) {
        const struct deit_node *node = &graph->nodes[i];
        if (node->is_dead)
            continue;
        if (node->kind == DEIT_NODE_MATMUL)
            changes += raise_product(graph, i);
        else if (node->kind == DEIT_NODE_BINARY && node->attrs.binary == DEIT_ADD)
            changes += raise_bias(graph, i) || raise_late_bias(graph, i);
    }
    return changes;
}
