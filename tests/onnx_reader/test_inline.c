/*
 * tests/onnx_reader/test_inline.c: calls of local functions, expanded, and those that cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/onnx_reader/make.h"

/* "a b" are formal inputs; imports opset 18 of the default domain, and domain "f". */
static struct bytes make_function(const char *name, const char *inputs, const char *outputs)
{
    struct bytes b = { 0 }, first = make_opset("", 18), second = make_opset("f", 1);
    /* node and function number their lists differently, so words are put one by one */
    const char *const lists[] = { inputs, outputs };
    static const unsigned fields[] = { FUNCTION_INPUT, FUNCTION_OUTPUT };
    for (int i = 0; i < 2; i++)
        for (const char *w = lists[i]; *w; w += strcspn(w, " ") + (w[strcspn(w, " ")] == ' '))
            put_run(&b, fields[i], w, strcspn(w, " "));
    put_text(&b, FUNCTION_NAME, name);
    put_text(&b, FUNCTION_DOMAIN, "f");
    put_message(&b, FUNCTION_OPSET, &first);
    put_message(&b, FUNCTION_OPSET, &second);
    return b;
}

static struct bytes call(const char *name, const char *inputs, const char *outputs)
{
    struct bytes node = make_node(name, inputs, outputs);
    put_text(&node, NODE_DOMAIN, "f");
    return node;
}

static void add_node(struct bytes *function, struct bytes node)
{
    put_message(function, FUNCTION_NODE, &node);
}

static void put_attribute(struct bytes *node, unsigned field, const char *name, int64_t value)
{
    struct bytes attribute = { 0 };
    put_text(&attribute, ATTR_NAME, name);
    put_int(&attribute, ATTR_I, value);
    put_int(&attribute, ATTR_TYPE, DEIT_ONNX_ATTR_INT);
    put_message(node, field, &attribute);
}

static void put_reference(struct bytes *node, const char *name, const char *outer, int type)
{
    struct bytes attribute = { 0 };
    put_text(&attribute, ATTR_NAME, name);
    put_text(&attribute, ATTR_REF, outer);
    put_int(&attribute, ATTR_TYPE, type);
    put_message(node, NODE_ATTRIBUTE, &attribute);
}

/* A model that calls 'node', with one or two functions. */
static struct bytes model_of(struct bytes node, struct bytes function, struct bytes *second)
{
    struct bytes graph = make_graph(), import = make_opset("f", 1);
    put_message(&graph, GRAPH_NODE, &node);
    struct bytes file = make_model(&graph);
    put_message(&file, MODEL_OPSET, &import);
    put_message(&file, MODEL_FUNCTION, &function);
    if (second)
        put_message(&file, MODEL_FUNCTION, second);
    return file;
}

static void print_nodes(size_t n, DeitOnnx__NodeProto *const *nodes, char *text, size_t room)
{
    size_t used = strlen(text);
    for (size_t i = 0; i < n; i++) {
        const DeitOnnx__NodeProto *node = nodes[i];
        for (size_t j = 0; j < node->n_output; j++)
            used += (size_t)snprintf(text + used, room - used, "%s%s", j ? "," : "",
                                     node->output[j]);
        used += (size_t)snprintf(text + used, room - used, "=%s(", node->op_type);
        for (size_t j = 0; j < node->n_input; j++)
            used += (size_t)snprintf(text + used, room - used, "%s%s", j ? "," : "",
                                     node->input[j]);
        used += (size_t)snprintf(text + used, room - used, ")");
        for (size_t j = 0; j < node->n_attribute; j++)
            if (node->attribute[j]->g) {
                used += (size_t)snprintf(text + used, room - used, "{");
                print_nodes(node->attribute[j]->g->n_node, node->attribute[j]->g->node, text, room);
                used = strlen(text);
                used += (size_t)snprintf(text + used, room - used, "}");
            }
        used += (size_t)snprintf(text + used, room - used, ";");
    }
}

