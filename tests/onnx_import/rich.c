/*
 * tests/onnx_import/rich.c: every operator at least once, on inputs with open dims.
 *
 * test_coverage in tests/onnx_import/test_mutate.c compares with the table of operators.
 */
#include "tests/onnx_import/rich.h"

#include <stddef.h>

const struct rich rich_graphs[] = {
    { 13, "x? f32(-1, 4); y? f32(4); a = Abs(x); b = Ceil(a); c = Erf(b); d = Exp(c);"
          "e = Floor(d); f = IsNaN(e); g = Log(e); h = Neg(g); i = Not(f); j = Reciprocal(h);"
          "k = Relu(j); l = Round(k); m = Sigmoid(l); n = Sign(m); o = Sqrt(n); p = Tanh(o);"
          "q = Where(i, p, y); r = HardSigmoid(q) alpha=.3; s = HardSwish(r); t = LeakyRelu(s);"
          "u = Cast(t) to=7; v = Size(u); w = Identity(t); -> w v" },
    { 15, "x? f32(-1, 4); y? f32(4); a = Add(x, y); b = Sub(a, y); c = Mul(b, a); d = Div(c, a);"
          "e = Equal(d, a); f = Greater(d, a); g = GreaterOrEqual(d, a); h = Less(d, a);"
          "i = LessOrEqual(d, a); j = And(e, f); k = Or(j, g); l = Xor(k, h);"
          "m = Mod(d, a) fmod=1; n = Pow(m, a); o = Max(n, a, m); p = Min(o, a); q = Mean(p, a);"
          "r = Sum(q, a, p); s = Clip(r, z); z: f32() 1; t = CastLike(i, s); u = Where(l, s, t);"
          "-> u" },
    { 17, "x? f32(-1, 3, 4); a: i64(1) 1; b = ReduceMean(x) axes=[-1]; c = ReduceMax(b);"
          "d = ReduceSum(x, a); e = ReduceMin(d); f = ReduceProd(e) keepdims=0; g = ReduceL2(x);"
          "h = ReduceSumSquare(g); i = LogSoftmax(x); j = Softmax(i) axis=1; k: f32(4) 1 1 1 1;"
          "l = LayerNormalization(j, k, k); m, , n = LayerNormalization(l, k);"
          "o = Gather(k, zero); zero: i64() 0; p = Add(n, o); -> m p f h c" },
    { 11, "x? f32(-1, -1); w: f32(4, 3) 1 2 3 4 5 6 7 8 9 10 11 12; b: f32(3) 1 2 3;"
          "a = Gemm(x, w, b) alpha=.5 beta=2.; c = Transpose(w) perm=[1, 0]; d = MatMul(a, c);"
          "e = Softmax(d); f, g = Dropout(e); h = Flatten(f) axis=1; -> h g" },
    { 13, "x? f32(-1, 2, -1, 8); w: f32(2, 1, 2, 2) 1 2 3 4 5 6 7 8; b: f32(2) 1 2;"
          "a = Conv(x, w, b) group=2 strides=[2, 2] pads=[1, 0, 1, 0] dilations=[1, 1];"
          "c = AveragePool(a) kernel_shape=[2, 2] auto_pad='SAME_UPPER'; v: f32(2) 1 1;"
          "d = BatchNormalization(c, v, v, v, v); s: f32(4) 1 1 2 2;"
          "e = Resize(d, , s) mode='cubic'; f = GlobalAveragePool(e); -> f" },
    { 9, "x? f32(1, 2, 4); w: f32(2, 2, 3) 1 2 3 4 5 6 7 8 9 10 11 12;"
         "a = Conv(x, w) kernel_shape=[3] pads=[1, 1];"
         "b = AveragePool(a) kernel_shape=[2] strides=[2]; s: f32(3) 1 1 2;"
         "c = Upsample(b, s) mode='linear'; d = Slice(c) starts=[0] ends=[1] axes=[1];"
         "e = Squeeze(d) axes=[1]; f = Unsqueeze(e) axes=[0]; g = Pad(f) pads=[0, 0, 1, 0, 0, 1];"
         "h, i = Split(g) axis=-1 split=[4, 2]; j = Clip(i) min=0. max=1.; -> h j" },
    { 18, "x? f32(-1, 3, 5); s = Shape(x) start=1; a = ConstantOfShape(s) value=f32(1) 2;"
          "b = Add(x, a); c: i64(3) 0 0 -1; d = Reshape(b, c) allowzero=0; e: i64(3) 1 3 1;"
          "f = Expand(d, e); g = Concat(d, f) axis=1; h, i, j = Split(g) axis=1 num_outputs=3;"
          "k: i64(1) 2; l = GatherElements(h, m); m: i64(1, 1, 1) 0; n: i64(1, 2) 0 0;"
          "o = GatherND(i, n); p: f32(1, 5) 1 2 3 4 5; q = ScatterND(i, n, p);"
          "t = Constant() value_ints=[0, 1]; u = NonZero(t); v: i64() 0; w: i64() 4; y: i64() 2;"
          "z = Range(v, w, y); S: i64(1) 0; A = Slice(q, S, k, S); B: i64(6) 0 0 0 0 0 1;"
          "C = Pad(A, B); -> C l o u z j" },
    { 13, "x? f32(-1, 1, 3); c = Constant() value=bool(1) 1; one: i64(1) 1;"
          "y = If(c) then_branch={a = Squeeze(x, one); -> a} else_branch={b = Relu(x); -> b};"
          "d: i64(1) 0; t: i64(2) 1 2; u = Tile(y, t); z = Unsqueeze(y, d); -> z" },
    { 23, "q? f32(-1, 3, 8); k? f32(-1, 3, 4); m: bool(3, 3) 1 0 0 1 1 0 1 1 1;"
          "a, b, c, d = Attention(q, k, k, m) q_num_heads=4 kv_num_heads=2 softcap=5. is_causal=1;"
          "g: f32(8) 1 1 1 1 1 1 1 1; e = RMSNormalization(a, g);"
          "f = SimplifiedLayerNormalization(e, g); h = Gelu(f) approximate='tanh'; -> h d b c" },
    { 17, "x? f32(-1, 2, 4); b: f32(4) 1 2 3 4;"
          "w: f32(4, 12) 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 1 2 3 4 5 6 7 8 9 1 2 3 "
          "4 5 6 7 8 9 1 2 3 4 5 6; v: f32(12) 1 2 3 4 5 6 7 8 9 1 2 3;"
          "a = com.microsoft.Attention(x, w, v) num_heads=2;"
          "c = com.microsoft.MultiHeadAttention(a, a, a) num_heads=2;"
          "d = com.microsoft.BiasGelu(c, b); e = com.microsoft.FastGelu(d, b);"
          "f = com.microsoft.Gelu(e); g = com.microsoft.QuickGelu(f);"
          "h, , , i = com.microsoft.SkipLayerNormalization(g, f, b, b, b);"
          "j = com.microsoft.SkipSimplifiedLayerNormalization(h, i, b);"
          "k = com.microsoft.SimplifiedLayerNormalization(j, b);"
          "l = com.microsoft.LayerNormalization(k, b);"
          "m = com.microsoft.FusedMatMul(l, l) transB=1 alpha=.5; -> m" },
    { 17, "x? f32(-1, 1, 4, 4); w: f32(1, 1, 2, 2) 1 2 3 4; y? f32(-1, 4); v: f32(4, 1) 1 2 3 4;"
          "a = com.microsoft.FusedConv(x, w) activation='Clip' activation_params=[0., 6.];"
          "b = com.microsoft.FusedGemm(y, v) activation='HardSigmoid'; c = Where(t, b, z);"
          "t: bool() 1; z: f32() 0; -> a c" },
    { 0, NULL }
};
