/*
 * loaders/onnx_ops_ms.c: operators of com.microsoft, as ONNX Runtime writes them when it saves
 * an optimised graph.
 *
 * Each is a few of the standard's operators in one and is taken apart again: whatever this
 * runtime fuses, it fuses by its own rules.
 */
#include <stdint.h>
#include <string.h>

#include "loaders/onnx_ops.h"

/* ------------------------------------------------------------------ activations */

/* gelu(x + bias); Gelu is the same without a bias. */
void deit_onnx_op_bias_gelu(struct deit_build *b)
{
    int x = deit_build_input(b, 0), bias = deit_build_input(b, 1);
    if (bias >= 0)
        x = deit_build_binary(b, DEIT_ADD, x, bias);
    deit_build_output(b, 0, deit_onnx_gelu(b, x, false));
}

void deit_onnx_op_fast_gelu(struct deit_build *b)
{
    int x = deit_build_input(b, 0), bias = deit_build_input(b, 1);
    if (bias >= 0)
        x = deit_build_binary(b, DEIT_ADD, x, bias);
    deit_build_output(b, 0, deit_onnx_gelu(b, x, true));
}

/* x sigmoid(alpha x) */
void deit_onnx_op_quick_gelu(struct deit_build *b)
{
    int x = deit_build_input(b, 0);
    int y = deit_build_scale(b, x, deit_build_attr_float(b, "alpha", 1.702F));
    y = deit_build_unary(b, DEIT_SIGMOID, y);
    deit_build_output(b, 0, deit_build_binary(b, DEIT_MUL, x, y));
}

/* ------------------------------------------------------------------ products */

/* An activation that was put behind a product; 'alpha' and 'beta' are its parameters. */
static int activate(struct deit_build *b, int x, const char *name, float alpha, float beta)
{
    if (!deit_build_ok(b) || !*name)
        return x;
    if (!strcmp(name, "Relu"))
        return deit_build_unary(b, DEIT_RELU, x);
    if (!strcmp(name, "Tanh"))
        return deit_build_unary(b, DEIT_TANH, x);
    if (!strcmp(name, "Sigmoid"))
        return deit_build_unary(b, DEIT_SIGMOID, x);
    if (!strcmp(name, "Clip")) {
        x = deit_build_binary(b, DEIT_MAX, x, deit_build_float(b, alpha));
        return deit_build_binary(b, DEIT_MIN, x, deit_build_float(b, beta));
    }
    if (!strcmp(name, "LeakyRelu")) {
        int below = deit_build_binary(b, DEIT_LESS, x, deit_build_float(b, 0.0F));
        return deit_build_where(b, below, deit_build_scale(b, x, alpha), x);
    }
    if (!strcmp(name, "HardSigmoid")) {
        x = deit_build_offset(b, deit_build_scale(b, x, alpha), beta);
        x = deit_build_binary(b, DEIT_MAX, x, deit_build_float(b, 0.0F));
        return deit_build_binary(b, DEIT_MIN, x, deit_build_float(b, 1.0F));
    }
    deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "activation '%s' is not supported", name);
    return -1;
}

/* activation(conv(x, weight, bias) + z) */
void deit_onnx_op_fused_conv(struct deit_build *b)
{
    size_t n;
    const char *name = deit_build_attr_string(b, "activation", "");
    const float *p = deit_build_attr_floats(b, "activation_params", &n);
    int y = deit_onnx_conv(b), z = deit_build_input(b, 3);
    if (z >= 0)
        y = deit_build_binary(b, DEIT_ADD, y, z);
    float alpha = p && n > 0 ? p[0] : 0.01F, beta = p && n > 1 ? p[1] : 0.0F;
    deit_build_output(b, 0, activate(b, y, name, alpha, beta));
}

void deit_onnx_op_fused_gemm(struct deit_build *b)
{
    const char *name = deit_build_attr_string(b, "activation", "");
    float alpha = deit_build_attr_float(b, "activation_alpha", 0.01F);
    float beta = deit_build_attr_float(b, "activation_beta", 0.0F);
    deit_build_output(b, 0, activate(b, deit_onnx_gemm(b), name, alpha, beta));
}

