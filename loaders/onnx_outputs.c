/*
 * loaders/onnx_outputs.c: which outputs are logits.
 *
 * Exporters name outputs as they like, "output", "logits", "1234", so what an output is must
 * be seen from how it is computed: a classifier is a product with a constant matrix at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_describe.h"
#include "runtime/constant.h"
#include "runtime/error.h"

enum { MAX_HEADS = 3, MAX_STEPS = 16 };

/* ------------------------------------------------------------------ names */

static bool has_word(const char *name, const char *const *words)
{
    for (; *words; words++)
        if (strcasestr(name, *words))
            return true;
    return false;
}

static bool says(const char *name, const char *word)
{
    return strcasestr(name, word) != NULL;
}

static bool set_name(struct deit_graph *graph, int value, const char *name)
{
    char *copy = strdup(name);
    if (!copy) {
        graph->is_out_of_memory = true;
        return false;
    }
    free(graph->values[value].name);
    graph->values[value].name = copy;
    return true;
}

/* Another value that has the name already would be found instead: it gives way. */
static void rename_value(struct deit_graph *graph, int value, const char *name)
{
    char inner[64];
    snprintf(inner, sizeof inner, "inner.%s", name);
    for (size_t i = 0; i < graph->n_values; i++)
        if ((int)i != value && !strcmp(graph->values[i].name, name))
            set_name(graph, (int)i, inner);
    set_name(graph, value, name);
}

/* ------------------------------------------------------------------ structure */

static const struct deit_node *producer_of(const struct deit_graph *graph, int value)
{
    return value < 0 || graph->values[value].producer < 0
               ? NULL : &graph->nodes[graph->values[value].producer];
}

/* A constant, or one that was turned around or rounded. */
static bool is_weight(const struct deit_graph *graph, int value)
{
    for (int steps = 0; value >= 0 && steps < MAX_STEPS; steps++) {
        if (graph->values[value].origin == DEIT_FROM_CONSTANT)
            return true;
        const struct deit_node *node = producer_of(graph, value);
        if (!node || (node->kind != DEIT_NODE_TRANSPOSE && node->kind != DEIT_NODE_RESHAPE &&
                      node->kind != DEIT_NODE_CAST && node->kind != DEIT_NODE_UNSQUEEZE))
            return false;
        value = node->inputs[0];
    }
    return false;
}

/* What a step behind the product reads, -1 if the node is no such step. */
static int step_back(const struct deit_graph *graph, const struct deit_node *node)
{
    switch (node->kind) {
    case DEIT_NODE_BINARY:
        return is_weight(graph, node->inputs[0]) ? node->inputs[1] : node->inputs[0];
    case DEIT_NODE_UNARY:
        return node->attrs.unary == DEIT_SIGMOID || node->attrs.unary == DEIT_LOG
                   ? node->inputs[0] : -1;
    case DEIT_NODE_SOFTMAX:
    case DEIT_NODE_RESHAPE:
    case DEIT_NODE_SQUEEZE:
    case DEIT_NODE_UNSQUEEZE:
    case DEIT_NODE_CONCAT:
    case DEIT_NODE_CAST:
        return node->inputs[0];
    case DEIT_NODE_REDUCE: { /* the mean of two heads that were stacked; pooling is none */
        const struct deit_node *stacked = producer_of(graph, node->inputs[0]);
        return stacked && stacked->kind == DEIT_NODE_CONCAT ? node->inputs[0] : -1;
    }
    default:
        return -1;
    }
}

/* Back from an output to the product with a constant that makes it, or NULL. */
static const struct deit_node *find_classifier(const struct deit_graph *graph, int value)
{
    for (int steps = 0; steps < MAX_STEPS; steps++) {
        const struct deit_node *node = producer_of(graph, value);
        if (!node)
            return NULL;
        bool is_product = node->kind == DEIT_NODE_MATMUL || node->kind == DEIT_NODE_CONV;
        if (is_product)
            return is_weight(graph, node->inputs[1]) ? node : NULL;
        value = step_back(graph, node);
    }
    return NULL;
}

static int64_t last_dim(const struct deit_shape *shape)
{
    bool is_known = shape->rank != DEIT_RANK_UNKNOWN && shape->rank > 0;
    return is_known ? shape->dims[shape->rank - 1] : DEIT_DIM_UNKNOWN;
}

static uint32_t to_count(int64_t dim)
{
    return dim > 0 && dim <= INT32_MAX ? (uint32_t)dim : 0;
}

/* How many numbers a classifier reads; a convolution's are its weight's channels. */
static uint32_t count_features(const struct deit_graph *graph, const struct deit_node *node)
{
    if (!node)
        return 0;
    const struct deit_shape *shape = &graph->values[node->inputs[0]].shape;
    if (node->kind == DEIT_NODE_CONV)
        return shape->rank == 4 ? to_count(shape->dims[1]) : 0;
    return to_count(last_dim(shape));
}

/* ------------------------------------------------------------------ which is which */

