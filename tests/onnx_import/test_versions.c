/*
 * tests/onnx_import/test_versions.c: what an operator means in each opset.
 *
 * Graphs of constants, so that the whole answer is known when the file is read.  Where a rule
 * changed, the same graph stands in the table before and after.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/onnx_import/text.h"

struct answer {
    int64_t opset;
    const char *graph, *outputs;
};

static void check(const struct answer *answers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct text_model m;
        struct deit_onnx_imported imported;
        struct deit_error err = { 0 };
        print_message("opset %2d: %s\n", (int)answers[i].opset, answers[i].graph);
        text_model_init(&m, answers[i].opset, answers[i].graph);
        if (text_import(&m, &imported, &err) != DEIT_OK)
            fail_msg("%s", err.message);
        text_expect(imported.graph, answers[i].outputs);
        deit_graph_free(imported.graph);
        text_model_done(&m);
    }
}

#define CHECK(answers) check(answers, sizeof(answers) / sizeof *(answers))

/* ------------------------------------------------------------------ attributes and inputs */

static void test_attributes_became_inputs(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 11, "x: f32(1, 2, 1) 5 6; y = Squeeze(x) axes=[0]; -> y", "y: f32(2, 1) 5 6" },
        { 13, "x: f32(1, 2, 1) 5 6; a: i64(1) -1; y = Squeeze(x, a); -> y", "y: f32(1, 2) 5 6" },
        { 13, "x: f32(1, 2, 1) 5 6; y = Squeeze(x); -> y", "y: f32(2) 5 6" },
        { 9, "x: f32(2) 5 6; y = Unsqueeze(x) axes=[0, 2]; -> y", "y: f32(1, 2, 1) 5 6" },
        { 13, "x: f32(2) 5 6; a: i64(1) 1; y = Unsqueeze(x, a); -> y", "y: f32(2, 1) 5 6" },
        { 9, "x: f32(4) 1 2 3 4; y = Slice(x) starts=[1] ends=[99]; -> y", "y: f32(3) 2 3 4" },
        { 9, "x: f32(2, 2) 1 2 3 4; y = Slice(x) starts=[-1] ends=[2] axes=[1]; -> y",
          "y: f32(2, 1) 2 4" },
        { 10, "x: f32(4) 1 2 3 4; s: i64(1) -1; e: i64(1) -99; a: i64(1) 0; t: i64(1) -2;"
              "y = Slice(x, s, e, a, t); -> y", "y: f32(2) 4 2" },
        { 10, "x: f32(2) 1 2; y = Pad(x) pads=[1, 0] value=7.; -> y", "y: f32(3) 7 1 2" },
        { 11, "x: f32(2) 1 2; p: i64(2) 1 0; v: f32() 7; y = Pad(x, p, v); -> y",
          "y: f32(3) 7 1 2" },
        { 18, "x: f32(1, 2) 1 2; p: i64(2) 0 1; a: i64(1) 1; y = Pad(x, p, , a) mode='edge'; -> y",
          "y: f32(1, 3) 1 2 2" },
        { 9, "x: f32(3) -5 0 5; y = Clip(x) min=-1. max=2.; -> y", "y: f32(3) -1 0 2" },
        { 9, "x: f32(3) -5 0 5; y = Clip(x) max=2.; -> y", "y: f32(3) -5 0 2" },
        { 11, "x: f32(3) -5 0 5; h: f32() 2; y = Clip(x, , h); -> y", "y: f32(3) -5 0 2" },
        { 12, "x: i64(3) -5 0 5; l: i64() 1; y = Clip(x, l); -> y", "y: i64(3) 1 1 5" },
        { 13, "x: f32(1) 1; l: f32() 3; h: f32() 2; y = Clip(x, l, h); -> y", "y: f32(1) 2" },
    };
    CHECK(answers);
}

