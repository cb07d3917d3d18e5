/*
 * loaders/onnx_ops_norm.c: normalisations.
 *
 * A LayerNormalization over the last axis with constant gamma and beta is the runtime's own
 * kind; any other is written out.  Microsoft's forms are the same with a sum in front.
 */
#include <stdint.h>

#include "loaders/onnx_ops.h"

/* The axes from 'axis' to the last; known without the rank if counted from the end. */
static int axes_from(struct deit_build *b, int x, int64_t axis)
{
    int64_t axes[DEIT_MAX_RANK];
    if (axis >= 0)
        axis -= (int64_t)deit_build_rank(b, x);
    if (deit_build_ok(b) && (axis >= 0 || axis < -DEIT_MAX_RANK))
        deit_build_fail(b, DEIT_ERR_FORMAT, "axis %lld counted from the end", (long long)axis);
    if (!deit_build_ok(b))
        return -1;
    for (int64_t i = axis; i < 0; i++)
        axes[i - axis] = i;
    return deit_build_ints(b, (size_t)-axis, axes);
}

static int written_out(struct deit_build *b, const struct deit_onnx_norm *norm, int *mean,
                       int *inverse)
{
    int axes = axes_from(b, norm->x, norm->axis), x = norm->x;
    if (!norm->is_rms) {
        *mean = deit_build_reduce(b, DEIT_REDUCE_MEAN, x, axes, true);
        x = deit_build_binary(b, DEIT_SUB, x, *mean);
    }
    int variance = deit_build_binary(b, DEIT_MUL, x, x);
    variance = deit_build_reduce(b, DEIT_REDUCE_MEAN, variance, axes, true);
    variance = deit_build_offset(b, variance, norm->eps);
    *inverse = deit_build_unary(b, DEIT_RECIPROCAL, deit_build_unary(b, DEIT_SQRT, variance));
    x = deit_build_binary(b, DEIT_MUL, x, *inverse);
    if (norm->gamma >= 0)
        x = deit_build_binary(b, DEIT_MUL, x, norm->gamma);
    return norm->beta < 0 ? x : deit_build_binary(b, DEIT_ADD, x, norm->beta);
}

/* Whether the runtime's own kind says the same. */
static bool is_raised(const struct deit_build *b, const struct deit_onnx_norm *norm)
{
    uint32_t rank = deit_build_rank_if_known(b, norm->x);
    bool is_last = norm->axis == -1 || (rank != DEIT_RANK_UNKNOWN && norm->axis + 1 == rank);
    bool has_beta = norm->beta < 0 || (deit_build_is_constant(b, norm->beta) &&
                                       deit_build_rank_if_known(b, norm->beta) == 1);
    return is_last && !norm->is_rms && has_beta && deit_build_is_constant(b, norm->gamma) &&
           deit_build_rank_if_known(b, norm->gamma) == 1 && rank != 0;
}

int deit_onnx_norm(struct deit_build *b, const struct deit_onnx_norm *norm, int *mean,
                   int *inverse)
{
    int ignored[2] = { -1, -1 };
    bool wants_more = mean || inverse;
    mean = mean ? mean : &ignored[0];
    inverse = inverse ? inverse : &ignored[1];
    if (!deit_build_ok(b))
        return -1;
    if (!is_raised(b, norm))
        return written_out(b, norm, mean, inverse);

    int beta = norm->beta;
    if (beta < 0)
        beta = deit_build_zeros(b, (size_t)deit_build_dim(b, norm->gamma, 0));
    const union deit_attrs attrs = { .layernorm = { .eps = norm->eps } };
    const int inputs[] = { norm->x, norm->gamma, beta };
    if (wants_more)
        written_out(b, norm, mean, inverse); /* beside it: what is not used is dropped */
    return deit_build_add(b, DEIT_NODE_LAYERNORM, &attrs, 3, inputs);
}

/* LayerNormalization and RMSNormalization, with Microsoft's names of both. */
static void normalise(struct deit_build *b, bool is_rms)
{
    int mean = -1, inverse = -1;
    const struct deit_onnx_norm norm = {
        .x = deit_build_input(b, 0),
        .gamma = deit_build_input(b, 1),
        .beta = is_rms ? -1 : deit_build_input(b, 2),
        .axis = deit_build_attr_axis(b, "axis", -1),
        .eps = deit_build_attr_float(b, "epsilon", 1e-5F),
        .is_rms = is_rms,
    };
    size_t inverse_slot = is_rms ? 1 : 2;
    bool wants_mean = !is_rms && deit_build_wants(b, 1);
    bool wants_inverse = deit_build_wants(b, inverse_slot);
    int y = deit_onnx_norm(b, &norm, wants_mean ? &mean : NULL, wants_inverse ? &inverse : NULL);
    deit_build_output(b, 0, y);
    if (wants_mean)
        deit_build_output(b, 1, mean);
    if (wants_inverse)
        deit_build_output(b, inverse_slot, inverse);
}

void deit_onnx_op_layer_normalization(struct deit_build *b)
{
    normalise(b, false);
}

