/*
 * tests/onnx_reader/test_wire.c: each rule of the wire format, with a file that breaks it and
 * the message that says so; and what is odd but allowed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loaders/onnx_wire.h"
#include "tests/onnx_reader/make.h"

/* The small model with bytes behind it: fields of the model itself. */
static struct bytes with_tail(const char *tail, size_t n)
{
    struct bytes b = make_small_model();
    put_bytes(&b, tail, n);
    return b;
}

#define TAIL(text) with_tail(text, sizeof text - 1)

static void refuse(struct bytes file, enum deit_status status, const char *const *says)
{
    must_refuse(&file, status, says);
}

static void test_small_model(void **state)
{
    (void)state;
    struct bytes file = make_small_model();
    struct deit_onnx *onnx = must_read(&file);
    assert_int_equal(onnx->ir_version, 8);
    assert_int_equal(onnx->opset, 17);
    assert_string_equal(onnx->producer_name, "made");
    assert_string_equal(onnx->producer_version, "1.2");
    assert_int_equal(onnx->model->graph->n_node, 3);
    assert_string_equal(onnx->model->graph->node[1]->op_type, "Add");
    assert_string_equal(onnx->model->graph->node[1]->input[1], "w");
    assert_int_equal(onnx->model->graph->n_input, 1);
    const DeitOnnx__TensorTypeProto *type = onnx->model->graph->input[0]->type->tensor_type;
    assert_int_equal(type->elem_type, FLOAT);
    assert_int_equal(type->shape->n_dim, 2);
    assert_int_equal(type->shape->dim[1]->dim_value, 3);
    struct deit_error err;
    enum deit_status status;
    assert_int_equal(resolve_all(onnx, &err, &status), 2);
    assert_int_equal(status, DEIT_OK);
    deit_onnx_free(onnx);
    bytes_done(&file);
}

/* Every prefix of a file is refused or, where whole fields are missing, read. */
static void test_every_cut(void **state)
{
    (void)state;
    struct bytes file = make_small_model();
    size_t n_read = 0;
    for (size_t n = 0; n < file.n; n++) {
        struct bytes cut = { 0 };
        put_bytes(&cut, file.data, n);
        struct deit_onnx *onnx = NULL;
        struct deit_error err = { 0 };
        if (read_bytes(&cut, &onnx, &err) == DEIT_OK)
            n_read++;
        else
            assert_int_equal(err.status, DEIT_ERR_FORMAT);
        deit_onnx_free(onnx);
        bytes_done(&cut);
    }
    assert_int_equal(n_read, 2); /* without its version, without its producer */
    bytes_done(&file);
}

