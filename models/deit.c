/*
 * models/deit.c: the model, as the papers define it.
 *
 *     z0     = [cls, dist, x W_patch] + positions
 *     z'     = z + scale1 * attention(norm1(z))
 *     z      = z' + scale2 * mlp(norm2(z'))                  depth times
 *     logits = the mean of head(cls) and head_dist(dist)     of norm(z)
 *
 * Each operation is a node of its own, and the passes of the runtime fuse them: one form for
 * all loaders, and every intermediate has a name to be looked at.  A failure is remembered in
 * the builder and turns the rest into no-ops, which keeps the definition readable.
 */
#include "models/deit.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/refuse.h"
#include "runtime/error.h"

struct builder {
    struct deit_graph *graph;
    struct deit_tensors *tensors;
    const struct deit_architecture *arch;
    enum deit_status status;
    struct deit_error *err;
};

/* ------------------------------------------------------------------ weights */

/* Finds the tensor, checks it and marks it; NULL if the building has failed. */
static struct deit_tensor_entry *take(struct builder *b, const char *name,
                                      struct deit_shape stored)
{
    if (b->status != DEIT_OK)
        return NULL;
    char is[128], expected[128];
    deit_shape_print(&stored, expected);
    struct deit_tensor_entry *entry = deit_tensors_find(b->tensors, name);
    if (!entry)
        b->status = deit_fail(b->err, DEIT_ERR_FORMAT, "%s: tensor '%s' is missing, expected %s",
                              b->tensors->name, name, expected);
    else if (!entry->dtype)
        b->status = deit_fail(b->err, DEIT_ERR_UNSUPPORTED,
                              "%s: tensor '%s' is %s; weights may be F32, F16, BF16 or F64",
                              entry->source->name, name, entry->type_name);
    else if (!deit_shape_equal(&entry->shape, &stored))
        b->status = deit_fail(b->err, DEIT_ERR_FORMAT, "%s: tensor '%s' is %s, expected %s",
                              entry->source->name, name, deit_shape_print(&entry->shape, is),
                              expected);
    if (b->status != DEIT_OK)
        return NULL;
    entry->is_used = true;
    return entry;
}

static struct deit_constant_part part_of(const struct deit_tensor_entry *entry)
{
    return (struct deit_constant_part){ .source = entry->source,
                                        .offset = entry->offset,
                                        .dtype = entry->dtype,
                                        .n_elements = (size_t)entry->n_elements };
}

/* A constant of shape 'shape' from a tensor stored as 'stored': the same numbers in a row. */
static int weight_stored_as(struct builder *b, const char *name, struct deit_shape stored,
                            struct deit_shape shape)
{
    const struct deit_tensor_entry *entry = take(b, name, stored);
    if (!entry)
        return -1;
    struct deit_constant constant = { .n_parts = 1, .parts = { part_of(entry) } };
    return deit_graph_add_constant(b->graph, name, DEIT_F32, shape, &constant);
}

static int weight(struct builder *b, const char *name, struct deit_shape shape)
{
    return weight_stored_as(b, name, shape, shape);
}

static int body_weight(struct builder *b, const char *part, const char *suffix,
                       struct deit_shape shape)
{
    char name[DEIT_NAME_BYTES];
    return weight(b, deit_naming_body(&b->arch->naming, part, suffix, name), shape);
}

static int block_weight(struct builder *b, uint32_t block, const char *part, const char *suffix,
                        struct deit_shape shape)
{
    char name[DEIT_NAME_BYTES];
    return weight(b, deit_naming_block(&b->arch->naming, block, part, suffix, name), shape);
}

/* ------------------------------------------------------------------ nodes */

/* Appends a node with one output of the same name and returns that value. */
static int node(struct builder *b, enum deit_node_kind kind, const char *name,
                const union deit_attrs *attrs, size_t n_inputs, const int *inputs)
{
    if (b->status != DEIT_OK)
        return -1;
    int index = deit_graph_add_node(b->graph, kind, name, attrs, n_inputs, inputs, 1, &name);
    return index < 0 ? -1 : b->graph->nodes[index].outputs[0];
}

static int linear(struct builder *b, const char *name, int x, int w, int bias)
{
    return node(b, DEIT_NODE_LINEAR, name, NULL, 3, (const int[]){ x, w, bias });
}

static int layernorm(struct builder *b, const char *name, int x, int gamma, int beta)
{
    const union deit_attrs attrs = { .layernorm = { .eps = b->arch->eps } };
    return node(b, DEIT_NODE_LAYERNORM, name, &attrs, 3, (const int[]){ x, gamma, beta });
}

