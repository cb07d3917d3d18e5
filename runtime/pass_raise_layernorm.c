/*
 * runtime/pass_raise_layernorm.c: LayerNorm as exporters before opset 17 spell it.
 *
 *     x ─┬─> mean ─┐
 *        └─────── sub ─┬─> square ─> mean ─> + eps ─> sqrt ─┐
 *                      └────────────────────────────────── div ─> * gamma ─> + beta ─>
 *
 *                                    becomes    layernorm(x, gamma, beta) ─>
 */
#include "runtime/kind.h"
#include "runtime/match.h"
#include "runtime/passes.h"

/* 'value' is the mean of '*of' over its last dimension. */
static bool is_row_mean(const struct deit_graph *graph, int value, int *of)
{
    const struct deit_node *node = deit_match_any_producer(graph, value, DEIT_NODE_REDUCE);
    int64_t axis;
    size_t n;
    bool known;
    if (!node || node->attrs.reduce.op != DEIT_REDUCE_MEAN || !node->attrs.reduce.keep_dims ||
        deit_constant_ints(graph, node, 1, &axis, 1, &n, &known, NULL) || !known || n != 1)
        return false;
    *of = node->inputs[0];
    return axis == -1 || axis == (int64_t)graph->values[*of].shape.rank - 1;
}

static const struct deit_node *binary_producer(const struct deit_graph *graph, int value,
                                               enum deit_binary function)
{
    const struct deit_node *node = deit_match_any_producer(graph, value, DEIT_NODE_BINARY);
    return node && node->attrs.binary == function ? node : NULL;
}

/* 'value' is the square of '*of'. */
static bool is_square(const struct deit_graph *graph, int value, int *of)
{
    const struct deit_node *node = deit_match_any_producer(graph, value, DEIT_NODE_BINARY);
    float exponent;
    if (!node)
        return false;
    *of = node->inputs[0];
    if (node->attrs.binary == DEIT_MUL)
        return node->inputs[1] == *of;
    return node->attrs.binary == DEIT_POW &&
           deit_match_scalar(graph, node->inputs[1], &exponent) && exponent == 2.0f;
}

/* 'value' is sqrt(mean(centred^2) + eps). */
static bool is_deviation(const struct deit_graph *graph, int value, int centred, float *eps)
{
    const struct deit_node *root = deit_match_any_producer(graph, value, DEIT_NODE_UNARY);
    int variance = -1, square = -1, of = -1;
    if (!root || root->attrs.unary != DEIT_SQRT)
        return false;
    const struct deit_node *sum = deit_match_any_producer(graph, root->inputs[0], DEIT_NODE_BINARY);
    return deit_match_binary_scalar(graph, sum, DEIT_ADD, &variance, eps) &&
           is_row_mean(graph, variance, &square) && is_square(graph, square, &of) &&
           of == centred;
}

/* 'value' is (x - mean x) / deviation. */
static bool is_normalised(const struct deit_graph *graph, int value, int *x, float *eps)
{
    const struct deit_node *ratio = binary_producer(graph, value, DEIT_DIV);
    if (!ratio)
        return false;
    const struct deit_node *centred = binary_producer(graph, ratio->inputs[0], DEIT_SUB);
    int of;
    if (!centred || !is_row_mean(graph, centred->inputs[1], &of) || of != centred->inputs[0])
        return false;
    *x = of;
    return is_deviation(graph, ratio->inputs[1], ratio->inputs[0], eps);
}

static bool try_raise(struct deit_graph *graph, size_t index)
{
    const struct deit_node *sum = &graph->nodes[index];
    for (int k = 0; k < 2; k++) {
        const struct deit_node *product = binary_producer(graph, sum->inputs[k], DEIT_MUL);
        for (int m = 0; product && m < 2; m++) {
            union deit_attrs attrs = { 0 };
            int x;
            if (!is_normalised(graph, product->inputs[m], &x, &attrs.layernorm.eps) ||
                graph->values[x].shape.rank < 2)
                continue;
            const struct deit_shape *shape = &graph->values[x].shape;
            int64_t d = shape->dims[shape->rank - 1];
            int gamma = product->inputs[1 - m], beta = sum->inputs[1 - k];
            gamma = deit_match_row(graph, gamma, d);
            beta = deit_match_row(graph, beta, d);
            const int inputs[] = { x, gamma, beta };
            return gamma >= 0 && beta >= 0 &&
                   deit_match_replace(graph, &graph->nodes[index], DEIT_NODE_LAYERNORM, &attrs, 3,
                                      inputs);
        }
    }
    return false;
}

size_t deit_pass_raise_layernorm(struct deit_graph *graph)
{
    size_t changes = 0, n = graph->n_nodes;
    for (size_t i = 0; i < n; i++) {
        const struct deit_node *node = &graph->nodes[i];
        if (!node->is_dead && node->kind == DEIT_NODE_BINARY && node->attrs.binary == DEIT_ADD)
            changes += try_raise(graph, i);
    }
    return changes;
}
