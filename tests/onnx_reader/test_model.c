/*
 * tests/onnx_reader/test_model.c: what the reader promises about a model beyond the wire
 * format: versions, names, operator sets; and attributes by name and type.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/onnx_reader/make.h"

static void refuse(struct bytes file, enum deit_status status, const char *const *says)
{
    must_refuse(&file, status, says);
}

/* A model of these parts; NULL: without a graph. */
static struct bytes of_parts(int64_t ir_version, struct bytes *graph, const char *domain,
                             int64_t opset)
{
    struct bytes file = { 0 }, import = make_opset(domain, opset);
    put_int(&file, MODEL_IR, ir_version);
    put_message(&file, MODEL_OPSET, &import);
    if (graph)
        put_message(&file, MODEL_GRAPH, graph);
    return file;
}

static struct bytes of_versions(int64_t ir_version, int64_t opset)
{
    struct bytes graph = make_graph();
    return of_parts(ir_version, &graph, "", opset);
}

static void accept(struct bytes file)
{
    deit_onnx_free(must_read(&file));
    bytes_done(&file);
}

static void test_versions(void **state)
{
    (void)state;
    refuse((struct bytes){ 0 }, DEIT_ERR_FORMAT, SAYS("made.onnx: not an ONNX model", "no graph"));
    refuse(of_parts(8, NULL, "", 17), DEIT_ERR_FORMAT, SAYS("no graph"));
    refuse(of_versions(0, 17), DEIT_ERR_FORMAT, SAYS("IR version 0"));
    refuse(of_versions(-3, 17), DEIT_ERR_FORMAT, SAYS("IR version -3"));
    refuse(of_versions(2, 17), DEIT_ERR_UNSUPPORTED, SAYS("IR version 2, versions 3 to"));
    refuse(of_versions(77, 17), DEIT_ERR_UNSUPPORTED, SAYS("IR version 77"));
    refuse(of_versions(8, 8), DEIT_ERR_UNSUPPORTED,
           SAYS("the model uses opset 8, opsets 9 to 24 are supported"));
    refuse(of_versions(8, 25), DEIT_ERR_UNSUPPORTED, SAYS("opset 25"));
    refuse(of_versions(8, 0), DEIT_ERR_FORMAT, SAYS("domain '' in version 0"));
    for (int64_t opset = 9; opset <= 24; opset++)
        accept(of_versions(opset < 12 ? 3 : 13, opset));
}

static void test_imports(void **state)
{
    (void)state;
    struct bytes file = of_versions(8, 17), import = make_opset("ai.onnx", 18);
    put_message(&file, MODEL_OPSET, &import);
    refuse(file, DEIT_ERR_FORMAT, SAYS("domain 'ai.onnx' in the versions 17 and 18"));

    file = of_versions(8, 17);
    for (int i = 0; i < DEIT_ONNX_MAX_IMPORTS; i++) {
        char domain[32];
        snprintf(domain, sizeof domain, "d%d", i);
        import = make_opset(domain, 1);
        put_message(&file, MODEL_OPSET, &import);
    }
    refuse(file, DEIT_ERR_LIMIT, SAYS("imports 101 operator sets, at most 100"));

    struct bytes graph = make_graph(), node = make_node("Relu", "x", "y");
    put_message(&graph, GRAPH_NODE, &node);
    refuse(of_parts(8, &graph, "com.microsoft", 1), DEIT_ERR_FORMAT,
           SAYS("node 'Relu -> y' (Relu): the model imports no operator set"));
    graph = make_graph();
    node = make_node("Gelu", "x", "y");
    put_text(&node, NODE_DOMAIN, "com.microsoft");
    put_message(&graph, GRAPH_NODE, &node);
    accept(of_parts(8, &graph, "com.microsoft", 1));
}

static struct bytes with_node(struct bytes node)
{
    struct bytes graph = make_graph();
    put_message(&graph, GRAPH_NODE, &node);
    return make_model(&graph);
}

static struct bytes with_initializers(const char *a, const char *b)
{
    static const int64_t dims[] = { 0 };
    struct bytes graph = make_graph(), first = make_tensor(a, FLOAT, 1, dims);
    struct bytes second = make_tensor(b, FLOAT, 1, dims), node = make_node("Relu", "x", "y");
    put_message(&graph, GRAPH_INITIALIZER, &first);
    put_message(&graph, GRAPH_INITIALIZER, &second);
    put_message(&graph, GRAPH_NODE, &node);
    return make_model(&graph);
}