static void test_reductions(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 11, "x: f32(2, 2) 1 2 3 4; y = ReduceSum(x) axes=[1] keepdims=0; -> y", "y: f32(2) 3 7" },
        { 13, "x: f32(2, 2) 1 2 3 4; a: i64(1) 0; y = ReduceSum(x, a); -> y", "y: f32(1, 2) 4 6" },
        { 13, "x: f32(2) 1 2; a: i64(0); y = ReduceSum(x, a) noop_with_empty_axes=1; -> y",
          "y: f32(2) 1 2" },
        { 13, "x: f32(2) 1 2; a: i64(0); y = ReduceSum(x, a); -> y", "y: f32(1) 3" },
        { 17, "x: f32(2, 2) 1 2 3 4; y = ReduceMean(x) axes=[-1]; -> y", "y: f32(2, 1) 1.5 3.5" },
        { 18, "x: f32(2, 2) 1 2 3 4; a: i64(1) 1; y = ReduceMean(x, a); -> y",
          "y: f32(2, 1) 1.5 3.5" },
        { 18, "x: i64(2, 2) 1 2 3 4; y = ReduceProd(x) keepdims=0; -> y", "y: i64() 24" },
        { 18, "x: i64(2, 2) 1 2 3 4; y = ReduceMax(x); z = ReduceMin(x); -> y z",
          "y: i64(1, 1) 4; z: i64(1, 1) 1" },
        { 13, "x: f32(2) 3 4; y = ReduceL2(x); z = ReduceSumSquare(x); -> y z",
          "y: f32(1) 5; z: f32(1) 25" },
    };
    CHECK(answers);
}

/* Before opset 13 rows were all that lies behind the axis. */
static void test_softmax(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 11, "x: f32(1, 2, 2) 0 0 0 0; y = Softmax(x); -> y",
          "y: f32(1, 2, 2) .25 .25 .25 .25" },
        { 13, "x: f32(1, 2, 2) 0 0 0 0; y = Softmax(x); -> y", "y: f32(1, 2, 2) .5 .5 .5 .5" },
        { 13, "x: f32(2, 1) 0 0; y = Softmax(x) axis=0; -> y", "y: f32(2, 1) .5 .5" },
        { 12, "x: f32(2, 1) 0 0; y = Softmax(x) axis=0; -> y", "y: f32(2, 1) .5 .5" },
        { 9, "x: f32(2, 2) 0 0 0 0; y = Softmax(x) axis=-2; -> y",
          "y: f32(2, 2) .25 .25 .25 .25" },
        { 12, "x: f32(2, 2) 0 0 0 0; y = Softmax(x) axis=1; -> y", "y: f32(2, 2) .5 .5 .5 .5" },
        { 13, "x: f32(2) 1000 1000; y = LogSoftmax(x); -> y", "y: f32(2) -.6931472 -.6931472" },
    };
    CHECK(answers);
}

static void test_split(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 11, "x: f32(4) 1 2 3 4; a, b = Split(x); -> a b", "a: f32(2) 1 2; b: f32(2) 3 4" },
        { 11, "x: f32(3) 1 2 3; a, b = Split(x) split=[1, 2]; -> a b",
          "a: f32(1) 1; b: f32(2) 2 3" },
        { 13, "x: f32(3) 1 2 3; s: i64(2) 2 1; a, b = Split(x, s); -> a b",
          "a: f32(2) 1 2; b: f32(1) 3" },
        { 13, "x: f32(3) 1 2 3; s: f32(2) 2 1; t = Cast(s) to=7; a, b = Split(x, t); -> a b",
          "a: f32(2) 1 2; b: f32(1) 3" },
        { 18, "x: f32(1, 3) 1 2 3; a, b = Split(x) axis=-1 num_outputs=2; -> a b",
          "a: f32(1, 2) 1 2; b: f32(1, 1) 3" },
        { 13, "x: f32(2, 2) 1 2 3 4; s: i64(2) 0 2; a, b = Split(x, s) axis=1; -> a b",
          "a: f32(2, 0); b: f32(2, 2) 1 2 3 4" },
    };
    CHECK(answers);
}

/* ------------------------------------------------------------------ shapes */