void deit_onnx_op_rms_normalization(struct deit_build *b)
{
    normalise(b, true);
}

/* com.microsoft, 'argument': simplified; norm(input + skip + bias), and that sum as output 3. */
void deit_onnx_op_skip_norm(struct deit_build *b)
{
    bool is_rms = b->argument != 0;
    int mean = -1, inverse = -1, bias = deit_build_input(b, is_rms ? 3 : 4);
    int sum = deit_build_binary(b, DEIT_ADD, deit_build_input(b, 0), deit_build_input(b, 1));
    if (bias >= 0)
        sum = deit_build_binary(b, DEIT_ADD, sum, bias);
    const struct deit_onnx_norm norm = {
        .x = sum,
        .gamma = deit_build_input(b, 2),
        .beta = is_rms ? -1 : deit_build_input(b, 3),
        .axis = -1,
        .eps = deit_build_attr_float(b, "epsilon", 1e-12F),
        .is_rms = is_rms,
    };
    bool wants_mean = !is_rms && deit_build_wants(b, 1), wants_inverse = deit_build_wants(b, 2);
    int y = deit_onnx_norm(b, &norm, wants_mean ? &mean : NULL, wants_inverse ? &inverse : NULL);
    deit_build_output(b, 0, y);
    if (wants_mean)
        deit_build_output(b, 1, mean);
    if (wants_inverse)
        deit_build_output(b, 2, inverse);
    deit_build_output(b, 3, sum);
}

/* What BatchNormalization learns of a batch if it is asked to: the axes but the channels'. */
static void batch_statistics(struct deit_build *b, int x, uint32_t rank, int *mean, int *variance)
{
    int64_t axes[DEIT_MAX_RANK];
    for (uint32_t i = 1; i < rank; i++)
        axes[i - 1] = i == 1 ? 0 : i;
    int list = deit_build_ints(b, rank - 1, axes);
    int keep = deit_build_reduce(b, DEIT_REDUCE_MEAN, x, list, true);
    int off = deit_build_binary(b, DEIT_SUB, x, keep);
    off = deit_build_binary(b, DEIT_MUL, off, off);
    *mean = deit_build_reduce(b, DEIT_REDUCE_MEAN, x, list, false);
    *variance = deit_build_reduce(b, DEIT_REDUCE_MEAN, off, list, false);
}

/* The outputs of training: momentum x what was + (1 - momentum) x what is. */
static void running(struct deit_build *b, size_t slot, int was, int is)
{
    float momentum = deit_build_attr_float(b, "momentum", 0.9F);
    was = deit_build_scale(b, was, momentum);
    is = deit_build_scale(b, is, 1.0F - momentum);
    deit_build_output(b, slot, deit_build_binary(b, DEIT_ADD, was, is));
}

/* A row per channel, (C), as it lies beside (N, C, ...). */
static int per_channel(struct deit_build *b, int x, uint32_t rank)
{
    int64_t behind[DEIT_MAX_RANK];
    for (uint32_t i = 2; i < rank; i++)
        behind[i - 2] = i - 1;
    return rank < 3 ? x : deit_build_unsqueeze(b, x, deit_build_ints(b, rank - 2, behind));
}

/*
 * (x - mean) / sqrt(variance + eps) * scale + bias, as one factor and one summand for each
 * channel: both are constants in a model that was trained.
 */
void deit_onnx_op_batch_normalization(struct deit_build *b)
{
    int x = deit_build_input(b, 0), bias = deit_build_input(b, 2);
    int mean = deit_build_input(b, 3), variance = deit_build_input(b, 4);
    uint32_t rank = deit_build_rank(b, x);
    float eps = deit_build_attr_float(b, "epsilon", 1e-5F);
    bool is_training = b->opset >= 14 && deit_build_attr_int(b, "training_mode", 0) != 0;
    if (deit_build_ok(b) && rank < 2)
        deit_build_fail(b, DEIT_ERR_FORMAT, "a tensor of rank %u has no channels", rank);
    for (size_t i = 1; !is_training && i < b->node->n_output; i++)
        if (deit_build_wants(b, i))
            deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "output %zu exists in training alone", i);
    if (!deit_build_ok(b))
        return;
    if (is_training) {
        batch_statistics(b, x, rank, &mean, &variance);
        running(b, 1, deit_build_input(b, 3), mean);
        running(b, 2, deit_build_input(b, 4), variance);
    }
    int factor = deit_build_unary(b, DEIT_SQRT, deit_build_offset(b, variance, eps));
    factor = deit_build_binary(b, DEIT_DIV, deit_build_input(b, 1), factor);
    int summand = deit_build_binary(b, DEIT_MUL, mean, factor);
    summand = deit_build_binary(b, DEIT_SUB, bias, summand);
    x = deit_build_binary(b, DEIT_MUL, x, per_channel(b, factor, rank));
    x = deit_build_binary(b, DEIT_ADD, x, per_channel(b, summand, rank));
    deit_build_output(b, 0, x);
}