static void test_names(void **state)
{
    (void)state;
    refuse(with_initializers("w", "w"), DEIT_ERR_FORMAT,
           SAYS("'w' is the name of an initializer twice"));
    refuse(with_initializers("w", ""), DEIT_ERR_FORMAT, SAYS("an initializer has no name"));
    refuse(with_initializers("w", "y"), DEIT_ERR_FORMAT,
           SAYS("'y' is the name of an initializer and of the output of a node"));
    accept(with_initializers("w", "x")); /* the default of an input */

    refuse(with_node(make_node("Split", "x", "y y")), DEIT_ERR_FORMAT,
           SAYS("'y' is the name of the output of a node twice"));
    refuse(with_node(make_node("Relu", "x", "x")), DEIT_ERR_FORMAT,
           SAYS("'x' is the name of an input and of the output of a node"));
    accept(with_node(make_node("LayerNormalization", "x - -", "y - -")));

    struct bytes graph = make_graph(), input = make_value_info("x", FLOAT, 0, NULL);
    put_message(&graph, GRAPH_INPUT, &input);
    refuse(make_model(&graph), DEIT_ERR_FORMAT, SAYS("'x' is the name of an input twice"));
}

static void test_nodes(void **state)
{
    (void)state;
    struct bytes node = { 0 };
    put_text(&node, NODE_NAME, "nothing");
    refuse(with_node(node), DEIT_ERR_FORMAT, SAYS("node 'nothing' (): it has no op_type"));

    for (int named = 0; named < 2; named++) {
        node = make_node("Softmax", "x", "y");
        for (int i = 0; i < 2; i++) {
            struct bytes attribute = { 0 };
            put_text(&attribute, ATTR_NAME, named ? "axis" : "");
            put_int(&attribute, ATTR_I, 1);
            put_message(&node, NODE_ATTRIBUTE, &attribute);
        }
        refuse(with_node(node), DEIT_ERR_FORMAT,
               named ? SAYS("(Softmax): attribute 'axis' is there twice")
                     : SAYS("an attribute has no name"));
    }
    node = make_node("Softmax", "x", "y");
    for (int i = 0; i < 257; i++)
        put_run(&node, NODE_ATTRIBUTE, "", 0);
    refuse(with_node(node), DEIT_ERR_LIMIT, SAYS("257 attributes, at most 256 are read"));
}

static void test_sparse(void **state)
{
    (void)state;
    static const int64_t dims[] = { 1 };
    struct bytes graph = make_graph(), sparse = { 0 }, values = make_tensor("s", FLOAT, 1, dims);
    put_message(&sparse, 1, &values);
    put_message(&graph, GRAPH_SPARSE, &sparse);
    refuse(make_model(&graph), DEIT_ERR_UNSUPPORTED, SAYS("sparse initializer 's'"));
}

/* A graph for training is not looked at, but it must be well-formed. */
static void test_training(void **state)
{
    (void)state;
    struct bytes graph = make_graph(), training = { 0 }, file = of_versions(8, 17);
    put_message(&training, 1, &graph);
    put_message(&file, MODEL_TRAINING, &training);
    accept(file);
    file = of_versions(8, 17);
    put_text(&training, 1, "\x0b");
    put_message(&file, MODEL_TRAINING, &training);
    refuse(file, DEIT_ERR_FORMAT, SAYS("GraphProto: field 1 is a group"));
}

/* Rules hold in subgraphs as well. */
static void test_subgraphs(void **state)
{
    (void)state;
    struct bytes inner = { 0 }, node = make_node("Relu", "x", "z");
    put_message(&inner, GRAPH_NODE, &node);
    node = make_node("Relu", "x", "z");
    put_message(&inner, GRAPH_NODE, &node);
    struct bytes attribute = { 0 };
    put_text(&attribute, ATTR_NAME, "then_branch");
    put_message(&attribute, ATTR_G, &inner);
    node = make_node("If", "x", "y");
    put_message(&node, NODE_ATTRIBUTE, &attribute);
    refuse(with_node(node), DEIT_ERR_FORMAT, SAYS("'z' is the name of the output of a node twice"));
}

/* ------------------------------------------------------------------ attributes */

static void add_attribute(struct bytes *node, const char *name, int type, struct bytes value)
{
    struct bytes attribute = { 0 };
    put_text(&attribute, ATTR_NAME, name);
    put_bytes(&attribute, value.data, value.n);
    bytes_done(&value);
    if (type)
        put_int(&attribute, ATTR_TYPE, type);
    put_message(node, NODE_ATTRIBUTE, &attribute);
}

