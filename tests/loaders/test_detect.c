/*
 * tests/loaders/test_detect.c: what a model is, found from its tensors alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/loaders/load.h"

#define SAYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct deit_node *node_of(const struct deit_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (!strcmp(graph->nodes[i].name, name))
            return &graph->nodes[i];
    fail_msg("no node '%s'", name);
    return NULL;
}

static const struct deit_value *input_of(const struct deit_graph *graph, const char *node,
                                         int slot)
{
    int value = node_of(graph, node)->inputs[slot];
    return value < 0 ? NULL : &graph->values[value];
}

static const char *output_name(const struct deit_loaded *loaded)
{
    assert_int_equal(loaded->graph->n_outputs, 1);
    return loaded->graph->values[loaded->graph->outputs[0]].name;
}

/* Every way of naming ends in the same dimensions. */
static void test_key_styles(void **state)
{
    (void)state;
    static const struct recipe recipes[] = {
        { .style = STYLE_TIMM },
        { .style = STYLE_TIMM, .prefix = "model." },
        { .style = STYLE_TIMM, .prefix = "module." },
        { .style = STYLE_TIMM, .prefix = "module.model." },
        { .style = STYLE_HF4, .body = "vit." },
        { .style = STYLE_HF4, .body = "deit." },
        { .style = STYLE_HF4, .prefix = "module.", .body = "deit." },
        { .style = STYLE_HF4 },
        { .style = STYLE_HF5, .body = "vit." },
        { .style = STYLE_HF5, .prefix = "model.", .body = "vit." },
    };
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        struct deit_loaded loaded;
        struct deit_error err;
        must(load_recipe(&recipes[i], &loaded, &err), &err);
        const struct deit_architecture *arch = &loaded.architecture;
        assert_int_equal(arch->width, 64);
        assert_int_equal(arch->depth, 2);
        assert_int_equal(arch->n_heads, 1);
        assert_int_equal(arch->mlp_hidden, 96);
        assert_int_equal(arch->image_height, 24);
        assert_int_equal(arch->n_classes, 10);
        assert_int_equal(arch->n_heads_out, 1);
        assert_true(arch->positions_of_prefix);
        assert_string_equal(output_name(&loaded), "logits");
        assert_int_equal(loaded.description.n_unused, 0);
        bool hf = recipes[i].style >= STYLE_HF4;
        assert_true(arch->eps == (hf ? 1e-12f : 1e-6f));
        assert_int_equal(loaded.description.recipe.auto_kind,
                         hf ? DEIT_RECIPE_HF : DEIT_RECIPE_TIMM);
        assert_int_equal(
            node_of(loaded.graph, "positions")->attrs.resize_positions.antialias, !hf);
        deit_loaded_done(&loaded);
    }
}

static void test_distilled(void **state)
{
    (void)state;
    static const struct recipe two_heads[] = {
        { .style = STYLE_TIMM, .dist = true },
        { .style = STYLE_HF4, .body = "deit.", .dist = true },
        { .style = STYLE_HF5, .body = "deit.", .dist = true },
    };
    struct deit_loaded loaded;
    struct deit_error err;
    for (size_t i = 0; i < sizeof two_heads / sizeof *two_heads; i++) {
        must(load_recipe(&two_heads[i], &loaded, &err), &err);
        const struct deit_node *heads = node_of(loaded.graph, "heads");
        assert_int_equal(heads->attrs.heads.n_heads, 2);
        assert_int_equal(heads->attrs.heads.n_prefix, 2);
        assert_true(heads->attrs.heads.features_mean);
        assert_true(heads->outputs[3] >= 0);
        assert_string_equal(loaded.graph->values[heads->outputs[3]].name, "logits.dist");
        assert_int_equal(loaded.description.n_heads_out, 2);
        deit_loaded_done(&loaded);
    }
    /* Hugging Face's DeiTForImageClassification has both tokens and reads one. */
    const struct recipe one = { .style = STYLE_HF4, .body = "deit.", .dist = true,
                                .one_head = true };
    must(load_recipe(&one, &loaded, &err), &err);
    const struct deit_node *heads = node_of(loaded.graph, "heads");
    assert_int_equal(heads->attrs.heads.n_heads, 1);
    assert_int_equal(heads->attrs.heads.n_prefix, 2);
    assert_false(heads->attrs.heads.features_mean);
    assert_int_equal(heads->outputs[3], -1);
    deit_loaded_done(&loaded);
}

