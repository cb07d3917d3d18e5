/*
 * runtime/graph.c: building, searching and compacting graphs.
 *
 * A model has a few hundred nodes, so lists are scanned instead of indexed.
 */
#include "runtime/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/error.h"

bool deit_shape_count(const struct deit_shape *shape, size_t *count)
{
    size_t product = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0 ||
            __builtin_mul_overflow(product, (size_t)shape->dims[i], &product))
            return false;
    }
    *count = product;
    return true;
}

bool deit_shape_equal(const struct deit_shape *a, const struct deit_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof *a->dims);
}

char *deit_shape_print(const struct deit_shape *shape, char *text)
{
    char *p = text;
    *p++ = '(';
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (i)
            p += sprintf(p, ", ");
        if (shape->dims[i] == DEIT_DIM_UNKNOWN)
            *p++ = '?';
        else { /* a size that a file invented is cut, so that eight of them always fit */
            snprintf(p, 14, "%lld", (long long)shape->dims[i]);
            p += strlen(p);
        }
    }
    *p++ = ')';
    *p = '\0';
    return text;
}

static const char *const kind_names[] = {
#define DEIT_KIND(id, name, least_inputs) #name,
#include "runtime/node_kinds.inc"
#undef DEIT_KIND
};

const char *deit_node_kind_name(enum deit_node_kind kind)
{
    return kind_names[kind];
}

struct deit_graph *deit_graph_create(void)
{
    return calloc(1, sizeof(struct deit_graph));
}

void deit_graph_free(struct deit_graph *graph)
{
    if (!graph)
        return;
    for (size_t i = 0; i < graph->n_values; i++) {
        deit_constant_done(&graph->values[i].constant);
        free(graph->values[i].name);
    }
    for (size_t i = 0; i < graph->n_nodes; i++)
        free(graph->nodes[i].name);
    free(graph->values);
    free(graph->nodes);
    free(graph->outputs);
    free(graph);
}

/* Room for one more element of 'size' bytes in a doubling array; false marks the failure. */
static bool grow(struct deit_graph *graph, void **array, size_t count, size_t *room, size_t size)
{
    if (graph->is_out_of_memory)
        return false;
    if (count < *room)
        return true;
    size_t wanted = *room ? 2 * *room : 16;
    void *bigger = realloc(*array, wanted * size);
    if (!bigger) {
        graph->is_out_of_memory = true;
        return false;
    }
    *array = bigger;
    *room = wanted;
    return true;
}

static char *copy_name(struct deit_graph *graph, const char *name)
{
    char *copy = strdup(name ? name : "");
    if (!copy)
        graph->is_out_of_memory = true;
    return copy;
}

static int add_value(struct deit_graph *graph, const char *name, enum deit_origin origin,
                     int producer, struct deit_shape shape)
{
    if (!grow(graph, (void **)&graph->values, graph->n_values, &graph->values_room,
              sizeof *graph->values))
        return -1;
    char *copy = copy_name(graph, name);
    if (!copy)
        return -1;
    graph->values[graph->n_values] = (struct deit_value){
        .name = copy, .shape = shape, .origin = origin, .producer = producer
    };
    return (int)graph->n_values++;
}

int deit_graph_add_input(struct deit_graph *graph, const char *name, struct deit_shape shape)
{
    return add_value(graph, name, DEIT_FROM_INPUT, -1, shape);
}

int deit_graph_add_constant(struct deit_graph *graph, const char *name, struct deit_shape shape,
                            const struct deit_constant *constant)
{
    int value = add_value(graph, name, DEIT_FROM_CONSTANT, -1, shape);
    if (value < 0)
        return -1;
    graph->values[value].constant = *constant;
    for (size_t i = 0; i < constant->n_parts; i++)
        deit_source_retain(constant->parts[i].source);
    return value;
}

