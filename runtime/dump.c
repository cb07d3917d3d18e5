/*
 * runtime/dump.c: graphs and plans as text, as Graphviz dot and as JSON.
 *
 * Text and dot are lines; JSON is built as a tree and left to jansson, which knows how to
 * escape.  The first call of the caller's function that says stop ends the dump.
 */
#include "runtime/dump.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "runtime/error.h"

struct dump {
    const struct deit_graph *graph;
    const struct deit_plan *plan;
    deit_write_fn *write;
    void *ctx;
    bool is_stopped;
};

static void emit(struct dump *dump, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void emit(struct dump *dump, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t bytes = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    if (!dump->is_stopped && bytes)
        dump->is_stopped = dump->write(dump->ctx, text, bytes) != 0;
}

/* The node's value in slot 'k': inputs first, then outputs; -1: absent or none. */
static int value_of(const struct deit_node *node, int k)
{
    return k < DEIT_NODE_INPUTS ? node->inputs[k] : node->outputs[k - DEIT_NODE_INPUTS];
}

enum { N_SLOTS = DEIT_NODE_INPUTS + DEIT_NODE_OUTPUTS };

/* ------------------------------------------------------------------ text */

static void emit_values(struct dump *dump, const struct deit_node *node, int begin, int end)
{
    const char *separator = "";
    for (int k = begin; k < end; k++) {
        if (value_of(node, k) < 0)
            continue;
        const struct deit_value *value = &dump->graph->values[value_of(node, k)];
        char shape[128];
        emit(dump, "%s%s %s", separator, value->name, deit_shape_print(&value->shape, shape));
        separator = ", ";
    }
}

static void text_nodes(struct dump *dump)
{
    for (size_t i = 0; i < dump->graph->n_nodes; i++) {
        const struct deit_node *node = &dump->graph->nodes[i];
        emit(dump, "%4zu  %-16s ", i, deit_node_kind_name(node->kind));
        emit_values(dump, node, DEIT_NODE_INPUTS, N_SLOTS);
        emit(dump, "  <-  ");
        emit_values(dump, node, 0, DEIT_NODE_INPUTS);
        emit(dump, "\n");
    }
}

static bool is_in_arena(const struct dump *dump, size_t value)
{
    return dump->plan->memory.ranges[value].bytes > 0;
}

static void text_plan(struct dump *dump)
{
    const struct deit_plan *plan = dump->plan;
    emit(dump, "\n%zu steps (tiles for one image)\n", plan->n_steps);
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct deit_step *step = &plan->steps[i];
        emit(dump, "%4zu  %s%s  %zu\n", i, step->name, step->suffix, step->n_tiles(step->op, 1));
    }
    emit(dump, "\narena of %zu bytes, %zu of them each thread's scratch\n", plan->arena_bytes,
         plan->scratch_bytes);
    for (size_t i = 0; i < dump->graph->n_values; i++) {
        const struct deit_memory_range *range = &plan->memory.ranges[i];
        if (is_in_arena(dump, i))
            emit(dump, "  %10zu .. %-10zu  %s  (nodes %d to %d)\n", range->offset,
                 range->offset + range->bytes, dump->graph->values[i].name, range->first,
                 range->last);
    }
}

/* ------------------------------------------------------------------ dot */

static void emit_quoted(struct dump *dump, const char *text)
{
    emit(dump, "\"");
    for (const char *c = text; *c; c++)
        emit(dump, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    emit(dump, "\"");
}

static void dot(struct dump *dump)
{
    const struct deit_graph *graph = dump->graph;
    emit(dump, "digraph model {\n  node [shape=box];\n");
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        emit(dump, "  n%zu [label=", i);
        emit_quoted(dump, node->name);
        emit(dump, ", xlabel=%s];\n", deit_node_kind_name(node->kind));
        for (int k = 0; k < DEIT_NODE_INPUTS; k++) {
            if (node->inputs[k] < 0)
                continue;
            const struct deit_value *value = &graph->values[node->inputs[k]];
            char shape[128];
            deit_shape_print(&value->shape, shape);
            if (value->origin == DEIT_FROM_NODE)
                emit(dump, "  n%d -> n%zu [label=\"%s\"];\n", value->producer, i, shape);
            else if (value->origin == DEIT_FROM_INPUT)
                emit(dump, "  input -> n%zu [label=\"%s\"];\n", i, shape);
        }
    }
    emit(dump, "}\n");
}

