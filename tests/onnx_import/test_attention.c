/*
 * tests/onnx_import/test_attention.c: operators that are several in one.
 *
 * Each stands in a graph beside the same thing written out, and the difference must be zero.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/onnx_import/text.h"

/* The graph says y and z; 'zeros' is a tensor of zeros of their shape. */
static void same(int64_t opset, const char *graph, const char *zeros)
{
    char text[4096], expected[256];
    struct text_model m;
    struct deit_onnx_imported imported;
    struct deit_error err = { 0 };
    snprintf(text, sizeof text, "%s; d = Sub(y, z); -> d", graph);
    snprintf(expected, sizeof expected, "d: f32%s", zeros);
    text_model_init(&m, opset, text);
    if (text_import(&m, &imported, &err) != DEIT_OK)
        fail_msg("%s: %s", graph, err.message);
    text_expect(imported.graph, expected);
    deit_graph_free(imported.graph);
    text_model_done(&m);
}

/* One image, three tokens of two heads of two numbers. */
#define QKV \
    "q: f32(1, 3, 4) 1 2 -1 3 0 1 2 -2 1 1 0 2;" \
    "k: f32(1, 3, 4) 2 0 1 1 -1 2 0 1 1 -2 2 0;" \
    "v: f32(1, 3, 4) 1 2 3 4 5 6 7 8 9 8 7 6;"
#define SHAPES \
    "apart: i64(4) 0 0 2 2; joined: i64(3) 0 0 -1; half: f32() .70710678;"
/* z is attention on Q, K, V, with an addition to the scores. */
#define SPLIT(X, Y) Y " = Reshape(" X ", apart); " Y "h = Transpose(" Y ") perm=[0, 2, 1, 3];"
#define HEADS SPLIT("q", "Q") SPLIT("k", "K") SPLIT("v", "V")
#define ATTEND(K, V, ADD) \
    "Kt = Transpose(" K ") perm=[0, 1, 3, 2]; S = MatMul(Qh, Kt); Sm = Mul(S, half);" ADD \
    "P = Softmax(Sa) axis=-1; C = MatMul(P, " V ");"
#define JOIN "Ct = Transpose(C) perm=[0, 2, 1, 3]; z = Reshape(Ct, joined)"
#define PLAIN "Sa = Identity(Sm);"
#define ZEROS_3D "(1, 3, 4) 0 0 0 0 0 0 0 0 0 0 0 0"

static void test_standard(void **state)
{
    (void)state;
    same(23, QKV SHAPES "y = Attention(q, k, v) q_num_heads=2 kv_num_heads=2;" HEADS
             ATTEND("Kh", "Vh", PLAIN) JOIN, ZEROS_3D);
    same(23, QKV SHAPES HEADS "y = Attention(Qh, Kh, Vh);" ATTEND("Kh", "Vh", PLAIN)
             "z = Identity(C)", "(1, 2, 3, 2) 0 0 0 0 0 0 0 0 0 0 0 0");
    same(23, QKV SHAPES "m: f32(3, 3) 0 1 2 -1 0 5 0 0 1;"
             "y = Attention(q, k, v, m) q_num_heads=2 kv_num_heads=2;" HEADS
             ATTEND("Kh", "Vh", "Sa = Add(Sm, m);") JOIN, ZEROS_3D);
    same(23, QKV SHAPES "m: f32(3, 3) 0 -inf -inf 0 0 -inf 0 0 0;"
             "y = Attention(q, k, v) q_num_heads=2 kv_num_heads=2 is_causal=1;" HEADS
             ATTEND("Kh", "Vh", "Sa = Add(Sm, m);") JOIN, ZEROS_3D);
    same(23, QKV SHAPES "b: bool(3, 3) 1 0 0 1 1 0 1 1 1;"
             "y = Attention(q, k, v, b) q_num_heads=2 kv_num_heads=2;"
             "z = Attention(q, k, v) q_num_heads=2 kv_num_heads=2 is_causal=1", ZEROS_3D);
    same(23, QKV SHAPES "cap: f32() 3;"
             "y = Attention(q, k, v) q_num_heads=2 kv_num_heads=2 softcap=3. scale=.70710678;"
             HEADS ATTEND("Kh", "Vh", "Sb = Div(Sm, cap); Sc = Tanh(Sb); Sa = Mul(Sc, cap);") JOIN,
         ZEROS_3D);
}

/* Neighbours share a head of k and v; what is past stands in front. */
static void test_shared_and_past(void **state)
{
    (void)state;
    same(23, "q: f32(1, 4, 1, 1) 1 2 3 4; k: f32(1, 2, 2, 1) 1 2 3 -1; v: f32(1, 2, 2, 1) 5 6 7 8;"
             "y = Attention(q, k, v);"
             "i: i64(4) 0 0 1 1; k4 = Gather(k, i) axis=1; v4 = Gather(v, i) axis=1;"
             "z = Attention(q, k4, v4)", "(1, 4, 1, 1) 0 0 0 0");
    same(23, "q: f32(1, 1, 2, 1) 1 2; k: f32(1, 1, 2, 1) 3 -1; v: f32(1, 1, 2, 1) 7 8;"
             "pk: f32(1, 1, 1, 1) 2; pv: f32(1, 1, 1, 1) 5;"
             "y0, key = Attention(q, k, v, , pk, pv) is_causal=1; y = Concat(y0, key) axis=2;"
             "K = Concat(pk, k) axis=2; V = Concat(pv, v) axis=2; m: bool(2, 3) 1 1 0 1 1 1;"
             "z0 = Attention(q, K, V, m); z = Concat(z0, K) axis=2", "(1, 1, 5, 1) 0 0 0 0 0");
}

