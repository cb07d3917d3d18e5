/* runtime/match.c: what passes share. */
#include "runtime/match.h"

#include <math.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/kind.h"

struct deit_node *deit_match_any_producer(const struct deit_graph *graph, int value,
                                          enum deit_node_kind kind)
{
    if (value < 0 || graph->values[value].producer < 0)
        return NULL;
    struct deit_node *node = &graph->nodes[graph->values[value].producer];
    return node->kind == kind && !node->is_dead ? node : NULL;
}

struct deit_node *deit_match_producer(const struct deit_graph *graph, int value,
                                      enum deit_node_kind kind)
{
    struct deit_node *node = deit_match_any_producer(graph, value, kind);
    return node && deit_graph_count_uses(graph, value) == 1 ? node : NULL;
}

struct deit_node *deit_match_user(const struct deit_graph *graph, int value)
{
    return deit_graph_count_uses(graph, value) == 1 ? deit_graph_user(graph, value) : NULL;
}

bool deit_match_scalar(const struct deit_graph *graph, int value, float *scalar)
{
    size_t count;
    if (value < 0)
        return false;
    const struct deit_value *v = &graph->values[value];
    return v->origin == DEIT_FROM_CONSTANT && v->dtype == DEIT_F32 &&
           deit_shape_count(&v->shape, &count) && count == 1 &&
           deit_constant_read(&v->constant, v->name, DEIT_F32, 0, 1, scalar, NULL) == DEIT_OK;
}

bool deit_match_binary_scalar(const struct deit_graph *graph, const struct deit_node *node,
                              enum deit_binary function, int *other, float *scalar)
{
    if (!node || node->kind != DEIT_NODE_BINARY || node->attrs.binary != function)
        return false;
    for (int k = 0; k < 2; k++)
        if (deit_match_scalar(graph, node->inputs[k], scalar)) {
            *other = node->inputs[1 - k];
            return deit_shape_equal(&graph->values[*other].shape,
                                    deit_output_shape(graph, node, 0));
        }
    return false;
}

bool deit_match_factor(const struct deit_graph *graph, const struct deit_node *node, int *other,
                       float *factor)
{
    if (deit_match_binary_scalar(graph, node, DEIT_MUL, other, factor))
        return true;
    if (!deit_match_binary_scalar(graph, node, DEIT_DIV, other, factor) ||
        *other != node->inputs[0])
        return false;
    *factor = 1.0f / *factor;
    return true;
}

bool deit_match_close(double a, double b, int ulps)
{
    double ulp = (double)nextafterf((float)fabs(b), INFINITY) - fabs((double)(float)b);
    return fabs(a - b) <= ulps * ulp;
}

bool deit_match_number(const struct deit_graph *graph, int value, double wanted)
{
    float scalar;
    if (!deit_match_scalar(graph, value, &scalar))
        return false;
    enum deit_dtype stored = graph->values[value].constant.parts[0].dtype;
    double relative = stored == DEIT_F16 ? 0x1p-11 : stored == DEIT_BF16 ? 0x1p-8 : 0;
    return deit_match_close((double)scalar, wanted, 4) ||
           fabs((double)scalar - wanted) <= relative * fabs(wanted);
}

int deit_match_row(struct deit_graph *graph, int value, int64_t n)
{
    size_t count;
    if (value < 0)
        return -1;
    const struct deit_value *v = &graph->values[value];
    if (v->origin != DEIT_FROM_CONSTANT || v->dtype != DEIT_F32 ||
        !deit_shape_count(&v->shape, &count) || (int64_t)count != n || v->shape.rank < 1 ||
        v->shape.dims[v->shape.rank - 1] != n)
        return -1;
    if (v->shape.rank == 1)
        return value;
    const struct deit_constant constant = v->constant;
    return deit_graph_add_constant(graph, v->name, DEIT_F32, deit_shape_of(1, n), &constant);
}

struct deit_node *deit_match_replace(struct deit_graph *graph, struct deit_node *place,
                                     enum deit_node_kind kind, const union deit_attrs *attrs,
                                     size_t n_inputs, const int *inputs)
{
    const char *name = graph->values[place->outputs[0]].name;
    size_t index = (size_t)(place - graph->nodes);
    int made = deit_graph_add_node(graph, kind, place->name, attrs, n_inputs, inputs, 1, &name);
    if (made < 0)
        return NULL;

    /* The new node takes the old one's place in the order, and its value. */
    struct deit_node *node = &graph->nodes[made], swap = graph->nodes[index];
    int value = swap.outputs[0], spare = node->outputs[0];
    graph->nodes[index] = *node;
    graph->nodes[made] = swap;
    node = &graph->nodes[index];
    node->outputs[0] = value;
    graph->values[value].producer = (int)index;
    graph->values[spare].producer = -1;
    graph->nodes[made].outputs[0] = -1;
    graph->nodes[made].is_dead = true;
    deit_graph_changed(graph);
    for (size_t i = 1; i < swap.n_outputs; i++)
        if (swap.outputs[i] >= 0)
            graph->values[swap.outputs[i]].producer = made;
    return node;
}
