/*
 * tests/onnx_import/test_refusals.c: what cannot be imported, and what is said of it.
 *
 * A message names the file, the node, its operator and the numbers that do not fit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/onnx_import/text.h"

struct refusal {
    int64_t opset;
    const char *graph;
    enum deit_status status;
    const char *says[4];
};

static void check(const struct refusal *refusals, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct refusal *r = &refusals[i];
        struct text_model m;
        struct deit_onnx_imported imported;
        struct deit_error err = { 0 };
        text_model_init(&m, r->opset, r->graph);
        enum deit_status status = text_import(&m, &imported, &err);
        text_model_done(&m);
        if (status == DEIT_OK)
            fail_msg("not refused: %s", r->graph);
        print_message("%s\n", err.message);
        if (status != r->status || err.status != r->status)
            fail_msg("status %d instead of %d", (int)status, (int)r->status);
        for (size_t k = 0; k < 4 && r->says[k]; k++)
            if (!strstr(err.message, r->says[k]))
                fail_msg("does not say '%s'", r->says[k]);
    }
}

#define CHECK(refusals) check(refusals, sizeof(refusals) / sizeof *(refusals))
#define FORMAT DEIT_ERR_FORMAT
#define UNSUPPORTED DEIT_ERR_UNSUPPORTED

static void test_operators(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        { 17, "x: f32(1) 1; y = Einsum(x) @odd; -> y", UNSUPPORTED,
          { "made.onnx: node 'odd' (Einsum)", "domain ''", "opset 17" } },
        { 17, "x: f32(1) 1; y = com.microsoft.NhwcConv(x); -> y", UNSUPPORTED,
          { "NhwcConv", "domain 'com.microsoft'", "opset 1" } },
        { 17, "x: f32(1) 1; y = org.example.Add(x, x); -> y", UNSUPPORTED,
          { "operator Add (domain 'org.example'" } },
        { 17, "x: f32(1) 1; y, s, z = DynamicQuantizeLinear(x) @q; -> y", UNSUPPORTED,
          { "'q'", "quantised operator DynamicQuantizeLinear" } },
        { 17, "x: f32(1) 1; y = com.microsoft.MatMulNBits(x, x, x) @q; -> y", UNSUPPORTED,
          { "'q'", "quantised operator MatMulNBits" } },
        /* what nobody uses is looked at all the same */
        { 17, "x: f32(1) 1; y = Relu(x); z = QLinearConv(x); -> y", UNSUPPORTED,
          { "QLinearConv" } },
    };
    CHECK(refusals);
}

static void test_structure(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        { 13, "x: f32(1) 1; y = Add(x, w) @sum; -> y", FORMAT, { "'sum' (Add)", "input 1, 'w'" } },
        { 13, "x: f32(1) 1; y = Add(x, z) @a; z = Neg(y) @b; -> y", FORMAT,
          { "depends on the node's own output" } },
        { 13, "y = Neg(y) @loop; -> y", FORMAT, { "'loop' (Neg)", "input 'y'" } },
        { 13, "x: f32(1) 1; y = Neg(x); -> z", FORMAT, { "output 'z'" } },
        { 13, "x: f32(1) 1; y = Neg(x)", FORMAT, { "no outputs" } },
        { 13, "x: f32(1) 1; y = Add(x); -> y", FORMAT, { "(Add)", "1 inputs", "least are 2" } },
        { 13, "x: f32(1) 1; y = Neg(x, x); -> y", FORMAT, { "2 inputs", "most are 1" } },
        { 13, "x: f32(1) 1; y = Add(, x); -> y", FORMAT, { "input 0 is absent" } },
        { 13, "x: f32(1) 1; y = Max(x, , x); -> y", FORMAT, { "input 1 of 3 is absent" } },
        { 13, "x: f32(1) 1; y, z = Neg(x); -> y", FORMAT, { "2 outputs" } },
        { 13, "x? text(1); y = Neg(x); -> y", UNSUPPORTED, { "input 'x'", "STRING" } },
        { 13, "x: f32(2) 1; y = Neg(x); -> y", FORMAT, { "tensor 'x'" } },
        /* an initializer that nobody uses */
        { 13, "x: f32(1) 1; w: f32(3) 1; y = Neg(x); -> y", FORMAT, { "tensor 'w'" } },
        { 13, "x? f32(1); c? bool(1); y = If(c) then_branch={-> x} else_branch={-> x}; -> y",
          UNSUPPORTED, { "(If)", "the condition depends on the input" } },
        { 13, "c: bool() 1; y = If(c) then_branch={-> w}; -> y", FORMAT, { "output 'w'" } },
        { 13, "c: bool() 1; y = If(c) then_branch={}; -> y", FORMAT, { "0 outputs" } },
        { 13, "c: bool() 1; y = If(c) else_branch={-> c}; -> y", FORMAT, { "'then_branch'" } },
    };
    CHECK(refusals);
}

