/*
 * runtime/dump_graph.c: a graph as text, as Graphviz dot and as JSON.
 *
 * In text a node that made an input is called by its number, "#12", and a constant by its name
 * and shape: what flows can be followed by eye, and long names stand where they say something.
 */
#include "runtime/dump.h"

#include <stdio.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/kind.h"

/* ------------------------------------------------------------------ text */

static char *print_shape(const struct deit_shape *shape, char *text)
{
    if (deit_rank_is_known(shape))
        return deit_shape_print(shape, text);
    strcpy(text, "?");
    return text;
}

/* The first output that is there, or NULL. */
static const struct deit_value *main_output(const struct deit_graph *graph,
                                            const struct deit_node *node)
{
    for (size_t i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0)
            return &graph->values[node->outputs[i]];
    return NULL;
}

static void write_input(struct deit_writer *writer, const struct deit_graph *graph, int index)
{
    const struct deit_value *value = &graph->values[index];
    char name[DEIT_DUMP_NAME], shape[128];
    if (value->origin == DEIT_FROM_NODE)
        deit_write(writer, "#%d", value->producer);
    else if (value->origin == DEIT_FROM_INPUT)
        deit_write(writer, "%s", deit_dump_name(value->name, name));
    else
        deit_write(writer, "%s %s", deit_dump_name(value->name, name),
                   print_shape(&value->shape, shape));
}

static void write_node(struct deit_writer *writer, const struct deit_graph *graph, size_t index,
                       int width)
{
    const struct deit_node *node = &graph->nodes[index];
    const struct deit_value *output = main_output(graph, node);
    char name[DEIT_DUMP_NAME], detail[DEIT_DUMP_NAME], shape[128] = "", macs[32] = "";
    if (output)
        print_shape(&output->shape, shape);
    if (output && deit_shape_is_known(&output->shape) && deit_dump_macs(graph, node) > 0)
        snprintf(macs, sizeof macs, "%.2f", deit_dump_macs(graph, node) / 1e6);
    deit_write(writer, "%5zu  %-15s  %-24s  %-*s  %-18s %8s  ", index, deit_node_kind_name(node),
               deit_dump_detail(node, detail), width, deit_dump_name(node->name, name), shape,
               macs);

    const char *separator = "";
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] < 0)
            continue;
        deit_write(writer, "%s", separator);
        write_input(writer, graph, node->inputs[i]);
        separator = ", ";
    }
    deit_write(writer, "\n");
}

void deit_dump_nodes_text(struct deit_writer *writer, const struct deit_graph *graph)
{
    enum { LONGEST = 64 };
    size_t width = 4;
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (strlen(graph->nodes[i].name) > width)
            width = strlen(graph->nodes[i].name);
    if (width > LONGEST)
        width = LONGEST;
    deit_write(writer, "%5s  %-15s  %-24s  %-*s  %-18s %8s  %s\n", "#", "kind", "", (int)width,
               "name", "output", "Mmac", "from");
    for (size_t i = 0; i < graph->n_nodes; i++)
        write_node(writer, graph, i, (int)width);
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const struct deit_value *value = &graph->values[graph->outputs[i]];
        char name[DEIT_DUMP_NAME], shape[128];
        deit_write(writer, "       -> %s %s", deit_dump_name(value->name, name),
                   print_shape(&value->shape, shape));
        if (value->producer >= 0)
            deit_write(writer, " of #%d", value->producer);
        deit_write(writer, "\n");
    }
}

static void write_counts(struct deit_writer *writer, const struct deit_graph *graph)
{
    struct deit_kind_count counts[DEIT_DUMP_KINDS];
    size_t n = deit_dump_count_kinds(graph, counts), column = 0;
    for (size_t i = 0; i < n; i++) {
        column += (size_t)snprintf(NULL, 0, ", %zu %s", counts[i].n, counts[i].name);
        bool wraps = i > 0 && column > 90;
        deit_write(writer, "%s%zu %s", i == 0 ? "    " : wraps ? ",\n    " : ", ", counts[i].n,
                   counts[i].name);
        if (wraps)
            column = 0;
    }
    if (n)
        deit_write(writer, "\n");
}

