/*
 * loaders/onnx_ops_attention.c: the standard's Attention, and what all attentions share.
 *
 * They are written out as an eager exporter would: scores = q k^T, times the scale, masks
 * added, softmax, times v.  A pass finds that form in any graph, so there is one form to find.
 */
#include <math.h>
#include <stdint.h>

#include "loaders/onnx_ops.h"

static const int64_t heads_first[] = { 0, 2, 1, 3 };

int deit_onnx_split_heads(struct deit_build *b, int x, int64_t n_heads)
{
    int64_t width = deit_build_dim(b, x, 2);
    if (n_heads <= 0 || (width != DEIT_DIM_UNKNOWN && width % n_heads))
        deit_build_fail(b, DEIT_ERR_FORMAT, "%lld columns for %lld heads", (long long)width,
                        (long long)n_heads);
    if (!deit_build_ok(b))
        return -1;
    int64_t each = width == DEIT_DIM_UNKNOWN ? -1 : width / n_heads;
    x = deit_build_reshape(b, x, deit_build_list(b, 4, 0, 0, n_heads, each));
    return deit_build_transpose(b, x, 4, heads_first);
}

int deit_onnx_join_heads(struct deit_build *b, int x)
{
    x = deit_build_transpose(b, x, 4, heads_first);
    return deit_build_reshape(b, x, deit_build_list(b, 3, 0, 0, -1));
}

int deit_onnx_mask(struct deit_build *b, int mask, float otherwise)
{
    if (deit_build_dtype(b, mask) == DEIT_I64)
        mask = deit_build_binary(b, DEIT_GREATER, mask, deit_build_int(b, 0));
    return deit_build_where(b, mask, deit_build_float(b, 0.0F), deit_build_float(b, otherwise));
}

/* ------------------------------------------------------------------ the core */

/* The numbers 0, 1, ... of a dim, as a column or a row. */
static int count_dim(struct deit_build *b, int x, int32_t axis, bool is_column)
{
    int n = deit_build_shape(b, x, axis, axis == -1 ? INT32_MAX : axis + 1);
    n = deit_build_squeeze(b, n, deit_build_list(b, 1, 0));
    const int inputs[] = { deit_build_int(b, 0), n, deit_build_int(b, 1) };
    int y = deit_build_add(b, DEIT_NODE_RANGE, NULL, 3, inputs);
    return deit_build_unsqueeze(b, y, deit_build_list(b, 1, is_column ? 1 : 0));
}

static int causal(struct deit_build *b, int scores, int n_past)
{
    int row = count_dim(b, scores, -2, true);
    int column = count_dim(b, scores, -1, false);
    if (n_past >= 0)
        row = deit_build_binary(b, DEIT_ADD, row, n_past);
    return deit_onnx_mask(b, deit_build_binary(b, DEIT_LESS_OR_EQUAL, column, row), -INFINITY);
}

static float default_scale(struct deit_build *b, int q)
{
    int64_t d = deit_build_dim(b, q, -1);
    if (d <= 0)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "no scale, and a head size that is not known");
    return d > 0 ? (float)(1.0 / sqrt((double)d)) : 1.0F;
}

int deit_onnx_attention(struct deit_build *b, struct deit_onnx_attention *a)
{
    float scale = a->scale != 0 ? a->scale : default_scale(b, a->q);
    int scores = deit_onnx_matmul(b, a->q, a->k, false, true);
    scores = a->scores[0] = deit_build_scale(b, scores, scale);
    if (a->mask >= 0)
        scores = deit_build_binary(b, DEIT_ADD, scores, a->mask);
    if (a->is_causal)
        scores = deit_build_binary(b, DEIT_ADD, scores, causal(b, scores, a->n_past));
    a->scores[1] = scores;
    if (a->softcap > 0) {
        scores = deit_build_scale(b, scores, 1.0F / a->softcap);
        scores = deit_build_scale(b, deit_build_unary(b, DEIT_TANH, scores), a->softcap);
    }
    a->scores[2] = scores;
    a->scores[3] = deit_build_softmax(b, scores, -1);
    return deit_build_matmul(b, a->scores[3], a->v);
}

/* ------------------------------------------------------------------ ai.onnx Attention */

