/*
 * runtime/kind_matmul.c: (a, b) -> (y), NumPy's matmul.
 *
 * A constant b that is one matrix is packed when a session is made, any other in each run.  Where
 * b is one matrix, all batch dimensions of a are rows of one product.
 */
#include "ops/linear.h"
#include "ops/matmul.h"
#include "runtime/error.h"
#include "runtime/plan.h"

enum { A, B };

/* Operands as matrices: a vector is a row on the left and a column on the right. */
struct view {
    int64_t m, k, n;
    struct deit_shape a_batch, b_batch;
};

static struct deit_shape batch_of(const struct deit_shape *shape)
{
    struct deit_shape batch = *shape;
    batch.rank = shape->rank > 2 ? shape->rank - 2 : 0;
    return batch;
}

/* Both ranks are known and not 0; 'k' is known if one side's is. */
static enum deit_status view_operands(const struct deit_graph *graph, const struct deit_node *node,
                                      struct view *view, struct deit_error *err)
{
    const struct deit_shape *a = deit_input_shape(graph, node, A);
    const struct deit_shape *b = deit_input_shape(graph, node, B);
    int64_t a_k = a->dims[a->rank - 1], b_k = b->dims[b->rank == 1 ? 0 : b->rank - 2];
    if (a_k != b_k && a_k != DEIT_DIM_UNKNOWN && b_k != DEIT_DIM_UNKNOWN)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: inner dimensions %lld and %lld differ",
                         node->name, (long long)a_k, (long long)b_k);
    *view = (struct view){
        .m = a->rank == 1 ? 1 : a->dims[a->rank - 2],
        .k = a_k == DEIT_DIM_UNKNOWN ? b_k : a_k,
        .n = b->rank == 1 ? 1 : b->dims[b->rank - 1],
        .a_batch = batch_of(a),
        .b_batch = batch_of(b),
    };
    return DEIT_OK;
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_value *a = deit_input_value(graph, node, A);
    const struct deit_value *b = deit_input_value(graph, node, B);
    struct deit_shape y = { .rank = DEIT_RANK_UNKNOWN };
    if (a->dtype != DEIT_F32 && a->dtype != DEIT_I64)
        return deit_expect_dtype(graph, node, A, DEIT_F32, err);
    enum deit_status status = deit_expect_dtype(graph, node, B, a->dtype, err);
    if (status == DEIT_OK && (a->shape.rank == 0 || b->shape.rank == 0))
        status = deit_fail(err, DEIT_ERR_FORMAT, "%s: a matmul of rank %u by rank %u", node->name,
                           a->shape.rank, b->shape.rank);
    if (status == DEIT_OK && deit_rank_is_known(&a->shape) && deit_rank_is_known(&b->shape)) {
        struct view view;
        status = view_operands(graph, node, &view, err);
        if (status == DEIT_OK)
            status = deit_broadcast(node, view.a_batch, view.b_batch, &y, err);
        if (status == DEIT_OK && a->shape.rank > 1)
            y.dims[y.rank++] = view.m;
        if (status == DEIT_OK && b->shape.rank > 1)
            y.dims[y.rank++] = view.n;
    }
    deit_set_output(graph, node, 0, a->dtype, y);
    return status;
}

static double macs(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_shape *a = deit_input_shape(graph, node, A);
    size_t count = 0;
    deit_shape_count(deit_output_shape(graph, node, 0), &count);
    return (double)count * (double)a->dims[a->rank - 1];
}

/* ------------------------------------------------------------------ lowering */

/* Steps of an operand along the dims of the batch: 0 where it is repeated. */
static size_t set_steps(const struct deit_shape *batch, const struct deit_shape *operand,
                        size_t *steps)
{
    size_t step = 1;
    for (uint32_t i = batch->rank; i-- > 0;) {
        uint32_t missing = batch->rank - operand->rank;
        int64_t dim = i < missing ? 1 : operand->dims[i - missing];
        steps[i] = dim == 1 ? 0 : step;
        step *= (size_t)dim;
    }
    return step;
}

/* Sizes of the products; the addresses come later. */
static struct deit_matmul describe(const struct deit_lowering *lowering,
                                   const struct deit_node *node)
{
    struct view view;
    struct deit_shape batch;
    view_operands(lowering->graph, node, &view, NULL);
    deit_broadcast(node, view.a_batch, view.b_batch, &batch, NULL);
    struct deit_matmul op = {
        .m = (size_t)view.m, .k = (size_t)view.k, .n = (size_t)view.n,
        .mr = lowering->kernels->gemm_f32.mr, .nr = lowering->kernels->gemm_f32.nr,
        .n_dims = batch.rank, .n_products = 1,
    };
    for (uint32_t i = 0; i < batch.rank; i++)
        op.n_products *= op.dims[i] = (size_t)batch.dims[i];
    set_steps(&batch, &view.a_batch, op.a_step);
    op.n_b = set_steps(&batch, &view.b_batch, op.b_step);
    if (op.n_b == 1) {
        op.m *= op.n_products;
        op.n_products = 1;
        op.n_dims = 0;
    }
    return op;
}

/* Whether b is one (K, N) weight, which is packed when a session is made. */
static bool is_weight(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_value *b = deit_input_value(graph, node, B);
    bool is = b->origin == DEIT_FROM_CONSTANT && b->dtype == DEIT_F32;
    for (uint32_t i = 0; i + 2 < b->shape.rank; i++)
        is &= b->shape.dims[i] == 1;
    return is;
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    if (deit_input_value(lowering->graph, node, A)->dtype != DEIT_F32 ||
        is_weight(lowering->graph, node))
        return;
    struct deit_matmul op = describe(lowering, node);
    memory->workspace_bytes =
        sizeof(float) * op.n_b * deit_linear_packed_count(op.n, op.k, op.nr);
}

static enum deit_status lower_b(struct deit_lowering *lowering, const struct deit_node *node,
                                struct deit_matmul *op, struct deit_error *err)
{
    if (is_weight(lowering->graph, node)) {
        const struct deit_weight_layout layout = {
            .dtype = DEIT_F32, .rows = op->n, .k = op->k, .nr = op->nr, .k_major = true
        };
        return deit_lower_layout(lowering, node, B, layout, &op->panels, err);
    }
    op->packed = deit_lower_workspace(lowering, node);
    op->panels = op->packed;
    enum deit_status status = deit_lower_operand(lowering, node, B, &op->b, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, ".pack", deit_matmul_pack_n_tiles,
                                 deit_matmul_pack, op, sizeof *op, err);
    return status;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    struct deit_matmul op = describe(lowering, node);
    op.y = deit_lower_output(lowering, node, 0);
    enum deit_status status = deit_lower_operand(lowering, node, A, &op.a, err);
    if (status != DEIT_OK)
        return status;
    if (deit_input_value(lowering->graph, node, A)->dtype == DEIT_I64) {
        status = deit_lower_operand(lowering, node, B, &op.b, err);
        if (status == DEIT_OK)
            status = deit_lower_step(lowering, node, "", deit_matmul_i64_n_tiles,
                                     deit_matmul_i64_run, &op, sizeof op, err);
        return status;
    }
    status = lower_b(lowering, node, &op, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_matmul_n_tiles, deit_matmul_run, &op,
                                 sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_matmul = {
    .infer = infer, .macs = macs, .plan = plan, .lower = lower
};
