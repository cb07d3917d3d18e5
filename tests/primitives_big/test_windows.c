/*
 * tests/primitives_big/test_windows.c: convolution and pooling against plain loops in double
 * precision.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>

#include "runtime/kind.h"
#include "tests/primitives_big/run.h"

enum { X, WEIGHT, BIAS };

/* ------------------------------------------------------------------ references */

struct window {
    const struct deit_window_attrs *attrs;
    int64_t kernel_height, kernel_width;
    int64_t height, width; /* of the input */
};

/* The input position of element (ky, kx) of the window of output (oy, ox); true: inside. */
static bool inside(const struct window *w, int64_t oy, int64_t ox, int64_t ky, int64_t kx,
                   int64_t *y, int64_t *x)
{
    const struct deit_window_attrs *a = w->attrs;
    *y = oy * a->stride_height + ky * a->dilation_height - a->pad_top;
    *x = ox * a->stride_width + kx * a->dilation_width - a->pad_left;
    return *y >= 0 && *y < w->height && *x >= 0 && *x < w->width;
}

static struct window window_of(const struct run_case *run, int64_t kernel_height,
                               int64_t kernel_width)
{
    const struct deit_shape *x = &run->inputs[X].shape;
    return (struct window){ &run->attrs.window, kernel_height, kernel_width, x->dims[2],
                            x->dims[3] };
}

static void check_conv(const struct run_case *run, const struct tensor *y, void *ctx)
{
    (void)ctx;
    const struct deit_shape *ws = &run->inputs[WEIGHT].shape, *xs = &run->inputs[X].shape;
    const struct window w = window_of(run, ws->dims[2], ws->dims[3]);
    int64_t m = ws->dims[0], channels = ws->dims[1], per_group = m / run->attrs.window.groups;
    int64_t oh = y->shape.dims[2], ow = y->shape.dims[3];
    const float *x = run->inputs[X].data, *weight = run->inputs[WEIGHT].data;
    const float *bias = run->inputs[BIAS].data;
    size_t count = tensor_count(y);
    for (size_t e = 0; e < count; e++) {
        int64_t i = (int64_t)e, ox = i % ow, oy = i / ow % oh, o = i / (ow * oh) % m;
        int64_t image = i / (ow * oh * m), py, px;
        double sum = 0, size = 0, b = bias ? (double)bias[o] : 0;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t k = 0; k < w.kernel_height * w.kernel_width; k++) {
                if (!inside(&w, oy, ox, k / w.kernel_width, k % w.kernel_width, &py, &px))
                    continue;
                int64_t plane = image * xs->dims[1] + o / per_group * channels + c;
                double term =
                    (double)x[(plane * w.height + py) * w.width + px] *
                    (double)weight[(o * channels + c) * w.kernel_height * w.kernel_width + k];
                sum += term;
                size += fabs(term);
            }
        double terms = (double)(channels * w.kernel_height * w.kernel_width + 1);
        double got = (double)((float *)y->data)[e];
        if (!(fabs(got - sum - b) <= (size + fabs(b)) * terms * (double)FLT_EPSILON))
            fail_msg("element %zu of %zu is %g, not %g", e, count, got, sum + b);
    }
}

static void check_pool(const struct run_case *run, const struct tensor *y, void *ctx)
{
    (void)ctx;
    const struct deit_window_attrs *a = &run->attrs.window;
    const struct window w = window_of(run, a->kernel_height, a->kernel_width);
    int64_t oh = y->shape.dims[2], ow = y->shape.dims[3];
    const float *x = run->inputs[X].data;
    size_t count = tensor_count(y);
    for (size_t e = 0; e < count; e++) {
        int64_t i = (int64_t)e, ox = i % ow, oy = i / ow % oh, plane = i / (ow * oh), py, px;
        double sum = 0, n = 0;
        for (int64_t k = 0; k < w.kernel_height * w.kernel_width; k++) {
            bool is_inside = inside(&w, oy, ox, k / w.kernel_width, k % w.kernel_width, &py, &px);
            sum += is_inside ? (double)x[(plane * w.height + py) * w.width + px] : 0;
            n += is_inside || (a->count_include_pad && py < w.height + a->pad_bottom &&
                               px < w.width + a->pad_right);
        }
        double got = (double)((float *)y->data)[e], terms = w.kernel_height * w.kernel_width;
        if (n > 0 ? !(fabs(got - sum / n) <= terms * (double)FLT_EPSILON) : !isnan(got))
            fail_msg("element %zu of %zu is %g, not %g", e, count, got, sum / n);
    }
}

