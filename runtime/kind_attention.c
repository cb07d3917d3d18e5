/* runtime/kind_attention.c: (q, k, v) -> (context, probabilities). */
#include "ops/attention.h"
#include "ops/attention_bf16.h"
#include "runtime/error.h"
#include "runtime/plan_parts.h"

enum { Q, K, V };
enum { CONTEXT, PROBS };

/* Input 'slot' is (batch, tokens, columns) and has room for all heads from 'column' on. */
static enum deit_status check_input(const struct deit_graph *graph, const struct deit_node *node,
                                    int slot, uint32_t column, struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, slot);
    const struct deit_attention_attrs *attrs = &node->attrs.attention;
    int64_t end = (int64_t)column + (int64_t)attrs->n_heads * attrs->head_dim;
    if (x->rank != 3)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: attention on rank %u", node->name, x->rank);
    if (x->dims[2] < end)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: heads end at column %lld of %lld", node->name,
                         (long long)end, (long long)x->dims[2]);
    return DEIT_OK;
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_attention_attrs *attrs = &node->attrs.attention;
    enum deit_status status = check_input(graph, node, Q, attrs->q_column, err);
    if (status == DEIT_OK)
        status = check_input(graph, node, K, attrs->k_column, err);
    if (status == DEIT_OK)
        status = check_input(graph, node, V, attrs->v_column, err);
    if (status != DEIT_OK)
        return status;

    const struct deit_shape *q = deit_input_shape(graph, node, Q);
    int64_t n_kv = deit_input_shape(graph, node, K)->dims[1];
    if (deit_input_shape(graph, node, V)->dims[1] != n_kv)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %lld keys and %lld values", node->name,
                         (long long)n_kv,
                         (long long)deit_input_shape(graph, node, V)->dims[1]);
    int64_t n_heads = attrs->n_heads, width = n_heads * attrs->head_dim;
    deit_set_output(graph, node, CONTEXT, DEIT_F32,
                    deit_shape_of(3, q->dims[0], q->dims[1], width));
    deit_set_output(graph, node, PROBS, DEIT_F32,
                    deit_shape_of(4, q->dims[0], n_heads, q->dims[1], n_kv));
    return DEIT_OK;
}

static double macs(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_shape *q = deit_input_shape(graph, node, Q);
    const struct deit_attention_attrs *attrs = &node->attrs.attention;
    return 2.0 * (double)q->dims[0] * (double)q->dims[1] *
           (double)deit_input_shape(graph, node, K)->dims[1] * attrs->n_heads * attrs->head_dim;
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    const struct deit_shape *k = deit_input_shape(lowering->graph, node, K);
    const struct deit_attention_attrs *attrs = &node->attrs.attention;
    const struct deit_kernels *kernels = lowering->kernels;
    unsigned n_parts = lowering->plan->n_parts;
    size_t nr = kernels->gemm_f32.nr, n_kv = (size_t)k->dims[1];
    if (n_parts) {
        nr = kernels->gemm_bf16.nr;
        memory->workspace_bytes =
            sizeof(uint16_t) * (size_t)k->dims[0] * attrs->n_heads *
            deit_attention_bf16_packed_count(n_kv, attrs->head_dim, nr, n_parts);
        memory->scratch_bytes = deit_attention_bf16_scratch_bytes(
            n_kv, attrs->head_dim, kernels->gemm_bf16.mr, nr, n_parts);
        return;
    }
    memory->workspace_bytes = sizeof(float) * (size_t)k->dims[0] * attrs->n_heads *
                              deit_attention_packed_count(n_kv, attrs->head_dim, nr);
    memory->scratch_bytes =
        sizeof(float) * deit_attention_scratch_count(n_kv, kernels->gemm_f32.mr, nr);
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_attention_attrs *attrs = &node->attrs.attention;
    const struct deit_shape *q = deit_input_shape(lowering->graph, node, Q);
    const struct deit_shape *k = deit_input_shape(lowering->graph, node, K);
    const struct deit_shape *v = deit_input_shape(lowering->graph, node, V);
    const struct deit_kernels *kernels = lowering->kernels;
    const unsigned n_parts = lowering->plan->n_parts;
    struct deit_attention op = {
        .images = (size_t)q->dims[0] / lowering->batch,
        .n_heads = attrs->n_heads,
        .head_dim = attrs->head_dim,
        .n_q = (size_t)q->dims[1],
        .n_kv = (size_t)k->dims[1],
        .mr = n_parts ? kernels->gemm_bf16.mr : kernels->gemm_f32.mr,
        .nr = n_parts ? kernels->gemm_bf16.nr : kernels->gemm_f32.nr,
        .n_parts = n_parts,
        .q_row = (size_t)q->dims[2],
        .k_row = (size_t)k->dims[2],
        .v_row = (size_t)v->dims[2],
        .scale = attrs->scale,
        .packed = deit_lower_workspace(lowering, node),
        .y = deit_lower_output(lowering, node, CONTEXT),
        .parts = deit_lower_output_parts(lowering, node, CONTEXT),
        .probs = deit_lower_output(lowering, node, PROBS),
    };
    enum deit_status status = deit_lower_floats(lowering, node, Q, &op.q, err);
    if (status == DEIT_OK)
        status = deit_lower_floats(lowering, node, K, &op.k, err);
    if (status == DEIT_OK)
        status = deit_lower_floats(lowering, node, V, &op.v, err);
    if (status != DEIT_OK)
        return status;
    op.q += attrs->q_column;
    op.k += attrs->k_column;
    op.v += attrs->v_column;
    status = deit_lower_step(lowering, node, ".pack", deit_attention_pack_n_tiles,
                             n_parts ? deit_attention_bf16_pack : deit_attention_pack, &op,
                             sizeof op, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_attention_n_tiles,
                                 n_parts ? deit_attention_bf16_run : deit_attention_run, &op,
                                 sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_attention = {
    .optional_outputs = 1u << PROBS, .is_batched = true,
    .infer = infer, .macs = macs, .plan = plan, .lower = lower
};
