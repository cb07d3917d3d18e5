/*
 * runtime/pass_raise_heads.c: classifiers on single tokens.
 *
 *     tokens ─┬─> token 0 ─> linear ─┐
 *             └─> token 1 ─> linear ─┴─> add ─> / 2 ─>      becomes       heads ─>
 *
 * or one linear on token 0, or on the mean of all tokens behind the prefix with a layernorm
 * between.  Two linears that are outputs of their own become outputs of the one node.
 */
#include "runtime/kind.h"
#include "runtime/match.h"
#include "runtime/passes.h"
#include "runtime/view.h"

enum { LOGITS, FEATURES, LOGITS_0, LOGITS_1 };

/* The token of (batch, tokens, d) that 'value' is, -1 if it is none. */
static int token_of(const struct deit_graph *graph, int value, int *tokens)
{
    struct deit_view view;
    deit_view_of(graph, value, &view);
    const struct deit_shape *base = &graph->values[view.base].shape;
    if (base->rank != 3 || view.scale != 1 || graph->values[view.base].origin != DEIT_FROM_NODE)
        return -1;
    int64_t row = base->dims[2], token = view.offset / (row ? row : 1);
    const int64_t dims[] = { base->dims[0], row }, strides[] = { base->dims[1] * row, 1 };
    if (!deit_view_is(&view, 2, dims, strides, token * row))
        return -1;
    *tokens = view.base;
    return (int)token;
}

/* A linear on token 'token' without an epilogue; NULL if 'value' is something else. */
static const struct deit_node *classifier_of(const struct deit_graph *graph, int value, int token,
                                             int *tokens)
{
    const struct deit_node *linear = deit_match_any_producer(graph, value, DEIT_NODE_LINEAR);
    int is;
    if (!linear || !deit_pass_is_plain(linear))
        return NULL;
    is = token_of(graph, linear->inputs[DEIT_LINEAR_X], tokens);
    return is == token ? linear : NULL;
}

static void set_classifier(const struct deit_node *linear, int head, int *inputs)
{
    inputs[3 + 2 * head] = linear->inputs[DEIT_LINEAR_WEIGHT];
    inputs[4 + 2 * head] = linear->inputs[DEIT_LINEAR_BIAS];
}

/* Lets output 'slot' of 'heads' be what 'linear' produced. */
static void take_over(struct deit_graph *graph, struct deit_node *heads, int slot, int linear)
{
    struct deit_node *old = &graph->nodes[linear];
    if (old->is_dead)
        return;
    heads->outputs[slot] = old->outputs[0];
    graph->values[old->outputs[0]].producer = (int)(heads - graph->nodes);
    old->outputs[0] = -1;
    old->is_dead = true;
    deit_graph_changed(graph);
}

/* (a + b) / 2 of two classifiers on tokens 0 and 1. */
static bool try_average(struct deit_graph *graph, size_t index)
{
    int sum_value, tokens[2];
    float half;
    if (!deit_match_factor(graph, &graph->nodes[index], &sum_value, &half) || half != 0.5f)
        return false;
    const struct deit_node *sum = deit_match_any_producer(graph, sum_value, DEIT_NODE_BINARY);
    if (!sum || sum->attrs.binary != DEIT_ADD)
        return false;
    for (int k = 0; k < 2; k++) {
        const struct deit_node *cls = classifier_of(graph, sum->inputs[k], 0, &tokens[0]);
        const struct deit_node *dist = classifier_of(graph, sum->inputs[1 - k], 1, &tokens[1]);
        if (!cls || !dist || tokens[0] != tokens[1])
            continue;
        int linears[] = { (int)(cls - graph->nodes), (int)(dist - graph->nodes) };
        int inputs[7] = { tokens[0], -1, -1, -1, -1, -1, -1 };
        set_classifier(cls, 0, inputs);
        set_classifier(dist, 1, inputs);
        const union deit_attrs attrs = { .heads = { .n_prefix = 2, .n_heads = 2,
                                                    .features_mean = true } };
        struct deit_node *heads = deit_match_replace(graph, &graph->nodes[index], DEIT_NODE_HEADS,
                                                     &attrs, 7, inputs);
        if (!heads)
            return false;
        take_over(graph, heads, LOGITS_0, linears[0]);
        take_over(graph, heads, LOGITS_1, linears[1]);
        return true;
    }
    return false;
}