/* ------------------------------------------------------------------ random windows */

static struct deit_window_attrs draw_window(uint32_t most_kernel)
{
    struct deit_window_attrs a = {
        .kernel_height = 1 + draw(most_kernel), .kernel_width = 1 + draw(most_kernel),
        .stride_height = 1 + draw(3), .stride_width = 1 + draw(3),
        .dilation_height = 1 + draw(2), .dilation_width = 1 + draw(2), .groups = 1,
    };
    if (draw(3)) {
        a.pad_top = draw(3);
        a.pad_left = draw(3);
        a.pad_bottom = draw(3);
        a.pad_right = draw(3);
    }
    return a;
}

/* A size that the kernel fits into. */
static int64_t draw_size(uint32_t kernel, uint32_t dilation, uint32_t more)
{
    return (int64_t)((kernel - 1) * dilation + 1 + draw(more));
}

static struct run_case draw_conv(uint32_t groups, int64_t channels, int64_t out_channels)
{
    struct deit_window_attrs a = draw_window(4);
    a.groups = groups;
    int64_t height = draw_size(a.kernel_height, a.dilation_height, 12);
    int64_t width = draw_size(a.kernel_width, a.dilation_width, 12);
    struct run_case run = { .kind = DEIT_NODE_CONV, .n_inputs = 3, .computed = draw(8) };
    run.inputs[X] = draw_floats(deit_shape_of(4, 1 + draw(2), groups * channels, height, width));
    run.inputs[WEIGHT] = draw_floats(
        deit_shape_of(4, groups * out_channels, channels, a.kernel_height, a.kernel_width));
    if (draw(2))
        run.inputs[BIAS] = draw_floats(deit_shape_of(1, groups * out_channels));
    if (draw(2)) /* the weight says it */
        a.kernel_height = a.kernel_width = 0;
    run.attrs.window = a;
    return run;
}

static void random_convolutions(void **state)
{
    (void)state;
    for (int round = 0; round < 150; round++) {
        struct run_case run = draw(2) ? draw_conv(1, 1 + draw(9), 1 + draw(40))
                                      : draw_conv(1 + draw(4), 1 + draw(4), 1 + draw(9));
        run_all(&run, check_conv, NULL);
        run_case_free(&run);
    }
}

static void depthwise_convolutions(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        struct run_case run = draw_conv(1 + draw(9), 1, 1 + draw(6));
        run_all(&run, check_conv, NULL);
        run_case_free(&run);
    }
}

static void check_sizes(struct deit_window_attrs window, struct deit_shape x,
                        struct deit_shape weight, const char *y)
{
    struct run_case run = { .kind = DEIT_NODE_CONV, .n_inputs = 3, .computed = 1,
                            .attrs.window = window,
                            .inputs = { draw_floats(x), draw_floats(weight),
                                        draw_floats(deit_shape_of(1, weight.dims[0])) } };
    infers(&run, DEIT_F32, y);
    run_all(&run, check_conv, NULL);
    run_case_free(&run);
}