static void test_deit3(void **state)
{
    (void)state;
    static const enum style styles[] = { STYLE_TIMM, STYLE_TIMM_GAMMA };
    for (int i = 0; i < 2; i++) {
        const struct recipe recipe = { .style = styles[i], .layer_scale = true,
                                       .no_prefix_positions = true };
        struct deit_loaded loaded;
        struct deit_error err;
        must(load_recipe(&recipe, &loaded, &err), &err);
        assert_false(loaded.architecture.positions_of_prefix);
        assert_int_equal(loaded.architecture.grid_height, 3);
        assert_int_equal(node_of(loaded.graph, "blocks.1.ls2")->attrs.binary, DEIT_MUL);
        assert_int_equal(node_of(loaded.graph, "positions")->attrs.resize_positions.n_prefix, 0);
        assert_non_null(strstr(loaded.description.architecture, "DeiT III, width 64, depth 2"));
        deit_loaded_done(&loaded);
    }
}

static void test_headless(void **state)
{
    (void)state;
    struct deit_loaded loaded;
    struct deit_error err;
    const struct recipe hf = { .style = STYLE_HF4, .n_classes = -1, .dist = true,
                               .extra = "pooler.dense.weight" };
    must(load_recipe(&hf, &loaded, &err), &err);
    assert_string_equal(output_name(&loaded), "features");
    assert_int_equal(node_of(loaded.graph, "features")->kind, DEIT_NODE_LAYERNORM);
    assert_int_equal(loaded.description.n_classes, 0);
    assert_int_equal(loaded.description.n_unused, 1);
    assert_string_equal(loaded.description.unused[0], "pooler.dense.weight");
    deit_loaded_done(&loaded);

    /* timm's answer without a classifier is the pooled row. */
    const struct recipe timm = { .style = STYLE_TIMM, .n_classes = -1 };
    must(load_recipe(&timm, &loaded, &err), &err);
    assert_string_equal(output_name(&loaded), "features");
    assert_int_equal(node_of(loaded.graph, "heads")->attrs.heads.n_heads, 0);
    deit_loaded_done(&loaded);
}

static void test_pooling(void **state)
{
    (void)state;
    struct deit_loaded loaded;
    struct deit_error err;
    const struct recipe fc = { .style = STYLE_TIMM, .fc_norm = true, .no_norm = true };
    must(load_recipe(&fc, &loaded, &err), &err);
    const struct deit_node *heads = node_of(loaded.graph, "heads");
    assert_true(heads->attrs.heads.pool_mean);
    assert_int_equal(heads->attrs.heads.n_prefix, 1);
    assert_string_equal(input_of(loaded.graph, "heads", 1)->name, "fc_norm.weight");
    assert_string_equal(input_of(loaded.graph, "heads", 0)->name, "blocks.1");
    deit_loaded_done(&loaded);

    const struct recipe no_cls = { .style = STYLE_TIMM, .no_cls = true };
    must(load_recipe(&no_cls, &loaded, &err), &err);
    heads = node_of(loaded.graph, "heads");
    assert_true(heads->attrs.heads.pool_mean);
    assert_int_equal(heads->attrs.heads.n_prefix, 0);
    assert_string_equal(input_of(loaded.graph, "heads", 0)->name, "norm");
    assert_null(input_of(loaded.graph, "heads", 1));
    deit_loaded_done(&loaded);

    const struct recipe plain = { .style = STYLE_TIMM };
    must(load_with(&plain, "{\"architecture\": \"x\", \"global_pool\": \"avg\"}", NULL, &loaded,
                   &err), &err);
    assert_true(node_of(loaded.graph, "heads")->attrs.heads.pool_mean);
    assert_string_equal(input_of(loaded.graph, "heads", 0)->name, "norm");
    deit_loaded_done(&loaded);

    /* A norm behind the pooling that reads one token is the same norm before it. */
    must(load_with(&fc, "{\"architecture\": \"x\", \"global_pool\": \"token\"}", NULL, &loaded,
                   &err), &err);
    assert_false(node_of(loaded.graph, "heads")->attrs.heads.pool_mean);
    assert_string_equal(input_of(loaded.graph, "norm", 1)->name, "fc_norm.weight");
    deit_loaded_done(&loaded);
}

