/*
 * loaders/onnx_ops_nn.c: matrix products, and windows that slide over images.
 *
 * The runtime's windows have two dimensions: what has one gets a height of 1 around it.  A Gemm
 * is written out as its parts, and passes put together what belongs together.
 */
#include <stdint.h>

#include "loaders/onnx_ops.h"

/* ------------------------------------------------------------------ products */

int deit_onnx_matmul(struct deit_build *b, int x, int y, bool swap_x, bool swap_y)
{
    if (swap_x)
        x = deit_build_swap(b, x);
    if (swap_y)
        y = deit_build_swap(b, y);
    return deit_build_matmul(b, x, y);
}

void deit_onnx_op_matmul(struct deit_build *b)
{
    int x = deit_onnx_matmul(b, deit_build_input(b, 0), deit_build_input(b, 1), false, false);
    deit_build_output(b, 0, x);
}

/* alpha op(A) op(B) + beta C */
int deit_onnx_gemm(struct deit_build *b)
{
    int x = deit_build_input(b, 0), y = deit_build_input(b, 1), c = deit_build_input(b, 2);
    float alpha = deit_build_attr_float(b, "alpha", 1.0F);
    float beta = deit_build_attr_float(b, "beta", 1.0F);
    bool swap_x = deit_build_attr_int(b, "transA", 0) != 0;
    bool swap_y = deit_build_attr_int(b, "transB", 0) != 0;
    for (size_t i = 0; deit_build_ok(b) && i < 2; i++) {
        uint32_t rank = deit_build_rank_if_known(b, deit_build_input(b, i));
        if (rank != DEIT_RANK_UNKNOWN && rank != 2)
            deit_build_fail(b, DEIT_ERR_FORMAT, "input %zu has rank %u instead of 2", i, rank);
    }
    if (b->opset < 11 && c < 0 && b->argument == 0)
        deit_build_fail(b, DEIT_ERR_FORMAT, "input C is missing, opset %lld needs it",
                        (long long)b->opset);
    if (deit_build_dtype(b, x) == DEIT_I64 && (alpha != 1.0F || beta != 1.0F))
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "of integers, alpha %g and beta %g",
                        (double)alpha, (double)beta);
    int z = deit_build_scale(b, deit_onnx_matmul(b, x, y, swap_x, swap_y), alpha);
    return c < 0 ? z : deit_build_binary(b, DEIT_ADD, z, deit_build_scale(b, c, beta));
}

void deit_onnx_op_gemm(struct deit_build *b)
{
    deit_build_output(b, 0, deit_onnx_gemm(b));
}

/* ------------------------------------------------------------------ windows */

/* One dimension of a window. */
struct side {
    int64_t kernel, stride, dilation, begin, end;
};

enum { MOST = 1 << 24, MOST_SIDES = 3 }; /* of a kernel, a stride, a pad: products fit */

enum { AUTO_NONE, AUTO_UPPER, AUTO_LOWER, AUTO_VALID };

/* Pads so that there is one output for each 'stride' inputs. */
static void pad_same(struct deit_build *b, struct side *side, int64_t dim, int auto_pad)
{
    int64_t reach = (side->kernel - 1) * side->dilation + 1, sum = reach - 1;
    if (dim != DEIT_DIM_UNKNOWN)
        sum = ((dim + side->stride - 1) / side->stride - 1) * side->stride + reach - dim;
    else if (side->stride != 1)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED,
                        "auto_pad with a stride of %lld over a dim that is open",
                        (long long)side->stride);
    if (sum < 0)
        sum = 0;
    side->begin = auto_pad == AUTO_UPPER ? sum / 2 : sum - sum / 2;
    side->end = sum - side->begin;
}

/* A list of n numbers, none below 'least', into 'out', which stays as it is if there is none. */
static void read_list(struct deit_build *b, const char *name, size_t n, int64_t least,
                      int64_t *out)
{
    size_t count;
    const int64_t *values = deit_build_attr_ints(b, name, &count);
    if (values && count != n)
        deit_build_fail(b, DEIT_ERR_FORMAT, "%s has %zu numbers instead of %zu", name, count, n);
    for (size_t i = 0; deit_build_ok(b) && values && i < n; i++) {
        out[i] = values[i];
        if (out[i] < least || out[i] > MOST)
            deit_build_fail(b, out[i] < 0 ? DEIT_ERR_UNSUPPORTED : DEIT_ERR_FORMAT,
                            "%s %lld is not between %lld and %d", name, (long long)out[i],
                            (long long)least, MOST);
    }
}

