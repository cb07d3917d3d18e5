/* tests/onnx_nodes/case.c: reading cases, and binding inputs before the import. */
#include "tests/onnx_nodes/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_import.h"
#include "loaders/source_file.h"
#include "runtime/error.h"

enum { MOST_BYTES = 64 << 20, PATH_ROOM = 4096 };

/* ------------------------------------------------------------------ files */

static enum deit_status read_port(const char *path, struct ports *ports, struct deit_error *err)
{
    char *bytes;
    size_t n;
    enum deit_status status = deit_file_read(path, MOST_BYTES, &bytes, &n, err);
    if (status != DEIT_OK)
        return status;
    DeitOnnx__TensorProto *proto =
        deit_onnx__tensor_proto__unpack(NULL, n, (const unsigned char *)bytes);
    free(bytes);
    if (!proto)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: not a tensor", path);
    status = tensor_read(proto, path, &ports->tensors[ports->n], err);
    if (status != DEIT_OK)
        deit_onnx__tensor_proto__free_unpacked(proto, NULL);
    else
        ports->protos[ports->n++] = proto;
    return status;
}

/* STEM_0.pb and so on, as many as there are. */
static enum deit_status read_ports(const char *folder, const char *data_set, const char *stem,
                                   struct ports *ports, struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    while (status == DEIT_OK && ports->n < MOST_PORTS) {
        char path[PATH_ROOM];
        snprintf(path, sizeof path, "%s/%s/%s_%zu.pb", folder, data_set, stem, ports->n);
        if (!deit_file_exists(path))
            break;
        status = read_port(path, ports, err);
    }
    return status;
}

static enum deit_status read_model(const char *folder, DeitOnnx__ModelProto **out,
                                   struct deit_error *err)
{
    char path[PATH_ROOM], *bytes;
    size_t n;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    enum deit_status status = deit_file_read(path, MOST_BYTES, &bytes, &n, err);
    if (status != DEIT_OK)
        return status;
    *out = deit_onnx__model_proto__unpack(NULL, n, (const unsigned char *)bytes);
    free(bytes);
    return *out && (*out)->graph ? DEIT_OK
                                 : deit_fail(err, DEIT_ERR_FORMAT, "%s: not a model", path);
}

enum deit_status case_read(const char *folder, const char *data_set, struct test_case *out,
                           struct deit_error *err)
{
    struct test_case read = { 0 };
    enum deit_status status = read_model(folder, &read.model, err);
    if (status == DEIT_OK)
        status = read_ports(folder, data_set, "input", &read.inputs, err);
    if (status == DEIT_OK)
        status = read_ports(folder, data_set, "output", &read.outputs, err);
    if (status == DEIT_OK)
        *out = read;
    else
        case_done(&read);
    return status;
}

static void ports_done(struct ports *ports)
{
    for (size_t i = 0; i < ports->n; i++) {
        deit_onnx__tensor_proto__free_unpacked(ports->protos[i], NULL);
        tensor_done(&ports->tensors[i]);
    }
}

void case_done(struct test_case *test_case)
{
    if (test_case->model)
        deit_onnx__model_proto__free_unpacked(test_case->model, NULL);
    ports_done(&test_case->inputs);
    ports_done(&test_case->outputs);
}

/* ------------------------------------------------------------------ which inputs are constants */

/* Inputs of operators whose elements decide a shape. */
static bool is_shape_slot(const DeitOnnx__NodeProto *node, size_t slot)
{
    static const struct {
        const char *op_type;
        unsigned slots;
    } table[] = {
        { "Resize", 1 << 1 | 1 << 2 }, { "Upsample", 1 << 1 }, { "Range", 7 },
        { "NonZero", 1 }, { "Dropout", 1 << 1 | 1 << 2 },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(node->op_type, table[i].op_type))
            return table[i].slots >> slot & 1;
    return false;
}

static bool decides_shape(const DeitOnnx__GraphProto *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_input; k++)
            if (!strcmp(deit_onnx_text(graph->node[i]->input[k]), name) &&
                is_shape_slot(graph->node[i], k))
                return true;
    return false;
}

/* ------------------------------------------------------------------ import */

static enum deit_status import_bytes(struct imported_case *imported, size_t n,
                                     struct deit_error *err)
{
    struct deit_source *source = NULL;
    struct deit_onnx *onnx = NULL;
    struct deit_onnx_imported result = { 0 };
    enum deit_status status =
        deit_source_open_memory(imported->bytes, n, "model.onnx", &source, err);
    if (status == DEIT_OK)
        status = deit_onnx_read(source, NULL, NULL, &onnx, err);
    if (status == DEIT_OK)
        status = deit_onnx_import(onnx, &result, err);
    deit_onnx_free(onnx);
    deit_source_release(source);
    imported->graph = result.graph;
    return status;
}

/* The inputs that stay inputs are found again by their names. */
static void find_inputs(const struct test_case *test_case, const bool *is_constant,
                        struct imported_case *imported)
{
    for (size_t i = 0; i < test_case->inputs.n; i++) {
        if (is_constant[i])
            continue;
        const char *name = deit_onnx_text(test_case->model->graph->input[i]->name);
        int value = deit_graph_find(imported->graph, name);
        if (value >= 0 && imported->graph->values[value].origin == DEIT_FROM_INPUT) {
            imported->graph->values[value].shape = test_case->inputs.tensors[i].shape;
            imported->values[i] = value;
        }
    }
}

enum deit_status case_import(const struct test_case *test_case, bool floats_at_run_time,
                             struct imported_case *out, struct deit_error *err)
{
    const struct ports *inputs = &test_case->inputs;
    DeitOnnx__GraphProto graph = *test_case->model->graph;
    DeitOnnx__ModelProto model = *test_case->model;
    DeitOnnx__TensorProto named[MOST_PORTS];
    bool is_constant[MOST_PORTS];
    if (inputs->n > graph.n_input)
        return deit_fail(err, DEIT_ERR_FORMAT, "%zu tensors for %zu inputs", inputs->n,
                         graph.n_input);

    /* The arrays are borrowed, but for the list of initializers, which gets longer. */
    size_t had = graph.n_initializer;
    graph.initializer = calloc(had + inputs->n + 1, sizeof *graph.initializer);
    if (!graph.initializer)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < had; i++)
        graph.initializer[i] = test_case->model->graph->initializer[i];
    for (size_t i = 0; i < inputs->n; i++) {
        char *name = graph.input[i]->name;
        out->values[i] = -1;
        is_constant[i] = !floats_at_run_time || inputs->tensors[i].dtype != DEIT_F32 ||
                         decides_shape(&graph, deit_onnx_text(name));
        if (!is_constant[i])
            continue;
        named[i] = *inputs->protos[i];
        named[i].name = name;
        graph.initializer[graph.n_initializer++] = &named[i];
    }
    model.graph = &graph;
    size_t n = deit_onnx__model_proto__get_packed_size(&model);
    out->graph = NULL;
    out->bytes = malloc(n);
    enum deit_status status = DEIT_OK;
    if (out->bytes)
        deit_onnx__model_proto__pack(&model, out->bytes);
    else
        status = deit_fail(err, DEIT_ERR_MEMORY, "out of memory");
    free(graph.initializer);
    if (status == DEIT_OK)
        status = import_bytes(out, n, err);
    if (status == DEIT_OK)
        find_inputs(test_case, is_constant, out);
    else
        imported_case_done(out);
    return status;
}

void imported_case_done(struct imported_case *imported)
{
    deit_graph_free(imported->graph);
    free(imported->bytes);
    imported->graph = NULL;
    imported->bytes = NULL;
}
