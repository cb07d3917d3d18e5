/*
 * loaders/onnx_ops_math.c: operators that work element by element, casts, and reductions.
 *
 * In memory there are one float and one integer type, so most versions of these operators,
 * which differ in the types they allow, are the same here.
 */
#include <stdint.h>

#include "loaders/onnx_ops.h"
#include "loaders/onnx_tensor.h"

void deit_onnx_op_unary(struct deit_build *b)
{
    int x = deit_build_input(b, 0);
    deit_build_output(b, 0, deit_build_unary(b, (enum deit_unary)b->argument, x));
}

void deit_onnx_op_binary(struct deit_build *b)
{
    int x = deit_build_input(b, 0), y = deit_build_input(b, 1);
    deit_build_output(b, 0, deit_build_binary(b, (enum deit_binary)b->argument, x, y));
}

void deit_onnx_op_where(struct deit_build *b)
{
    int y = deit_build_where(b, deit_build_input(b, 0), deit_build_input(b, 1),
                             deit_build_input(b, 2));
    deit_build_output(b, 0, y);
}

/* Without fmod the sign is the divisor's, which the standard defines for integers alone. */
void deit_onnx_op_mod(struct deit_build *b)
{
    int x = deit_build_input(b, 0), y = deit_build_input(b, 1);
    bool is_fmod = deit_build_attr_int(b, "fmod", 0) != 0;
    if (!is_fmod && deit_build_dtype(b, x) == DEIT_F32)
        deit_build_fail(b, DEIT_ERR_FORMAT, "of floats, with fmod 0 instead of 1");
    deit_build_output(b, 0, deit_build_binary(b, is_fmod ? DEIT_FMOD : DEIT_MOD, x, y));
}

/* Since opset 12 base and exponent may be of two types; the result is of the base's. */
void deit_onnx_op_pow(struct deit_build *b)
{
    int x = deit_build_input(b, 0), y = deit_build_input(b, 1);
    enum deit_dtype base = deit_build_dtype(b, x);
    enum deit_dtype exponent = deit_build_dtype(b, y);
    if (base != exponent) {
        x = deit_build_cast(b, x, DEIT_F32);
        y = deit_build_cast(b, y, DEIT_F32);
    }
    x = deit_build_binary(b, DEIT_POW, x, y);
    deit_build_output(b, 0, deit_build_cast(b, x, base));
}

/* All inputs, joined by a function of two. */
static int join(struct deit_build *b, enum deit_binary function)
{
    int x = deit_build_input(b, 0);
    for (size_t i = 1; i < b->node->n_input; i++) {
        if (deit_build_input(b, i) < 0)
            deit_build_fail(b, DEIT_ERR_FORMAT, "input %zu of %zu is absent", i,
                            b->node->n_input);
        x = deit_build_binary(b, function, x, deit_build_input(b, i));
    }
    return x;
}

void deit_onnx_op_variadic(struct deit_build *b)
{
    deit_build_output(b, 0, join(b, (enum deit_binary)b->argument));
}

void deit_onnx_op_mean(struct deit_build *b)
{
    int x = join(b, DEIT_ADD);
    if (b->node->n_input > 1)
        x = deit_build_binary(b, DEIT_DIV, x, deit_build_float(b, (float)b->node->n_input));
    deit_build_output(b, 0, x);
}

/* ------------------------------------------------------------------ casts */

void deit_onnx_op_cast(struct deit_build *b)
{
    char text[32];
    deit_build_need_attr(b, "to");
    int64_t to = deit_build_attr_int(b, "to", 0);
    enum deit_dtype dtype = to < 0 || to > INT32_MAX ? 0 : deit_onnx_dtype((int32_t)to);
    if (!dtype)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "a cast to %s is not supported",
                        deit_onnx_dtype_name((int32_t)to, text));
    deit_build_output(b, 0, deit_build_cast(b, deit_build_input(b, 0), dtype));
}

void deit_onnx_op_cast_like(struct deit_build *b)
{
    enum deit_dtype to = deit_build_dtype(b, deit_build_input(b, 1));
    deit_build_output(b, 0, deit_build_cast(b, deit_build_input(b, 0), to));
}

/* ------------------------------------------------------------------ activations */

int deit_onnx_gelu(struct deit_build *b, int x, bool is_tanh)
{
    return deit_build_unary(b, is_tanh ? DEIT_GELU_TANH : DEIT_GELU, x);
}

void deit_onnx_op_gelu(struct deit_build *b)
{
    static const char *const forms[] = { "none", "tanh", NULL };
    bool is_tanh = deit_build_attr_choice(b, "approximate", "none", forms) == 1;
    deit_build_output(b, 0, deit_onnx_gelu(b, deit_build_input(b, 0), is_tanh));
}

/* Attributes before opset 11, inputs since.  Where the limits cross, the upper one holds. */
void deit_onnx_op_clip(struct deit_build *b)
{
    int x = deit_build_input(b, 0);
    int low = deit_build_input(b, 1), high = deit_build_input(b, 2);
    if (b->opset < 11) {
        if (low >= 0 || high >= 0)
            deit_build_fail(b, DEIT_ERR_FORMAT, "limits as inputs, which opset %lld has not",
                            (long long)b->opset);
        if (deit_build_has_attr(b, "min"))
            low = deit_build_number(b, x, (double)deit_build_attr_float(b, "min", 0));
        if (deit_build_has_attr(b, "max"))
            high = deit_build_number(b, x, (double)deit_build_attr_float(b, "max", 0));
    }
    if (low >= 0)
        x = deit_build_binary(b, DEIT_MAX, x, low);
    if (high >= 0)
        x = deit_build_binary(b, DEIT_MIN, x, high);
    deit_build_output(b, 0, x);
}

