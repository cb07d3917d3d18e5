/*
 * runtime/window.c: how many windows fit.
 *
 * Attributes come from files: 32 bits each, their products fit 64 without a sign.
 */
#include "runtime/window.h"

#include "runtime/error.h"
#include "runtime/kind.h"

struct axis {
    int64_t size, kernel;
    uint32_t stride, dilation, begin, end;
};

static enum deit_status count(const struct deit_node *node, const struct axis *axis,
                              bool ceil_mode, int64_t *out, struct deit_error *err)
{
    *out = DEIT_DIM_UNKNOWN;
    if (axis->kernel == 0 || axis->kernel > UINT32_MAX || !axis->stride || !axis->dilation)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: a kernel of %lld with stride %u and dilation %u", node->name,
                         (long long)axis->kernel, axis->stride, axis->dilation);
    if (axis->size == DEIT_DIM_UNKNOWN || axis->kernel == DEIT_DIM_UNKNOWN)
        return DEIT_OK;
    uint64_t extent = (uint64_t)(axis->kernel - 1) * axis->dilation + 1;
    uint64_t padded = (uint64_t)axis->size + axis->begin + axis->end;
    if (extent > padded)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a kernel of %llu on a padded input of %llu",
                         node->name, (unsigned long long)extent, (unsigned long long)padded);
    uint64_t rest = padded - extent, n = rest / axis->stride + 1;
    if (ceil_mode && rest % axis->stride)
        n++; /* a last window that is not whole */
    if (ceil_mode && (n - 1) * axis->stride >= (uint64_t)axis->size + axis->begin)
        n--; /* but none that begins behind the input */
    *out = (int64_t)n;
    return DEIT_OK;
}

enum deit_status deit_window_check(const struct deit_node *node, struct deit_window_size kernel,
                                   const struct deit_shape *x, struct deit_window_size *grid,
                                   struct deit_error *err)
{
    const struct deit_window_attrs *window = &node->attrs.window;
    bool is_known = deit_rank_is_known(x);
    if (is_known && x->rank != 4)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %s of rank %u", node->name,
                         deit_node_kind_name(node), x->rank);
    const struct axis rows = {
        .size = is_known ? x->dims[2] : DEIT_DIM_UNKNOWN, .kernel = kernel.height,
        .stride = window->stride_height, .dilation = window->dilation_height,
        .begin = window->pad_top, .end = window->pad_bottom,
    };
    const struct axis columns = {
        .size = is_known ? x->dims[3] : DEIT_DIM_UNKNOWN, .kernel = kernel.width,
        .stride = window->stride_width, .dilation = window->dilation_width,
        .begin = window->pad_left, .end = window->pad_right,
    };
    bool ceil_mode = node->kind == DEIT_NODE_AVERAGE_POOL && window->ceil_mode;
    enum deit_status status = count(node, &rows, ceil_mode, &grid->height, err);
    if (status == DEIT_OK)
        status = count(node, &columns, ceil_mode, &grid->width, err);
    return status;
}
