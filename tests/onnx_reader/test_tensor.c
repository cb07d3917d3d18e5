/*
 * tests/onnx_reader/test_tensor.c: tensors in every way that a file can store them, and in the
 * ways that it must not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/constant.h"
#include "tests/onnx_reader/make.h"

/* The only initializer of a model. */
struct opened {
    struct bytes file;
    struct deit_onnx *onnx;
};

static struct opened open_tensor(struct bytes tensor)
{
    struct opened o = { 0 };
    struct bytes graph = make_graph();
    put_message(&graph, GRAPH_INITIALIZER, &tensor);
    o.file = make_model(&graph);
    o.onnx = must_read(&o.file);
    return o;
}

static void close_tensor(struct opened *o)
{
    deit_onnx_free(o->onnx);
    bytes_done(&o->file);
}

/* Its bytes are these; is_in_file: they were not copied. */
static void expect(struct bytes tensor, enum deit_dtype dtype, const void *bytes, size_t n,
                   bool is_in_file)
{
    struct opened o = open_tensor(tensor);
    struct deit_onnx_tensor t;
    struct deit_error err = { 0 };
    if (deit_onnx_tensor(o.onnx, o.onnx->model->graph->initializer[0], NULL, &t, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    assert_int_equal(t.dtype, dtype);
    assert_int_equal(t.constant.n_parts, 1);
    struct deit_constant_part *part = &t.constant.parts[0];
    assert_int_equal(part->dtype, dtype);
    assert_int_equal(part->n_elements * deit_dtype_bytes(dtype), n);
    assert_int_equal(part->source == o.onnx->source, is_in_file);
    if (n) {
        /* the constant outlives the model */
        unsigned char *got = test_malloc(n);
        deit_onnx_free(o.onnx);
        o.onnx = NULL;
        assert_int_equal(deit_source_read(part->source, part->offset, n, got, &err), DEIT_OK);
        assert_memory_equal(got, bytes, n);
        test_free(got);
    }
    deit_constant_done(&t.constant);
    close_tensor(&o);
}

static void refuse(struct bytes tensor, enum deit_status status, const char *says)
{
    struct opened o = open_tensor(tensor);
    struct deit_onnx_tensor t;
    struct deit_error err = { 0 };
    must_say(deit_onnx_tensor(o.onnx, o.onnx->model->graph->initializer[0], NULL, &t, &err), &err,
             status, says);
    assert_non_null(strstr(err.message, "made.onnx: tensor 'w': "));
    close_tensor(&o);
}

static struct bytes tensor_of(int type, int64_t n)
{
    return make_tensor("w", type, 1, &n);
}

static struct bytes raw(int type, int64_t n, const void *data, size_t bytes)
{
    struct bytes b = tensor_of(type, n);
    put_run(&b, TENSOR_RAW, data, bytes);
    return b;
}

static void fill(unsigned char *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        data[i] = (unsigned char)(i * 37 + 11);
}

static void test_raw(void **state)
{
    (void)state;
    static const struct {
        int type;
        enum deit_dtype dtype;
    } types[] = {
        { FLOAT, DEIT_F32 }, { FLOAT16, DEIT_F16 }, { BFLOAT16, DEIT_BF16 },
        { DOUBLE, DEIT_F64 }, { INT64, DEIT_I64 }, { INT32, DEIT_I32 }, { UINT8, DEIT_U8 },
        { INT8, DEIT_I8 },
    };
    unsigned char data[8 * 1030];
    fill(data, sizeof data);
    static const size_t counts[] = { 1, 127, 128, 129, 1024, 1025, 1030 };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
            size_t n = counts[j] * deit_dtype_bytes(types[i].dtype);
            expect(raw(types[i].type, (int64_t)counts[j], data, n), types[i].dtype, data, n,
                   n > 1024);
        }
    memset(data, 1, 1500);
    expect(raw(BOOL, 1500, data, 1500), DEIT_BOOL, data, 1500, true);
    data[1499] = 2;
    refuse(raw(BOOL, 1500, data, 1500), DEIT_ERR_FORMAT, "element 1499 of type BOOL is the byte 2");
}

static void test_shapes(void **state)
{
    (void)state;
    static const int64_t many[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    static const int64_t negative[] = { 2, -1 }, huge[] = { INT64_C(1) << 40, 1 << 22 };
    static const int64_t above_64[] = { INT64_MAX, INT64_MAX, 1 };
    static const int64_t beside_zero[] = { INT64_C(1) << 40, 0, 1 << 23 };
    static const int64_t empty[] = { 5, 0, 7 };
    float one = 1;
    struct bytes b = make_tensor("w", FLOAT, 0, NULL); /* a scalar */
    put_run(&b, TENSOR_RAW, &one, sizeof one);
    expect(b, DEIT_F32, &one, sizeof one, false);
    b = make_tensor("w", FLOAT, 8, many);
    put_run(&b, TENSOR_RAW, &one, sizeof one);
    expect(b, DEIT_F32, &one, sizeof one, false);
    expect(make_tensor("w", FLOAT, 3, empty), DEIT_F32, NULL, 0, false);
    expect(make_tensor("w", INT64, 3, empty), DEIT_I64, NULL, 0, false);
    expect(raw(FLOAT, 0, "", 0), DEIT_F32, NULL, 0, false);

    refuse(make_tensor("w", FLOAT, 9, many), DEIT_ERR_UNSUPPORTED, "rank 9, at most 8");
    refuse(make_tensor("w", FLOAT, 2, negative), DEIT_ERR_FORMAT, "dimension 1 is -1");
    refuse(make_tensor("w", FLOAT, 2, huge), DEIT_ERR_FORMAT, "does not fit into 63 bits");
    refuse(make_tensor("w", FLOAT, 3, above_64), DEIT_ERR_FORMAT, "does not fit into 63 bits");
    refuse(make_tensor("w", FLOAT, 3, beside_zero), DEIT_ERR_FORMAT, "does not fit into 63 bits");
}

static void test_sizes(void **state)
{
    (void)state;
    unsigned char data[4100];
    fill(data, sizeof data);
    refuse(raw(FLOAT, 5, data, 19), DEIT_ERR_FORMAT,
           "raw_data holds 19 bytes, its shape and type need 20");
    refuse(raw(FLOAT, 1000, data, 4001), DEIT_ERR_FORMAT,
           "raw_data holds 4001 bytes, its shape and type need 4000");
    refuse(raw(FLOAT, 0, data, 4), DEIT_ERR_FORMAT, "raw_data holds 4 bytes");
    refuse(tensor_of(FLOAT, 3), DEIT_ERR_FORMAT, "has no data");
    struct bytes b = tensor_of(FLOAT, 3);
    put_run(&b, TENSOR_FLOATS, data, 16);
    refuse(b, DEIT_ERR_FORMAT, "float_data holds 4 elements, its shape and type need 3");
    b = tensor_of(FLOAT, 4);
    put_run(&b, TENSOR_FLOATS, data, 16);
    put_run(&b, TENSOR_RAW, data, 16);
    refuse(b, DEIT_ERR_FORMAT, "has raw_data and float_data");
    b = tensor_of(FLOAT, 4);
    put_run(&b, TENSOR_DOUBLES, data, 32);
    refuse(b, DEIT_ERR_FORMAT, "has float_data and double_data");
    b = tensor_of(INT64, 4);
    put_run(&b, 11, "1234", 4);
    refuse(b, DEIT_ERR_FORMAT, "has int64_data and uint64_data");
    b = tensor_of(FLOAT, 1);
    put_run(&b, TENSOR_RAW, data, 4);
    put_int(&b, TENSOR_LOCATION, 7);
    refuse(b, DEIT_ERR_FORMAT, "data_location 7");
}

static void test_types(void **state)
{
    (void)state;
    refuse(tensor_of(0, 0), DEIT_ERR_FORMAT, "it has no type");
    refuse(tensor_of(STRING, 0), DEIT_ERR_UNSUPPORTED, "elements of type STRING");
    refuse(tensor_of(UINT16, 0), DEIT_ERR_UNSUPPORTED, "elements of type UINT16");
    refuse(tensor_of(22, 0), DEIT_ERR_UNSUPPORTED, "elements of type INT4");
    refuse(tensor_of(99, 0), DEIT_ERR_UNSUPPORTED, "elements of type type 99");
    refuse(tensor_of(-1, 0), DEIT_ERR_UNSUPPORTED, "elements of type type -1");
}

/* ------------------------------------------------------------------ typed fields */

/* A tensor whose data are varints: n of them, value i is first + i * step. */
static struct bytes varints(int type, unsigned field, int64_t n, int64_t first, int64_t step)
{
    struct bytes b = tensor_of(type, n), run = { 0 };
    for (int64_t i = 0; i < n; i++)
        put_varint(&run, (uint64_t)(first + i * step));
    put_message(&b, field, &run);
    return b;
}

static void test_typed(void **state)
{
    (void)state;
    static float floats[300];
    static double doubles[300];
    static int64_t i64[600];
    static int32_t i32[600];
    static uint16_t u16[600];
    static signed char i8[256];
    static unsigned char u8[256];
    for (int i = 0; i < 300; i++) {
        floats[i] = (float)i / 3;
        doubles[i] = i / 3.0;
    }
    for (int i = 0; i < 600; i++) {
        i64[i] = -5 + INT64_C(1000000000) * i;
        i32[i] = -300 + i;
        u16[i] = (uint16_t)(i * 100);
        i8[i % 256] = (signed char)(i % 256 - 128);
        u8[i % 256] = (unsigned char)(i % 256);
    }
    for (int large = 0; large < 2; large++) {
        int n = large ? 300 : 3;
        struct bytes b = tensor_of(FLOAT, n);
        put_run(&b, TENSOR_FLOATS, floats, sizeof *floats * (size_t)n);
        expect(b, DEIT_F32, floats, sizeof *floats * (size_t)n, large);
        b = tensor_of(DOUBLE, n);
        put_run(&b, TENSOR_DOUBLES, doubles, sizeof *doubles * (size_t)n);
        expect(b, DEIT_F64, doubles, sizeof *doubles * (size_t)n, large);
        n = large ? 600 : 3;
        expect(varints(INT64, TENSOR_INT64S, n, -5, 1000000000), DEIT_I64, i64,
               sizeof *i64 * (size_t)n, false);
        expect(varints(INT32, TENSOR_INT32S, n, -300, 1), DEIT_I32, i32,
               sizeof *i32 * (size_t)n, false);
        expect(varints(FLOAT16, TENSOR_INT32S, n, 0, 100), DEIT_F16, u16,
               sizeof *u16 * (size_t)n, false);
        expect(varints(BFLOAT16, TENSOR_INT32S, n, 0, 100), DEIT_BF16, u16,
               sizeof *u16 * (size_t)n, false);
    }
    expect(varints(INT8, TENSOR_INT32S, 256, -128, 1), DEIT_I8, i8, sizeof i8, false);
    expect(varints(UINT8, TENSOR_INT32S, 256, 0, 1), DEIT_U8, u8, sizeof u8, false);
    expect(varints(BOOL, TENSOR_INT32S, 2, 0, 1), DEIT_BOOL, u8, 2, false);
}

static void test_values_that_do_not_fit(void **state)
{
    (void)state;
    refuse(varints(UINT8, TENSOR_INT32S, 257, 0, 1), DEIT_ERR_FORMAT,
           "element 256 is 256, type u8 goes from 0 to 255");
    refuse(varints(UINT8, TENSOR_INT32S, 2, -1, 1), DEIT_ERR_FORMAT, "element 0 is -1");
    refuse(varints(INT8, TENSOR_INT32S, 2, 127, 1), DEIT_ERR_FORMAT,
           "element 1 is 128, type i8 goes from -128 to 127");
    refuse(varints(BOOL, TENSOR_INT32S, 3, 0, 1), DEIT_ERR_FORMAT, "element 2 is 2");
    refuse(varints(FLOAT16, TENSOR_INT32S, 2, 65535, 1), DEIT_ERR_FORMAT, "element 1 is 65536");
    refuse(varints(INT64, TENSOR_INT32S, 2, 0, 1), DEIT_ERR_FORMAT,
           "has int64_data and int32_data");
}

/* Runs and single elements in any order are one list, whether they stay in the file or not. */
static void test_many_runs(void **state)
{
    (void)state;
    static float floats[1000];
    static int64_t ints[2000];
    for (int i = 0; i < 2000; i++) {
        floats[i % 1000] = (float)(i % 1000);
        ints[i] = (int64_t)i * i - 77;
    }
    struct bytes b = tensor_of(FLOAT, 1000);
    put_float(&b, TENSOR_FLOATS, floats[0]);
    put_run(&b, TENSOR_FLOATS, floats + 1, 4 * 9);
    put_run(&b, TENSOR_FLOATS, floats + 10, 4 * 400); /* stays in the file */
    put_run(&b, TENSOR_FLOATS, floats + 410, 4 * 10);
    put_run(&b, TENSOR_FLOATS, floats + 420, 4 * 579); /* and this one */
    put_float(&b, TENSOR_FLOATS, floats[999]);
    expect(b, DEIT_F32, floats, sizeof floats, false);

    b = tensor_of(INT64, 2000);
    static const int ends[] = { 3, 1400, 1401, 1990, 2000 };
    for (int i = 0, k = 0; k < 5; k++) {
        struct bytes run = { 0 };
        for (; i < ends[k]; i++)
            put_varint(&run, (uint64_t)ints[i]);
        put_message(&b, TENSOR_INT64S, &run);
    }
    expect(b, DEIT_I64, ints, sizeof ints, false);
}

/* Bytes of varints become eight times as many: that has an end. */
static void test_decoded_bytes(void **state)
{
    (void)state;
    struct opened o = open_tensor(varints(INT64, TENSOR_INT64S, 2000, 0, 0));
    const DeitOnnx__TensorProto *tensor = o.onnx->model->graph->initializer[0];
    struct deit_onnx_tensor t;
    struct deit_error err = { 0 };
    assert_int_equal(deit_onnx_tensor(o.onnx, tensor, NULL, &t, &err), DEIT_OK);
    assert_int_equal(o.onnx->decoded_bytes, 16000);
    deit_constant_done(&t.constant);
    o.onnx->decoded_bytes = (256 << 20) + o.file.n - 15999;
    must_say(deit_onnx_tensor(o.onnx, tensor, NULL, &t, &err), &err, DEIT_ERR_LIMIT,
             "for values that are stored as varints, at most");
    close_tensor(&o);
}

/* A name that is given stands for the tensor's own, which may be missing. */
static void test_name_in_messages(void **state)
{
    (void)state;
    struct opened o = open_tensor(tensor_of(FLOAT, 3));
    struct deit_onnx_tensor t;
    struct deit_error err = { 0 };
    must_say(deit_onnx_tensor(o.onnx, o.onnx->model->graph->initializer[0], "value of c", &t, &err),
             &err, DEIT_ERR_FORMAT, "made.onnx: tensor 'value of c': has no data");
    close_tensor(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw),       cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_sizes),     cmocka_unit_test(test_types),
        cmocka_unit_test(test_typed),     cmocka_unit_test(test_values_that_do_not_fit),
        cmocka_unit_test(test_many_runs), cmocka_unit_test(test_decoded_bytes),
        cmocka_unit_test(test_name_in_messages),
    };
    return cmocka_run_group_tests_name("onnx_tensor", tests, NULL, NULL);
}