static struct bytes an_int(int64_t value)
{
    struct bytes b = { 0 };
    put_int(&b, ATTR_I, value);
    return b;
}

static struct bytes a_float(float value)
{
    struct bytes b = { 0 };
    put_float(&b, ATTR_F, value);
    return b;
}

static struct bytes a_string(const char *text, size_t n)
{
    struct bytes b = { 0 };
    put_run(&b, ATTR_S, text, n);
    return b;
}

static struct bytes packed_ints(void)
{
    struct bytes b = { 0 };
    put_run(&b, ATTR_INTS, "\x01\x02\x03", 3);
    put_int(&b, ATTR_INTS, -4); /* packed and not, mixed */
    return b;
}

static struct bytes some_floats(void)
{
    struct bytes b = { 0 };
    put_float(&b, ATTR_FLOATS, 0.5f);
    put_float(&b, ATTR_FLOATS, 1.5f);
    return b;
}

static struct bytes with_attributes(void)
{
    struct bytes node = make_node("Op", "x", "y");
    put_text(&node, NODE_NAME, "it");
    add_attribute(&node, "int", DEIT_ONNX_ATTR_INT, an_int(-7));
    add_attribute(&node, "untyped", 0, an_int(8));
    add_attribute(&node, "zero", DEIT_ONNX_ATTR_INT, (struct bytes){ 0 });
    add_attribute(&node, "float", DEIT_ONNX_ATTR_FLOAT, a_float(0.25f));
    add_attribute(&node, "string", DEIT_ONNX_ATTR_STRING, a_string("tanh", 4));
    add_attribute(&node, "binary", DEIT_ONNX_ATTR_STRING, a_string("a\0b", 3));
    add_attribute(&node, "ints", DEIT_ONNX_ATTR_INTS, packed_ints());
    add_attribute(&node, "floats", DEIT_ONNX_ATTR_FLOATS, some_floats());
    add_attribute(&node, "empty", DEIT_ONNX_ATTR_INTS, (struct bytes){ 0 });
    add_attribute(&node, "nothing", 0, (struct bytes){ 0 });
    add_attribute(&node, "tensor", DEIT_ONNX_ATTR_TENSOR, (struct bytes){ 0 });
    add_attribute(&node, "graph", DEIT_ONNX_ATTR_GRAPH, (struct bytes){ 0 });
    struct bytes tensor = make_tensor("t", INT64, 0, NULL), graph = make_graph(), value = { 0 };
    put_message(&value, ATTR_T, &tensor);
    add_attribute(&node, "a_tensor", DEIT_ONNX_ATTR_TENSOR, value);
    value = (struct bytes){ 0 };
    put_message(&value, ATTR_G, &graph);
    add_attribute(&node, "a_graph", 0, value);
    add_attribute(&node, "odd", 99, (struct bytes){ 0 });
    struct bytes reference = { 0 };
    put_text(&reference, ATTR_REF, "outer");
    add_attribute(&node, "reference", DEIT_ONNX_ATTR_INT, reference);
    return with_node(node);
}