/* Several chunks of pixels and of channels, one pixel, no images, the kernel of one pixel. */
static void convolutions_of_all_sizes(void **state)
{
    (void)state;
    struct deit_window_attrs one = { .stride_height = 1, .stride_width = 1, .dilation_height = 1,
                                     .dilation_width = 1, .groups = 1 };
    check_sizes(one, deit_shape_of(4, 1, 37, 14, 13), deit_shape_of(4, 130, 37, 1, 1),
                "(1, 130, 14, 13)");
    check_sizes(one, deit_shape_of(4, 2, 300, 1, 1), deit_shape_of(4, 17, 300, 1, 1),
                "(2, 17, 1, 1)");
    check_sizes(one, deit_shape_of(4, 0, 3, 5, 5), deit_shape_of(4, 4, 3, 3, 3), "(0, 4, 3, 3)");
    check_sizes(one, deit_shape_of(4, 1, 0, 5, 5), deit_shape_of(4, 4, 0, 3, 3), "(1, 4, 3, 3)");
    check_sizes(one, deit_shape_of(4, 1, 3, 5, 5), deit_shape_of(4, 0, 3, 3, 3), "(1, 0, 3, 3)");
    struct deit_window_attrs same = one;
    same.pad_top = same.pad_left = same.pad_bottom = same.pad_right = 1;
    check_sizes(same, deit_shape_of(4, 1, 5, 60, 70), deit_shape_of(4, 9, 5, 3, 3),
                "(1, 9, 60, 70)");
    check_sizes(same, deit_shape_of(4, 1, 3, 4, 4), deit_shape_of(4, 9, 3, 1, 1),
                "(1, 9, 6, 6)");
    same.groups = 3;
    check_sizes(same, deit_shape_of(4, 1, 3, 100, 90), deit_shape_of(4, 3, 1, 3, 3),
                "(1, 3, 100, 90)");
    struct deit_window_attrs patches = one;
    patches.stride_height = patches.stride_width = 8;
    check_sizes(patches, deit_shape_of(4, 2, 3, 64, 33), deit_shape_of(4, 48, 3, 8, 8),
                "(2, 48, 8, 4)");
    struct deit_window_attrs narrow = one; /* padding wider than the kernel */
    narrow.pad_left = 5;
    narrow.pad_bottom = 7;
    check_sizes(narrow, deit_shape_of(4, 1, 2, 3, 3), deit_shape_of(4, 3, 2, 2, 2),
                "(1, 3, 9, 7)");
}

static void random_pools(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct deit_window_attrs a = draw_window(5);
        a.ceil_mode = draw(2);
        a.count_include_pad = draw(2);
        struct run_case run = { .kind = DEIT_NODE_AVERAGE_POOL, .n_inputs = 1,
                                .computed = draw(2), .attrs.window = a };
        run.inputs[X] =
            draw_floats(deit_shape_of(4, 1 + draw(2), 1 + draw(3),
                                      draw_size(a.kernel_height, a.dilation_height, 40),
                                      draw_size(a.kernel_width, a.dilation_width, 40)));
        run_all(&run, check_pool, NULL);
        run_case_free(&run);
    }
}

