/*
 * runtime/pass_drop_identities.c: nodes whose output is their input.
 *
 *     x ──> reshape to its own shape, times one, plus zeros, cast of a float ──>    becomes    x
 *     x ──> reshape ──> reshape ──>                          becomes    x ──> reshape ──>
 */
#include <stdlib.h>

#include "runtime/constant.h"
#include "runtime/kind.h"
#include "runtime/match.h"
#include "runtime/passes.h"

static bool keeps_order(const struct deit_node *node, const struct deit_shape *shape)
{
    int32_t last = -1; /* of the axes that have more than one element */
    for (uint32_t i = 0; i < shape->rank; i++) {
        int32_t from = node->attrs.transpose.n ? node->attrs.transpose.axis[i]
                                               : (int32_t)(shape->rank - 1 - i);
        if (shape->dims[from] != 1 && from < last)
            return false;
        if (shape->dims[from] != 1)
            last = from;
    }
    return true;
}

/* What is added to a constant of zeros, such as the mask of a model that masks nothing; or -1. */
static int beside_zeros(const struct deit_graph *graph, const struct deit_node *node)
{
    enum { MOST = 1 << 20 };
    for (int k = 0; k < 2; k++) {
        const struct deit_value *value = &graph->values[node->inputs[k]];
        size_t n;
        if (value->origin != DEIT_FROM_CONSTANT || value->dtype != DEIT_F32 ||
            !deit_shape_count(&value->shape, &n) || n == 0 || n > MOST)
            continue;
        float *data = malloc(n * sizeof *data);
        bool zeros = data && deit_constant_read(&value->constant, value->name, DEIT_F32, 0, n,
                                                data, NULL) == DEIT_OK;
        for (size_t i = 0; zeros && i < n; i++)
            zeros = data[i] == 0.0f;
        free(data);
        if (zeros)
            return node->inputs[1 - k];
    }
    return -1;
}

/* The input that the node's output is equal to, or -1. */
static int same_input(const struct deit_graph *graph, const struct deit_node *node)
{
    float scalar;
    int other;
    switch (node->kind) {
    case DEIT_NODE_RESHAPE: case DEIT_NODE_SQUEEZE: case DEIT_NODE_UNSQUEEZE:
    case DEIT_NODE_EXPAND: case DEIT_NODE_SLICE: case DEIT_NODE_PAD:
        return node->inputs[0];
    case DEIT_NODE_CONCAT:
        return node->n_inputs == 1 ? node->inputs[0] : -1;
    case DEIT_NODE_TRANSPOSE:
        return keeps_order(node, deit_input_shape(graph, node, 0)) ? node->inputs[0] : -1;
    case DEIT_NODE_CAST:
        return graph->values[node->inputs[0]].dtype == DEIT_F32 &&
                       (node->attrs.cast.to == DEIT_F32 || node->attrs.cast.to == DEIT_F64)
                   ? node->inputs[0] : -1;
    case DEIT_NODE_BINARY:
        if (deit_match_factor(graph, node, &other, &scalar) && scalar == 1.0f)
            return other;
        return node->attrs.binary == DEIT_ADD ? beside_zeros(graph, node) : -1;
    default:
        return -1;
    }
}

/*
 * A slice with negative steps may keep its shape and turn the order, a pad with a negative number
 * cuts off on one side what it adds on the other.
 */
static bool is_plain(const struct deit_graph *graph, const struct deit_node *node)
{
    enum { SLICE_STEPS = 4, PADS = 1 };
    int64_t numbers[2 * DEIT_MAX_RANK];
    size_t n, slot = node->kind == DEIT_NODE_SLICE ? SLICE_STEPS : PADS;
    bool known;
    if (node->kind != DEIT_NODE_SLICE && node->kind != DEIT_NODE_PAD)
        return true;
    if (deit_constant_ints(graph, node, slot, numbers, 2 * DEIT_MAX_RANK, &n, &known, NULL) ||
        !known)
        return false;
    for (size_t i = 0; i < n; i++)
        if (numbers[i] < 0)
            return false;
    return true;
}

static bool is_output(const struct deit_graph *graph, int value)
{
    for (size_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == value)
            return true;
    return false;
}

/* Drops node 'index', whose output is its input; of an output of the graph the name stays. */
static bool drop(struct deit_graph *graph, size_t index, int input)
{
    struct deit_node *node = &graph->nodes[index];
    int output = node->outputs[0], producer = graph->values[input].producer;
    if (!is_output(graph, output)) {
        deit_graph_replace_uses(graph, output, input);
    } else if (producer >= 0 && !is_output(graph, input)) {
        struct deit_node *source = &graph->nodes[producer];
        for (size_t k = 0; k < source->n_outputs; k++)
            if (source->outputs[k] == input)
                source->outputs[k] = output;
        deit_graph_replace_uses(graph, input, output);
        graph->values[output].producer = producer;
        graph->values[input].producer = -1;
        node->outputs[0] = -1;
    } else {
        return false;
    }
    node->is_dead = true;
    deit_graph_changed(graph);
    return true;
}

/* A reshape of a reshape reads what that one reads. */
static bool shorten(struct deit_graph *graph, size_t index)
{
    struct deit_node *node = &graph->nodes[index];
    const struct deit_node *before =
        node->kind == DEIT_NODE_RESHAPE
            ? deit_match_any_producer(graph, node->inputs[0], DEIT_NODE_RESHAPE) : NULL;
    int64_t dims[DEIT_MAX_RANK];
    size_t n;
    bool known;
    if (!before ||
        deit_constant_ints(graph, node, 1, dims, DEIT_MAX_RANK, &n, &known, NULL) || !known)
        return false;
    for (size_t i = 0; i < n; i++)
        if (dims[i] == 0)
            return false; /* a zero copies a dim of the input */
    node->inputs[0] = before->inputs[0];
    deit_graph_changed(graph);
    return true;
}

size_t deit_pass_drop_identities(struct deit_graph *graph)
{
    size_t changes = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].is_dead)
            continue;
        changes += shorten(graph, i);
        const struct deit_node *node = &graph->nodes[i];
        int input = same_input(graph, node);
        if (input >= 0 && is_plain(graph, node) &&
            deit_shape_equal(&graph->values[input].shape, deit_output_shape(graph, node, 0)))
            changes += drop(graph, i, input);
    }
    return changes;
}
