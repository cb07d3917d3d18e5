/*
 * runtime/kind_heads.c: (tokens, gamma?, beta?, W0?, bias 0?, W1?, bias 1?)
 *                       -> (logits, features, logits 0, logits 1).
 *
 * Logits of two heads are averaged.  Where classifiers read tokens as they are, they read them
 * in place by a row stride; a mean or a norm goes through a pooled copy.
 */
#include "ops/linear.h"
#include "ops/mean.h"
#include "ops/pool.h"
#include "runtime/error.h"
#include "runtime/plan.h"

enum { TOKENS, GAMMA, BETA, WEIGHT_0, BIAS_0 };
enum { LOGITS, FEATURES, LOGITS_0, LOGITS_1 };

static int weight_slot(uint32_t head)
{
    return WEIGHT_0 + 2 * (int)head;
}

static int bias_slot(uint32_t head)
{
    return BIAS_0 + 2 * (int)head;
}

uint32_t deit_heads_rows(const struct deit_heads_attrs *attrs)
{
    return attrs->n_heads == 2 || attrs->features_mean ? 2 : 1;
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_heads_attrs *attrs = &node->attrs.heads;
    const struct deit_shape tokens = *deit_input_shape(graph, node, TOKENS);
    if (tokens.rank != 3)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: heads on rank %u", node->name, tokens.rank);
    int64_t batch = tokens.dims[0], d = tokens.dims[2];
    int64_t needed = attrs->pool_mean ? attrs->n_prefix + 1 : deit_heads_rows(attrs);
    if (tokens.dims[1] < needed)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %lld tokens, at least %lld are needed",
                         node->name, (long long)tokens.dims[1], (long long)needed);

    struct deit_shape row = deit_shape_of(1, d);
    enum deit_status status = deit_expect_shape(graph, node, GAMMA, row, err);
    if (status == DEIT_OK)
        status = deit_expect_shape(graph, node, BETA, row, err);
    deit_set_output(graph, node, FEATURES, DEIT_F32, deit_shape_of(2, batch, d));
    if (!attrs->n_heads)
        return status;

    int64_t classes = deit_input_shape(graph, node, WEIGHT_0)->dims[0];
    for (uint32_t i = 0; status == DEIT_OK && i < attrs->n_heads; i++) {
        status = deit_expect_shape(graph, node, weight_slot(i), deit_shape_of(2, classes, d), err);
        if (status == DEIT_OK)
            status = deit_expect_shape(graph, node, bias_slot(i), deit_shape_of(1, classes), err);
        deit_set_output(graph, node, LOGITS_0 + (int)i, DEIT_F32, deit_shape_of(2, batch, classes));
    }
    deit_set_output(graph, node, LOGITS, DEIT_F32, deit_shape_of(2, batch, classes));
    return status;
}

static double macs(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_shape *tokens = deit_input_shape(graph, node, TOKENS);
    double sum = 0;
    for (uint32_t i = 0; i < node->attrs.heads.n_heads; i++)
        sum += (double)tokens->dims[0] * (double)tokens->dims[2] *
               (double)deit_input_shape(graph, node, weight_slot(i))->dims[0];
    return sum;
}

/* ------------------------------------------------------------------ lowering */

/* The workspace: pooled rows, then the logits of each head. */
struct layout {
    size_t pooled, logits; /* elements of each */
};

static struct layout workspace_layout(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_shape *tokens = deit_input_shape(graph, node, TOKENS);
    const struct deit_heads_attrs *attrs = &node->attrs.heads;
    size_t batch = (size_t)tokens->dims[0];
    return (struct layout){
        .pooled = batch * deit_heads_rows(attrs) * (size_t)tokens->dims[2],
        .logits = attrs->n_heads
                      ? batch * (size_t)deit_input_shape(graph, node, WEIGHT_0)->dims[0]
                      : 0,
    };
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    struct layout layout = workspace_layout(lowering->graph, node);
    memory->workspace_bytes =
        sizeof(float) * (layout.pooled + node->attrs.heads.n_heads * layout.logits);
    memory->scratch_bytes =
        sizeof(float) *
        deit_pool_scratch_count((size_t)deit_input_shape(lowering->graph, node, TOKENS)->dims[2]);
}

/* Images in a unit of the run's batch. */
static size_t images_per_batch(const struct deit_lowering *lowering, const struct deit_node *node)
{
    return (size_t)deit_input_shape(lowering->graph, node, TOKENS)->dims[0] / lowering->batch;
}

