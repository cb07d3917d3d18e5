/* tests/onnx_reader/make.c: the writer of the ONNX reader's tests. */
#include "tests/onnx_reader/make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/constant.h"

void put_bytes(struct bytes *b, const void *data, size_t n)
{
    if (n > b->room - b->n) {
        b->room = 2 * b->room + n + 64;
        b->data = realloc(b->data, b->room);
        assert_non_null(b->data);
    }
    if (n)
        memcpy(b->data + b->n, data, n);
    b->n += n;
}

void put_varint(struct bytes *b, uint64_t value)
{
    do {
        unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        put_bytes(b, &byte, 1);
        value >>= 7;
    } while (value);
}

void put_tag(struct bytes *b, unsigned field, unsigned wire)
{
    put_varint(b, (uint64_t)field << 3 | wire);
}

void put_int(struct bytes *b, unsigned field, int64_t value)
{
    put_tag(b, field, 0);
    put_varint(b, (uint64_t)value);
}

void put_float(struct bytes *b, unsigned field, float value)
{
    put_tag(b, field, 5);
    put_bytes(b, &value, sizeof value);
}

void put_run(struct bytes *b, unsigned field, const void *data, size_t n)
{
    put_tag(b, field, 2);
    put_varint(b, n);
    put_bytes(b, data, n);
}

void put_text(struct bytes *b, unsigned field, const char *text)
{
    put_run(b, field, text, strlen(text));
}

void put_message(struct bytes *b, unsigned field, struct bytes *inner)
{
    put_run(b, field, inner->data, inner->n);
    bytes_done(inner);
}

void bytes_done(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){ 0 };
}

/* ------------------------------------------------------------------ messages */

static void put_words(struct bytes *b, unsigned field, const char *words)
{
    while (*words) {
        size_t n = strcspn(words, " ");
        if (n == 1 && *words == '-')
            put_run(b, field, "", 0);
        else
            put_run(b, field, words, n);
        words += n + (words[n] == ' ');
    }
}

struct bytes make_node(const char *op_type, const char *inputs, const char *outputs)
{
    struct bytes b = { 0 };
    put_words(&b, NODE_INPUT, inputs);
    put_words(&b, NODE_OUTPUT, outputs);
    put_text(&b, NODE_OP, op_type);
    return b;
}

struct bytes make_value_info(const char *name, int type, int rank, const int64_t *dims)
{
    struct bytes b = { 0 }, type_proto = { 0 }, tensor_type = { 0 }, shape = { 0 };
    for (int i = 0; i < rank; i++) {
        struct bytes dim = { 0 };
        put_int(&dim, 1, dims[i]);
        put_message(&shape, 1, &dim);
    }
    put_int(&tensor_type, 1, type);
    put_message(&tensor_type, 2, &shape);
    put_message(&type_proto, 1, &tensor_type);
    put_text(&b, 1, name);
    put_message(&b, 2, &type_proto);
    return b;
}

struct bytes make_tensor(const char *name, int type, int rank, const int64_t *dims)
{
    struct bytes b = { 0 };
    for (int i = 0; i < rank; i++)
        put_int(&b, TENSOR_DIMS, dims[i]);
    put_int(&b, TENSOR_TYPE, type);
    put_text(&b, TENSOR_NAME, name);
    return b;
}

struct bytes make_opset(const char *domain, int64_t version)
{
    struct bytes b = { 0 };
    put_text(&b, 1, domain);
    put_int(&b, 2, version);
    return b;
}

struct bytes make_model(struct bytes *graph)
{
    struct bytes b = { 0 }, opset = make_opset("", 17);
    put_int(&b, MODEL_IR, 8);
    put_message(&b, MODEL_OPSET, &opset);
    put_message(&b, MODEL_GRAPH, graph);
    return b;
}

struct bytes make_graph(void)
{
    static const int64_t dims[] = { 2, 3 };
    struct bytes b = { 0 }, x = make_value_info("x", FLOAT, 2, dims);
    struct bytes y = make_value_info("y", FLOAT, 2, dims);
    put_message(&b, GRAPH_INPUT, &x);
    put_message(&b, GRAPH_OUTPUT, &y);
    return b;
}