/* 'transBatch': all axes but the last two stand behind the next to last: (m, ..., k). */
static int batch_in_front(struct deit_build *b, int x)
{
    int64_t axes[DEIT_MAX_RANK];
    uint32_t rank = deit_build_rank(b, x);
    if (deit_build_ok(b) && rank < 3)
        deit_build_fail(b, DEIT_ERR_FORMAT, "transBatch of a tensor of rank %u", rank);
    if (!deit_build_ok(b))
        return -1;
    for (uint32_t i = 0; i + 2 < rank; i++)
        axes[i] = i + 1;
    axes[rank - 2] = 0;
    axes[rank - 1] = rank - 1;
    return deit_build_transpose(b, x, rank, axes);
}

void deit_onnx_op_fused_matmul(struct deit_build *b)
{
    int x = deit_build_input(b, 0), y = deit_build_input(b, 1);
    if (deit_build_attr_int(b, "transBatchA", 0))
        x = batch_in_front(b, x);
    if (deit_build_attr_int(b, "transBatchB", 0))
        y = batch_in_front(b, y);
    /* A vector has nothing to be transposed. */
    bool swap_x = deit_build_attr_int(b, "transA", 0) && deit_build_rank(b, x) > 1;
    bool swap_y = deit_build_attr_int(b, "transB", 0) && deit_build_rank(b, y) > 1;
    x = deit_onnx_matmul(b, x, y, swap_x, swap_y);
    deit_build_output(b, 0, deit_build_scale(b, x, deit_build_attr_float(b, "alpha", 1.0F)));
}

/* ------------------------------------------------------------------ attention */

/* Inputs that generate text, which no vision model has. */
static void refuse(struct deit_build *b, size_t slot, const char *what)
{
    if (deit_build_input(b, slot) >= 0)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "input %zu (%s) is not supported", slot, what);
}

static void refuse_attr(struct deit_build *b, const char *name)
{
    if (deit_build_attr_int(b, name, 0))
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "%s is not supported", name);
}

/* A mask of ones and zeros, (batch, tokens), as summands for (batch, heads, q, k). */
static int padding_mask(struct deit_build *b, int mask)
{
    float filter = deit_build_attr_float(b, "mask_filter_value", -10000.0F);
    uint32_t rank = deit_build_rank(b, mask);
    if (deit_build_ok(b) && rank != 2 && rank != 3)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "a mask of rank %u, not 2 or 3", rank);
    if (!deit_build_ok(b))
        return -1;
    mask = deit_onnx_mask(b, mask, filter);
    return deit_build_unsqueeze(b, mask, rank == 2 ? deit_build_list(b, 2, 1, 2)
                                                   : deit_build_list(b, 1, 1));
}

/* Both kinds of masks, or one, or none. */
static int masks(struct deit_build *b, size_t padding_slot, size_t bias_slot)
{
    int padding = deit_build_input(b, padding_slot), bias = deit_build_input(b, bias_slot);
    if (padding >= 0)
        padding = padding_mask(b, padding);
    if (padding >= 0 && bias >= 0)
        return deit_build_binary(b, DEIT_ADD, padding, bias);
    return padding >= 0 ? padding : bias;
}

/* Columns [start, end) of the last axis. */
static int columns(struct deit_build *b, int x, int64_t start, int64_t end)
{
    return deit_build_slice(b, x, -1, start, end);
}

/* How wide q, k and v are: a third each, or what the attribute says. */
static bool qkv_widths(struct deit_build *b, int64_t sum, int64_t widths[3])
{
    size_t n;
    const int64_t *given = deit_build_attr_ints(b, "qkv_hidden_sizes", &n);
    bool fits = given ? n == 3 : sum > 0 && sum % 3 == 0;
    for (size_t i = 0; fits && i < 3; i++) {
        widths[i] = given && n ? given[i] : sum / 3;
        fits = widths[i] > 0 && widths[i] <= INT32_MAX;
    }
    fits = fits && (sum == DEIT_DIM_UNKNOWN || widths[0] + widths[1] + widths[2] == sum);
    if (!fits)
        deit_build_fail(b, DEIT_ERR_FORMAT, "the weight's %lld columns are not q, k and v",
                        (long long)sum);
    return deit_build_ok(b);
}