static void test_attributes(void **state)
{
    (void)state;
    struct bytes file = with_attributes();
    struct deit_onnx *onnx = must_read(&file);
    const DeitOnnx__NodeProto *node = onnx->model->graph->node[0];
    struct deit_error err;
    int64_t i = 0;
    float f = 0;
    const char *s = NULL;
    const int64_t *ints = NULL;
    const float *floats = NULL;
    size_t n = 99;
    assert_int_equal(deit_onnx_attr_int(onnx, node, "int", 1, &i, &err), DEIT_OK);
    assert_int_equal(i, -7);
    assert_int_equal(deit_onnx_attr_int(onnx, node, "untyped", 1, &i, &err), DEIT_OK);
    assert_int_equal(i, 8);
    assert_int_equal(deit_onnx_attr_int(onnx, node, "zero", 1, &i, &err), DEIT_OK);
    assert_int_equal(i, 0);
    assert_int_equal(deit_onnx_attr_int(onnx, node, "absent", 5, &i, &err), DEIT_OK);
    assert_int_equal(i, 5);
    assert_int_equal(deit_onnx_attr_float(onnx, node, "float", 1, &f, &err), DEIT_OK);
    assert_true(f == 0.25f);
    assert_int_equal(deit_onnx_attr_string(onnx, node, "string", "x", &s, &err), DEIT_OK);
    assert_string_equal(s, "tanh");
    assert_int_equal(deit_onnx_attr_string(onnx, node, "absent", "x", &s, &err), DEIT_OK);
    assert_string_equal(s, "x");
    assert_int_equal(deit_onnx_attr_ints(onnx, node, "ints", &n, &ints, &err), DEIT_OK);
    assert_int_equal(n, 4);
    assert_int_equal(ints[3], -4);
    assert_int_equal(deit_onnx_attr_floats(onnx, node, "floats", &n, &floats, &err), DEIT_OK);
    assert_int_equal(n, 2);
    assert_true(floats[1] == 1.5f);
    assert_int_equal(deit_onnx_attr_ints(onnx, node, "empty", &n, &ints, &err), DEIT_OK);
    assert_true(n == 0 && ints);
    assert_int_equal(deit_onnx_attr_floats(onnx, node, "nothing", &n, &floats, &err), DEIT_OK);
    assert_true(n == 0 && floats);
    assert_int_equal(deit_onnx_attr_ints(onnx, node, "absent", &n, &ints, &err), DEIT_OK);
    assert_true(n == 0 && !ints);
    const DeitOnnx__TensorProto *tensor = NULL;
    assert_int_equal(deit_onnx_attr_tensor(onnx, node, "a_tensor", &tensor, &err), DEIT_OK);
    assert_int_equal(tensor->data_type, INT64);
    assert_int_equal(deit_onnx_attr_tensor(onnx, node, "absent", &tensor, &err), DEIT_OK);
    assert_null(tensor);
    DeitOnnx__GraphProto *graph = NULL;
    assert_int_equal(deit_onnx_attr_graph(onnx, node, "a_graph", &graph, &err), DEIT_OK);
    assert_string_equal(graph->output[0]->name, "y");
    assert_int_equal(deit_onnx_attr_graph(onnx, node, "absent", &graph, &err), DEIT_OK);
    assert_null(graph);
    deit_onnx_free(onnx);
    bytes_done(&file);
}

static void test_bad_attributes(void **state)
{
    (void)state;
    struct bytes file = with_attributes();
    struct deit_onnx *onnx = must_read(&file);
    const DeitOnnx__NodeProto *node = onnx->model->graph->node[0];
    struct deit_error err = { 0 };
    int64_t i;
    float f;
    const char *s;
    const int64_t *ints;
    size_t n;
    const DeitOnnx__TensorProto *tensor;
    DeitOnnx__GraphProto *graph;
    must_say(deit_onnx_attr_int(onnx, node, "float", 0, &i, &err), &err, DEIT_ERR_FORMAT,
             "made.onnx: node 'it' (Op): attribute 'float' is of type FLOAT, not INT");
    must_say(deit_onnx_attr_float(onnx, node, "int", 0, &f, &err), &err, DEIT_ERR_FORMAT,
             "attribute 'int' is of type INT, not FLOAT");
    must_say(deit_onnx_attr_ints(onnx, node, "floats", &n, &ints, &err), &err, DEIT_ERR_FORMAT,
             "is of type FLOATS, not INTS");
    must_say(deit_onnx_attr_string(onnx, node, "binary", NULL, &s, &err), &err, DEIT_ERR_FORMAT,
             "attribute 'binary' is a string with a zero byte inside");
    must_say(deit_onnx_attr_tensor(onnx, node, "tensor", &tensor, &err), &err, DEIT_ERR_FORMAT,
             "attribute 'tensor' is of type TENSOR, but holds none");
    must_say(deit_onnx_attr_graph(onnx, node, "graph", &graph, &err), &err, DEIT_ERR_FORMAT,
             "attribute 'graph' is of type GRAPH, but holds none");
    must_say(deit_onnx_attr_int(onnx, node, "odd", 0, &i, &err), &err, DEIT_ERR_FORMAT,
             "attribute 'odd' is of the unknown type 99, not INT");
    must_say(deit_onnx_attr_int(onnx, node, "nothing", 0, &i, &err), &err, DEIT_ERR_FORMAT,
             "attribute 'nothing' is of type no type, not INT");
    must_say(deit_onnx_attr_int(onnx, node, "reference", 0, &i, &err), &err, DEIT_ERR_FORMAT,
             "attribute 'reference' refers to attribute 'outer' of a function");
    deit_onnx_free(onnx);
    bytes_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),   cmocka_unit_test(test_imports),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_sparse),     cmocka_unit_test(test_training),
        cmocka_unit_test(test_subgraphs),  cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_bad_attributes),
    };
    return cmocka_run_group_tests_name("onnx_model", tests, NULL, NULL);
}