static void test_shapes(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 13, "x: f32(2, 0); s: i64(2) 0 0; y = Reshape(x, s); -> y", "y: f32(2, 0)" },
        { 14, "x: f32(0, 3); s: i64(2) 3 0; y = Reshape(x, s) allowzero=1; -> y", "y: f32(3, 0)" },
        { 9, "x: f32(1, 2, 2) 1 2 3 4; y = Flatten(x); -> y", "y: f32(1, 4) 1 2 3 4" },
        { 9, "x: f32(1, 2, 2) 1 2 3 4; y = Flatten(x) axis=2; -> y", "y: f32(2, 2) 1 2 3 4" },
        { 11, "x: f32(1, 2, 2) 1 2 3 4; y = Flatten(x) axis=-1; -> y", "y: f32(2, 2) 1 2 3 4" },
        { 9, "x: f32(1, 2, 2) 1 2 3 4; y = Flatten(x) axis=0; -> y", "y: f32(1, 4) 1 2 3 4" },
        { 9, "x: f32(2, 2) 1 2 3 4; y = Flatten(x) axis=2; -> y", "y: f32(4, 1) 1 2 3 4" },
        { 14, "x: f32(2, 3, 0); y = Shape(x); -> y", "y: i64(3) 2 3 0" },
        { 15, "x: f32(2, 3, 0); y = Shape(x) start=-2 end=99; -> y", "y: i64(2) 3 0" },
        { 13, "x: f32(2, 1) 5 6; y = Size(x); -> y", "y: i64() 2" },
        { 13, "x: f32(2, 1) 1 2; r: i64(2) 2 3; y = Tile(x, r); -> y",
          "y: f32(4, 3) 1 1 1 2 2 2 1 1 1 2 2 2" },
        { 9, "s: i64(2) 1 2; y = ConstantOfShape(s); -> y", "y: f32(1, 2) 0 0" },
        { 9, "s: i64(1) 2; y = ConstantOfShape(s) value=i64(1) 7; -> y", "y: i64(2) 7 7" },
        { 9, "s: i64(0); y = ConstantOfShape(s) value=bool(1) 1; -> y", "y: bool() 1" },
        { 11, "a: i64() 1; b: i64() 7; c: i64() 3; y = Range(a, b, c); -> y", "y: i64(2) 1 4" },
        { 13, "x: f32(2, 2) 1 2 3 4; y = Transpose(x); -> y", "y: f32(2, 2) 1 3 2 4" },
        { 13, "x: i64(2, 2) 1 0 0 1; y = NonZero(x); -> y", "y: i64(2, 2) 0 1 0 1" },
        { 12, "x: f32(2, 2) 1 2 3 4; i: i64(2, 1) 1 0; y = GatherND(x, i) batch_dims=1; -> y",
          "y: f32(2) 2 3" },
        { 13, "x: f32(2, 2) 1 2 3 4; i: i32(1) -1; y = Gather(x, i) axis=1; -> y",
          "y: f32(2, 1) 2 4" },
        { 13, "x: f32(2, 2) 1 2 3 4; i: i64(1, 2) 1 0; y = GatherElements(x, i); -> y",
          "y: f32(1, 2) 3 2" },
        { 16, "x: f32(3) 1 2 3; i: i64(1, 1) 1; u: f32(1) 9; y = ScatterND(x, i, u); -> y",
          "y: f32(3) 1 9 3" },
    };
    CHECK(answers);
}

static void test_constants(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 9, "y = Constant() value=f32(2) 1 2; -> y", "y: f32(2) 1 2" },
        { 12, "y = Constant() value_float=1.5; -> y", "y: f32() 1.5" },
        { 12, "y = Constant() value_floats=[1.5, 2.]; -> y", "y: f32(2) 1.5 2" },
        { 12, "y = Constant() value_int=-3; -> y", "y: i64() -3" },
        { 12, "y = Constant() value_ints=[1, 2, 3]; -> y", "y: i64(3) 1 2 3" },
        { 13, "x: f32(2) 1 2; y = Identity(x); z = Identity(x); -> y z x",
          "y: f32(2) 1 2; z: f32(2) 1 2; x: f32(2) 1 2" },
        { 12, "x: f32(2) 1 2; y, m = Dropout(x); -> y m", "y: f32(2) 1 2; m: bool(2) 1 1" },
        { 12, "x: f32(2) 1 2; r: f32() 0; t: bool() 1; y = Dropout(x, r, t); -> y",
          "y: f32(2) 1 2" },
    };
    CHECK(answers);
}