static int gelu(struct builder *b, const char *name, int x)
{
    const union deit_attrs attrs = { .unary = DEIT_GELU };
    return node(b, DEIT_NODE_UNARY, name, &attrs, 1, &x);
}

static int binary(struct builder *b, enum deit_binary function, const char *name, int x, int y)
{
    const union deit_attrs attrs = { .binary = function };
    return node(b, DEIT_NODE_BINARY, name, &attrs, 2, (const int[]){ x, y });
}

/* ------------------------------------------------------------------ embedding */

static int positions(struct builder *b, int pixels)
{
    const struct deit_architecture *a = b->arch;
    char name[DEIT_NAME_BYTES];
    deit_naming_body(&a->naming, a->naming.style->positions, "", name);
    int table = weight_stored_as(b, name, deit_shape_of(3, 1, a->n_positions, a->width),
                                 deit_shape_of(2, a->n_positions, a->width));
    const union deit_attrs attrs = {
        .resize_positions = {
            .grid_height = a->grid_height,
            .grid_width = a->grid_width,
            .n_prefix = a->positions_of_prefix ? deit_architecture_n_prefix(a) : 0,
            .patch_height = a->patch_height,
            .patch_width = a->patch_width,
            .image_height = a->image_height,
            .image_width = a->image_width,
            .antialias = a->antialias,
        },
    };
    return node(b, DEIT_NODE_RESIZE_POSITIONS, "positions", &attrs, 2,
                (const int[]){ table, pixels });
}

static int prefix_token(struct builder *b, const char *part)
{
    char name[DEIT_NAME_BYTES];
    deit_naming_body(&b->arch->naming, part, "", name);
    return weight_stored_as(b, name, deit_shape_of(3, 1, 1, b->arch->width),
                            deit_shape_of(1, b->arch->width));
}

static int embed(struct builder *b, int pixels)
{
    const struct deit_architecture *a = b->arch;
    const struct deit_key_style *style = a->naming.style;
    int w = body_weight(b, style->patch, ".weight",
                        deit_shape_of(4, a->width, a->channels, a->patch_height, a->patch_width));
    int bias = body_weight(b, style->patch, ".bias", deit_shape_of(1, a->width));
    int table = positions(b, pixels);
    int cls = a->has_cls_token ? prefix_token(b, style->cls_token) : -1;
    int dist = a->has_dist_token ? prefix_token(b, style->dist_token) : -1;
    if (b->status != DEIT_OK)
        return -1;

    const union deit_attrs attrs = {
        .patch_embed = {
            .patch_height = a->patch_height,
            .patch_width = a->patch_width,
            .n_prefix = deit_architecture_n_prefix(a),
            .positions_of_prefix = a->positions_of_prefix,
        },
    };
    const int inputs[] = { pixels, w, bias, table, cls, dist };
    static const char *const outputs[] = { "pos_embed", "patch_embed" };
    int index = deit_graph_add_node(b->graph, DEIT_NODE_PATCH_EMBED, "pos_embed", &attrs, 6,
                                    inputs, 2, outputs);
    return index < 0 ? -1 : b->graph->nodes[index].outputs[0];
}

/* ------------------------------------------------------------------ blocks */

/* "blocks.3.attn.qkv", or "blocks.3" for the block itself. */
static const char *value_name(char *text, uint32_t block, const char *part)
{
    snprintf(text, DEIT_NAME_BYTES, "blocks.%u%s%s", block, *part ? "." : "", part);
    return text;
}

static int block_norm(struct builder *b, uint32_t block, const char *name, const char *part,
                      int x)
{
    char text[DEIT_NAME_BYTES];
    struct deit_shape row = deit_shape_of(1, b->arch->width);
    int gamma = block_weight(b, block, part, ".weight", row);
    int beta = block_weight(b, block, part, ".bias", row);
    return layernorm(b, value_name(text, block, name), x, gamma, beta);
}

static int block_linear(struct builder *b, uint32_t block, const char *name, const char *part,
                        int x, uint32_t n, uint32_t k)
{
    char text[DEIT_NAME_BYTES];
    int w = block_weight(b, block, part, ".weight", deit_shape_of(2, n, k));
    int bias = block_weight(b, block, part, ".bias", deit_shape_of(1, n));
    return linear(b, value_name(text, block, name), x, w, bias);
}