static void test_versions(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        { 11, "x: f32(1) 1; a: i64(1) 0; y = Squeeze(x, a); -> y", FORMAT, { "opset 11" } },
        { 13, "x: f32(1) 1; y = Unsqueeze(x) axes=[0]; -> y", FORMAT, { "axes are missing" } },
        { 11, "x: f32(1) 1; a: i64(1) 0; y = ReduceSum(x, a); -> y", FORMAT, { "opset 11" } },
        { 9, "x: f32(1) 1; y = Clip(x, x); -> y", FORMAT, { "opset 9" } },
        { 9, "x: f32(1) 1; s: i64(1) 0; y = Slice(x, s, s); -> y", FORMAT, { "opset 9" } },
        { 9, "x: f32(1, 1) 1; y = Gemm(x, x); -> y", FORMAT, { "input C", "opset 9" } },
        { 10, "x: f32(1) 1; y = Upsample(x, x); -> y", UNSUPPORTED, { "opset 9" } },
        { 13, "x: f32(3) 1 2 3; a, b = Split(x); -> a", FORMAT, { "3", "multiple of 2" } },
        { 13, "x: f32(3) 1 2 3; s: i64(2) 1 1; a, b = Split(x, s); -> a", FORMAT,
          { "pieces have 2", "axis 0 has 3" } },
        { 18, "x: f32(3) 1 2 3; a, b = Split(x) num_outputs=3; -> a", FORMAT,
          { "3 pieces", "2 outputs" } },
        { 13, "x: f32(1) 1; e: f32(0); y = Resize(x, e, e); -> y", FORMAT, { "neither" } },
    };
    CHECK(refusals);
}

static void test_attributes(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        { 13, "x: f32(1) 1; y = Softmax(x) axis=1.5 @s; -> y", FORMAT,
          { "'s' (Softmax)", "'axis'", "FLOAT", "INT" } },
        { 13, "x: f32(1) 1; y = Softmax(x) axis=99; -> y", FORMAT, { "axis 99" } },
        { 13, "x: f32(1) 1; y = Concat(x); -> y", FORMAT, { "'axis' is missing" } },
        { 13, "x: f32(1) 1; y = Cast(x); -> y", FORMAT, { "'to' is missing" } },
        { 13, "x: f32(1) 1; y = Cast(x) to=8; -> y", UNSUPPORTED, { "STRING" } },
        { 20, "x: f32(1) 1; y = Gelu(x) approximate='odd'; -> y", UNSUPPORTED,
          { "approximate 'odd'" } },
        { 16, "x: f32(1) 1; i: i64(1, 1) 0; y = ScatterND(x, i, x) reduction='sub'; -> y",
          UNSUPPORTED, { "reduction 'sub'" } },
        { 13, "x: f32(1) 1; y = Mod(x, x); -> y", FORMAT, { "fmod" } },
        { 13, "y = Constant(); -> y", FORMAT, { "0 attributes" } },
        { 13, "y = Constant() value_string='x'; -> y", UNSUPPORTED, { "'value_string'" } },
        { 13, "x: f32(1) 1; t: bool() 1; y = Dropout(x, , t); -> y", UNSUPPORTED,
          { "training_mode", "0.5" } },
        { 14, "x: f32(1, 1) 1; v: f32(1) 1; y, m = BatchNormalization(x, v, v, v, v); -> y",
          UNSUPPORTED, { "output 1" } },
        { 13, "x: f32(1, 1, 3) 1 2 3; w: f32(1, 1, 2) 1 1; y = Conv(x, w) kernel_shape=[3]; -> y",
          FORMAT, { "kernel_shape says 3", "has 2" } },
        { 13, "x: f32(1, 1, 3) 1 2 3; w: f32(1, 1, 2) 1 1; y = Conv(x, w) strides=[1, 1]; -> y",
          FORMAT, { "strides has 2", "1" } },
        { 13, "x: f32(1, 1, 3) 1 2 3; w: f32(1, 1, 2) 1 1; y = Conv(x, w) strides=[0]; -> y",
          FORMAT, { "strides 0" } },
        { 13, "x: f32(1, 1, 3) 1 2 3; w: f32(1, 1, 2) 1 1; y = Conv(x, w) pads=[-1, 0]; -> y",
          UNSUPPORTED, { "pads -1" } },
        { 13, "x? f32(1, 1, -1); w: f32(1, 1, 2) 1 1;"
              "y = Conv(x, w) auto_pad='SAME_UPPER' strides=[2]; -> y", UNSUPPORTED,
          { "auto_pad", "2" } },
    };
    CHECK(refusals);
}

/* Shapes are the runtime's to check; the message is the file's. */
static void test_shapes(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        { 13, "x: f32(2) 1 2; w: f32(3) 1 2 3; y = Add(x, w) @sum; -> y", FORMAT,
          { "made.onnx: node 'sum' (Add): ", "(2)", "(3)" } },
        { 13, "x: f32(1, 2) 1 2; w: f32(3, 1) 1 2 3; y = MatMul(x, w) @mm; -> y", FORMAT,
          { "node 'mm' (MatMul): ", "2", "3" } },
        { 13, "x: f32(2) 1 2; y = Transpose(x) perm=[0, 1]; -> y", FORMAT,
          { "perm has 2", "tensor has 1" } },
        { 13, "x: f32(2) 1 2; y = Transpose(x) perm=[5]; -> y", FORMAT, { "axis 5 of 1" } },
        { 13, "x: f32(2) 1 2; y = Flatten(x) axis=3; -> y", FORMAT, { "axis 3", "rank 1" } },
        { 23, "x: f32(1, 1, 3) 1 2 3; y = Attention(x, x, x) q_num_heads=2 kv_num_heads=2; -> y",
          FORMAT, { "3 columns for 2 heads" } },
        { 13, "x: f32(1) 1; w: f32(1, 2) 1 2; b: f32(2) 1 2;"
              "y = com.microsoft.Attention(x, w, b) num_heads=1; -> y", FORMAT,
          { "2 columns" } },
    };
    CHECK(refusals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
