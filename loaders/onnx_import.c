/*
 * loaders/onnx_import.c: the walk over an ONNX graph.
 *
 * Initializers become constants whose data stays in the file, each node is handed to its
 * operator's function (loaders/onnx_ops.inc), and a table of names connects them.  Nodes whose
 * results nobody uses are imported like the others, so that what is wrong in them is found;
 * the runtime drops them.
 */
#include "loaders/onnx_import.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_ops.h"
#include "loaders/onnx_tensor.h"
#include "runtime/constant.h"
#include "runtime/error.h"

/* Fails without a node: in inputs, initializers and outputs. */
#define fail_at(b, status_, ...) ((b)->status = deit_fail((b)->err, status_, __VA_ARGS__))

static void set_name(struct deit_build *b, struct deit_onnx_names *names, const char *text,
                     int value)
{
    if (b->status == DEIT_OK)
        b->status = deit_graph_check(b->graph, b->err);
    if (b->status != DEIT_OK)
        return;
    if (!deit_onnx_names_set(names, text, value))
        fail_at(b, DEIT_ERR_MEMORY, "%s: out of memory", b->onnx->name);
}

/* ------------------------------------------------------------------ inputs */

static void import_initializers(struct deit_build *b, const DeitOnnx__GraphProto *graph,
                                struct deit_onnx_names *names)
{
    for (size_t i = 0; b->status == DEIT_OK && i < graph->n_initializer; i++) {
        const char *name = graph->initializer[i]->name;
        set_name(b, names, name, deit_build_tensor(b, graph->initializer[i], name));
    }
}

static bool is_half(enum deit_dtype dtype)
{
    return dtype == DEIT_F16 || dtype == DEIT_BF16;
}

/* A dim without a number is open; the batch, height and width are fixed by a session. */
static struct deit_shape input_shape(struct deit_build *b, const char *name,
                                     const DeitOnnx__TensorShapeProto *from)
{
    struct deit_shape shape = { .rank = from ? (uint32_t)from->n_dim : DEIT_RANK_UNKNOWN };
    if (from && from->n_dim > DEIT_MAX_RANK) {
        fail_at(b, DEIT_ERR_UNSUPPORTED, "%s: input '%s' has rank %zu, the limit is %d",
                b->onnx->name, name, from->n_dim, DEIT_MAX_RANK);
        return (struct deit_shape){ .rank = 0 };
    }
    for (size_t i = 0; from && i < from->n_dim; i++) {
        bool is_open = !from->dim[i]->has_dim_value || from->dim[i]->dim_value < 0;
        shape.dims[i] = is_open ? DEIT_DIM_UNKNOWN : from->dim[i]->dim_value;
    }
    return shape;
}

static void import_input(struct deit_build *b, const DeitOnnx__ValueInfoProto *info,
                         struct deit_onnx_names *names)
{
    const char *name = deit_onnx_text(info->name);
    char text[32];
    if (!info->type || !info->type->tensor_type) {
        fail_at(b, DEIT_ERR_UNSUPPORTED, "%s: input '%s' is not a tensor", b->onnx->name, name);
        return;
    }
    const DeitOnnx__TensorTypeProto *type = info->type->tensor_type;
    enum deit_dtype dtype = deit_onnx_dtype(type->elem_type);
    if (!dtype) {
        fail_at(b, DEIT_ERR_UNSUPPORTED, "%s: input '%s' has type %s", b->onnx->name, name,
                deit_onnx_dtype_name(type->elem_type, text));
        return;
    }
    struct deit_shape shape = input_shape(b, name, type->shape);
    if (b->status != DEIT_OK)
        return;
    int value = deit_graph_add_input(b->graph, name, deit_memory_dtype(dtype), shape);
    if (is_half(dtype)) {
        const union deit_attrs attrs = { .cast = { .to = dtype } };
        b->title = name;
        b->first_value = b->graph->n_values;
        value = deit_build_add(b, DEIT_NODE_CAST, &attrs, 1, &value);
    }
    set_name(b, names, name, value);
}