/* q, k and v that are stored apart, as one weight of three parts; -1 if none is there. */
static int joined_qkv(struct builder *b, uint32_t block, const char *suffix,
                      struct deit_shape each, const bool has[3])
{
    const struct deit_key_style *style = b->arch->naming.style;
    const char *const parts[] = { style->q, style->k, style->v };
    char name[DEIT_NAME_BYTES];
    struct deit_constant constant = { .n_parts = 3 };
    size_t count = 0;
    deit_shape_count(&each, &count);

    for (int i = 0; i < 3; i++) {
        constant.parts[i] = (struct deit_constant_part){ .dtype = DEIT_F32, .n_elements = count };
        if (!has[i])
            continue; /* a part without a source is zeros */
        deit_naming_block(&b->arch->naming, block, parts[i], suffix, name);
        const struct deit_tensor_entry *entry = take(b, name, each);
        if (!entry)
            return -1;
        constant.parts[i] = part_of(entry);
    }
    if (!has[0] && !has[1] && !has[2])
        return -1;
    each.dims[0] *= 3;
    char joined[DEIT_NAME_BYTES + 16];
    snprintf(joined, sizeof joined, "blocks.%u.attn.qkv%s", block, suffix);
    return deit_graph_add_constant(b->graph, joined, DEIT_F32, each, &constant);
}

static int qkv(struct builder *b, uint32_t block, int x)
{
    static const bool all[3] = { true, true, true };
    const struct deit_architecture *a = b->arch;
    uint32_t d = a->width;
    char name[DEIT_NAME_BYTES];
    int w, bias = -1;
    if (a->qkv_fused) {
        w = block_weight(b, block, a->naming.style->qkv, ".weight", deit_shape_of(2, 3 * d, d));
        if (a->has_qkv_bias[0])
            bias = block_weight(b, block, a->naming.style->qkv, ".bias", deit_shape_of(1, 3 * d));
    } else {
        w = joined_qkv(b, block, ".weight", deit_shape_of(2, d, d), all);
        bias = joined_qkv(b, block, ".bias", deit_shape_of(1, d), a->has_qkv_bias);
    }
    return linear(b, value_name(name, block, "attn.qkv"), x, w, bias);
}

static int attention(struct builder *b, uint32_t block, int x)
{
    const struct deit_architecture *a = b->arch;
    int projected = qkv(b, block, x);
    if (b->status != DEIT_OK)
        return -1;

    uint32_t head_dim = a->width / a->n_heads;
    const union deit_attrs attrs = {
        .attention = {
            .n_heads = a->n_heads,
            .head_dim = head_dim,
            .q_column = 0,
            .k_column = a->width,
            .v_column = 2 * a->width,
            .scale = (float)(1.0 / sqrt((double)head_dim)),
        },
    };
    char context[DEIT_NAME_BYTES], probabilities[DEIT_NAME_BYTES];
    const int inputs[] = { projected, projected, projected };
    const char *const outputs[] = {
        value_name(context, block, "attn.context"), value_name(probabilities, block, "attn.probs")
    };
    int index = deit_graph_add_node(b->graph, DEIT_NODE_ATTENTION, context, &attrs, 3,
                                    inputs, 2, outputs);
    int y = index < 0 ? -1 : b->graph->nodes[index].outputs[0];
    return block_linear(b, block, "attn.proj", a->naming.style->proj, y, a->width, a->width);
}

static int mlp(struct builder *b, uint32_t block, int x)
{
    const struct deit_architecture *a = b->arch;
    const struct deit_key_style *style = a->naming.style;
    char name[DEIT_NAME_BYTES];
    x = block_linear(b, block, "mlp.fc1", style->fc1, x, a->mlp_hidden, a->width);
    x = gelu(b, value_name(name, block, "mlp.gelu"), x);
    return block_linear(b, block, "mlp.fc2", style->fc2, x, a->width, a->mlp_hidden);
}

/* DeiT III multiplies each branch by a learned scale per column. */
static int layer_scale(struct builder *b, uint32_t block, const char *name, const char *part,
                       int x)
{
    if (!part)
        return x;
    char text[DEIT_NAME_BYTES];
    int scale = block_weight(b, block, part, "", deit_shape_of(1, b->arch->width));
    return binary(b, DEIT_MUL, value_name(text, block, name), x, scale);
}

static int add_block(struct builder *b, uint32_t block, int x)
{
    const struct deit_architecture *a = b->arch;
    const struct deit_key_style *style = a->naming.style;
    char name[DEIT_NAME_BYTES];

    int branch = block_norm(b, block, "norm1", style->norm1, x);
    branch = attention(b, block, branch);
    branch = layer_scale(b, block, "ls1", a->scale1, branch);
    x = binary(b, DEIT_ADD, value_name(name, block, "attn.residual"), x, branch);

    branch = block_norm(b, block, "norm2", style->norm2, x);
    branch = mlp(b, block, branch);
    branch = layer_scale(b, block, "ls2", a->scale2, branch);
    return binary(b, DEIT_ADD, value_name(name, block, ""), x, branch);
}