/* A bias that one of q, k and v lacks is a part of zeros; without any there is no bias. */
static void test_qkv_bias(void **state)
{
    (void)state;
    struct deit_loaded loaded;
    struct deit_error err;
    for (int mask = 0; mask < 8; mask++) {
        const struct recipe recipe = { .style = STYLE_HF5, .body = "vit.",
                                       .no_bias = { mask & 1, mask >> 1 & 1, mask >> 2 & 1 } };
        must(load_recipe(&recipe, &loaded, &err), &err);
        const struct deit_value *weight = input_of(loaded.graph, "blocks.1.attn.qkv", 1);
        assert_int_equal(weight->constant.n_parts, 3);
        assert_int_equal(weight->shape.dims[0], 192);
        const struct deit_value *bias = input_of(loaded.graph, "blocks.1.attn.qkv", 2);
        assert_int_equal(bias != NULL, mask != 7);
        for (int i = 0; bias && i < 3; i++) {
            assert_int_equal(bias->constant.parts[i].source != NULL, !recipe.no_bias[i]);
            assert_int_equal(bias->constant.parts[i].n_elements, 64);
        }
        deit_loaded_done(&loaded);
    }
    const struct recipe timm = { .style = STYLE_TIMM, .no_bias = { true } };
    must(load_recipe(&timm, &loaded, &err), &err);
    assert_null(input_of(loaded.graph, "blocks.0.attn.qkv", 2));
    deit_loaded_done(&loaded);
}

static void test_sizes(void **state)
{
    (void)state;
    struct deit_loaded loaded;
    struct deit_error err;
    const struct recipe odd = { .style = STYLE_TIMM, .width = 128, .depth = 11, .hidden = 77,
                                .channels = 5, .patch_h = 4, .patch_w = 6, .n_patches = 16,
                                .n_classes = 3 };
    must(load_recipe(&odd, &loaded, &err), &err);
    const struct deit_architecture *arch = &loaded.architecture;
    assert_int_equal(arch->depth, 11);
    assert_int_equal(arch->n_heads, 2);
    assert_int_equal(arch->channels, 5);
    assert_int_equal(arch->patch_height, 4);
    assert_int_equal(arch->image_height, 16);
    assert_int_equal(arch->image_width, 24);
    assert_string_equal(loaded.description.architecture,
                        "DeiT, width 128, depth 11, 2 heads, patch 4 x 6, 16 x 24");
    const struct deit_attention_attrs *attention =
        &node_of(loaded.graph, "blocks.10.attn.context")->attrs.attention;
    assert_int_equal(attention->head_dim, 64);
    assert_int_equal(attention->v_column, 256);
    assert_true(attention->scale == 0.125f);
    deit_loaded_done(&loaded);

    const struct recipe wide = { .style = STYLE_TIMM, .n_patches = 10 };
    const char *config = "{\"architecture\": \"x\", \"model_args\": {\"img_size\": [16, 40]}}";
    must(load_with(&wide, config, NULL, &loaded, &err), &err);
    assert_int_equal(loaded.architecture.grid_height, 2);
    assert_int_equal(loaded.architecture.grid_width, 5);
    deit_loaded_done(&loaded);
    expect_refusal(&wide, NULL, DEIT_ERR_FORMAT,
                   SAYS("'pos_embed' is (1, 11, 64)", "no square grid"));

    /* Another image size than the table's is what the table will be resized to. */
    const struct recipe plain = { .style = STYLE_TIMM };
    must(load_with(&plain, "{\"architecture\": \"x\", \"model_args\": {\"img_size\": 56}}", NULL,
                   &loaded, &err), &err);
    assert_int_equal(loaded.architecture.grid_height, 3);
    assert_int_equal(loaded.description.height, 56);
    deit_loaded_done(&loaded);
}