/* Before IR 4 every initializer is an input too; later one that is both is a default. */
static void import_inputs(struct deit_build *b, const DeitOnnx__GraphProto *graph,
                          struct deit_onnx_names *names)
{
    /* A node for messages of the rounding of an input, which no node of the file asks for. */
    DeitOnnx__NodeProto rounding = DEIT_ONNX__NODE_PROTO__INIT;
    char op_type[] = "Input";
    rounding.op_type = op_type;
    b->node = &rounding;
    for (size_t i = 0; b->status == DEIT_OK && i < graph->n_input; i++) {
        rounding.name = graph->input[i]->name;
        if (deit_onnx_names_get(names, deit_onnx_text(graph->input[i]->name)) < 0)
            import_input(b, graph->input[i], names);
    }
    b->node = NULL;
}

/* ------------------------------------------------------------------ nodes */

static void find_inputs(struct deit_build *b, const struct deit_onnx_names *names, int *inputs)
{
    for (size_t i = 0; i < b->node->n_input; i++) {
        const char *name = deit_onnx_text(b->node->input[i]);
        inputs[i] = *name ? deit_onnx_names_get(names, name) : -1;
        if (*name && inputs[i] < 0)
            deit_build_fail(b, DEIT_ERR_FORMAT,
                            "input %zu, '%s', is no input, initializer or output of another node",
                            i, name);
    }
}

static void name_outputs(struct deit_build *b, struct deit_onnx_names *names)
{
    for (size_t i = 0; b->status == DEIT_OK && i < b->node->n_output; i++) {
        const char *name = deit_onnx_text(b->node->output[i]);
        if (*name && b->outputs[i] < 0)
            deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "output %zu, '%s', is not supported", i,
                            name);
        if (*name)
            set_name(b, names, name, b->outputs[i]);
    }
}

static const char *make_title(const DeitOnnx__NodeProto *node, char *text, size_t room)
{
    if (*deit_onnx_text(node->name))
        return node->name;
    snprintf(text, room, "%.60s_%.190s", node->op_type,
             node->n_output ? deit_onnx_text(node->output[0]) : "");
    return text;
}

/* 'values' has room for the node's inputs and outputs. */
static void import_node(struct deit_build *b, const DeitOnnx__NodeProto *node,
                        struct deit_onnx_names *names, int *values)
{
    const struct deit_onnx_op *op = NULL;
    char title[256];
    b->node = node;
    b->opset = deit_onnx_node_opset(b->onnx, node);
    b->title = make_title(node, title, sizeof title);
    b->names = names;
    b->inputs = values;
    b->outputs = values + node->n_input;
    b->first_value = b->graph->n_values;
    for (size_t i = 0; i < node->n_output; i++)
        b->outputs[i] = -1;
    find_inputs(b, names, values);
    if (b->status == DEIT_OK)
        b->status = deit_onnx_op_find(b->onnx, node, &op, b->err);
    if (b->status != DEIT_OK)
        return;
    deit_onnx_op_check(b, op);
    b->argument = op->argument;
    if (b->opset <= 0 && !op->is_microsoft)
        deit_build_fail(b, DEIT_ERR_FORMAT, "the file imports no opset for its operator");
    if (b->status == DEIT_OK)
        op->import(b);
    name_outputs(b, names);
}

static void import_nodes(struct deit_build *b, const DeitOnnx__GraphProto *graph,
                         struct deit_onnx_names *names)
{
    size_t most = 0;
    for (size_t i = 0; i < graph->n_node; i++) {
        size_t slots = graph->node[i]->n_input + graph->node[i]->n_output;
        most = slots > most ? slots : most;
    }
    size_t *order = calloc(graph->n_node + 1, sizeof *order);
    int *values = calloc(most + 1, sizeof *values);
    if (!order || !values)
        fail_at(b, DEIT_ERR_MEMORY, "%s: out of memory", b->onnx->name);
    if (b->status == DEIT_OK)
        b->status = deit_onnx_order(b->onnx, graph, order, b->err);
    for (size_t i = 0; b->status == DEIT_OK && i < graph->n_node; i++)
        import_node(b, graph->node[order[i]], names, values);
    free(order);
    free(values);
}

/* ------------------------------------------------------------------ outputs */

static int find_output(struct deit_build *b, const DeitOnnx__GraphProto *graph, size_t i,
                       const struct deit_onnx_names *names)
{
    const char *name = deit_onnx_text(graph->output[i]->name);
    int value = deit_onnx_names_get(names, name);
    if (value < 0 && b->status == DEIT_OK)
        fail_at(b, DEIT_ERR_FORMAT, "%s: output '%s' is not computed by any node", b->onnx->name,
                name);
    return b->status == DEIT_OK ? value : -1;
}

