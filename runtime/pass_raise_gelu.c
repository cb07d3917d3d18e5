/*
 * runtime/pass_raise_gelu.c: GELU as its definition.
 *
 *     x ─┬─> / sqrt(2) ─> erf ─> + 1 ─┐
 *        └────────────────────────── mul, and a half somewhere ─>       becomes     gelu(x) ─>
 *
 * The half may multiply x, the sum or the product.
 */
#include <math.h>

#include "runtime/match.h"
#include "runtime/passes.h"

/* 'value' is x / sqrt 2, with the constant in whatever precision the graph is stored. */
static bool is_scaled(const struct deit_graph *graph, int value, int *x)
{
    const struct deit_node *node = deit_match_producer(graph, value, DEIT_NODE_BINARY);
    if (!node)
        return false;
    *x = node->inputs[0];
    if (node->attrs.binary == DEIT_DIV)
        return deit_match_number(graph, node->inputs[1], sqrt(2));
    if (node->attrs.binary != DEIT_MUL)
        return false;
    if (deit_match_number(graph, node->inputs[1], sqrt(0.5)))
        return true;
    *x = node->inputs[1];
    return deit_match_number(graph, node->inputs[0], sqrt(0.5));
}

/* 'value' is erf(x / sqrt 2) + 1. */
static bool is_one_plus_erf(const struct deit_graph *graph, int value, int *x)
{
    const struct deit_node *sum = deit_match_producer(graph, value, DEIT_NODE_BINARY);
    float one;
    int erf_value;
    if (!deit_match_binary_scalar(graph, sum, DEIT_ADD, &erf_value, &one) || one != 1.0f)
        return false;
    const struct deit_node *erf_node = deit_match_producer(graph, erf_value, DEIT_NODE_UNARY);
    return erf_node && erf_node->attrs.unary == DEIT_ERF &&
           is_scaled(graph, erf_node->inputs[0], x);
}

/* 'value' without a factor of a half; '*halves' counts those that were taken off. */
static int without_half(const struct deit_graph *graph, int value, int *halves)
{
    const struct deit_node *node = deit_match_any_producer(graph, value, DEIT_NODE_BINARY);
    float factor;
    int other;
    if (!node || !deit_match_factor(graph, node, &other, &factor) || factor != 0.5f)
        return value;
    ++*halves;
    return other;
}

/* 'value' is x (1 + erf) with '*halves' halves; both operands of the product are tried. */
static bool is_product(const struct deit_graph *graph, int value, int *halves, int *x)
{
    const struct deit_node *product = deit_match_any_producer(graph, value, DEIT_NODE_BINARY);
    if (!product || product->attrs.binary != DEIT_MUL)
        return false;
    for (int k = 0; k < 2; k++) {
        int count = *halves;
        int sum = without_half(graph, product->inputs[k], &count);
        int factor = without_half(graph, product->inputs[1 - k], &count);
        if (is_one_plus_erf(graph, sum, x) && (factor == *x || product->inputs[1 - k] == *x)) {
            *halves = factor == *x ? count : *halves;
            return true;
        }
    }
    return false;
}

size_t deit_pass_raise_gelu(struct deit_graph *graph)
{
    size_t changes = 0, n = graph->n_nodes;
    for (size_t i = 0; i < n; i++) {
        if (graph->nodes[i].is_dead || graph->nodes[i].kind != DEIT_NODE_BINARY)
            continue;
        int halves = 0, x;
        int value = without_half(graph, graph->nodes[i].outputs[0], &halves);
        if (!is_product(graph, value, &halves, &x) || halves != 1)
            continue;
        const union deit_attrs attrs = { .unary = DEIT_GELU };
        changes += deit_match_replace(graph, &graph->nodes[i], DEIT_NODE_UNARY, &attrs, 1, &x) !=
                   NULL;
    }
    return changes;
}