static void test_missing_and_misshapen(void **state)
{
    (void)state;
    static const struct {
        const char *tensor, *shape, *wrong;
    } timm[] = {
        { "patch_embed.proj.bias", "(64)", "(65)" },
        { "pos_embed", "(1, positions, 64)", "(2, 11, 64)" },
        { "blocks.0.norm1.weight", "(64)", "(65)" },
        { "blocks.1.attn.qkv.weight", "(192, 64)", "(193, 64)" },
        { "blocks.1.attn.qkv.bias", "(192)", "(193)" },
        { "blocks.1.attn.proj.bias", "(64)", "(65)" },
        { "blocks.0.mlp.fc1.bias", "(96)", "(97)" },
        { "blocks.1.mlp.fc1.weight", "(96, 64)", "(97, 64)" },
        { "blocks.1.mlp.fc2.weight", "(64, 96)", "(65, 96)" },
        { "blocks.1.ls1.gamma", "(64)", "(65)" },
        { "norm.bias", "(64)", "(65)" },
        { "head.bias", "(10)", "(11)" },
        { "head_dist.weight", "(10, 64)", "(11, 64)" },
        { "dist_token", NULL, "(2, 1, 64)" },
        { "cls_token", "(1, 1, 64)", "(2, 1, 64)" },
    };
    for (size_t i = 0; i < sizeof timm / sizeof *timm; i++) {
        struct recipe recipe = { .style = STYLE_TIMM, .dist = true, .layer_scale = true };
        recipe.without = timm[i].tensor;
        char missing[128];
        snprintf(missing, sizeof missing, "tensor '%s' is missing", timm[i].tensor);
        if (timm[i].shape)
            expect_refusal(&recipe, NULL, DEIT_ERR_FORMAT, SAYS(missing, timm[i].shape));
        recipe.without = NULL;
        recipe.misshapen = timm[i].tensor;
        expect_refusal(&recipe, NULL, DEIT_ERR_FORMAT, SAYS(timm[i].tensor, timm[i].wrong));
    }
    struct recipe hf = { .style = STYLE_HF4, .body = "vit.",
                         .without = "vit.encoder.layer.1.attention.attention.key.weight" };
    expect_refusal(&hf, NULL, DEIT_ERR_FORMAT, SAYS(hf.without, "is missing, expected (64, 64)"));
    hf.without = "vit.encoder.layer.1.attention.attention.key.bias";
    expect_refusal(&hf, NULL, DEIT_ERR_FORMAT, SAYS(hf.without, "is missing, expected (64)"));
    hf.without = "vit.embeddings.cls_token";
    expect_refusal(&hf, NULL, DEIT_ERR_FORMAT, SAYS(hf.without, "is missing, expected (1, 1, 64)"));
}