/* ------------------------------------------------------------------ classifiers */

/* The weight and, where it is stored, the bias of one classifier. */
static void classifier(struct builder *b, const char *part, int *w, int *bias)
{
    char name[DEIT_NAME_BYTES];
    const struct deit_naming *naming = &b->arch->naming;
    int64_t classes = b->arch->n_classes;
    *w = weight(b, deit_naming_head(naming, part, ".weight", name),
                deit_shape_of(2, classes, b->arch->width));
    *bias = weight(b, deit_naming_head(naming, part, ".bias", name), deit_shape_of(1, classes));
}

static int heads(struct builder *b, int tokens)
{
    const struct deit_architecture *a = b->arch;
    int inputs[7] = { tokens, -1, -1, -1, -1, -1, -1 };
    if (a->has_fc_norm && (a->has_norm || a->pool_mean)) {
        inputs[1] = body_weight(b, a->naming.style->fc_norm, ".weight",
                                deit_shape_of(1, a->width));
        inputs[2] = body_weight(b, a->naming.style->fc_norm, ".bias", deit_shape_of(1, a->width));
    }
    if (a->n_heads_out >= 1)
        classifier(b, a->head, &inputs[3], &inputs[4]);
    if (a->n_heads_out == 2)
        classifier(b, a->head_dist, &inputs[5], &inputs[6]);
    if (b->status != DEIT_OK)
        return -1;

    const union deit_attrs attrs = {
        .heads = {
            .pool_mean = a->pool_mean,
            .n_prefix = deit_architecture_n_prefix(a),
            .n_heads = a->n_heads_out,
            .features_mean = a->n_heads_out == 2 || (!a->n_heads_out && a->has_dist_token),
            .eps = a->eps,
        },
    };
    const char *const outputs[4] = {
        a->n_heads_out ? "logits" : NULL, "features", a->n_heads_out ? "logits.cls" : NULL,
        a->n_heads_out == 2 ? "logits.dist" : NULL
    };
    int index = deit_graph_add_node(b->graph, DEIT_NODE_HEADS, "heads", &attrs, 7, inputs, 4,
                                    outputs);
    return index < 0 ? -1 : b->graph->nodes[index].outputs[a->n_heads_out ? 0 : 1];
}

/* Without a norm before the pooling, one behind it that reads tokens is the same norm. */
static int final_norm(struct builder *b, int x)
{
    const struct deit_architecture *a = b->arch;
    const struct deit_key_style *style = a->naming.style;
    if (!a->has_norm && a->pool_mean)
        return x;
    const char *part = a->has_norm ? style->norm : style->fc_norm;
    int gamma = body_weight(b, part, ".weight", deit_shape_of(1, a->width));
    int beta = body_weight(b, part, ".bias", deit_shape_of(1, a->width));
    return layernorm(b, a->output_is_tokens ? "features" : "norm", x, gamma, beta);
}

static void build(struct builder *b)
{
    const struct deit_architecture *a = b->arch;
    int x = deit_graph_add_input(b->graph, "pixels", DEIT_F32,
                                 deit_shape_of(4, DEIT_DIM_UNKNOWN, a->channels,
                                               DEIT_DIM_UNKNOWN, DEIT_DIM_UNKNOWN));
    x = embed(b, x);
    for (uint32_t i = 0; b->status == DEIT_OK && i < a->depth; i++)
        x = add_block(b, i, x);
    x = final_norm(b, x);
    if (!a->output_is_tokens)
        x = heads(b, x);
    if (b->status == DEIT_OK)
        deit_graph_add_output(b->graph, x);
}

enum deit_status deit_model_graph(const struct deit_architecture *arch,
                                  struct deit_tensors *tensors, struct deit_graph **out,
                                  struct deit_error *err)
{
    struct builder b = { .graph = deit_graph_create(), .tensors = tensors, .arch = arch,
                         .err = err };
    if (!b.graph)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", tensors->name);
    build(&b);
    if (b.status == DEIT_OK)
        b.status = deit_graph_check(b.graph, err);
    if (b.status == DEIT_OK)
        b.status = deit_refuse_leftovers(tensors, err);
    if (b.status != DEIT_OK) {
        deit_graph_free(b.graph);
        return b.status;
    }
    *out = b.graph;
    return DEIT_OK;
}
