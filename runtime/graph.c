/*
 * runtime/graph.c: building, searching and compacting graphs.
 *
 * A model has a few hundred nodes, so lists are scanned.  A file may hold twenty thousand,
 * though: what passes ask of each of them, who uses a value, has an index (runtime/uses.c).
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
    if (shape->rank == DEIT_RANK_UNKNOWN)
        return false;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0 ||
            __builtin_mul_overflow(product, (size_t)shape->dims[i], &product))
            return false;
    }
    *count = product;
    return true;
}

size_t deit_shape_rows(const struct deit_shape *shape)
{
    size_t rows = 1;
    for (uint32_t i = 0; i + 1 < shape->rank; i++)
        rows *= (size_t)shape->dims[i];
    return rows;
}

bool deit_shape_equal(const struct deit_shape *a, const struct deit_shape *b)
{
    return a->rank == b->rank && a->rank != DEIT_RANK_UNKNOWN &&
           !memcmp(a->dims, b->dims, a->rank * sizeof *a->dims);
}

char *deit_shape_print(const struct deit_shape *shape, char *text)
{
    char *p = text;
    if (shape->rank == DEIT_RANK_UNKNOWN)
        return strcpy(text, "(...)");
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

const char *deit_node_kind_name(const struct deit_node *node)
{
    static const char *const kinds[] = {
#define DEIT_KIND(id, name, ...) #name,
#include "runtime/node_kinds.inc"
#undef DEIT_KIND
    };
    static const char *const unary[] = {
        "neg",   "abs", "sqrt",       "exp",   "log",  "erf",   "tanh", "sigmoid", "relu",
        "reciprocal", "floor", "ceil", "round", "sign", "not", "is_nan", "gelu", "gelu_tanh"
    };
    static const char *const binary[] = {
        "add", "sub", "mul", "div", "pow", "mod", "fmod", "min", "max", "and", "or", "xor",
        "equal", "less", "less_or_equal", "greater", "greater_or_equal"
    };
    if (node->kind == DEIT_NODE_UNARY)
        return unary[node->attrs.unary];
    return node->kind == DEIT_NODE_BINARY ? binary[node->attrs.binary] : kinds[node->kind];
}

struct deit_graph *deit_graph_create(void)
{
    return calloc(1, sizeof(struct deit_graph));
}

static void free_node(struct deit_node *node)
{
    free(node->name);
    free(node->inputs); /* outputs stand behind them */
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
        free_node(&graph->nodes[i]);
    deit_graph_drop_index(graph);
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
                     enum deit_dtype dtype, struct deit_shape shape)
{
    if (!grow(graph, (void **)&graph->values, graph->n_values, &graph->values_room,
              sizeof *graph->values))
        return -1;
    char *copy = copy_name(graph, name);
    if (!copy)
        return -1;
    graph->values[graph->n_values] = (struct deit_value){
        .name = copy, .dtype = dtype, .shape = shape, .origin = origin, .producer = -1
    };
    return (int)graph->n_values++;
}

int deit_graph_add_input(struct deit_graph *graph, const char *name, enum deit_dtype dtype,
                         struct deit_shape shape)
{
    return add_value(graph, name, DEIT_FROM_INPUT, dtype, shape);
}

int deit_graph_add_constant(struct deit_graph *graph, const char *name, enum deit_dtype dtype,
                            struct deit_shape shape, const struct deit_constant *constant)
{
    const struct deit_constant own = *constant; /* it may be one of the values, which move */
    int value = add_value(graph, name, DEIT_FROM_CONSTANT, dtype, shape);
    if (value < 0)
        return -1;
    graph->values[value].constant = own;
    for (size_t i = 0; i < own.n_parts; i++)
        deit_source_retain(own.parts[i].source);
    return value;
}

/* A node of 'from's kind with absent inputs and outputs, which stand in one block; -1: failed. */
static int append_node(struct deit_graph *graph, const struct deit_node *from)
{
    if (!grow(graph, (void **)&graph->nodes, graph->n_nodes, &graph->nodes_room,
              sizeof *graph->nodes))
        return -1;
    size_t n_slots = from->n_inputs + from->n_outputs;
    char *name = copy_name(graph, from->name);
    int *slots = malloc(n_slots * sizeof *slots);
    if (!name || !slots) {
        free(name);
        free(slots);
        graph->is_out_of_memory = true;
        return -1;
    }
    for (size_t i = 0; i < n_slots; i++)
        slots[i] = -1;
    struct deit_node *node = &graph->nodes[graph->n_nodes];
    *node = *from;
    node->name = name;
    node->inputs = slots;
    node->outputs = slots + from->n_inputs;
    return (int)graph->n_nodes++;
}

int deit_graph_add_node(struct deit_graph *graph, enum deit_node_kind kind, const char *name,
                        const union deit_attrs *attrs, size_t n_inputs, const int *inputs,
                        size_t n_outputs, const char *const *output_names)
{
    static const struct { size_t n_inputs, n_outputs; } slots[] = {
#define DEIT_KIND(id, name, least, inputs, outputs) { inputs, outputs },
#include "runtime/node_kinds.inc"
#undef DEIT_KIND
    };
    struct deit_node from = {
        .kind = kind, .name = (char *)(uintptr_t)name,
        .n_inputs = n_inputs > slots[kind].n_inputs ? n_inputs : slots[kind].n_inputs,
        .n_outputs = n_outputs > slots[kind].n_outputs ? n_outputs : slots[kind].n_outputs,
    };
    if (attrs)
        from.attrs = *attrs;
    int index = append_node(graph, &from);
    if (index < 0)
        return -1;
    deit_graph_changed(graph);
    memcpy(graph->nodes[index].inputs, inputs, n_inputs * sizeof *inputs);
    for (size_t i = 0; i < n_outputs; i++) {
        const struct deit_shape unknown = { .rank = DEIT_RANK_UNKNOWN };
        if (!output_names[i])
            continue;
        int value = add_value(graph, output_names[i], DEIT_FROM_NODE, DEIT_F32, unknown);
        if (value >= 0)
            graph->values[value].producer = index;
        graph->nodes[index].outputs[i] = value;
    }
    return index;
}