/* Inlines; the nodes of the graph read like 'expected'.  The model is given back. */
static struct deit_onnx *expand(struct bytes *file, const char *expected)
{
    struct deit_onnx *onnx = must_read(file);
    struct deit_error err = { 0 };
    if (deit_onnx_inline(onnx, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    char text[4096] = "";
    print_nodes(onnx->model->graph->n_node, onnx->model->graph->node, text, sizeof text);
    assert_string_equal(text, expected);
    return onnx;
}

static void done(struct deit_onnx *onnx, struct bytes *file)
{
    deit_onnx_free(onnx);
    bytes_done(file);
}

static void refuse(struct bytes file, enum deit_status status, const char *says)
{
    struct deit_onnx *onnx = must_read(&file);
    struct deit_error err = { 0 };
    must_say(deit_onnx_inline(onnx, &err), &err, status, says);
    done(onnx, &file);
}

static void test_simple(void **state)
{
    (void)state;
    struct bytes f = make_function("Twice", "a", "b"), node = make_node("Mul", "a two", "b");
    put_text(&node, NODE_NAME, "times");
    add_node(&f, make_node("Constant", "", "two"));
    add_node(&f, node);
    struct bytes file = model_of(call("Twice", "x", "y"), f, NULL);
    struct deit_onnx *onnx =
        expand(&file, "Twice#0/two=Constant();y=Mul(x,Twice#0/two);");
    const DeitOnnx__NodeProto *mul = onnx->model->graph->node[1];
    assert_string_equal(mul->name, "Twice#0/times");
    assert_int_equal(deit_onnx_node_opset(onnx, mul), 18);
    assert_int_equal(onnx->opset, 17);
    done(onnx, &file);
}

static void test_lookup(void **state)
{
    (void)state;
    struct bytes f = make_function("B", "a", "b"), g = make_function("A", "a", "b");
    put_text(&g, 13, "over");
    struct bytes file = model_of(call("Other", "x", "y"), f, &g);
    struct deit_onnx *onnx = must_read(&file);
    assert_non_null(deit_onnx_function(onnx, "f", "B", NULL));
    assert_non_null(deit_onnx_function(onnx, "f", "B", ""));
    assert_non_null(deit_onnx_function(onnx, "f", "A", "over"));
    assert_null(deit_onnx_function(onnx, "f", "A", NULL));
    assert_null(deit_onnx_function(onnx, NULL, "B", NULL));
    done(onnx, &file);
}

/* Calls in calls, absent inputs, outputs that nobody wants. */
static void test_nested(void **state)
{
    (void)state;
    struct bytes inner = make_function("Inner", "a b", "c d");
    struct bytes outer = make_function("Outer", "p", "q");
    add_node(&inner, make_node("Clip", "a - b", "c"));
    add_node(&inner, make_node("Neg", "c", "d"));
    add_node(&outer, call("Inner", "p", "t"));
    add_node(&outer, call("Inner", "t p", "- q"));
    struct bytes file = model_of(call("Outer", "x", "y"), inner, &outer);
    done(expand(&file, "Outer#0/t=Clip(x,,);Inner#1/d=Neg(Outer#0/t);"
                       "Inner#2/c=Clip(Outer#0/t,,x);y=Neg(Inner#2/c);"), &file);
}

static void test_handed_through(void **state)
{
    (void)state;
    struct bytes f = make_function("Same", "a", "a r r");
    add_node(&f, make_node("Relu", "a", "r"));
    struct bytes file = model_of(call("Same", "x", "y u v"), f, NULL);
    struct deit_onnx *onnx = expand(&file, "u=Relu(x);y=Identity(x);v=Identity(u);");
    assert_int_equal(deit_onnx_node_opset(onnx, onnx->model->graph->node[1]), 18);
    done(onnx, &file);
}

static void test_attributes(void **state)
{
    (void)state;
    struct bytes f = make_function("Soft", "a", "b"), node = make_node("Softmax", "a", "b");
    put_reference(&node, "axis", "dim", DEIT_ONNX_ATTR_INT);
    put_reference(&node, "other", "with_default", DEIT_ONNX_ATTR_INT);
    put_reference(&node, "third", "left_out", DEIT_ONNX_ATTR_INT);
    put_attribute(&node, NODE_ATTRIBUTE, "own", 4);
    add_node(&f, node);
    put_text(&f, FUNCTION_ATTRIBUTE, "dim");
    put_text(&f, FUNCTION_ATTRIBUTE, "left_out");
    put_attribute(&f, FUNCTION_ATTRIBUTE_PROTO, "with_default", 5);
    struct bytes caller = call("Soft", "x", "y");
    put_attribute(&caller, NODE_ATTRIBUTE, "dim", -1);
    struct bytes file = model_of(caller, f, NULL);
    struct deit_onnx *onnx = expand(&file, "y=Softmax(x);");
    static const struct {
        const char *name;
        int64_t value;
    } expected[] = { { "axis", -1 }, { "other", 5 }, { "third", 77 }, { "own", 4 } };
    for (int i = 0; i < 4; i++) {
        int64_t value;
        struct deit_error err;
        assert_int_equal(deit_onnx_attr_int(onnx, onnx->model->graph->node[0], expected[i].name,
                                            77, &value, &err), DEIT_OK);
        assert_int_equal(value, expected[i].value);
    }
    done(onnx, &file);
}

static void test_bad_attributes(void **state)
{
    (void)state;
    struct bytes f = make_function("Soft", "a", "b"), node = make_node("Softmax", "a", "b");
    put_reference(&node, "axis", "dim", DEIT_ONNX_ATTR_INT);
    add_node(&f, node);
    refuse(model_of(call("Soft", "x", "y"), f, NULL), DEIT_ERR_FORMAT,
           "node 'Softmax -> b' (Softmax): attribute 'axis' refers to attribute 'dim', which "
           "function 'Soft' has not");

    f = make_function("Soft", "a", "b");
    node = make_node("Softmax", "a", "b");
    put_reference(&node, "axis", "dim", DEIT_ONNX_ATTR_INTS);
    add_node(&f, node);
    struct bytes caller = call("Soft", "x", "y");
    put_attribute(&caller, NODE_ATTRIBUTE, "dim", -1);
    refuse(model_of(caller, f, NULL), DEIT_ERR_FORMAT,
           "attribute 'dim' is of type 2, the function uses it as one of type 7");
}

/* A graph inside of a function: its own names get the prefix, the function's are found. */
static void test_subgraph(void **state)
{
    (void)state;
    struct bytes f = make_function("Choose", "c a", "b"), graph = { 0 };
    struct bytes output = make_value_info("t", FLOAT, 0, NULL), attribute = { 0 };
    struct bytes tensor = make_tensor("k", FLOAT, 0, NULL), node = call("Id", "a", "s");
    put_run(&tensor, TENSOR_RAW, "\0\0\x80?", 4);
    put_message(&graph, GRAPH_INITIALIZER, &tensor);
    put_message(&graph, GRAPH_NODE, &node);
    node = make_node("Add", "s k", "t");
    put_message(&graph, GRAPH_NODE, &node);
    put_message(&graph, GRAPH_OUTPUT, &output);
    put_text(&attribute, ATTR_NAME, "then_branch");
    put_message(&attribute, ATTR_G, &graph);
    node = make_node("If", "c", "b");
    put_message(&node, NODE_ATTRIBUTE, &attribute);
    add_node(&f, node);
    struct bytes id = make_function("Id", "i", "o");
    add_node(&id, make_node("Identity", "i", "o"));
    struct bytes file = model_of(call("Choose", "x x", "y"), f, &id);
    struct deit_onnx *onnx =
        expand(&file, "y=If(x){Choose#0/s=Identity(x);Choose#0/t=Add(Choose#0/s,Choose#0/k);};");
    const DeitOnnx__GraphProto *inside = onnx->model->graph->node[0]->attribute[0]->g;
    assert_string_equal(inside->output[0]->name, "Choose#0/t");
    assert_string_equal(inside->initializer[0]->name, "Choose#0/k");
    done(onnx, &file);
}

static void test_recursion(void **state)
{
    (void)state;
    struct bytes f = make_function("F", "a", "b"), g = make_function("G", "a", "b");
    add_node(&f, call("G", "a", "b"));
    add_node(&g, call("F", "a", "b"));
    refuse(model_of(call("F", "x", "y"), f, &g), DEIT_ERR_FORMAT, "function 'F' calls itself");
}

static void test_arguments(void **state)
{
    (void)state;
    struct bytes f = make_function("F", "a", "b");
    add_node(&f, make_node("Relu", "a", "b"));
    refuse(model_of(call("F", "x x", "y"), f, NULL), DEIT_ERR_FORMAT,
           "node 'F -> y' (F): 2 inputs and 1 outputs, the function has 1 and 1");
    f = make_function("F", "a", "b");
    refuse(model_of(call("F", "x", "y z"), f, NULL), DEIT_ERR_FORMAT, "1 inputs and 2 outputs");

    f = make_function("F", "a", "b");
    struct bytes import = make_opset("ai.onnx", 7);
    put_message(&f, FUNCTION_OPSET, &import);
    refuse(model_of(call("F", "x", "y"), f, NULL), DEIT_ERR_FORMAT,
           "function 'F' imports domain 'ai.onnx' in the versions 18 and 7");
}

static void test_bad_functions(void **state)
{
    (void)state;
    struct bytes f = make_function("F", "a", "b"), g = make_function("F", "a", "b");
    struct bytes file = model_of(call("F", "x", "y"), f, &g);
    must_refuse(&file, DEIT_ERR_FORMAT, SAYS("function 'F' of domain 'f' is there twice"));
    file = model_of(call("F", "x", "y"), make_function("F", "a a", "b"), NULL);
    must_refuse(&file, DEIT_ERR_FORMAT, SAYS("'a' is the name of an input twice"));
    file = model_of(call("F", "x", "y"), make_function("", "a", "b"), NULL);
    must_refuse(&file, DEIT_ERR_FORMAT, SAYS("a function has no name"));
    f = make_function("F", "a", "");
    put_text(&f, FUNCTION_OUTPUT, "");
    file = model_of(call("F", "x", "y"), f, NULL);
    must_refuse(&file, DEIT_ERR_FORMAT, SAYS("function 'F': output 0 has no name"));
    f = make_function("F", "a", "b");
    for (int i = 0; i < 257; i++)
        put_text(&f, FUNCTION_ATTRIBUTE, "same");
    file = model_of(call("F", "x", "y"), f, NULL);
    must_refuse(&file, DEIT_ERR_LIMIT, SAYS("function 'F': 257 attributes, at most 256"));
}

/* F0 calls F1 twice, F1 calls F2 twice, ...: few bytes, many nodes.  Or once: deep. */
static struct bytes chain(int n, int n_calls)
{
    struct bytes graph = make_graph(), node = call("F0", "x", "y"), import = make_opset("f", 1);
    put_message(&graph, GRAPH_NODE, &node);
    struct bytes file = make_model(&graph);
    put_message(&file, MODEL_OPSET, &import);
    for (int i = 0; i < n; i++) {
        char name[16], next[16];
        snprintf(name, sizeof name, "F%d", i);
        snprintf(next, sizeof next, "F%d", i + 1);
        struct bytes f = make_function(name, "a", "b");
        for (int k = 0; k < n_calls; k++)
            add_node(&f, i + 1 < n ? call(next, k ? "t" : "a", k + 1 < n_calls ? "t" : "b")
                                   : make_node("Relu", k ? "t" : "a",
                                               k + 1 < n_calls ? "t" : "b"));
        put_message(&file, MODEL_FUNCTION, &f);
    }
    return file;
}

static void test_growth(void **state)
{
    (void)state;
    struct bytes file = chain(100, 1);
    done(expand(&file, "y=Relu(x);"), &file);
    refuse(chain(101, 1), DEIT_ERR_LIMIT,
           "functions call each other 101 deep, at most 100 are followed");
    refuse(chain(90, 2), DEIT_ERR_LIMIT,
           "calls of functions make 20001 nodes, at most 20000 are made");
}

/* What the names of a model could collide with is found by the check that follows. */
static void test_collision(void **state)
{
    (void)state;
    struct bytes f = make_function("F", "a", "b");
    add_node(&f, make_node("Relu", "a", "t"));
    add_node(&f, make_node("Relu", "t", "b"));
    struct bytes graph = make_graph(), node = call("F", "x", "y"), import = make_opset("f", 1);
    put_message(&graph, GRAPH_NODE, &node);
    node = make_node("Relu", "x", "F#0/t");
    put_message(&graph, GRAPH_NODE, &node);
    struct bytes file = make_model(&graph);
    put_message(&file, MODEL_OPSET, &import);
    put_message(&file, MODEL_FUNCTION, &f);
    refuse(file, DEIT_ERR_FORMAT, "'F#0/t' is the name of the output of a node twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),         cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_nested),         cmocka_unit_test(test_handed_through),
        cmocka_unit_test(test_attributes),     cmocka_unit_test(test_bad_attributes),
        cmocka_unit_test(test_subgraph),       cmocka_unit_test(test_recursion),
        cmocka_unit_test(test_arguments),      cmocka_unit_test(test_bad_functions),
        cmocka_unit_test(test_growth),         cmocka_unit_test(test_collision),
    };
    return cmocka_run_group_tests_name("onnx_inline", tests, NULL, NULL);
}