struct bytes make_small_model(void)
{
    static const int64_t dims[] = { 2, 3 };
    static const float w[] = { 1, 2, 3, 4, 5, 6 };
    struct bytes graph = make_graph();
    struct bytes tensor = make_tensor("w", FLOAT, 2, dims);
    put_run(&tensor, TENSOR_RAW, w, sizeof w);
    put_message(&graph, GRAPH_INITIALIZER, &tensor);

    struct bytes value = make_tensor("", FLOAT, 2, dims), attribute = { 0 };
    put_run(&value, TENSOR_FLOATS, w, sizeof w);
    put_text(&attribute, ATTR_NAME, "value");
    put_message(&attribute, ATTR_T, &value);
    put_int(&attribute, ATTR_TYPE, DEIT_ONNX_ATTR_TENSOR);
    struct bytes constant = make_node("Constant", "", "c");
    put_message(&constant, NODE_ATTRIBUTE, &attribute);
    put_message(&graph, GRAPH_NODE, &constant);

    struct bytes add = make_node("Add", "x w", "s"), sum = make_node("Add", "s c", "y");
    put_text(&add, NODE_NAME, "first");
    put_message(&graph, GRAPH_NODE, &add);
    put_message(&graph, GRAPH_NODE, &sum);
    struct bytes model = make_model(&graph);
    put_text(&model, MODEL_PRODUCER, "made");
    put_text(&model, MODEL_PRODUCER_VERSION, "1.2");
    return model;
}

/* A subgraph that adds an initializer to its input. */
static void put_branch(struct bytes *node, const char *name)
{
    struct bytes graph = { 0 }, attribute = { 0 }, add = make_node("Add", "i k", "n");
    struct bytes k = make_tensor("k", FLOAT, 0, NULL), i = make_value_info("i", FLOAT, 0, NULL);
    struct bytes n = make_value_info("n", FLOAT, 0, NULL);
    put_float(&k, TENSOR_FLOATS, 1.5f);
    put_message(&graph, GRAPH_NODE, &add);
    put_message(&graph, GRAPH_INITIALIZER, &k);
    put_message(&graph, GRAPH_INPUT, &i);
    put_message(&graph, GRAPH_OUTPUT, &n);
    put_text(&attribute, ATTR_NAME, name);
    put_message(&attribute, ATTR_G, &graph);
    put_message(node, NODE_ATTRIBUTE, &attribute);
}

struct bytes make_rich_model(void)
{
    static const int64_t dims[] = { 300 };
    static float data[300];
    struct bytes graph = make_graph(), large = make_tensor("large", FLOAT, 1, dims);
    put_run(&large, TENSOR_RAW, data, sizeof data);
    put_message(&graph, GRAPH_INITIALIZER, &large);
    struct bytes typed = make_tensor("typed", INT64, 1, dims), run = { 0 };
    for (uint64_t i = 0; i < 300; i++)
        put_varint(&run, i << 20);
    put_message(&typed, TENSOR_INT64S, &run);
    put_message(&graph, GRAPH_INITIALIZER, &typed);

    struct bytes node = make_node("If", "typed", "c");
    put_branch(&node, "then_branch");
    put_message(&graph, GRAPH_NODE, &node);
    struct bytes attribute = { 0 };
    put_text(&attribute, ATTR_NAME, "axis");
    put_int(&attribute, ATTR_I, 1);
    node = make_node("F", "x large", "y z");
    put_text(&node, NODE_DOMAIN, "f");
    put_message(&node, NODE_ATTRIBUTE, &attribute);
    put_message(&graph, GRAPH_NODE, &node);

    struct bytes function = { 0 }, import = make_opset("f", 1);
    put_text(&function, FUNCTION_NAME, "F");
    put_text(&function, FUNCTION_DOMAIN, "f");
    put_text(&function, FUNCTION_INPUT, "a");
    put_text(&function, FUNCTION_INPUT, "b");
    put_text(&function, FUNCTION_OUTPUT, "o");
    put_text(&function, FUNCTION_OUTPUT, "a");
    put_text(&function, FUNCTION_ATTRIBUTE, "axis");
    node = make_node("Softmax", "a", "s");
    attribute = (struct bytes){ 0 };
    put_text(&attribute, ATTR_NAME, "axis");
    put_text(&attribute, ATTR_REF, "axis");
    put_message(&node, NODE_ATTRIBUTE, &attribute);
    put_message(&function, FUNCTION_NODE, &node);
    node = make_node("If", "b", "o");
    put_branch(&node, "else_branch");
    put_message(&function, FUNCTION_NODE, &node);
    struct bytes file = make_model(&graph);
    put_message(&file, MODEL_OPSET, &import);
    put_message(&file, MODEL_FUNCTION, &function);
    return file;
}