/* 'sides' has (n); their kernels are what 'kernel_shape' may leave out, 0: it may not. */
static void read_sides(struct deit_build *b, int x, size_t n, struct side *sides)
{
    static const char *const autos[] = { "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL };
    int64_t kernel[MOST_SIDES], pads[2 * MOST_SIDES] = { 0 };
    int64_t stride[MOST_SIDES] = { 1, 1, 1 }, dilation[MOST_SIDES] = { 1, 1, 1 };
    for (size_t i = 0; i < n; i++)
        kernel[i] = sides[i].kernel;
    int auto_pad = deit_build_attr_choice(b, "auto_pad", "NOTSET", autos);
    read_list(b, "kernel_shape", n, 1, kernel);
    read_list(b, "strides", n, 1, stride);
    read_list(b, "dilations", n, 1, dilation);
    read_list(b, "pads", 2 * n, 0, pads);
    for (size_t i = 0; deit_build_ok(b) && i < n; i++) {
        if (sides[i].kernel > 0 && sides[i].kernel != kernel[i])
            deit_build_fail(b, DEIT_ERR_FORMAT, "kernel_shape says %lld, the weight has %lld",
                            (long long)kernel[i], (long long)sides[i].kernel);
        if (kernel[i] <= 0 || kernel[i] > MOST)
            deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "a kernel of size %lld (-1: not known)",
                            (long long)kernel[i]);
        sides[i] = (struct side){ kernel[i], stride[i], dilation[i], pads[i], pads[n + i] };
        if (auto_pad == AUTO_VALID)
            sides[i].begin = sides[i].end = 0;
        else if (auto_pad != AUTO_NONE && deit_build_ok(b))
            pad_same(b, &sides[i], deit_build_dim(b, x, 2 + (int)i), auto_pad);
    }
}

static void set_window(size_t n, const struct side *sides, struct deit_window_attrs *window)
{
    static const struct side one = { 1, 1, 1, 0, 0 };
    const struct side *y = n == 2 ? &sides[0] : &one, *x = &sides[n - 1];
    window->kernel_height = (uint32_t)y->kernel;
    window->kernel_width = (uint32_t)x->kernel;
    window->stride_height = (uint32_t)y->stride;
    window->stride_width = (uint32_t)x->stride;
    window->dilation_height = (uint32_t)y->dilation;
    window->dilation_width = (uint32_t)x->dilation;
    window->pad_top = (uint32_t)y->begin;
    window->pad_bottom = (uint32_t)y->end;
    window->pad_left = (uint32_t)x->begin;
    window->pad_right = (uint32_t)x->end;
}

/* Dimensions behind batch and channels; 0 after a failure. */
static size_t spatial_rank(struct deit_build *b, uint32_t rank, size_t most)
{
    if (deit_build_ok(b) && (rank < 3 || rank - 2 > most))
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "a tensor of rank %u, not 3 to %zu", rank,
                        most + 2);
    return deit_build_ok(b) ? rank - 2 : 0;
}

int deit_onnx_conv(struct deit_build *b)
{
    int x = deit_build_input(b, 0), weight = deit_build_input(b, 1);
    size_t n = spatial_rank(b, deit_build_rank(b, weight), 2);
    if (!n)
        return -1;
    struct side sides[MOST_SIDES];
    for (size_t i = 0; i < n; i++)
        sides[i] = (struct side){ .kernel = deit_build_dim(b, weight, 2 + (int)i) };
    int64_t groups = deit_build_attr_int(b, "group", 1);
    if (groups < 1 || groups > UINT32_MAX)
        deit_build_fail(b, DEIT_ERR_FORMAT, "group is %lld", (long long)groups);
    read_sides(b, x, n, sides);
    if (!deit_build_ok(b))
        return -1;

    union deit_attrs attrs = { .window = { .groups = (uint32_t)groups } };
    set_window(n, sides, &attrs.window);
    int height = n == 1 ? deit_build_list(b, 1, 2) : -1;
    int inputs[] = { x, weight, deit_build_input(b, 2) };
    for (size_t i = 0; n == 1 && i < 2; i++)
        inputs[i] = deit_build_unsqueeze(b, inputs[i], height);
    int y = deit_build_add(b, DEIT_NODE_CONV, &attrs, 3, inputs);
    return n == 1 ? deit_build_squeeze(b, y, height) : y;
}