/* x W + bias, cut into q, k and v. */
void deit_onnx_op_ms_attention(struct deit_build *b)
{
    int64_t widths[3];
    int x = deit_build_input(b, 0), weight = deit_build_input(b, 1), bias = deit_build_input(b, 2);
    int64_t n_heads = deit_build_attr_int(b, "num_heads", 0);
    refuse(b, 4, "past");
    refuse(b, 6, "past_sequence_length");
    refuse_attr(b, "do_rotary");
    if (deit_build_wants(b, 1))
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "output 1 (present) is not supported");
    if (!qkv_widths(b, deit_build_dim(b, weight, 1), widths))
        return;
    int qkv = deit_build_matmul(b, x, weight);
    if (bias >= 0)
        qkv = deit_build_binary(b, DEIT_ADD, qkv, bias);
    int64_t k = widths[0], v = widths[0] + widths[1];
    struct deit_onnx_attention a = {
        .q = deit_onnx_split_heads(b, columns(b, qkv, 0, k), n_heads),
        .k = deit_onnx_split_heads(b, columns(b, qkv, k, v), n_heads),
        .v = deit_onnx_split_heads(b, columns(b, qkv, v, v + widths[2]), n_heads),
        .scale = deit_build_attr_float(b, "scale", 0.0F),
        .mask = masks(b, 3, 5),
        .is_causal = deit_build_attr_int(b, "unidirectional", 0) != 0,
        .n_past = -1,
    };
    deit_build_output(b, 0, deit_onnx_join_heads(b, deit_onnx_attention(b, &a)));
}

/* One of several that lie in a row, (batch, tokens, heads, n, head dim), heads in front. */
static int unpack(struct deit_build *b, int packed, int64_t which)
{
    int x = deit_build_slice(b, packed, 3, which, which + 1);
    x = deit_build_squeeze(b, x, deit_build_list(b, 1, 3));
    const int64_t axes[] = { 0, 2, 1, 3 };
    return deit_build_transpose(b, x, 4, axes);
}

/* q, k or v with its piece of the bias, heads apart; rank 4 is apart already. */
static int prepare(struct deit_build *b, int x, int bias, int64_t start, int64_t n_heads)
{
    uint32_t rank = deit_build_rank(b, x);
    int64_t width = deit_build_dim(b, x, -1);
    if (deit_build_ok(b) && rank != 3 && (rank != 4 || bias >= 0))
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "an input of rank %u", rank);
    if (deit_build_ok(b) && bias >= 0 && (start < 0 || width < 0))
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "a bias, and a width that is not known");
    if (!deit_build_ok(b) || rank == 4)
        return x;
    if (bias >= 0)
        x = deit_build_binary(b, DEIT_ADD, x, columns(b, bias, start, start + width));
    return deit_onnx_split_heads(b, x, n_heads);
}

static void find_qkv(struct deit_build *b, int64_t n_heads, struct deit_onnx_attention *a)
{
    int q = deit_build_input(b, 0), k = deit_build_input(b, 1), v = deit_build_input(b, 2);
    int bias = deit_build_input(b, 3);
    int64_t q_width = deit_build_dim(b, q, -1), k_width = deit_build_dim(b, k, -1);
    uint32_t packed = deit_build_rank(b, k < 0 ? q : k);
    if (!deit_build_ok(b))
        return;
    if (v < 0 && (packed != 5 || bias >= 0)) {
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "q, k and v in a form that is not supported");
    } else if (k < 0) {
        a->q = unpack(b, q, 0);
        a->k = unpack(b, q, 1);
        a->v = unpack(b, q, 2);
    } else {
        a->q = prepare(b, q, bias, 0, n_heads);
        a->k = v < 0 ? unpack(b, k, 0) : prepare(b, k, bias, q_width, n_heads);
        a->v = v < 0 ? unpack(b, k, 1) : prepare(b, v, bias, q_width + k_width, n_heads);
    }
}

void deit_onnx_op_multi_head_attention(struct deit_build *b)
{
    int64_t n_heads = deit_build_attr_int(b, "num_heads", 0);
    struct deit_onnx_attention a = {
        .scale = deit_build_attr_float(b, "scale", 0.0F),
        .is_causal = deit_build_attr_int(b, "unidirectional", 0) != 0,
        .n_past = -1,
    };
    refuse(b, 6, "past_key");
    refuse(b, 7, "past_value");
    refuse(b, 8, "past_sequence_length");
    refuse(b, 9, "cache_indirection");
    find_qkv(b, n_heads, &a);
    a.mask = masks(b, 4, 5);
    if (!deit_build_ok(b))
        return;
    deit_build_output(b, 0, deit_onnx_join_heads(b, deit_onnx_attention(b, &a)));
    deit_build_output(b, 1, a.k);
    deit_build_output(b, 2, a.v);
    deit_build_output(b, 3, a.scores[0]);
}