/* clamp(alpha x + beta, 0, 1) */
static int hard_sigmoid(struct deit_build *b, int x, float alpha, float beta)
{
    x = deit_build_offset(b, deit_build_scale(b, x, alpha), beta);
    x = deit_build_binary(b, DEIT_MAX, x, deit_build_float(b, 0.0F));
    return deit_build_binary(b, DEIT_MIN, x, deit_build_float(b, 1.0F));
}

void deit_onnx_op_hard_sigmoid(struct deit_build *b)
{
    float alpha = deit_build_attr_float(b, "alpha", 0.2F);
    float beta = deit_build_attr_float(b, "beta", 0.5F);
    deit_build_output(b, 0, hard_sigmoid(b, deit_build_input(b, 0), alpha, beta));
}

void deit_onnx_op_hard_swish(struct deit_build *b)
{
    int x = deit_build_input(b, 0);
    int y = hard_sigmoid(b, x, 1.0F / 6.0F, 0.5F);
    deit_build_output(b, 0, deit_build_binary(b, DEIT_MUL, x, y));
}

void deit_onnx_op_leaky_relu(struct deit_build *b)
{
    float alpha = deit_build_attr_float(b, "alpha", 0.01F);
    int x = deit_build_input(b, 0);
    int is_negative = deit_build_binary(b, DEIT_LESS, x, deit_build_float(b, 0.0F));
    int y = deit_build_where(b, is_negative, deit_build_scale(b, x, alpha), x);
    deit_build_output(b, 0, y);
}

/* ------------------------------------------------------------------ reductions */

/* Axes are an attribute before opset 'since', an input from then on. */
static int axes_of(struct deit_build *b, int64_t since)
{
    size_t n;
    if (b->opset >= since)
        return deit_build_input(b, 1);
    if (deit_build_input(b, 1) >= 0)
        deit_build_fail(b, DEIT_ERR_FORMAT, "axes as an input, which opset %lld has not",
                        (long long)b->opset);
    const int64_t *axes = deit_build_attr_ints(b, "axes", &n);
    return axes ? deit_build_ints(b, n, axes) : -1;
}

static int reduce(struct deit_build *b, enum deit_reduce op, int x, int64_t since)
{
    union deit_attrs attrs = { .reduce = { .op = op } };
    attrs.reduce.keep_dims = deit_build_attr_int(b, "keepdims", 1) != 0;
    attrs.reduce.noop_with_empty_axes =
        b->opset >= since && deit_build_attr_int(b, "noop_with_empty_axes", 0) != 0;
    return deit_build_add(b, DEIT_NODE_REDUCE, &attrs, 2, (const int[]){ x, axes_of(b, since) });
}

void deit_onnx_op_reduce(struct deit_build *b)
{
    enum deit_reduce op = (enum deit_reduce)b->argument;
    int64_t since = op == DEIT_REDUCE_SUM ? 13 : 18;
    deit_build_output(b, 0, reduce(b, op, deit_build_input(b, 0), since));
}

void deit_onnx_op_reduce_square(struct deit_build *b)
{
    int x = deit_build_input(b, 0);
    x = reduce(b, DEIT_REDUCE_SUM, deit_build_binary(b, DEIT_MUL, x, x), 18);
    if (b->argument)
        x = deit_build_unary(b, DEIT_SQRT, x);
    deit_build_output(b, 0, x);
}

/* Before opset 13 the axis cuts the tensor into rows: softmax runs over all that is behind. */
static bool is_flattened(struct deit_build *b, int x, int32_t *axis)
{
    uint32_t rank = deit_build_rank_if_known(b, x);
    *axis = deit_build_attr_axis(b, "axis", b->opset < 13 ? 1 : -1);
    if (b->opset >= 13 || *axis == -1)
        return false;
    if (rank == DEIT_RANK_UNKNOWN || *axis + 1 != (int32_t)rank)
        return true;
    *axis = -1;
    return false;
}

/* x - log(sum(exp(x))), the greatest element taken out first: no exp() overflows. */
static int log_softmax(struct deit_build *b, int x, int32_t axis)
{
    int axes = deit_build_list(b, 1, axis);
    int most = deit_build_reduce(b, DEIT_REDUCE_MAX, x, axes, true);
    x = deit_build_binary(b, DEIT_SUB, x, most);
    int sum = deit_build_unary(b, DEIT_EXP, x);
    sum = deit_build_reduce(b, DEIT_REDUCE_SUM, sum, axes, true);
    return deit_build_binary(b, DEIT_SUB, x, deit_build_unary(b, DEIT_LOG, sum));
}

/* 'argument': whether it is the logarithm. */
void deit_onnx_op_softmax(struct deit_build *b)
{
    int32_t axis;
    int x = deit_build_input(b, 0);
    bool flat = is_flattened(b, x, &axis);
    int y = flat ? deit_build_flatten(b, x, axis) : x;
    if (flat)
        axis = -1;
    y = b->argument ? log_softmax(b, y, axis) : deit_build_softmax(b, y, axis);
    if (flat)
        y = deit_build_reshape_exactly(b, y, deit_build_shape(b, x, 0, INT32_MAX));
    deit_build_output(b, 0, y);
}