void deit_dump_stage_text(struct deit_writer *writer, const struct deit_stage *stage,
                          bool has_nodes)
{
    char name[DEIT_DUMP_NAME];
    deit_write(writer, "%s: %zu node%s", deit_dump_stage_name(stage, name),
               stage->graph->n_nodes, stage->graph->n_nodes == 1 ? "" : "s");
    if (stage->n_changes)
        deit_write(writer, ", %zu change%s", stage->n_changes, stage->n_changes == 1 ? "" : "s");
    deit_write(writer, "\n");
    write_counts(writer, stage->graph);
    if (has_nodes) {
        deit_write(writer, "\n");
        deit_dump_nodes_text(writer, stage->graph);
        deit_write(writer, "\n");
    }
}

/* ------------------------------------------------------------------ dot */

/* In one piece: a reader of pieces must not see half a character. */
static void write_quoted(struct deit_writer *writer, const char *name)
{
    char text[DEIT_DUMP_NAME], quoted[2 * DEIT_DUMP_NAME], *end = quoted;
    for (const char *c = deit_dump_name(name, text); *c; c++) {
        if (*c == '"' || *c == '\\')
            *end++ = '\\';
        *end++ = *c;
    }
    *end = '\0';
    deit_write(writer, "%s", quoted);
}

/* Raised nodes stand out from primitive ones. */
static const char *colour_of(enum deit_node_kind kind)
{
    switch (kind) {
    case DEIT_NODE_LINEAR: return "#cfe2f3";
    case DEIT_NODE_ATTENTION: return "#fce5cd";
    case DEIT_NODE_LAYERNORM: return "#d9ead3";
    case DEIT_NODE_PATCH_EMBED: case DEIT_NODE_HEADS: return "#ead1dc";
    default: return "#ffffff";
    }
}

static void dot_node(struct deit_writer *writer, const struct deit_graph *graph, size_t index)
{
    const struct deit_node *node = &graph->nodes[index];
    char text[DEIT_DUMP_NAME];
    deit_dump_detail(node, text);
    deit_write(writer, "  n%zu [label=\"%s%s%s\\n", index, deit_node_kind_name(node),
               *text ? "\\n" : "", text);
    write_quoted(writer, node->name);
    deit_write(writer, "\", fillcolor=\"%s\"];\n", colour_of(node->kind));
    for (size_t k = 0; k < node->n_inputs; k++) {
        const struct deit_value *value = deit_input_value(graph, node, k);
        char shape[128];
        if (!value || value->origin == DEIT_FROM_CONSTANT)
            continue;
        deit_write(writer, value->origin == DEIT_FROM_NODE ? "  n%d" : "  v%d",
                   value->origin == DEIT_FROM_NODE ? value->producer : node->inputs[k]);
        deit_write(writer, " -> n%zu [label=\"%s\"];\n", index, print_shape(&value->shape, shape));
    }
}

static void dot_port(struct deit_writer *writer, const struct deit_graph *graph, int index,
                     char letter)
{
    const struct deit_value *value = &graph->values[index];
    char shape[128];
    deit_write(writer, "  %c%d [shape=ellipse, label=\"", letter, index);
    write_quoted(writer, value->name);
    deit_write(writer, "\\n%s %s\"];\n", deit_dtype_name(value->dtype),
               print_shape(&value->shape, shape));
}

void deit_dump_stage_dot(struct deit_writer *writer, const struct deit_stage *stage)
{
    const struct deit_graph *graph = stage->graph;
    char name[DEIT_DUMP_NAME];
    deit_write(writer, "digraph \"%s\" {\n  node [shape=box, style=filled, fillcolor=white];\n",
               deit_dump_stage_name(stage, name));
    for (size_t i = 0; i < graph->n_values; i++)
        if (graph->values[i].origin == DEIT_FROM_INPUT)
            dot_port(writer, graph, (int)i, 'v');
    for (size_t i = 0; i < graph->n_nodes; i++)
        dot_node(writer, graph, i);
    for (size_t i = 0; i < graph->n_outputs; i++) {
        int producer = graph->values[graph->outputs[i]].producer;
        dot_port(writer, graph, graph->outputs[i], 'o');
        if (producer >= 0)
            deit_write(writer, "  n%d -> o%d;\n", producer, graph->outputs[i]);
    }
    deit_write(writer, "}\n");
}