/* Only one branch is imported, and it may name what is around it. */
static void test_if(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 13, "c: bool() 1; x: f32(1) 2;"
              "y = If(c) then_branch={a = Add(x, x); -> a} else_branch={b = NoSuch(x); -> b}; -> y",
          "y: f32(1) 4" },
        { 13, "x: f32(1, 2) 1 2; one: i64() 1; s = Shape(x); g = Gather(s, zero); zero: i64() 0;"
              "c = Equal(g, one);"
              "y = If(c) then_branch={a = Squeeze(x); -> a} else_branch={b = Identity(x); -> b};"
              "-> y", "y: f32(2) 1 2" },
        { 13, "c: bool() 0; x: f32(1) 2; y, z = If(c) else_branch={-> x x}; -> y z",
          "y: f32(1) 2; z: f32(1) 2" },
    };
    CHECK(answers);
}

/* Nodes in any order; names as a file has them. */
static void test_order(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 13, "z = Add(y, y); y = Mul(x, x); x: f32(1) 3; -> z y", "z: f32(1) 18; y: f32(1) 9" },
        { 13, "z = If(c) then_branch={-> y}; y = Mul(x, x); c: bool() 1; x: f32(1) 3; -> z",
          "z: f32(1) 9" },
    };
    CHECK(answers);
}

/* ------------------------------------------------------------------ arithmetic */

static void test_arithmetic(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 13, "x: i64(2) -7 7; y: i64() 3; a = Mod(x, y); b = Mod(x, y) fmod=1; c = Div(x, y);"
              "-> a b c", "a: i64(2) 2 1; b: i64(2) -1 1; c: i64(2) -2 2" },
        { 12, "x: f32(2) 2 3; e: i64() 2; y = Pow(x, e); -> y", "y: f32(2) 4 9" },
        { 12, "x: i64(2) 2 3; e: f32() 2; y = Pow(x, e); -> y", "y: i64(2) 4 9" },
        { 13, "a: f32(2) 1 5; b: f32() 3; c: f32() 4; x = Max(a, b, c); y = Min(a); z = Mean(a, b);"
              "-> x y z", "x: f32(2) 4 5; y: f32(2) 1 5; z: f32(2) 2 4" },
        { 13, "x: f32(2) 1.7 -1.7; y = Cast(x) to=7; z = Cast(x) to=10; -> y z",
          "y: i64(2) 1 -1; z: f32(2) 1.7 -1.7" },
        { 15, "x: f32(2) 0 2; l: bool() 1; y = CastLike(x, l); -> y", "y: bool(2) 0 1" },
        { 20, "x: f32(1) 1; a = Gelu(x); b = Gelu(x) approximate='tanh'; -> a b",
          "a: f32(1) .8413447; b: f32(1) .8411920" },
        { 13, "x: f32(2) nan 1; y = IsNaN(x); z = Not(y); -> y z",
          "y: bool(2) 1 0; z: bool(2) 0 1" },
        { 11, "a: f32(1, 2) 1 2; b: f32(1, 2) 3 4; c: f32() 1;"
              "y = Gemm(a, b, c) transB=1 alpha=2. beta=3.; z = Gemm(a, b) transA=1; -> y z",
          "y: f32(1, 1) 25; z: f32(2, 2) 3 4 6 8" },
    };
    CHECK(answers);
}