void deit_onnx_op_conv(struct deit_build *b)
{
    deit_build_output(b, 0, deit_onnx_conv(b));
}

/* Over the last two dimensions of (batch, channels, height, width). */
static int pool(struct deit_build *b, int x, union deit_attrs attrs, size_t n,
                const struct side *sides)
{
    set_window(n, sides, &attrs.window);
    return deit_build_add(b, DEIT_NODE_AVERAGE_POOL, &attrs, 1, &x);
}

/*
 * A box is averaged within its planes and then across them, which is the same however pads are
 * counted: what a window holds is a product of what it holds along each dimension.
 */
static int pool_box(struct deit_build *b, int x, union deit_attrs attrs, const struct side *sides)
{
    static const struct side one = { 1, 1, 1, 0, 0 };
    int64_t channels = deit_build_dim(b, x, 1), depth = deit_build_dim(b, x, 2);
    if (channels < 0 || depth < 0 || channels > MOST || depth > MOST)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "of rank 5 with %lld channels and depth %lld",
                        (long long)channels, (long long)depth);
    int planes = deit_build_list(b, 4, 0, channels * depth, deit_build_dim(b, x, 3),
                                 deit_build_dim(b, x, 4));
    x = pool(b, deit_build_reshape(b, x, planes), attrs, 2, sides + 1);
    int64_t height = deit_build_dim(b, x, 2), width = deit_build_dim(b, x, 3);
    if (deit_build_ok(b) && (height < 0 || width < 0))
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "of rank 5 with dims that are open");
    x = deit_build_reshape(b, x, deit_build_list(b, 4, 0, channels, depth, height * width));
    x = pool(b, x, attrs, 2, (const struct side[]){ sides[0], one });
    return deit_build_reshape(b, x, deit_build_list(b, 5, 0, 0, -1, height, width));
}

void deit_onnx_op_average_pool(struct deit_build *b)
{
    int x = deit_build_input(b, 0);
    size_t n = spatial_rank(b, deit_build_rank(b, x), MOST_SIDES);
    struct side sides[MOST_SIDES] = { { 0 } };
    deit_build_need_attr(b, "kernel_shape");
    union deit_attrs attrs = { .window = { .groups = 1 } };
    attrs.window.ceil_mode = deit_build_attr_int(b, "ceil_mode", 0) != 0;
    attrs.window.count_include_pad = deit_build_attr_int(b, "count_include_pad", 0) != 0;
    if (deit_build_ok(b))
        read_sides(b, x, n, sides);
    if (!deit_build_ok(b))
        return;
    int height = n == 1 ? deit_build_list(b, 1, 2) : -1;
    if (n == 1)
        x = deit_build_unsqueeze(b, x, height);
    x = n == 3 ? pool_box(b, x, attrs, sides) : pool(b, x, attrs, n, sides);
    deit_build_output(b, 0, n == 1 ? deit_build_squeeze(b, x, height) : x);
}

void deit_onnx_op_global_average_pool(struct deit_build *b)
{
    int64_t axes[DEIT_MAX_RANK];
    int x = deit_build_input(b, 0);
    uint32_t rank = deit_build_rank(b, x);
    if (deit_build_ok(b) && rank < 3)
        deit_build_fail(b, DEIT_ERR_FORMAT, "a tensor of rank %u has nothing to pool", rank);
    if (!deit_build_ok(b))
        return;
    for (uint32_t i = 2; i < rank; i++)
        axes[i - 2] = i;
    int list = deit_build_ints(b, rank - 2, axes);
    deit_build_output(b, 0, deit_build_reduce(b, DEIT_REDUCE_MEAN, x, list, true));
}