/* What would be computed wrongly if it were ignored is refused, and what is harmless listed. */
static void test_other_families(void **state)
{
    (void)state;
    static const struct {
        const char *extra, *says;
    } refused[] = {
        { "blocks.0.attn.proj_l.weight", "CaiT" },
        { "blocks_token_only.0.attn.q.weight", "CaiT" },
        { "blocks.0.attn.conv_l.instances.0.weight", "Mini-DeiT" },
        { "stages.0.blocks.0.conv1.bn.weight", "TinyViT" },
        { "reg_token", "register tokens" },
        { "blocks.0.attn.q_norm.weight", "normalised queries" },
        { "norm_pre.weight", "a norm before the blocks" },
        { "blocks.1.mlp.fc1_g.weight", "SwiGLU" },
        { "blocks.0.attn.q_bias", "BEiT" },
        { "blocks.0.attn.relative_position_bias_table", "relative positions" },
        { "pre_logits.fc.weight", "a layer between norm and head" },
        { "blocks.0.attn.qkv.lora_A.weight", "LoRA" },
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct recipe recipe = { .style = STYLE_TIMM, .extra = refused[i].extra };
        expect_refusal(&recipe, NULL, DEIT_ERR_UNSUPPORTED,
                       SAYS(refused[i].says, "is not supported", refused[i].extra));
    }
    static const struct recipe left_over[] = {
        { .style = STYLE_TIMM, .extra = "blocks.1.ls1.gamma" },
        { .style = STYLE_TIMM, .extra = "blocks.1.attn.qkv.bias", .no_bias = { true } },
        { .style = STYLE_TIMM, .extra = "head_dist.weight" },
    };
    for (size_t i = 0; i < sizeof left_over / sizeof *left_over; i++)
        expect_refusal(&left_over[i], NULL, DEIT_ERR_FORMAT, SAYS(left_over[i].extra));

    static const char *const harmless[] = { "mask_token", "vit.pooler.dense.weight", "epoch",
                                            "blocks.0.attn.something" };
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        const struct recipe recipe = { .style = STYLE_TIMM, .extra = harmless[i] };
        struct deit_loaded loaded;
        struct deit_error err;
        must(load_recipe(&recipe, &loaded, &err), &err);
        assert_int_equal(loaded.description.n_unused, 1);
        assert_string_equal(loaded.description.unused[0], harmless[i]);
        deit_loaded_done(&loaded);
    }
}

static void test_strangers(void **state)
{
    (void)state;
    struct recipe recipe = { .style = STYLE_TIMM, .prefix = "image_encoder." };
    expect_refusal(&recipe, NULL, DEIT_ERR_UNSUPPORTED,
                   SAYS("'image_encoder.patch_embed.proj.weight' is not a name of a DeiT"));
    recipe = (struct recipe){ .style = STYLE_TIMM, .without = "patch_embed.proj.weight" };
    expect_refusal(&recipe, NULL, DEIT_ERR_UNSUPPORTED,
                   SAYS("no DeiT or plain vision transformer"));
    recipe = (struct recipe){ .style = STYLE_TIMM, .width = 60 };
    expect_refusal(&recipe, NULL, DEIT_ERR_FORMAT, SAYS("width 60 is not a multiple of 64"));
    recipe = (struct recipe){ .style = STYLE_TIMM, .extra = "blocks.3.norm1.weight" };
    expect_refusal(&recipe, NULL, DEIT_ERR_FORMAT,
                   SAYS("tensor 'blocks.2.norm1.weight' is missing"));
}

/* A type that weights cannot have matters only where the model needs the tensor. */
static void test_types(void **state)
{
    (void)state;
    static const char *const names[] = { "norm.weight", "counter" };
    for (int i = 0; i < 2; i++) {
        struct made m;
        made_init(&m);
        const struct recipe recipe = { .style = STYLE_TIMM, .without = names[i] };
        made_model(&m, &recipe);
        made_add_type(&m, names[i], "I32", 4, (int[]){ 64, -1 });
        size_t bytes;
        unsigned char *file = made_file(&m, &bytes);
        struct deit_loaded loaded;
        struct deit_error err;
        enum deit_status status = deit_load_memory(file, bytes, "made", &loaded, &err);
        if (i == 0) {
            assert_int_equal(status, DEIT_ERR_UNSUPPORTED);
            assert_non_null(strstr(err.message, "tensor 'norm.weight' is I32"));
        } else {
            must(status, &err);
            assert_int_equal(loaded.description.n_unused, 1);
            deit_loaded_done(&loaded);
        }
        free(file);
        made_done(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_styles),     cmocka_unit_test(test_distilled),
        cmocka_unit_test(test_deit3),          cmocka_unit_test(test_headless),
        cmocka_unit_test(test_pooling),        cmocka_unit_test(test_qkv_bias),
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_missing_and_misshapen),
        cmocka_unit_test(test_other_families), cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