/* An output is a node's, and no other's: else a copy of what it stands for. */
static void import_outputs(struct deit_build *b, const DeitOnnx__GraphProto *graph,
                           const struct deit_onnx_names *names)
{
    DeitOnnx__NodeProto copying = DEIT_ONNX__NODE_PROTO__INIT;
    char op_type[] = "Output";
    copying.op_type = op_type;
    copying.n_output = 1;
    int bound = -1;
    b->node = &copying;
    b->outputs = &bound;
    for (size_t i = 0; b->status == DEIT_OK && i < graph->n_output; i++) {
        int value = find_output(b, graph, i, names);
        if (value < 0)
            break;
        bound = -1;
        b->title = copying.name = graph->output[i]->name;
        copying.output = &graph->output[i]->name;
        b->first_value = b->graph->n_values;
        const struct deit_value *v = &b->graph->values[value];
        if (v->origin != DEIT_FROM_NODE || strcmp(v->name, graph->output[i]->name) != 0) {
            value = deit_build_copy(b, value);
            deit_build_output(b, 0, value);
        }
        if (b->status == DEIT_OK)
            deit_graph_add_output(b->graph, value);
    }
    b->node = NULL;
}

/* ------------------------------------------------------------------ whole graphs */

void deit_onnx_import_branch(struct deit_build *b, DeitOnnx__GraphProto *graph, size_t n,
                             int *outputs)
{
    const struct deit_build around = *b;
    struct deit_onnx_names names;
    if (graph->n_output != n || graph->n_input)
        deit_build_fail(b, DEIT_ERR_FORMAT,
                        "a branch has %zu inputs and %zu outputs, 0 and %zu are needed",
                        graph->n_input, graph->n_output, n);
    deit_onnx_names_init(&names, b->names);
    import_initializers(b, graph, &names);
    if (b->status == DEIT_OK)
        import_nodes(b, graph, &names);
    for (size_t i = 0; b->status == DEIT_OK && i < n; i++)
        outputs[i] = find_output(b, graph, i, &names);
    deit_onnx_names_done(&names);

    b->names = around.names;
    b->node = around.node;
    b->opset = around.opset;
    b->argument = around.argument;
    b->title = around.title;
    b->inputs = around.inputs;
    b->outputs = around.outputs;
    b->first_value = around.first_value;
}

/* What cannot be imported is said before any tensor is looked at. */
static enum deit_status check_operators(const struct deit_onnx *onnx, struct deit_error *err)
{
    const DeitOnnx__GraphProto *graph = onnx->model->graph;
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; status == DEIT_OK && i < graph->n_node; i++) {
        const struct deit_onnx_op *op;
        status = deit_onnx_op_find(onnx, graph->node[i], &op, err);
    }
    return status;
}

static void import_graph(struct deit_build *b)
{
    const DeitOnnx__GraphProto *graph = b->onnx->model->graph;
    struct deit_onnx_names names;
    deit_onnx_names_init(&names, NULL);
    import_initializers(b, graph, &names);
    if (b->status == DEIT_OK)
        import_inputs(b, graph, &names);
    if (b->status == DEIT_OK)
        import_nodes(b, graph, &names);
    if (b->status == DEIT_OK)
        import_outputs(b, graph, &names);
    if (b->status == DEIT_OK)
        b->status = deit_graph_check(b->graph, b->err);
    if (b->status == DEIT_OK && !b->graph->n_outputs)
        fail_at(b, DEIT_ERR_FORMAT, "%s: the graph has no outputs", b->onnx->name);
    deit_onnx_names_done(&names);
}

enum deit_status deit_onnx_import(struct deit_onnx *onnx, struct deit_onnx_imported *out,
                                  struct deit_error *err)
{
    struct deit_build b = { .onnx = onnx, .graph = deit_graph_create(), .err = err };
    if (!b.graph)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    b.status = deit_onnx_inline(onnx, err);
    if (b.status == DEIT_OK)
        b.status = check_operators(onnx, err);
    if (b.status == DEIT_OK)
        import_graph(&b);
    if (b.status != DEIT_OK) {
        deit_graph_free(b.graph);
        return b.status;
    }
    *out = (struct deit_onnx_imported){ .graph = b.graph, .n_nodes = onnx->model->graph->n_node,
                                        .n_parameters = b.n_parameters,
                                        .weight_bytes = b.weight_bytes };
    return DEIT_OK;
}