/* Worked out by hand: 2 windows of 3 at stride 2 on 4 elements, the last of them not whole. */
static void windows_that_are_not_whole(void **state)
{
    (void)state;
    const float data[] = { 1, 2, 3, 4 };
    struct deit_window_attrs a = { .kernel_height = 1, .kernel_width = 3, .stride_height = 1,
                                   .stride_width = 2, .dilation_height = 1, .dilation_width = 1 };
    static const struct {
        bool ceil_mode, count_include_pad;
        uint32_t pad_left, pad_right;
        size_t n;
        float y[3];
    } cases[] = {
        { false, false, 0, 0, 1, { 2 } },
        { true, false, 0, 0, 2, { 2, 3.5f } },
        { true, true, 0, 0, 2, { 2, 3.5f } },
        { true, true, 0, 1, 2, { 2, 7.0f / 3 } },
        { true, false, 1, 1, 3, { 1.5f, 3, 4 } },
        { true, true, 1, 1, 3, { 1, 3, 2 } },
        { false, true, 1, 1, 2, { 1, 3 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tensor y;
        a.ceil_mode = cases[i].ceil_mode;
        a.count_include_pad = cases[i].count_include_pad;
        a.pad_left = cases[i].pad_left;
        a.pad_right = cases[i].pad_right;
        struct run_case run = { .kind = DEIT_NODE_AVERAGE_POOL, .n_inputs = 1, .computed = 1,
                                .attrs.window = a };
        run.inputs[X] = tensor_floats(deit_shape_of(4, 1, 1, 1, 4), data);
        assert_int_equal(run_planned(&run, &y, NULL), DEIT_OK);
        assert_int_equal(tensor_count(&y), cases[i].n);
        for (size_t k = 0; k < cases[i].n; k++)
            assert_true(((float *)y.data)[k] == cases[i].y[k]);
        tensor_free(&y);
        run_case_free(&run);
    }
    /* A last window that would begin in the padding is none: ceil((2 + 1 - 1) / 2) + 1 is 2. */
    a.kernel_width = 1;
    a.pad_left = 0;
    a.pad_right = 1;
    a.ceil_mode = true;
    struct run_case run = { .kind = DEIT_NODE_AVERAGE_POOL, .n_inputs = 1, .computed = 1,
                            .attrs.window = a };
    run.inputs[X] = (struct tensor){ DEIT_F32, deit_shape_of(4, 1, 1, 1, 2), NULL };
    infers(&run, DEIT_F32, "(1, 1, 1, 1)");
}

/* ------------------------------------------------------------------ shapes */

static struct run_case shapes_of(struct deit_shape x, struct deit_shape weight)
{
    return (struct run_case){
        .kind = DEIT_NODE_CONV, .n_inputs = 3, .computed = 7,
        .attrs.window = { .stride_height = 1, .stride_width = 1, .dilation_height = 1,
                          .dilation_width = 1, .groups = 1 },
        .inputs = { { DEIT_F32, x, NULL }, { DEIT_F32, weight, NULL } },
    };
}

static void unknown_dims_stay_unknown(void **state)
{
    (void)state;
    const struct deit_shape nothing = { .rank = DEIT_RANK_UNKNOWN };
    struct run_case run = shapes_of(nothing, nothing);
    infers(&run, DEIT_F32, "(?, ?, ?, ?)");
    run.inputs[X].shape = deit_shape_of(4, -1, 3, -1, 32);
    infers(&run, DEIT_F32, "(?, ?, ?, ?)");
    run.attrs.window.kernel_height = run.attrs.window.kernel_width = 4;
    infers(&run, DEIT_F32, "(?, ?, ?, 29)");
    run.inputs[WEIGHT].shape = deit_shape_of(4, 6, -1, -1, 4);
    infers(&run, DEIT_F32, "(?, 6, ?, 29)");
    run.kind = DEIT_NODE_AVERAGE_POOL;
    run.n_inputs = 1;
    infers(&run, DEIT_F32, "(?, 3, ?, 29)");
    run.inputs[X].shape = nothing;
    infers(&run, DEIT_F32, "(?, ?, ?, ?)");
}

static void convolutions_that_cannot_be(void **state)
{
    (void)state;
    struct run_case run =
        shapes_of(deit_shape_of(4, 1, 6, 8, 8), deit_shape_of(4, 4, 3, 3, 3));
    refuses(&run, DEIT_ERR_FORMAT,
            "node: 6 input channels, and weights for 3 in each of 1 groups");
    run.attrs.window.groups = 3;
    refuses(&run, DEIT_ERR_FORMAT, "node: 4 output channels in 3 groups");
    run.attrs.window.groups = 0;
    refuses(&run, DEIT_ERR_FORMAT, "node: a conv in 0 groups");
    run.attrs.window.groups = 2;
    run.attrs.window.kernel_height = 5;
    refuses(&run, DEIT_ERR_FORMAT, "node: a kernel of 5, and a weight for one of 3");
    run.attrs.window.kernel_height = 3;
    run.attrs.window.dilation_height = 5;
    refuses(&run, DEIT_ERR_FORMAT, "node: a kernel of 11 on a padded input of 8");
    run.attrs.window.dilation_height = UINT32_MAX;
    run.attrs.window.pad_top = UINT32_MAX;
    refuses(&run, DEIT_ERR_FORMAT,
            "node: a kernel of 8589934591 on a padded input of 4294967303");
    run.attrs.window.pad_top = 0;
    run.attrs.window.dilation_height = 0;
    refuses(&run, DEIT_ERR_FORMAT, "node: a kernel of 3 with stride 1 and dilation 0");
    run.attrs.window.dilation_height = 1;
    run.attrs.window.stride_width = 0;
    refuses(&run, DEIT_ERR_FORMAT, "node: a kernel of 3 with stride 0 and dilation 1");
    run.attrs.window.stride_width = 1;
    run.inputs[BIAS] = (struct tensor){ DEIT_F32, deit_shape_of(1, 3), NULL };
    refuses(&run, DEIT_ERR_FORMAT, "node: input 'c' is (3), not (4)");
    run.inputs[X].shape = deit_shape_of(3, 6, 8, 8);
    refuses(&run, DEIT_ERR_FORMAT, "node: conv of rank 3");
    run.inputs[WEIGHT].shape = deit_shape_of(3, 4, 3, 3);
    refuses(&run, DEIT_ERR_FORMAT, "node: a conv with a weight of rank 3");
    run.inputs[WEIGHT].shape = deit_shape_of(4, 0, INT64_MAX, 2, 2);
    refuses(&run, DEIT_ERR_LIMIT, "node: a kernel of 9223372036854775807 x 2 x 2");
    run.inputs[WEIGHT].dtype = DEIT_I64;
    refuses(&run, DEIT_ERR_FORMAT, "node: input 'b' is i64, not f32");
}

static void pools_that_cannot_be(void **state)
{
    (void)state;
    struct run_case run = shapes_of(deit_shape_of(4, 1, 6, 8, 8), deit_shape_of(0, 0));
    run.kind = DEIT_NODE_AVERAGE_POOL;
    run.n_inputs = 1;
    refuses(&run, DEIT_ERR_FORMAT, "node: a kernel of 0 with stride 1 and dilation 1");
    run.attrs.window.kernel_height = 9;
    run.attrs.window.kernel_width = 1;
    refuses(&run, DEIT_ERR_FORMAT, "node: a kernel of 9 on a padded input of 8");
    run.inputs[X].shape.rank = 3;
    refuses(&run, DEIT_ERR_FORMAT, "node: average_pool of rank 3");
    run.inputs[X].dtype = DEIT_I64;
    refuses(&run, DEIT_ERR_FORMAT, "node: input 'a' is i64, not f32");
}

static void multiply_adds_are_counted(void **state)
{
    (void)state;
    static const char *const names[] = { "y" };
    const union deit_attrs attrs = { .window = { .stride_height = 2, .stride_width = 2,
                                                 .dilation_height = 1, .dilation_width = 1,
                                                 .groups = 2 } };
    struct deit_graph *graph = deit_graph_create();
    int inputs[] = {
        deit_graph_add_input(graph, "a", DEIT_F32, deit_shape_of(4, 2, 6, 9, 9)),
        deit_graph_add_input(graph, "b", DEIT_F32, deit_shape_of(4, 4, 3, 3, 3)),
    };
    deit_graph_add_node(graph, DEIT_NODE_CONV, "node", &attrs, 2, inputs, 1, names);
    assert_int_equal(deit_graph_infer(graph, NULL), DEIT_OK);
    assert_true(deit_kind_of(&graph->nodes[0])->macs(graph, &graph->nodes[0]) ==
                2.0 * 4 * 4 * 4 * 3 * 3 * 3);
    deit_graph_free(graph);
}

int main(void)
{
    draw_seed(7);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_convolutions),
        cmocka_unit_test(depthwise_convolutions),
        cmocka_unit_test(convolutions_of_all_sizes),
        cmocka_unit_test(random_pools),
        cmocka_unit_test(windows_that_are_not_whole),
        cmocka_unit_test(unknown_dims_stay_unknown),
        cmocka_unit_test(convolutions_that_cannot_be),
        cmocka_unit_test(pools_that_cannot_be),
        cmocka_unit_test(multiply_adds_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
