/* runtime/kind_average_pool.c: (x) -> (y), means of what a window meets. */
#include "ops/average_pool.h"
#include "runtime/error.h"
#include "runtime/plan.h"
#include "runtime/window.h"

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_window_attrs *window = &node->attrs.window;
    const struct deit_shape *x = deit_input_shape(graph, node, 0);
    const struct deit_window_size kernel = { window->kernel_height, window->kernel_width };
    struct deit_window_size grid;
    enum deit_status status = deit_expect_dtype(graph, node, 0, DEIT_F32, err);
    if (status == DEIT_OK)
        status = deit_window_check(node, kernel, x, &grid, err);
    if (status != DEIT_OK)
        return status;
    struct deit_shape y = deit_shape_of(4, DEIT_DIM_UNKNOWN, DEIT_DIM_UNKNOWN, grid.height,
                                        grid.width);
    if (deit_rank_is_known(x)) {
        y.dims[0] = x->dims[0];
        y.dims[1] = x->dims[1];
    }
    deit_set_output(graph, node, 0, DEIT_F32, y);
    return DEIT_OK;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_window_attrs *window = &node->attrs.window;
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, 0);
    const struct deit_shape *y = deit_output_shape(lowering->graph, node, 0);
    struct deit_average_pool op = {
        .planes = (size_t)x->dims[0] * (size_t)x->dims[1],
        .height = (size_t)x->dims[2], .width = (size_t)x->dims[3],
        .out_height = (size_t)y->dims[2], .out_width = (size_t)y->dims[3],
        .kernel_height = window->kernel_height, .kernel_width = window->kernel_width,
        .stride_height = window->stride_height, .stride_width = window->stride_width,
        .dilation_height = window->dilation_height, .dilation_width = window->dilation_width,
        .pad_top = window->pad_top, .pad_left = window->pad_left,
        .pad_bottom = window->pad_bottom, .pad_right = window->pad_right,
        .count_include_pad = window->count_include_pad,
        .y = deit_lower_output(lowering, node, 0),
    };
    const void *data;
    enum deit_status status = deit_lower_operand(lowering, node, 0, &data, err);
    op.x = data;
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_average_pool_n_tiles,
                                 deit_average_pool_run, &op, sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_average_pool = { .infer = infer, .lower = lower };
