/* runtime/kind_patch_embed.c: (image, W, bias?, positions?, prefix...) -> (tokens, patches). */
#include "ops/patch_embed.h"
#include "runtime/error.h"
#include "runtime/plan.h"

enum { IMAGE, WEIGHT, BIAS, POSITIONS, PREFIX };
enum { TOKENS, PATCHES };

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_patch_embed_attrs *attrs = &node->attrs.patch_embed;
    const struct deit_shape image = *deit_input_shape(graph, node, IMAGE);
    int64_t ph = attrs->patch_height, pw = attrs->patch_width;
    if (image.rank != 4)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: an image of rank %u", node->name, image.rank);
    if (image.dims[2] < ph || image.dims[3] < pw)
        return deit_fail(err, DEIT_ERR_ARGUMENT,
                         "%s: patches of %lld x %lld do not fit into an image of %lld x %lld",
                         node->name, (long long)ph, (long long)pw, (long long)image.dims[2],
                         (long long)image.dims[3]);
    int64_t patches = (image.dims[2] / ph) * (image.dims[3] / pw);
    int64_t d = deit_input_shape(graph, node, WEIGHT)->dims[0];

    enum deit_status status =
        deit_expect_shape(graph, node, WEIGHT, deit_shape_of(4, d, image.dims[1], ph, pw), err);
    if (status == DEIT_OK)
        status = deit_expect_shape(graph, node, BIAS, deit_shape_of(1, d), err);
    int64_t positions = patches + (attrs->positions_of_prefix ? attrs->n_prefix : 0);
    if (status == DEIT_OK)
        status = deit_expect_shape(graph, node, POSITIONS, deit_shape_of(2, positions, d), err);
    for (uint32_t i = 0; status == DEIT_OK && i < attrs->n_prefix; i++)
        status = deit_expect_shape(graph, node, PREFIX + (int)i, deit_shape_of(1, d), err);

    deit_set_output(graph, node, TOKENS, DEIT_F32,
                    deit_shape_of(3, image.dims[0], attrs->n_prefix + patches, d));
    deit_set_output(graph, node, PATCHES, DEIT_F32,
                    deit_shape_of(3, image.dims[0], patches, d));
    return status;
}

static size_t patch_elements(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_shape *weight = deit_input_shape(graph, node, WEIGHT);
    return (size_t)(weight->dims[1] * weight->dims[2] * weight->dims[3]);
}

static double macs(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_shape *image = deit_input_shape(graph, node, IMAGE);
    const struct deit_shape *tokens = deit_output_shape(graph, node, TOKENS);
    return (double)image->dims[0] * (double)(tokens->dims[1] - node->attrs.patch_embed.n_prefix) *
           (double)tokens->dims[2] * (double)patch_elements(graph, node);
}

static void plan(const struct deit_lowering *lowering, const struct deit_node *node,
                 struct deit_node_memory *memory)
{
    const struct deit_kernels *kernels = lowering->kernels;
    const unsigned n_parts = lowering->plan->n_parts;
    memory->scratch_bytes =
        deit_patch_embed_scratch_bytes(patch_elements(lowering->graph, node),
                                       n_parts ? kernels->gemm_bf16.mr : kernels->gemm_f32.mr,
                                       n_parts);
}

static enum deit_status lower_constants(struct deit_lowering *lowering,
                                        const struct deit_node *node, struct deit_patch_embed *op,
                                        struct deit_error *err)
{
    const struct deit_patch_embed_attrs *attrs = &node->attrs.patch_embed;
    enum deit_status status =
        op->n_parts ? deit_lower_panels_bf16(lowering, node, WEIGHT, &op->panels_bf16, err)
                    : deit_lower_panels(lowering, node, WEIGHT, &op->panels, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, BIAS, &op->bias, err);
    if (status == DEIT_OK)
        status = deit_lower_plain(lowering, node, POSITIONS, &op->positions, err);
    for (uint32_t i = 0; status == DEIT_OK && i < attrs->n_prefix; i++)
        status = deit_lower_plain(lowering, node, PREFIX + (int)i, &op->prefix[i], err);
    if (op->positions && attrs->positions_of_prefix) {
        op->prefix_positions = op->positions;
        op->positions += attrs->n_prefix * op->d;
    }
    return status;
}

static enum deit_status lower(struct deit_lowering *lowering, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_patch_embed_attrs *attrs = &node->attrs.patch_embed;
    const struct deit_shape *image = deit_input_shape(lowering->graph, node, IMAGE);
    const struct deit_kernels *kernels = lowering->kernels;
    const unsigned n_parts = lowering->plan->n_parts;
    struct deit_patch_embed op = {
        .images = (size_t)image->dims[0] / lowering->batch,
        .channels = (size_t)image->dims[1],
        .height = (size_t)image->dims[2],
        .width = (size_t)image->dims[3],
        .patch_height = attrs->patch_height,
        .patch_width = attrs->patch_width,
        .grid_height = (size_t)image->dims[2] / attrs->patch_height,
        .grid_width = (size_t)image->dims[3] / attrs->patch_width,
        .d = (size_t)deit_input_shape(lowering->graph, node, WEIGHT)->dims[0],
        .mr = n_parts ? kernels->gemm_bf16.mr : kernels->gemm_f32.mr,
        .nr = n_parts ? kernels->gemm_bf16.nr : kernels->gemm_f32.nr,
        .n_parts = n_parts,
        .n_prefix = attrs->n_prefix,
        .y = deit_lower_output(lowering, node, TOKENS),
        .patches = deit_lower_output(lowering, node, PATCHES),
    };
    enum deit_status status = deit_lower_floats(lowering, node, IMAGE, &op.image, err);
    if (status == DEIT_OK)
        status = lower_constants(lowering, node, &op, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_patch_embed_n_tiles,
                                 deit_patch_embed_run, &op, sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_patch_embed = {
    .optional_outputs = 1u << PATCHES, .is_batched = true,
    .infer = infer, .macs = macs, .plan = plan, .lower = lower
};