/* ------------------------------------------------------------------ reading them */

enum deit_status read_bytes(const struct bytes *file, struct deit_onnx **out,
                            struct deit_error *err)
{
    struct deit_source *source = NULL;
    enum deit_status status =
        deit_source_open_memory(file->data, file->n, "made.onnx", &source, err);
    if (status == DEIT_OK)
        status = deit_onnx_read(source, NULL, NULL, out, err);
    deit_source_release(source);
    return status;
}

struct deit_onnx *must_read(const struct bytes *file)
{
    struct deit_onnx *onnx = NULL;
    struct deit_error err = { 0 };
    if (read_bytes(file, &onnx, &err) != DEIT_OK)
        fail_msg("%s: %s", deit_status_name(err.status), err.message);
    return onnx;
}

void must_say(enum deit_status got, const struct deit_error *err, enum deit_status status,
              const char *says)
{
    if (got == DEIT_OK)
        fail_msg("accepted, but should say '%s'", says);
    if (!strstr(err->message, says))
        fail_msg("says     %s\n  expected %s", err->message, says);
    assert_string_equal(deit_status_name(got), deit_status_name(status));
    assert_int_equal(err->status, status);
}

void must_refuse(struct bytes *file, enum deit_status status, const char *const *says)
{
    struct deit_onnx *onnx = NULL;
    struct deit_error err = { 0 };
    enum deit_status got = read_bytes(file, &onnx, &err);
    deit_onnx_free(onnx);
    bytes_done(file);
    for (; *says; says++)
        must_say(got, &err, status, *says);
}

/* ------------------------------------------------------------------ all tensors */

struct resolver {
    struct deit_onnx *onnx;
    struct deit_error *err;
    enum deit_status status;
    size_t n;
};

/* Not only found: the last byte is read, too. */
static void resolve(struct resolver *r, const DeitOnnx__TensorProto *tensor)
{
    struct deit_onnx_tensor t;
    if (r->status == DEIT_OK)
        r->status = deit_onnx_tensor(r->onnx, tensor, NULL, &t, r->err);
    if (r->status != DEIT_OK)
        return;
    r->n++;
    const struct deit_constant_part *part = &t.constant.parts[0];
    size_t bytes = t.n_elements * deit_dtype_bytes(t.dtype);
    char last;
    if (bytes)
        r->status =
            deit_source_read(part->source, part->offset + bytes - 1, 1, &last, r->err);
    deit_constant_done(&t.constant);
}

static void resolve_graph(struct resolver *r, const DeitOnnx__GraphProto *graph);

static void resolve_nodes(struct resolver *r, size_t n, DeitOnnx__NodeProto *const *nodes)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < nodes[i]->n_attribute; j++) {
            const DeitOnnx__AttributeProto *a = nodes[i]->attribute[j];
            if (a->t)
                resolve(r, a->t);
            if (a->g)
                resolve_graph(r, a->g);
            for (size_t k = 0; k < a->n_graphs; k++)
                resolve_graph(r, a->graphs[k]);
        }
}

static void resolve_graph(struct resolver *r, const DeitOnnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_initializer; i++)
        resolve(r, graph->initializer[i]);
    resolve_nodes(r, graph->n_node, graph->node);
}

size_t resolve_all(struct deit_onnx *onnx, struct deit_error *err, enum deit_status *status)
{
    struct resolver r = { .onnx = onnx, .err = err, .status = DEIT_OK };
    resolve_graph(&r, onnx->model->graph);
    for (size_t i = 0; i < onnx->n_functions; i++)
        resolve_nodes(&r, onnx->functions[i]->n_node, onnx->functions[i]->node);
    *status = r.status;
    return r.n;
}