int deit_graph_add_node(struct deit_graph *graph, enum deit_node_kind kind, const char *name,
                        const union deit_attrs *attrs, const int *inputs,
                        const char *const *output_names)
{
    if (!grow(graph, (void **)&graph->nodes, graph->n_nodes, &graph->nodes_room,
              sizeof *graph->nodes))
        return -1;
    char *copy = copy_name(graph, name);
    if (!copy)
        return -1;

    int index = (int)graph->n_nodes++;
    struct deit_node *node = &graph->nodes[index];
    *node = (struct deit_node){ .kind = kind, .name = copy };
    if (attrs)
        node->attrs = *attrs;
    memcpy(node->inputs, inputs, sizeof node->inputs);
    const struct deit_shape unknown = { 0 };
    for (int i = 0; i < DEIT_NODE_OUTPUTS; i++)
        node->outputs[i] = output_names[i]
                               ? add_value(graph, output_names[i], DEIT_FROM_NODE, index, unknown)
                               : -1;
    return index;
}

void deit_graph_add_output(struct deit_graph *graph, int value)
{
    if (grow(graph, (void **)&graph->outputs, graph->n_outputs, &graph->outputs_room,
             sizeof *graph->outputs))
        graph->outputs[graph->n_outputs++] = value;
}

enum deit_status deit_graph_check(const struct deit_graph *graph, struct deit_error *err)
{
    if (!graph || graph->is_out_of_memory)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the graph");
    return DEIT_OK;
}

struct deit_graph *deit_graph_clone(const struct deit_graph *graph)
{
    struct deit_graph *clone = deit_graph_create();
    if (!clone)
        return NULL;
    for (size_t i = 0; i < graph->n_values; i++) {
        const struct deit_value *value = &graph->values[i];
        int index = add_value(clone, value->name, value->origin, value->producer, value->shape);
        if (index < 0)
            break;
        clone->values[index].constant = value->constant;
        for (size_t p = 0; p < value->constant.n_parts; p++)
            deit_source_retain(value->constant.parts[p].source);
    }
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (!grow(clone, (void **)&clone->nodes, clone->n_nodes, &clone->nodes_room,
                  sizeof *clone->nodes))
            break;
        char *name = copy_name(clone, graph->nodes[i].name);
        if (!name)
            break;
        clone->nodes[clone->n_nodes] = graph->nodes[i];
        clone->nodes[clone->n_nodes++].name = name;
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        deit_graph_add_output(clone, graph->outputs[i]);
    if (clone->is_out_of_memory) {
        deit_graph_free(clone);
        return NULL;
    }
    return clone;
}

int deit_graph_find(const struct deit_graph *graph, const char *name)
{
    int constant = -1; /* only if nothing that is computed has the name: "pos_embed" is both */
    for (size_t i = 0; i < graph->n_values; i++) {
        const struct deit_value *value = &graph->values[i];
        if ((value->origin == DEIT_FROM_NODE && value->producer < 0) || strcmp(value->name, name))
            continue;
        if (value->origin != DEIT_FROM_CONSTANT)
            return (int)i;
        constant = (int)i;
    }
    return constant;
}

size_t deit_graph_count_uses(const struct deit_graph *graph, int value)
{
    size_t uses = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].is_dead)
            continue;
        for (int k = 0; k < DEIT_NODE_INPUTS; k++)
            uses += graph->nodes[i].inputs[k] == value;
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        uses += graph->outputs[i] == value;
    return uses;
}

void deit_graph_replace_uses(struct deit_graph *graph, int from, int to)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < DEIT_NODE_INPUTS; k++)
            if (graph->nodes[i].inputs[k] == from)
                graph->nodes[i].inputs[k] = to;
    for (size_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == from)
            graph->outputs[i] = to;
}

static void mark_unneeded_dead(struct deit_graph *graph)
{
    for (size_t i = graph->n_nodes; i-- > 0;) {
        struct deit_node *node = &graph->nodes[i];
        size_t uses = 0;
        for (int k = 0; k < DEIT_NODE_OUTPUTS; k++)
            if (node->outputs[k] >= 0)
                uses += deit_graph_count_uses(graph, node->outputs[k]);
        if (!uses)
            node->is_dead = true;
    }
}

void deit_graph_compact(struct deit_graph *graph)
{
    mark_unneeded_dead(graph);
    size_t kept = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct deit_node node = graph->nodes[i];
        for (int k = 0; k < DEIT_NODE_OUTPUTS; k++)
            if (node.outputs[k] >= 0)
                graph->values[node.outputs[k]].producer = node.is_dead ? -1 : (int)kept;
        if (node.is_dead)
            free(node.name);
        else
            graph->nodes[kept++] = node;
    }
    graph->n_nodes = kept;
}