static void test_tags(void **state)
{
    (void)state;
    refuse(TAIL("\x02\x00"), DEIT_ERR_FORMAT, SAYS("field number 0", "ModelProto"));
    refuse(TAIL("\x80\x80\x80\x80\x10\x00"), DEIT_ERR_FORMAT, SAYS("field number 536870912"));
    refuse(TAIL("\xfb\x01"), DEIT_ERR_FORMAT, SAYS("field 31 is a group"));
    refuse(TAIL("\xfc\x01"), DEIT_ERR_FORMAT, SAYS("field 31 is a group"));
    refuse(TAIL("\xfe\x01"), DEIT_ERR_FORMAT, SAYS("field 31 has wire type 6"));
    refuse(TAIL("\xff\x01"), DEIT_ERR_FORMAT, SAYS("field 31 has wire type 7"));
    refuse(TAIL("\x80"), DEIT_ERR_FORMAT, SAYS("a varint is cut short"));
    refuse(TAIL("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), DEIT_ERR_FORMAT,
           SAYS("a varint of more than 10 bytes"));
    refuse(TAIL("\x3d\x01\x02\x03\x04"), DEIT_ERR_FORMAT,
           SAYS("ModelProto.graph: field 7 has wire type 5, not 2"));
    refuse(TAIL("\x0a\x01\x08"), DEIT_ERR_FORMAT,
           SAYS("ModelProto.ir_version: field 1 has wire type 2, not 0"));
}

static void test_lengths(void **state)
{
    (void)state;
    refuse(TAIL("\x12\x05" "abcd"), DEIT_ERR_FORMAT,
           SAYS("ModelProto.producer_name: 5 bytes, but only 4 are left in the file"));
    refuse(TAIL("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "abcd"), DEIT_ERR_FORMAT,
           SAYS("18446744073709551615 bytes, but only 4 are left"));
    refuse(TAIL("\xfd\x01" "abc"), DEIT_ERR_FORMAT, SAYS("4 bytes, but only 3 are left"));
    refuse(TAIL("\xf9\x01" "abcdefg"), DEIT_ERR_FORMAT, SAYS("8 bytes, but only 7 are left"));
    refuse(TAIL("\xfa\x01\x09" "abcdefg"), DEIT_ERR_FORMAT,
           SAYS("9 bytes, but only 7 are left"));
    /* an operator set whose domain is longer than the operator set, but not than the file */
    refuse(TAIL("\x42\x02\x0a\x03" "abcdef"), DEIT_ERR_FORMAT,
           SAYS("OperatorSetIdProto.domain: 3 bytes, but only 0 are left in the message"));
    refuse(TAIL("\x42\x02\x10\x80\x00"), DEIT_ERR_FORMAT, SAYS("a varint is cut short"));
}

static void test_singular_messages(void **state)
{
    (void)state;
    struct bytes graph = make_graph(), file = make_small_model();
    put_message(&file, MODEL_GRAPH, &graph);
    must_refuse(&file, DEIT_ERR_FORMAT, SAYS("ModelProto.graph: is there twice"));

    static const int64_t dims[] = { 1 };
    struct bytes tensor = make_tensor("w", FLOAT, 1, dims);
    put_run(&tensor, TENSOR_RAW, "abcd", 4);
    put_run(&tensor, TENSOR_RAW, "abcd", 4);
    graph = make_graph();
    put_message(&graph, GRAPH_INITIALIZER, &tensor);
    file = make_model(&graph);
    must_refuse(&file, DEIT_ERR_FORMAT, SAYS("TensorProto.raw_data: is there twice"));
}

static void test_text(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80", "a\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xc3(",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes file = make_small_model();
        put_text(&file, MODEL_PRODUCER, bad[i]);
        must_refuse(&file, DEIT_ERR_FORMAT,
                    SAYS("ModelProto.producer_name: the string is not UTF-8"));
    }
    struct bytes file = make_small_model();
    put_run(&file, MODEL_PRODUCER, "ab\0c", 4);
    must_refuse(&file, DEIT_ERR_FORMAT, SAYS("a zero byte inside, after 2 of 4 bytes"));

    file = make_small_model();
    put_text(&file, MODEL_PRODUCER, "\xc3\xa9 \xe2\x82\xac \xef\xbf\xbd \xf0\x9f\x99\x82");
    deit_onnx_free(must_read(&file));
    bytes_done(&file);
}

static void test_packed(void **state)
{
    (void)state;
    static const int64_t dims[] = { 2 };
    struct bytes tensor = make_tensor("w", FLOAT, 1, dims), graph = make_graph();
    put_run(&tensor, TENSOR_FLOATS, "abcdefghi", 9);
    put_message(&graph, GRAPH_INITIALIZER, &tensor);
    struct bytes file = make_model(&graph);
    must_refuse(&file, DEIT_ERR_FORMAT,
                SAYS("TensorProto.float_data: 9 bytes are not a whole number"));

    tensor = make_tensor("w", INT64, 1, dims);
    put_run(&tensor, TENSOR_INT64S, "\x01\x80", 2);
    graph = make_graph();
    put_message(&graph, GRAPH_INITIALIZER, &tensor);
    file = make_model(&graph);
    must_refuse(&file, DEIT_ERR_FORMAT, SAYS("a varint is cut short"));
}

/* Fields that nobody knows, in every form, at every level. */
static void test_unknown_fields(void **state)
{
    (void)state;
    struct bytes graph = make_graph(), node = make_node("Relu", "x", "y");
    struct bytes *const all[] = { &node, &graph };
    for (size_t i = 0; i < 2; i++) {
        put_int(all[i], 999, -1);
        put_tag(all[i], 998, 1);
        put_bytes(all[i], "12345678", 8);
        put_float(all[i], 997, 1.0f);
        put_text(all[i], 536870911, "\xff\xff a string that is not one");
        put_text(all[i], 16000, "ours, but not from a file");
        put_int(all[i], 16001, 5);
    }
    put_message(&graph, GRAPH_NODE, &node);
    struct bytes file = make_model(&graph);
    put_text(&file, 6, "documentation \xff");
    struct deit_onnx *onnx = must_read(&file);
    assert_false(onnx->model->graph->node[0]->has_deit_opset);
    assert_int_equal(onnx->model->graph->base.n_unknown_fields, 0);
    deit_onnx_free(onnx);
    bytes_done(&file);
}

/* A piece that the file brings along would point anywhere: it is skipped like any unknown field. */
static void test_pieces_of_a_file(void **state)
{
    (void)state;
    static const int64_t dims[] = { 1000 };
    struct bytes piece = { 0 }, tensor = make_tensor("w", FLOAT, 1, dims), graph = make_graph();
    put_int(&piece, 1, TENSOR_RAW);
    put_int(&piece, 2, 0);
    put_int(&piece, 3, 4000);
    put_message(&tensor, 16000, &piece);
    put_message(&graph, GRAPH_INITIALIZER, &tensor);
    struct bytes file = make_model(&graph);
    struct deit_onnx *onnx = must_read(&file);
    struct deit_error err = { 0 };
    enum deit_status status;
    resolve_all(onnx, &err, &status);
    must_say(status, &err, DEIT_ERR_FORMAT, "tensor 'w': has no data, its shape and type "
                                            "need 1000 elements");
    deit_onnx_free(onnx);
    bytes_done(&file);
}

/* Scalars may be written longer than they need be, and more than once: the last one counts. */
static void test_odd_scalars(void **state)
{
    (void)state;
    struct bytes graph = make_graph(), file = { 0 }, opset = { 0 };
    put_bytes(&file, "\x88\x80\x80\x80\x00\x83\x80\x80\x80\x80\x80\x80\x80\x80\x00", 15);
    put_int(&file, MODEL_IR, 9);
    put_text(&opset, 1, "com.microsoft");
    put_int(&opset, 2, 1);
    put_text(&opset, 1, "ai.onnx");
    put_int(&opset, 2, 21);
    put_message(&file, MODEL_OPSET, &opset);
    put_message(&file, MODEL_GRAPH, &graph);
    struct deit_onnx *onnx = must_read(&file);
    assert_int_equal(onnx->ir_version, 9);
    assert_int_equal(onnx->opset, 21);
    assert_int_equal(deit_onnx_opset(onnx, "com.microsoft"), 0);
    deit_onnx_free(onnx);
    bytes_done(&file);
}

/* ------------------------------------------------------------------ limits */

/* A graph in an attribute of a node of a graph, ..., 'levels' messages below the model. */
static struct bytes nest(unsigned levels)
{
    static const unsigned fields[] = { MODEL_GRAPH, GRAPH_NODE, NODE_ATTRIBUTE, ATTR_G };
    struct bytes b = { 0 };
    for (unsigned level = levels; level > 0; level--) {
        unsigned field = level == 1 ? MODEL_GRAPH : fields[(level - 2) % 3 + 1];
        struct bytes outer = { 0 };
        if (level > 1 && field == NODE_ATTRIBUTE) {
            put_text(&outer, NODE_OP, "If");
            put_text(&outer, NODE_OUTPUT, "");
        }
        if (level > 1 && field == ATTR_G)
            put_text(&outer, ATTR_NAME, "then_branch");
        if (level == 1) {
            struct bytes opset = make_opset("", 17);
            put_int(&outer, MODEL_IR, 8);
            put_message(&outer, MODEL_OPSET, &opset);
        }
        put_message(&outer, field, &b);
        b = outer;
    }
    return b;
}

static void test_depth(void **state)
{
    (void)state;
    struct bytes file = nest(DEIT_ONNX_MAX_DEPTH);
    deit_onnx_free(must_read(&file));
    bytes_done(&file);
    file = nest(DEIT_ONNX_MAX_DEPTH + 1);
    must_refuse(&file, DEIT_ERR_LIMIT,
                SAYS("messages are nested 101 deep, at most 100 are read"));
}

/* 54 kilobytes of nested graphs overflow the stack of a reader that recurses. */
static void test_deep_file(void **state)
{
    (void)state;
    struct bytes file = nest(6000);
    assert_true(file.n > 50000);
    must_refuse(&file, DEIT_ERR_LIMIT, SAYS("messages are nested 101 deep"));
}

/* Types nest without graphs, and in messages that nobody keeps. */
static void test_deep_types(void **state)
{
    (void)state;
    static const unsigned ways[] = { 4, 9 }; /* a sequence of, an optional */
    for (size_t way = 0; way < 2; way++) {
        struct bytes type = { 0 };
        for (int i = 0; i < 200; i++) {
            struct bytes element = { 0 }, outer = { 0 };
            put_message(&element, 1, &type);
            put_message(&outer, ways[way], &element);
            type = outer;
        }
        struct bytes info = { 0 }, graph = make_graph();
        put_text(&info, 1, "z");
        put_message(&info, 2, &type);
        put_message(&graph, 13, &info);
        struct bytes file = make_model(&graph);
        must_refuse(&file, DEIT_ERR_LIMIT, SAYS("messages are nested 101 deep"));
    }
}

/* Two bytes of an empty message are a hundred in memory. */
static void test_empty_messages(void **state)
{
    (void)state;
    struct bytes graph = { 0 };
    for (int i = 0; i < DEIT_ONNX_MAX_NODES + 1; i++)
        put_run(&graph, GRAPH_NODE, "", 0);
    struct bytes file = make_model(&graph);
    must_refuse(&file, DEIT_ERR_LIMIT, SAYS("20001 nodes up to byte", "at most 20000 are read"));

    graph = (struct bytes){ 0 };
    for (int i = 0; i < DEIT_ONNX_MAX_MESSAGES + 1; i++)
        put_run(&graph, GRAPH_INPUT, "", 0);
    file = make_model(&graph);
    must_refuse(&file, DEIT_ERR_LIMIT, SAYS("more than 2000000 messages"));

    graph = (struct bytes){ 0 }; /* fewer, but each tensor is some three hundred bytes */
    for (int i = 0; i < DEIT_ONNX_MAX_MESSAGES - 10; i++)
        put_run(&graph, GRAPH_INITIALIZER, "", 0);
    file = make_model(&graph);
    must_refuse(&file, DEIT_ERR_LIMIT,
                SAYS("the structure of the model needs more than 268435456 bytes"));
}

static void test_large_strings(void **state)
{
    (void)state;
    size_t n = DEIT_ONNX_MAX_SKELETON + 1;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'a', n);
    struct bytes file = make_small_model();
    put_run(&file, MODEL_PRODUCER, text, n);
    must_refuse(&file, DEIT_ERR_LIMIT, SAYS("without its tensors", "at most 67108864 are read"));
    file = make_small_model();
    put_run(&file, 6, text, n); /* documentation costs nothing */
    deit_onnx_free(must_read(&file));
    bytes_done(&file);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_model),    cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_tags),           cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_singular_messages), cmocka_unit_test(test_text),
        cmocka_unit_test(test_packed),         cmocka_unit_test(test_unknown_fields),
        cmocka_unit_test(test_pieces_of_a_file), cmocka_unit_test(test_odd_scalars),
        cmocka_unit_test(test_depth),          cmocka_unit_test(test_deep_file),
        cmocka_unit_test(test_deep_types),     cmocka_unit_test(test_empty_messages),
        cmocka_unit_test(test_large_strings),
    };
    return cmocka_run_group_tests_name("onnx_wire", tests, NULL, NULL);
}