/* The shape that is inferred, or if nothing is known of it the one that the file claims. */
static struct deit_shape output_shape(const struct deit_onnx *onnx,
                                      const struct deit_graph *graph, size_t i)
{
    struct deit_shape shape = graph->values[graph->outputs[i]].shape;
    const DeitOnnx__ValueInfoProto *info = onnx->model->graph->output[i];
    const DeitOnnx__TensorShapeProto *claimed =
        info->type && info->type->tensor_type ? info->type->tensor_type->shape : NULL;
    if (!claimed || (shape.rank != DEIT_RANK_UNKNOWN && shape.rank != claimed->n_dim) ||
        claimed->n_dim > DEIT_MAX_RANK)
        return shape;
    bool is_inferred = shape.rank != DEIT_RANK_UNKNOWN;
    shape.rank = (uint32_t)claimed->n_dim;
    for (uint32_t k = 0; k < shape.rank; k++)
        if (!is_inferred || shape.dims[k] == DEIT_DIM_UNKNOWN)
            shape.dims[k] = claimed->dim[k]->has_dim_value && claimed->dim[k]->dim_value >= 0
                                ? claimed->dim[k]->dim_value : DEIT_DIM_UNKNOWN;
    return shape;
}

static bool is_logits(const struct deit_graph *graph, int value, const struct deit_shape *shape)
{
    static const char *const yes[] = { "logit", "prob", "class", "score", NULL };
    static const char *const no[] = { "feature", "embed", "pool", "hidden", "token", NULL };
    const char *name = graph->values[value].name;
    if (shape->rank != 2 || !to_count(shape->dims[1]))
        return false;
    if (has_word(name, yes))
        return true;
    return !has_word(name, no) && find_classifier(graph, value);
}

/* Up to three outputs with as many classes as the first; how many. */
static size_t find_heads(const struct deit_onnx *onnx, const struct deit_graph *graph,
                         int heads[MAX_HEADS], uint32_t *n_classes)
{
    size_t n = 0;
    *n_classes = 0;
    for (size_t i = 0; i < graph->n_outputs && n < MAX_HEADS; i++) {
        int value = graph->outputs[i];
        const struct deit_shape shape = output_shape(onnx, graph, i);
        if (!is_logits(graph, value, &shape))
            continue;
        /* Probabilities beside logits are no other head. */
        if (n && (to_count(shape.dims[1]) != *n_classes ||
                  says(graph->values[value].name, "prob")))
            continue;
        *n_classes = to_count(shape.dims[1]);
        heads[n++] = value;
    }
    return n;
}

static void swap(int *a, int *b)
{
    int c = *a;
    *a = *b;
    *b = c;
}

/* The averaged one in front, the distilled one behind, where names tell them apart. */
static void sort_heads(const struct deit_graph *graph, int *heads, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (says(graph->values[heads[i]].name, "dist") &&
            !says(graph->values[heads[i + 1]].name, "dist"))
            swap(&heads[i], &heads[i + 1]);
    if (n == 3 && says(graph->values[heads[0]].name, "cls") &&
        !says(graph->values[heads[1]].name, "cls"))
        swap(&heads[0], &heads[1]);
}

/* (a + b) / 2 as the first output. */
static int add_mean(struct deit_graph *graph, const int heads[2], struct deit_error *err)
{
    static const char *const names[] = { "logits/sum", "logits" };
    const float half = 0.5F;
    const union deit_attrs add = { .binary = DEIT_ADD }, mul = { .binary = DEIT_MUL };
    struct deit_constant constant;
    void *data;
    if (deit_constant_create(DEIT_F32, 1, &constant, &data, err) != DEIT_OK)
        return -1;
    memcpy(data, &half, sizeof half);
    int factor = deit_graph_add_constant(graph, "logits/half", DEIT_F32,
                                         (struct deit_shape){ .rank = 0 }, &constant);
    deit_constant_done(&constant);
    int index = deit_graph_add_node(graph, DEIT_NODE_BINARY, "logits", &add, 2, heads, 1, names);
    if (index < 0)
        return -1;
    const int inputs[] = { graph->nodes[index].outputs[0], factor };
    index = deit_graph_add_node(graph, DEIT_NODE_BINARY, "logits", &mul, 2, inputs, 1, names + 1);
    if (index < 0)
        return -1;
    int mean = graph->nodes[index].outputs[0];
    deit_graph_add_output(graph, mean);
    if (graph->is_out_of_memory)
        return -1;
    memmove(graph->outputs + 1, graph->outputs,
            (graph->n_outputs - 1) * sizeof *graph->outputs);
    graph->outputs[0] = mean;
    return mean;
}

static void name_heads(struct deit_graph *graph, int *heads, size_t n, struct deit_error *err)
{
    sort_heads(graph, heads, n);
    if (n == 1) {
        rename_value(graph, heads[0], "logits");
        return;
    }
    rename_value(graph, heads[n - 2], "logits.cls");
    rename_value(graph, heads[n - 1], "logits.dist");
    int mean = n == 3 ? heads[0] : add_mean(graph, heads, err);
    if (mean >= 0)
        rename_value(graph, mean, "logits");
    else
        graph->is_out_of_memory = true;
}

enum deit_status deit_onnx_outputs_name(const struct deit_onnx *onnx, struct deit_graph *graph,
                                        struct deit_onnx_outputs *outputs,
                                        struct deit_error *err)
{
    int heads[MAX_HEADS];
    struct deit_onnx_outputs found = { 0 };
    size_t n = find_heads(onnx, graph, heads, &found.n_classes);
    if (n) {
        found.n_heads = n == 1 ? 1 : 2;
        found.n_features = count_features(graph, find_classifier(graph, heads[n - 1]));
        name_heads(graph, heads, n, err);
    } else {
        const struct deit_shape shape = output_shape(onnx, graph, 0);
        found.n_features = to_count(last_dim(&shape));
        rename_value(graph, graph->outputs[0], "features");
    }
    *outputs = found;
    return deit_graph_check(graph, err);
}
