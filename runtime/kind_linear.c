/* runtime/kind_linear.c: (x, W, bias?, scale?, residual?) -> activation(x W^T + bias) ... */
#include "ops/linear.h"
#include "ops/linear_bf16.h"
#include "runtime/error.h"
#include "runtime/plan_parts.h"

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    struct deit_shape y = *deit_input_shape(graph, node, DEIT_LINEAR_X);
    const struct deit_shape *weight = deit_input_shape(graph, node, DEIT_LINEAR_WEIGHT);
    if (y.rank < 2 || weight->rank != 2)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a linear of rank %u by rank %u", node->name,
                         y.rank, weight->rank);
    int64_t k = y.dims[y.rank - 1], n = weight->dims[0];
    if (weight->dims[1] != k)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: inner dimensions %lld and %lld differ",
                         node->name, (long long)k, (long long)weight->dims[1]);
    y.dims[y.rank - 1] = n;

    struct deit_shape row = deit_shape_of(1, n);
    enum deit_status status = deit_expect_shape(graph, node, DEIT_LINEAR_BIAS, row, err);
    if (status == DEIT_OK)
        status = deit_expect_shape(graph, node, DEIT_LINEAR_SCALE, row, err);
    if (status == DEIT_OK)
        status = deit_expect_shape(graph, node, DEIT_LINEAR_RESIDUAL, y, err);
    deit_set_output(graph, node, 0, DEIT_F32, y);
    return status;
}

static double macs(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_shape *weight = deit_input_shape(graph, node, DEIT_LINEAR_WEIGHT);
    size_t rows = deit_shape_rows(deit_input_shape(graph, node, DEIT_LINEAR_X));
    return (double)rows * (double)weight->dims[0] * (double)weight->dims[1];
}

/* Of 'rows' in all with an (n, k) weight. */
static struct deit_linear_cut cut(const struct deit_lowering *lowering, size_t rows, size_t n,
                                  size_t k)
{
    return deit_linear_cut(rows, k, n, lowering->kernels->gemm_f32.nr, lowering->l2_bytes,
                           lowering->n_threads);
}

/* Whether all of k is one step: blocks leave their sums in y. */
static bool is_one_block(const struct deit_lowering *lowering, const struct deit_node *node)
{
    const struct deit_shape *weight = deit_input_shape(lowering->graph, node, DEIT_LINEAR_WEIGHT);
    size_t rows = deit_shape_rows(deit_input_shape(lowering->graph, node, DEIT_LINEAR_X));
    return lowering->plan->n_parts ||
           cut(lowering, rows, (size_t)weight->dims[0], (size_t)weight->dims[1]).n_k_blocks == 1;
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    const struct deit_gemm_bf16 *gemm = &lowering->kernels->gemm_bf16;
    memory->workspace_bytes = deit_plan_split_bytes(lowering, node, DEIT_LINEAR_X);
    if (lowering->plan->has_parts[node->outputs[0]])
        memory->scratch_bytes =
            sizeof(float) * deit_linear_bf16_scratch_count(gemm->mr, gemm->nr);
    if (node->inputs[DEIT_LINEAR_RESIDUAL] >= 0 && is_one_block(lowering, node))
        memory->in_place = DEIT_LINEAR_RESIDUAL;
}

/* One step, whose first panels the product before it fetches at its end. */
static enum deit_status lower_block(struct deit_lowering *lowering, const struct deit_node *node,
                                    const char *suffix, const struct deit_linear *op,
                                    struct deit_error *err)
{
    struct deit_plan *plan = lowering->plan;
    size_t before = plan->n_steps;
    enum deit_status status = deit_lower_step(lowering, node, suffix, deit_linear_n_tiles,
                                              deit_linear_run, op, sizeof *op, err);
    if (status != DEIT_OK)
        return status;
    while (before > 0 && plan->steps[before - 1].run != deit_linear_run)
        before--;
    if (before > 0) {
        struct deit_linear *last = plan->steps[before - 1].op;
        last->following = plan->steps[plan->n_steps - 1].op;
    }
    return DEIT_OK;
}

enum deit_status deit_lower_linear(struct deit_lowering *lowering, const struct deit_node *node,
                                   const char *suffix, const struct deit_linear *product,
                                   struct deit_error *err)
{
    struct deit_linear op = *product;
    struct deit_linear_cut how = cut(lowering, op.rows_per_image * lowering->batch, op.n, op.k);
    enum deit_status status = DEIT_OK;
    op.chunk_rows = how.chunk_rows;
    for (size_t i = 0; status == DEIT_OK && i < how.n_k_blocks; i++) {
        op.k_block = deit_piece(op.k, how.n_k_blocks, i);
        status = lower_block(lowering, node, suffix, &op, err);
    }
    return status;
}

static enum deit_status lower_bf16(struct deit_lowering *lowering, const struct deit_node *node,
                                   struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, DEIT_LINEAR_X);
    const struct deit_shape *weight = deit_input_shape(lowering->graph, node, DEIT_LINEAR_WEIGHT);
    struct deit_linear_bf16 op = {
        .rows_per_image = deit_shape_rows(x) / lowering->batch,
        .n = (size_t)weight->dims[0],
        .mr = lowering->kernels->gemm_bf16.mr,
        .nr = lowering->kernels->gemm_bf16.nr,
        .gelu = node->attrs.linear.activation == DEIT_ACTIVATION_GELU,
        .y = deit_lower_output(lowering, node, 0),
        .parts = deit_lower_output_parts(lowering, node, 0),
    };
    enum deit_status status = deit_lower_parts(lowering, node, DEIT_LINEAR_X, &op.x, err);
    if (status == DEIT_OK)
        status = deit_lower_floats(lowering, node, DEIT_LINEAR_RESIDUAL, &op.residual, err);
    if (status == DEIT_OK)
        status = deit_lower_panels_bf16(lowering, node, DEIT_LINEAR_WEIGHT, &op.panels, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, DEIT_LINEAR_BIAS, &op.bias, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, DEIT_LINEAR_SCALE, &op.scale, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_linear_bf16_n_tiles,
                                 deit_linear_bf16_run, &op, sizeof op, err);
    return status;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    if (lowering->plan->n_parts)
        return lower_bf16(lowering, node, err);
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, DEIT_LINEAR_X);
    const struct deit_shape *weight = deit_input_shape(lowering->graph, node, DEIT_LINEAR_WEIGHT);
    struct deit_linear op = {
        .rows_per_image = deit_shape_rows(x) / lowering->batch,
        .k = (size_t)weight->dims[1],
        .n = (size_t)weight->dims[0],
        .nr = lowering->kernels->gemm_f32.nr,
        .x_row = (size_t)weight->dims[1],
        .gelu = node->attrs.linear.activation == DEIT_ACTIVATION_GELU,
        .y = deit_lower_output(lowering, node, 0),
    };
    enum deit_status status = deit_lower_floats(lowering, node, DEIT_LINEAR_X, &op.x, err);
    if (status == DEIT_OK)
        status = deit_lower_floats(lowering, node, DEIT_LINEAR_RESIDUAL, &op.residual, err);
    if (status == DEIT_OK)
        status = deit_lower_panels(lowering, node, DEIT_LINEAR_WEIGHT, &op.panels, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, DEIT_LINEAR_BIAS, &op.bias, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, DEIT_LINEAR_SCALE, &op.scale, err);
    if (status == DEIT_OK)
        status = deit_lower_linear(lowering, node, "", &op, err);
    return status;
}

const struct deit_kind deit_kind_linear = {
    .is_batched = true, .infer = infer, .macs = macs, .plan = plan, .lower = lower
};