static void test_normalisations(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 17, "x: f32(1, 2, 2) 1 3 5 7; g: f32(2, 2) 1 1 1 1;"
              "y, m, i = LayerNormalization(x, g) axis=1 epsilon=0.; -> y m i",
          "y: f32(1, 2, 2) -1.3416408 -.4472136 .4472136 1.3416408; m: f32(1, 1, 1) 4;"
          "i: f32(1, 1, 1) .4472136" },
        { 23, "x: f32(1, 2) 3 4; g: f32(2) 2 1; y = RMSNormalization(x, g) epsilon=0.; -> y",
          "y: f32(1, 2) 1.6970563 1.1313708" },
        { 9, "x: f32(1, 2, 1) 3 5; s: f32(2) 2 1; b: f32(2) 1 0; m: f32(2) 1 1; v: f32(2) 4 16;"
             "y = BatchNormalization(x, s, b, m, v) epsilon=0.; -> y", "y: f32(1, 2, 1) 3 1" },
        { 14, "x: f32(2, 1) 1 3; s: f32(1) 1; b: f32(1) 0; m: f32(1) 0; v: f32(1) 0;"
              "y, p, q = BatchNormalization(x, s, b, m, v) epsilon=0. training_mode=1; -> y p q",
          "y: f32(2, 1) -1 1; p: f32(1) .2; q: f32(1) .1" },
        { 15, "x: f32(1, 2) 1 1; k: f32(1, 2) 1 3; g: f32(2) 1 1;"
              "y, , , s = com.microsoft.SkipSimplifiedLayerNormalization(x, k, g); -> y s",
          "y: f32(1, 2) .6324555 1.2649111; s: f32(1, 2) 2 4" },
    };
    CHECK(answers);
}

static void test_windows(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        { 11, "x: f32(1, 1, 4) 1 2 3 4; w: f32(1, 1, 2) 1 10; y = Conv(x, w) strides=[2]; -> y",
          "y: f32(1, 1, 2) 21 43" },
        { 11, "x: f32(1, 1, 3) 1 2 3; w: f32(1, 1, 2) 1 10; y = Conv(x, w) auto_pad='SAME_UPPER';"
              "z = Conv(x, w) auto_pad='SAME_LOWER'; v = Conv(x, w) auto_pad='VALID'; -> y z v",
          "y: f32(1, 1, 3) 21 32 3; z: f32(1, 1, 3) 10 21 32; v: f32(1, 1, 2) 21 32" },
        { 11, "x: f32(1, 2, 1, 1) 3 5; w: f32(2, 1, 1, 1) 2 4; b: f32(2) 1 0;"
              "y = Conv(x, w, b) group=2 pads=[0, 0, 0, 0]; -> y", "y: f32(1, 2, 1, 1) 7 20" },
        { 9, "x: f32(1, 1, 3) 1 2 6; y = AveragePool(x) kernel_shape=[2] pads=[1, 0];"
             "z = AveragePool(x) kernel_shape=[2] pads=[1, 0] count_include_pad=1; -> y z",
          "y: f32(1, 1, 3) 1 1.5 4; z: f32(1, 1, 3) .5 1.5 4" },
        { 10, "x: f32(1, 1, 3) 1 2 6; y = AveragePool(x) kernel_shape=[2] strides=[2] ceil_mode=1;"
              "-> y", "y: f32(1, 1, 2) 1.5 6" },
        { 9, "x: f32(1, 2, 2) 1 3 5 7; y = GlobalAveragePool(x); -> y", "y: f32(1, 2, 1) 2 6" },
        { 9, "x: f32(1, 1, 1, 2) 1 2; s: f32(4) 1 1 1 2; y = Upsample(x, s); -> y",
          "y: f32(1, 1, 1, 4) 1 1 2 2" },
        { 10, "x: f32(1, 1, 1, 2) 1 3; s: f32(4) 1 1 1 2; y = Resize(x, s) mode='linear'; -> y",
          "y: f32(1, 1, 1, 4) 1 2 3 3" },
        { 11, "x: f32(1, 1, 1, 2) 1 3; r: f32(0); s: f32(4) 1 1 1 2;"
              "y = Resize(x, r, s) mode='linear'; -> y", "y: f32(1, 1, 1, 4) 1 1.5 2.5 3" },
        { 13, "x: f32(1, 1, 1, 2) 1 3; e: f32(0); n: i64(4) 1 1 1 4; y = Resize(x, , e, n)"
              " coordinate_transformation_mode='align_corners' mode='linear'; -> y",
          "y: f32(1, 1, 1, 4) 1 1.6666667 2.3333333 3" },
        { 18, "x: f32(1, 1, 1, 2) 1 3; n: i64(1) 1; y = Resize(x, , , n) axes=[3] antialias=1"
              " mode='linear'; -> y", "y: f32(1, 1, 1, 1) 2" },
    };
    CHECK(answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes_became_inputs),
        cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_if),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_normalisations),
        cmocka_unit_test(test_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
