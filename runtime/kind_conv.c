/* runtime/kind_conv.c: (x, weight, bias?) -> (y), two-dimensional. */
#include "ops/conv.h"
#include "runtime/error.h"
#include "runtime/plan.h"
#include "runtime/window.h"

enum { X, WEIGHT, BIAS };

enum {
    MOST_KERNEL_ELEMENTS = 1 << 28, /* of one output channel: sizes of scratch fit then */
    MOST_DEPTHWISE = 4 /* output channels of a group; with more, a product is faster */
};

/* The kernel's size is the weight's; where the attributes give one it must be the same. */
static enum deit_status kernel_of(const struct deit_node *node, const struct deit_shape *weight,
                                  struct deit_window_size *kernel, struct deit_error *err)
{
    const struct deit_window_attrs *attrs = &node->attrs.window;
    const int64_t height = attrs->kernel_height, width = attrs->kernel_width;
    const int64_t given[] = { height ? height : DEIT_DIM_UNKNOWN,
                              width ? width : DEIT_DIM_UNKNOWN };
    *kernel = (struct deit_window_size){ given[0], given[1] };
    if (!deit_rank_is_known(weight))
        return DEIT_OK;
    if (weight->rank != 4)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a conv with a weight of rank %u", node->name,
                         weight->rank);
    int64_t elements = 1;
    for (int i = 1; i < 4; i++)
        if (weight->dims[i] != DEIT_DIM_UNKNOWN &&
            (__builtin_mul_overflow(elements, weight->dims[i], &elements) ||
             elements > MOST_KERNEL_ELEMENTS))
            return deit_fail(err, DEIT_ERR_LIMIT, "%s: a kernel of %lld x %lld x %lld", node->name,
                             (long long)weight->dims[1], (long long)weight->dims[2],
                             (long long)weight->dims[3]);
    int64_t *const taken[] = { &kernel->height, &kernel->width };
    for (int i = 0; i < 2; i++) {
        int64_t stored = weight->dims[2 + i];
        if (stored == DEIT_DIM_UNKNOWN)
            continue;
        if (given[i] != DEIT_DIM_UNKNOWN && given[i] != stored)
            return deit_fail(err, DEIT_ERR_FORMAT,
                             "%s: a kernel of %lld, and a weight for one of %lld", node->name,
                             (long long)given[i], (long long)stored);
        *taken[i] = stored;
    }
    return DEIT_OK;
}

static enum deit_status check_channels(const struct deit_node *node, const struct deit_shape *x,
                                       const struct deit_shape *weight, struct deit_error *err)
{
    int64_t groups = node->attrs.window.groups;
    if (groups < 1)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a conv in %lld groups", node->name,
                         (long long)groups);
    if (!deit_rank_is_known(weight))
        return DEIT_OK;
    if (weight->dims[0] != DEIT_DIM_UNKNOWN && weight->dims[0] % groups)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %lld output channels in %lld groups",
                         node->name, (long long)weight->dims[0], (long long)groups);
    if (deit_rank_is_known(x) && x->dims[1] != DEIT_DIM_UNKNOWN &&
        weight->dims[1] != DEIT_DIM_UNKNOWN && x->dims[1] != weight->dims[1] * groups)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: %lld input channels, and weights for %lld in each of %lld groups",
                         node->name, (long long)x->dims[1], (long long)weight->dims[1],
                         (long long)groups);
    return DEIT_OK;
}