#define MHA "y = com.microsoft.MultiHeadAttention"

static void test_microsoft(void **state)
{
    (void)state;
    same(17, QKV SHAPES MHA "(q, k, v) num_heads=2;" HEADS ATTEND("Kh", "Vh", PLAIN) JOIN,
         ZEROS_3D);
    same(17, QKV SHAPES "b: f32(12) 1 2 3 4 5 6 7 8 9 10 11 12;"
             "bq: f32(4) 1 2 3 4; bk: f32(4) 5 6 7 8; bv: f32(4) 9 10 11 12;"
             MHA "(q, k, v, b) num_heads=2; q1 = Add(q, bq); k1 = Add(k, bk); v1 = Add(v, bv);"
             SPLIT("q1", "Q") SPLIT("k1", "K") SPLIT("v1", "V") ATTEND("Kh", "Vh", PLAIN) JOIN,
         ZEROS_3D);
    same(17, QKV SHAPES "b: i32(1, 3) 1 0 1; m: f32(1, 1, 1, 3) 0 -10000 0;"
             MHA "(q, k, v, , b) num_heads=2;" HEADS
             ATTEND("Kh", "Vh", "Sa = Add(Sm, m);") JOIN, ZEROS_3D);
    same(17, QKV SHAPES HEADS
             "axis: i64(1) 3; q5 = Unsqueeze(Q, axis); k5 = Unsqueeze(K, axis);"
             "v5 = Unsqueeze(V, axis); p = Concat(q5, k5, v5) axis=3;"
             MHA "(p) num_heads=2;" ATTEND("Kh", "Vh", PLAIN) JOIN, ZEROS_3D);
    same(17, "x: f32(1, 2, 2) 1 2 3 -1; w: f32(2, 6) 1 0 2 1 -1 1 0 1 1 0 2 1;"
             "b: f32(6) 0 1 0 1 0 1;"
             "y = com.microsoft.Attention(x, w, b) num_heads=1; p = MatMul(x, w); a = Add(p, b);"
             "s: i64(3) 2 2 2; q, k, v = Split(a, s) axis=2;"
             "z = Attention(q, k, v) q_num_heads=1 kv_num_heads=1", "(1, 2, 2) 0 0 0 0");
}

static void test_fused(void **state)
{
    (void)state;
    same(20, "x: f32(2) 1 -2; b: f32(2) .5 1; y = com.microsoft.BiasGelu(x, b);"
             "s = Add(x, b); z = Gelu(s)", "(2) 0 0");
    same(20, "x: f32(2) 1 -2; y = com.microsoft.FastGelu(x); z = Gelu(x) approximate='tanh'",
         "(2) 0 0");
    same(13, "x: f32(2) 1 -2; c: f32() 1.702; y = com.microsoft.QuickGelu(x);"
             "s = Mul(x, c); t = Sigmoid(s); z = Mul(x, t)", "(2) 0 0");
    same(13, "x: f32(2, 1) 1 -2; w: f32(2, 2) 1 2 3 4; c: f32() .5;"
             "y = com.microsoft.FusedMatMul(x, w) transA=1 transB=1 alpha=.5;"
             "a = Transpose(x); b = Transpose(w); p = MatMul(a, b); z = Mul(p, c)", "(1, 2) 0 0");
    same(13, "x: f32(2, 1, 3) 1 2 3 4 5 6; w: f32(1, 3, 1) 1 2 3;"
             "y = com.microsoft.FusedMatMul(x, w) transBatchA=1;"
             "a = Transpose(x) perm=[1, 0, 2]; z = MatMul(a, w)", "(1, 2, 1) 0 0");
    same(13, "x: f32(1, 1, 1, 2) 1 -2; w: f32(1, 1, 1, 1) 2; a: f32(1, 1, 1, 2) 3 1;"
             "y = com.microsoft.FusedConv(x, w, , a) activation='Relu';"
             "c = Conv(x, w); s = Add(c, a); z = Relu(s)", "(1, 1, 1, 2) 0 0");
    same(13, "x: f32(1, 2) 1 -2; w: f32(2, 1) 2 5; c: f32() 1;"
             "y = com.microsoft.FusedGemm(x, w, c) activation='LeakyRelu' activation_alpha=.1;"
             "g = Gemm(x, w, c); z = LeakyRelu(g) alpha=.1", "(1, 1) 0");
    same(17, "x: f32(1, 1, 2) 1 4; k: f32(1, 1, 2) 1 -2; b: f32(2) 1 2; o: i64(1) -1;"
             "g = ConstantOfShape(two) value=f32(1) 2; two: i64(1) 2; t: f32(2) 1 0;"
             "n, , , s = com.microsoft.SkipLayerNormalization(x, k, g, t, b) epsilon=.25;"
             "y = Concat(n, s) axis=0; u = Add(x, k); v = Add(u, b);"
             "w = LayerNormalization(v, g, t) epsilon=.25; z = Concat(w, v) axis=0",
         "(2, 1, 2) 0 0 0 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard),
        cmocka_unit_test(test_shared_and_past),
        cmocka_unit_test(test_microsoft),
        cmocka_unit_test(test_fused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