int deit_graph_add_value(struct deit_graph *graph, const char *name, enum deit_dtype dtype,
                         struct deit_shape shape)
{
    return add_value(graph, name, DEIT_FROM_NODE, dtype, shape);
}

void deit_graph_add_output(struct deit_graph *graph, int value)
{
    deit_graph_changed(graph);
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
        int index = deit_graph_add_constant(clone, value->name, value->dtype, value->shape,
                                            &value->constant);
        if (index < 0)
            break;
        clone->values[index].origin = value->origin;
        clone->values[index].producer = value->producer;
    }
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        int index = append_node(clone, node);
        if (index < 0)
            break;
        memcpy(clone->nodes[index].inputs, node->inputs,
               (node->n_inputs + node->n_outputs) * sizeof(int));
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

void deit_graph_set_constant(struct deit_graph *graph, int value,
                             const struct deit_constant *constant)
{
    struct deit_value *v = &graph->values[value];
    v->origin = DEIT_FROM_CONSTANT;
    v->producer = -1;
    v->constant = *constant;
    for (size_t i = 0; i < constant->n_parts; i++)
        deit_source_retain(constant->parts[i].source);
}

void deit_graph_replace_uses(struct deit_graph *graph, int from, int to)
{
    deit_graph_changed(graph);
    for (size_t i = 0; i < graph->n_nodes; i++)
        for (size_t k = 0; k < graph->nodes[i].n_inputs; k++)
            if (graph->nodes[i].inputs[k] == from)
                graph->nodes[i].inputs[k] = to;
    for (size_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == from)
            graph->outputs[i] = to;
}

/* One walk from the end, as producers stand before readers; false: out of memory. */
static bool mark_unneeded_dead(struct deit_graph *graph)
{
    bool *is_needed = calloc(graph->n_values + 1, sizeof *is_needed);
    if (!is_needed) {
        graph->is_out_of_memory = true;
        return false;
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        is_needed[graph->outputs[i]] = true;
    for (size_t i = graph->n_nodes; i-- > 0;) {
        struct deit_node *node = &graph->nodes[i];
        bool is_read = false;
        for (size_t k = 0; k < node->n_outputs; k++)
            is_read = is_read || (node->outputs[k] >= 0 && is_needed[node->outputs[k]]);
        node->is_dead = node->is_dead || !is_read;
        for (size_t k = 0; !node->is_dead && k < node->n_inputs; k++)
            if (node->inputs[k] >= 0)
                is_needed[node->inputs[k]] = true;
    }
    free(is_needed);
    return true;
}

void deit_graph_compact(struct deit_graph *graph)
{
    deit_graph_changed(graph);
    if (!mark_unneeded_dead(graph))
        return;
    size_t kept = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct deit_node node = graph->nodes[i];
        for (size_t k = 0; k < node.n_outputs; k++)
            if (node.outputs[k] >= 0)
                graph->values[node.outputs[k]].producer = node.is_dead ? -1 : (int)kept;
        if (node.is_dead)
            free_node(&node);
        else
            graph->nodes[kept++] = node;
    }
    graph->n_nodes = kept;
}

/* The first input of a node whose producer is not placed yet, -1: there is none. */
static int missing_producer(const struct deit_graph *graph, size_t node, const int *place)
{
    for (size_t k = 0; k < graph->nodes[node].n_inputs; k++) {
        int input = graph->nodes[node].inputs[k];
        int producer = input < 0 ? -1 : graph->values[input].producer;
        if (producer >= 0 && place[producer] < 0)
            return producer;
    }
    return -1;
}

/*
 * Places each node in the present order, what it needs first: place[old index] is the new one.
 * 'stack' has room for all nodes; one that is met again on it is part of a cycle.
 */
static bool find_order(const struct deit_graph *graph, int *place, int *stack)
{
    enum { UNSEEN = -1, ON_STACK = -2 };
    int next = 0;
    for (size_t i = 0; i < graph->n_nodes; i++)
        place[i] = UNSEEN;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        size_t depth = 0;
        if (place[i] != UNSEEN)
            continue;
        place[i] = ON_STACK;
        stack[depth++] = (int)i;
        while (depth) {
            int top = stack[depth - 1], missing = missing_producer(graph, (size_t)top, place);
            if (missing < 0) {
                place[top] = next++;
                depth--;
                continue;
            }
            if (place[missing] == ON_STACK)
                return false;
            place[missing] = ON_STACK;
            stack[depth++] = missing;
        }
    }
    return true;
}

bool deit_graph_sort(struct deit_graph *graph)
{
    deit_graph_changed(graph);
    int *place = calloc(2 * graph->n_nodes + 1, sizeof *place);
    struct deit_node *nodes = calloc(graph->n_nodes + 1, sizeof *nodes);
    bool ok = place && nodes && find_order(graph, place, place + graph->n_nodes);
    if (!place || !nodes)
        graph->is_out_of_memory = true;
    if (ok) {
        for (size_t i = 0; i < graph->n_nodes; i++)
            nodes[place[i]] = graph->nodes[i];
        memcpy(graph->nodes, nodes, graph->n_nodes * sizeof *nodes);
        for (size_t i = 0; i < graph->n_values; i++)
            if (graph->values[i].producer >= 0)
                graph->values[i].producer = place[graph->values[i].producer];
    }
    free(nodes);
    free(place);
    return ok;
}