/* Where the classifiers read: row i of an image is x + i * d, rows of images x_row apart. */
struct rows {
    const float *x;
    size_t x_row;
};

static enum deit_status lower_pool(struct deit_lowering *lowering, const struct deit_node *node,
                                   struct rows *rows, struct deit_error *err)
{
    const struct deit_heads_attrs *attrs = &node->attrs.heads;
    const struct deit_shape *tokens = deit_input_shape(lowering->graph, node, TOKENS);
    bool as_they_are = !attrs->pool_mean && node->inputs[GAMMA] < 0;
    struct deit_pool op = {
        .images = images_per_batch(lowering, node),
        .n_tokens = (size_t)tokens->dims[1],
        .d = (size_t)tokens->dims[2],
        .mean = attrs->pool_mean,
        .first = attrs->n_prefix,
        .n_rows = deit_heads_rows(attrs),
        .eps = attrs->eps,
        .rows = as_they_are ? NULL : deit_lower_workspace(lowering, node),
        .features = deit_lower_output(lowering, node, FEATURES),
    };
    enum deit_status status = deit_lower_floats(lowering, node, TOKENS, &op.tokens, err);
    rows->x = as_they_are ? op.tokens : op.rows;
    rows->x_row = (as_they_are ? op.n_tokens : op.n_rows) * op.d;
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, GAMMA, &op.gamma, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, BETA, &op.beta, err);
    if (status == DEIT_OK && (op.rows || op.features))
        status = deit_lower_step(lowering, node, ".pool", deit_pool_n_tiles, deit_pool_run, &op,
                                 sizeof op, err);
    return status;
}

static enum deit_status lower_classifier(struct deit_lowering *lowering,
                                         const struct deit_node *node, uint32_t head,
                                         const struct rows *rows, float *y,
                                         struct deit_error *err)
{
    static const char *const suffixes[] = { ".cls", ".dist" };
    const struct deit_shape *weight = deit_input_shape(lowering->graph, node, weight_slot(head));
    struct deit_linear op = {
        .rows_per_image = images_per_batch(lowering, node),
        .k = (size_t)weight->dims[1],
        .n = (size_t)weight->dims[0],
        .nr = lowering->kernels->gemm_f32.nr,
        .x = rows->x + head * (size_t)weight->dims[1],
        .x_row = rows->x_row,
        .y = y,
    };
    enum deit_status status = deit_lower_panels(lowering, node, weight_slot(head), &op.panels, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, bias_slot(head), &op.bias, err);
    if (status == DEIT_OK)
        status = deit_lower_linear(lowering, node, suffixes[head], &op, err);
    return status;
}

/* logits: the mean of two heads, or a copy of one whose own output is wanted too. */
static enum deit_status lower_logits(struct deit_lowering *lowering, const struct deit_node *node,
                                     const float *const *heads, struct deit_error *err)
{
    float *logits = deit_lower_output(lowering, node, LOGITS);
    if (!logits || logits == heads[0])
        return DEIT_OK;
    bool two = node->attrs.heads.n_heads == 2;
    const struct deit_mean op = {
        .rows_per_image = images_per_batch(lowering, node),
        .d = (size_t)deit_output_shape(lowering->graph, node, LOGITS)->dims[1],
        .a = heads[0],
        .b = two ? heads[1] : NULL,
        .y = logits,
    };
    return deit_lower_step(lowering, node, ".mean", deit_mean_n_tiles, deit_mean_run, &op,
                           sizeof op, err);
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_heads_attrs *attrs = &node->attrs.heads;
    struct layout layout = workspace_layout(lowering->graph, node);
    float *workspace = deit_lower_workspace(lowering, node);
    float *logits = deit_lower_output(lowering, node, LOGITS);
    const float *heads[2] = { NULL, NULL };

    struct rows rows;
    enum deit_status status = lower_pool(lowering, node, &rows, err);
    for (uint32_t i = 0; status == DEIT_OK && i < attrs->n_heads; i++) {
        float *y = deit_lower_output(lowering, node, LOGITS_0 + (int)i);
        bool is_only = attrs->n_heads == 1;
        if (!logits && !y)
            continue;
        if (!y)
            y = is_only ? logits : workspace + layout.pooled + i * layout.logits;
        status = lower_classifier(lowering, node, i, &rows, y, err);
        heads[i] = y;
    }
    if (status == DEIT_OK)
        status = lower_logits(lowering, node, heads, err);
    return status;
}

const struct deit_kind deit_kind_heads = {
    .optional_outputs = 0xf, .is_batched = true,
    .infer = infer, .macs = macs, .plan = plan, .lower = lower
};