static enum deit_status check_types(const struct deit_graph *graph, const struct deit_node *node,
                                    struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    for (size_t slot = X; status == DEIT_OK && slot <= BIAS; slot++)
        status = deit_expect_dtype(graph, node, slot, DEIT_F32, err);
    return status;
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    const struct deit_shape *weight = deit_input_shape(graph, node, WEIGHT);
    struct deit_window_size kernel, grid;
    enum deit_status status = check_types(graph, node, err);
    if (status == DEIT_OK)
        status = kernel_of(node, weight, &kernel, err);
    if (status == DEIT_OK)
        status = deit_window_check(node, kernel, x, &grid, err);
    if (status == DEIT_OK)
        status = check_channels(node, x, weight, err);
    if (status != DEIT_OK)
        return status;
    int64_t images = deit_rank_is_known(x) ? x->dims[0] : DEIT_DIM_UNKNOWN;
    int64_t channels = deit_rank_is_known(weight) ? weight->dims[0] : DEIT_DIM_UNKNOWN;
    status = deit_expect_shape(graph, node, BIAS, deit_shape_of(1, channels), err);
    deit_set_output(graph, node, 0, DEIT_F32,
                    deit_shape_of(4, images, channels, grid.height, grid.width));
    return status;
}

static double macs(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_shape *weight = deit_input_shape(graph, node, WEIGHT);
    size_t count = 0;
    deit_shape_count(deit_output_shape(graph, node, 0), &count);
    return (double)count * (double)(weight->dims[1] * weight->dims[2] * weight->dims[3]);
}

/* ------------------------------------------------------------------ lowering */

/* Without padding and strides, a kernel of one pixel does not know rows: an image is one. */
static void join_rows(struct deit_conv *op)
{
    if (op->kernel_height != 1 || op->kernel_width != 1 || op->stride_height != 1 ||
        op->stride_width != 1 || op->height != op->out_height || op->width != op->out_width)
        return;
    op->width *= op->height;
    op->out_width = op->width;
    op->height = op->out_height = 1;
}

static struct deit_conv describe(const struct deit_lowering *lowering,
                                 const struct deit_node *node)
{
    const struct deit_window_attrs *window = &node->attrs.window;
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, X);
    const struct deit_shape *weight = deit_input_shape(lowering->graph, node, WEIGHT);
    const struct deit_shape *y = deit_output_shape(lowering->graph, node, 0);
    struct deit_conv op = {
        .images = (size_t)x->dims[0], .groups = window->groups,
        .in_channels = (size_t)weight->dims[1],
        .out_channels = (size_t)weight->dims[0] / window->groups,
        .height = (size_t)x->dims[2], .width = (size_t)x->dims[3],
        .out_height = (size_t)y->dims[2], .out_width = (size_t)y->dims[3],
        .kernel_height = (size_t)weight->dims[2], .kernel_width = (size_t)weight->dims[3],
        .stride_height = window->stride_height, .stride_width = window->stride_width,
        .dilation_height = window->dilation_height, .dilation_width = window->dilation_width,
        .pad_top = window->pad_top, .pad_left = window->pad_left,
        .mr = lowering->kernels->gemm_f32.mr, .nr = lowering->kernels->gemm_f32.nr,
    };
    if (!window->pad_top && !window->pad_left)
        join_rows(&op);
    return op;
}

static bool is_depthwise(const struct deit_conv *op)
{
    return op->in_channels == 1 && op->out_channels <= MOST_DEPTHWISE;
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    struct deit_conv op = describe(lowering, node);
    if (!is_depthwise(&op))
        memory->scratch_bytes =
            sizeof(float) *
            deit_conv_scratch_count(op.in_channels * op.kernel_height * op.kernel_width, op.nr);
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    struct deit_conv op = describe(lowering, node);
    const void *data[BIAS + 1];
    for (size_t slot = X; slot <= BIAS; slot++) {
        enum deit_status status = deit_lower_operand(lowering, node, slot, &data[slot], err);
        if (status != DEIT_OK)
            return status;
    }
    op.x = data[X];
    op.weight = data[WEIGHT];
    op.bias = data[BIAS];
    op.y = deit_lower_output(lowering, node, 0);
    return is_depthwise(&op)
               ? deit_lower_step(lowering, node, "", deit_conv_depthwise_n_tiles,
                                 deit_conv_depthwise_run, &op, sizeof op, err)
               : deit_lower_step(lowering, node, "", deit_conv_n_tiles, deit_conv_run, &op,
                                 sizeof op, err);
}

const struct deit_kind deit_kind_conv = {
    .infer = infer, .macs = macs, .plan = plan, .lower = lower
};