/* Input 0 to 2 with heads apart. */
static int split_input(struct deit_build *b, size_t slot, int64_t n_heads)
{
    int x = deit_build_input(b, slot);
    uint32_t rank = deit_build_rank(b, x);
    if (deit_build_ok(b) && rank != 3 && rank != 4)
        deit_build_fail(b, DEIT_ERR_FORMAT, "input %zu has rank %u, not 3 or 4", slot, rank);
    if (!deit_build_ok(b) || rank == 4)
        return x;
    if (n_heads <= 0)
        deit_build_fail(b, DEIT_ERR_FORMAT, "of rank 3 without q_num_heads or kv_num_heads");
    return deit_onnx_split_heads(b, x, n_heads);
}

/* Each head of k or v serves 'times' heads of q that follow each other. */
static int repeat_heads(struct deit_build *b, int x, int64_t n_heads, int64_t times)
{
    if (times == 1)
        return x;
    x = deit_build_unsqueeze(b, x, deit_build_list(b, 1, 2));
    x = deit_build_expand(b, x, deit_build_list(b, 5, 1, 1, times, 1, 1));
    int64_t tokens = deit_build_dim(b, x, 3), d = deit_build_dim(b, x, 4);
    if (deit_build_ok(b) && d == DEIT_DIM_UNKNOWN)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "heads are shared and their size is not known");
    return deit_build_reshape(b, x, deit_build_list(b, 4, 0, n_heads, tokens, d));
}

static void share_heads(struct deit_build *b, struct deit_onnx_attention *a)
{
    int64_t q = deit_build_dim(b, a->q, 1), kv = deit_build_dim(b, a->k, 1);
    if (!deit_build_ok(b) || q == kv || q == DEIT_DIM_UNKNOWN || kv == DEIT_DIM_UNKNOWN)
        return;
    if (kv <= 0 || q % kv) {
        deit_build_fail(b, DEIT_ERR_FORMAT, "%lld heads of q for %lld of k", (long long)q,
                        (long long)kv);
        return;
    }
    a->k = repeat_heads(b, a->k, q, q / kv);
    a->v = repeat_heads(b, a->v, q, q / kv);
}

/* What came before stands in front: (past, now) along the tokens. */
static int join_past(struct deit_build *b, int past, int x)
{
    const int both[] = { past, x };
    return past < 0 ? x : deit_build_concat(b, 2, 2, both);
}

static int standard_mask(struct deit_build *b)
{
    int mask = deit_build_input(b, 3);
    if (mask >= 0 && deit_build_dtype(b, mask) != DEIT_F32)
        mask = deit_onnx_mask(b, mask, -INFINITY);
    return mask;
}

static void standard_outputs(struct deit_build *b, const struct deit_onnx_attention *a, int y,
                             int key, int value)
{
    int64_t mode = deit_build_attr_int(b, "qk_matmul_output_mode", 0);
    if (mode < 0 || mode > 3)
        deit_build_fail(b, DEIT_ERR_FORMAT, "qk_matmul_output_mode is %lld", (long long)mode);
    if (!deit_build_ok(b))
        return;
    if (deit_build_rank_if_known(b, deit_build_input(b, 0)) == 3)
        y = deit_onnx_join_heads(b, y);
    deit_build_output(b, 0, y);
    deit_build_output(b, 1, key);
    deit_build_output(b, 2, value);
    deit_build_output(b, 3, a->scores[mode]);
}

/* q, k and v of rank 4, or of rank 3 with heads side by side in a row. */
void deit_onnx_op_attention(struct deit_build *b)
{
    int past_key = deit_build_input(b, 4), past_value = deit_build_input(b, 5);
    int64_t n_kv = deit_build_attr_int(b, "kv_num_heads", 0);
    struct deit_onnx_attention a = {
        .q = split_input(b, 0, deit_build_attr_int(b, "q_num_heads", 0)),
        .k = split_input(b, 1, n_kv),
        .v = split_input(b, 2, n_kv),
        .scale = deit_build_attr_float(b, "scale", 0.0F),
        .is_causal = deit_build_attr_int(b, "is_causal", 0) != 0,
        .softcap = deit_build_attr_float(b, "softcap", 0.0F),
        .n_past = -1,
    };
    if (deit_build_input(b, 6) >= 0)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "nonpad_kv_seqlen is not supported");
    if ((past_key < 0) != (past_value < 0))
        deit_build_fail(b, DEIT_ERR_FORMAT, "past_key and past_value go together");
    if (!deit_build_ok(b))
        return;
    if (past_key >= 0)
        a.n_past = deit_build_shape(b, past_key, 2, 3);
    a.mask = standard_mask(b);
    int key = a.k = join_past(b, past_key, a.k);
    int value = a.v = join_past(b, past_value, a.v);
    share_heads(b, &a);
    standard_outputs(b, &a, deit_onnx_attention(b, &a), key, value);
}