/* ------------------------------------------------------------------ json */

static json_t *json_value(const struct dump *dump, int index)
{
    const struct deit_value *value = &dump->graph->values[index];
    json_t *dims = json_array();
    for (uint32_t i = 0; i < value->shape.rank; i++)
        json_array_append_new(dims, value->shape.dims[i] == DEIT_DIM_UNKNOWN
                                        ? json_null() : json_integer(value->shape.dims[i]));
    json_t *name = json_string(value->name); /* NULL where it is not UTF-8 */
    json_t *object = json_pack("{s:o, s:o}", "name", name ? name : json_null(), "shape", dims);
    if (object && dump->plan && is_in_arena(dump, (size_t)index)) {
        const struct deit_memory_range *range = &dump->plan->memory.ranges[index];
        json_object_set_new(object, "offset", json_integer((json_int_t)range->offset));
        json_object_set_new(object, "bytes", json_integer((json_int_t)range->bytes));
    }
    return object;
}

static json_t *json_node(const struct dump *dump, const struct deit_node *node)
{
    json_t *inputs = json_array(), *outputs = json_array();
    for (int k = 0; k < N_SLOTS; k++)
        if (value_of(node, k) >= 0)
            json_array_append_new(k < DEIT_NODE_INPUTS ? inputs : outputs,
                                  json_value(dump, value_of(node, k)));
    json_t *name = json_string(node->name);
    return json_pack("{s:o, s:s, s:o, s:o}", "name", name ? name : json_null(), "kind",
                     deit_node_kind_name(node->kind), "inputs", inputs, "outputs", outputs);
}

static json_t *json_steps(const struct deit_plan *plan)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct deit_step *step = &plan->steps[i];
        json_t *name = json_sprintf("%s%s", step->name, step->suffix);
        json_array_append_new(steps,
                              json_pack("{s:o, s:I}", "name", name ? name : json_null(), "tiles",
                                        (json_int_t)step->n_tiles(step->op, 1)));
    }
    return steps;
}

static int write_json(const char *text, size_t bytes, void *dump_)
{
    struct dump *dump = dump_;
    dump->is_stopped = dump->write(dump->ctx, text, bytes) != 0;
    return dump->is_stopped ? -1 : 0;
}

static bool json(struct dump *dump)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < dump->graph->n_nodes; i++)
        json_array_append_new(nodes, json_node(dump, &dump->graph->nodes[i]));
    json_t *root = json_pack("{s:o}", "nodes", nodes);
    if (root && dump->plan) {
        json_object_set_new(root, "steps", json_steps(dump->plan));
        json_object_set_new(root, "arena_bytes",
                            json_integer((json_int_t)dump->plan->arena_bytes));
    }
    bool ok = root && json_dump_callback(root, write_json, dump, JSON_INDENT(2)) == 0;
    json_decref(root);
    return ok || dump->is_stopped;
}

enum deit_status deit_dump(const struct deit_graph *graph, const struct deit_plan *plan,
                           enum deit_dump_format format, deit_write_fn *write, void *ctx,
                           struct deit_error *err)
{
    struct dump dump = { .graph = graph, .plan = plan, .write = write, .ctx = ctx };
    switch (format) {
    case DEIT_DUMP_TEXT:
        text_nodes(&dump);
        if (plan)
            text_plan(&dump);
        break;
    case DEIT_DUMP_DOT:
        dot(&dump);
        break;
    case DEIT_DUMP_JSON:
        if (!json(&dump))
            return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the dump");
        break;
    default:
        return deit_fail(err, DEIT_ERR_ARGUMENT, "no dump format has number %d", (int)format);
    }
    if (dump.is_stopped)
        return deit_fail(err, DEIT_ERR_INTERRUPTED, "the dump was stopped");
    return DEIT_OK;
}