static bool try_single(struct deit_graph *graph, size_t index)
{
    int tokens;
    const struct deit_node *linear =
        classifier_of(graph, graph->nodes[index].outputs[0], 0, &tokens);
    if (!linear)
        return false;
    int inputs[7] = { tokens, -1, -1, -1, -1, -1, -1 };
    set_classifier(linear, 0, inputs);
    const union deit_attrs attrs = { .heads = { .n_prefix = 1, .n_heads = 1 } };
    return deit_match_replace(graph, &graph->nodes[index], DEIT_NODE_HEADS, &attrs, 7, inputs) !=
           NULL;
}

/* 'value' is the mean over the tokens behind the first '*n_prefix' of (batch, tokens, d). */
static bool is_token_mean(const struct deit_graph *graph, int value, int *tokens,
                          uint32_t *n_prefix)
{
    const struct deit_node *mean = deit_match_producer(graph, value, DEIT_NODE_REDUCE);
    int64_t axis;
    size_t n;
    bool known;
    if (!mean || mean->attrs.reduce.op != DEIT_REDUCE_MEAN || mean->attrs.reduce.keep_dims ||
        deit_constant_ints(graph, mean, 1, &axis, 1, &n, &known, NULL) || !known || n != 1 ||
        (axis != 1 && axis != -2))
        return false;
    struct deit_view view;
    deit_view_of(graph, mean->inputs[0], &view);
    const struct deit_shape *base = &graph->values[view.base].shape;
    const struct deit_shape *read = deit_input_shape(graph, mean, 0);
    if (base->rank != 3 || read->rank != 3 || view.scale != 1 || base->dims[2] < 1 ||
        graph->values[view.base].origin != DEIT_FROM_NODE)
        return false;
    int64_t d = base->dims[2], first = view.offset / d;
    const int64_t strides[] = { base->dims[1] * d, d, 1 };
    *tokens = view.base;
    *n_prefix = (uint32_t)first;
    return read->dims[1] == base->dims[1] - first &&
           deit_view_is(&view, 3, read->dims, strides, first * d);
}

/* A linear on the mean of the tokens, with or without a layernorm between. */
static bool try_pooled(struct deit_graph *graph, size_t index)
{
    const struct deit_node *linear = &graph->nodes[index];
    if (!deit_pass_is_plain(linear))
        return false;
    int pooled = linear->inputs[DEIT_LINEAR_X];
    int inputs[7] = { -1, -1, -1, -1, -1, -1, -1 };
    union deit_attrs attrs = { .heads = { .pool_mean = true, .n_heads = 1 } };
    const struct deit_node *norm = deit_match_producer(graph, pooled, DEIT_NODE_LAYERNORM);
    if (norm) {
        pooled = norm->inputs[0];
        inputs[1] = norm->inputs[1];
        inputs[2] = norm->inputs[2];
        attrs.heads.eps = norm->attrs.layernorm.eps;
    }
    if (!is_token_mean(graph, pooled, &inputs[0], &attrs.heads.n_prefix))
        return false;
    set_classifier(linear, 0, inputs);
    return deit_match_replace(graph, &graph->nodes[index], DEIT_NODE_HEADS, &attrs, 7, inputs) !=
           NULL;
}

size_t deit_pass_raise_heads(struct deit_graph *graph)
{
    size_t changes = 0, n = graph->n_nodes;
    for (size_t i = 0; i < n; i++)
        if (!graph->nodes[i].is_dead && graph->nodes[i].kind == DEIT_NODE_BINARY)
            changes += try_average(graph, i);
    for (size_t i = 0; i < n; i++)
        if (!graph->nodes[i].is_dead && graph->nodes[i].kind == DEIT_NODE_LINEAR)
            changes += try_single(graph, i) || try_pooled(graph, i);
    return changes;
}