/* ------------------------------------------------------------------ json */

/* NULL where a name is not UTF-8 becomes null. */
static json_t *json_name(const char *name)
{
    json_t *string = json_string(name);
    return string ? string : json_null();
}

static json_t *json_shape(const struct deit_shape *shape)
{
    if (!deit_rank_is_known(shape))
        return json_null();
    json_t *dims = json_array();
    for (uint32_t i = 0; i < shape->rank; i++)
        json_array_append_new(dims, shape->dims[i] == DEIT_DIM_UNKNOWN
                                        ? json_null() : json_integer(shape->dims[i]));
    return dims;
}

static json_t *json_value(const struct deit_graph *graph, int index)
{
    static const char *const origins[] = { "input", "constant", "node" };
    const struct deit_value *value = &graph->values[index];
    json_t *object = json_pack("{s:o, s:s, s:o, s:s}", "name", json_name(value->name), "dtype",
                               deit_dtype_name(value->dtype), "shape", json_shape(&value->shape),
                               "from", origins[value->origin]);
    if (object && value->producer >= 0)
        json_object_set_new(object, "node", json_integer(value->producer));
    return object;
}

static json_t *json_values(const struct deit_graph *graph, size_t n, const int *values)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array,
                              values[i] < 0 ? json_null() : json_value(graph, values[i]));
    return array;
}

static json_t *json_node(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_value *output = main_output(graph, node);
    bool is_fixed = output && deit_shape_is_known(&output->shape);
    char detail[DEIT_DUMP_NAME];
    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o}", "name", json_name(node->name), "kind",
                     deit_node_kind_name(node), "detail", deit_dump_detail(node, detail), "macs",
                     is_fixed ? json_real(deit_dump_macs(graph, node)) : json_null(), "inputs",
                     json_values(graph, node->n_inputs, node->inputs), "outputs",
                     json_values(graph, node->n_outputs, node->outputs));
}

static json_t *json_kinds(const struct deit_graph *graph)
{
    struct deit_kind_count counts[DEIT_DUMP_KINDS];
    size_t n = deit_dump_count_kinds(graph, counts);
    json_t *kinds = json_object();
    for (size_t i = 0; i < n; i++)
        json_object_set_new(kinds, counts[i].name, json_integer((json_int_t)counts[i].n));
    return kinds;
}

/* Of all nodes; null as long as the shape of one that counts is open. */
static json_t *json_macs(const struct deit_graph *graph)
{
    double macs = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        const struct deit_value *output = main_output(graph, node);
        if (!deit_kind_of(node)->macs || !output)
            continue;
        if (!deit_shape_is_known(&output->shape))
            return json_null();
        macs += deit_dump_macs(graph, node);
    }
    return json_real(macs);
}

json_t *deit_dump_stage_json(const struct deit_stage *stage, bool has_nodes)
{
    const struct deit_graph *graph = stage->graph;
    char name[DEIT_DUMP_NAME];
    json_t *object = json_pack("{s:s, s:I, s:I, s:o, s:o}", "name",
                               deit_dump_stage_name(stage, name), "changes",
                               (json_int_t)stage->n_changes, "n_nodes",
                               (json_int_t)graph->n_nodes, "macs", json_macs(graph), "kinds",
                               json_kinds(graph));
    if (!object || !has_nodes)
        return object;
    json_t *nodes = json_array();
    for (size_t i = 0; i < graph->n_nodes; i++)
        json_array_append_new(nodes, json_node(graph, &graph->nodes[i]));
    json_object_set_new(object, "nodes", nodes);
    json_object_set_new(object, "outputs",
                        json_values(graph, graph->n_outputs, graph->outputs));
    return object;
}
