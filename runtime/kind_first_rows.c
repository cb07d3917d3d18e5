/* runtime/kind_first_rows.c: (x) -> (y), what runtime/pass_select_rows.c puts in. */
#include "ops/first_rows.h"
#include "runtime/error.h"
#include "runtime/plan_parts.h"

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    struct deit_shape y = *deit_input_shape(graph, node, 0);
    int64_t n = node->attrs.first_rows.n;
    if (y.rank != 3)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: rows of rank %u", node->name, y.rank);
    if (y.dims[1] < n)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %lld rows of %lld", node->name, (long long)n,
                         (long long)y.dims[1]);
    y.dims[1] = n;
    deit_set_output(graph, node, 0, DEIT_F32, y);
    return DEIT_OK;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, 0);
    struct deit_parts parts = deit_lower_output_parts(lowering, node, 0);
    const void *rows;
    struct deit_first_rows op = {
        .images = (size_t)x->dims[0] / lowering->batch,
        .n_rows = (size_t)x->dims[1],
        .n = node->attrs.first_rows.n,
        .row_bytes = parts.data ? parts.n * parts.k * sizeof *parts.data
                                : (size_t)x->dims[2] * sizeof(float),
        .y = deit_lower_output(lowering, node, 0),
    };
    enum deit_status status = deit_lower_operand(lowering, node, 0, &rows, err);
    op.x = rows;
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_first_rows_n_tiles, deit_first_rows_run,
                                 &op, sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_first_rows = {
    .is_batched = true, .infer = infer, .lower = lower
};
