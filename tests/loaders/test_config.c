/*
 * tests/loaders/test_config.c: configs that agree, configs that contradict, and the recipes
 * that they describe.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loaders/config_json.h"
#include "tests/loaders/load.h"

#define SAYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct recipe hf = { .style = STYLE_HF4, .body = "vit.", .width = 60 };
static const struct recipe timm = { .style = STYLE_TIMM, .width = 60 };

static void test_right_configs(void **state)
{
    (void)state;
    struct deit_loaded loaded;
    struct deit_error err;
    must(load_with(&hf,
                   "{\"model_type\": \"vit\", \"hidden_size\": 60, \"num_hidden_layers\": 2, "
                   "\"num_attention_heads\": 5, \"intermediate_size\": 96, \"patch_size\": 8, "
                   "\"num_channels\": 3, \"image_size\": 24, \"qkv_bias\": true, "
                   "\"hidden_act\": \"gelu\", \"layer_norm_eps\": 0.01, \"num_labels\": null, "
                   "\"something_new\": [1, {}]}",
                   NULL, &loaded, &err), &err);
    assert_int_equal(loaded.architecture.n_heads, 5);
    assert_true(loaded.architecture.eps == 0.01f);
    deit_loaded_done(&loaded);

    must(load_with(&timm,
                   "{\"architecture\": \"deit_tiny_patch16_224\", \"num_classes\": 10, "
                   "\"num_features\": 60, \"global_pool\": \"token\", \"model_args\": "
                   "{\"embed_dim\": 60, \"depth\": 2, \"mlp_ratio\": 1.6, \"patch_size\": [8, 8], "
                   "\"img_size\": 24, \"in_chans\": 3, \"class_token\": true, "
                   "\"act_layer\": \"gelu\"}, \"pretrained_cfg\": {\"num_classes\": 1000, "
                   "\"input_size\": [3, 224, 224]}}",
                   NULL, &loaded, &err), &err);
    assert_int_equal(loaded.architecture.n_heads, 3); /* by the architecture's name */
    assert_int_equal(loaded.architecture.image_height, 24);
    deit_loaded_done(&loaded);

    /* A headless model's id2label is only what Hugging Face writes by default. */
    const struct recipe headless = { .style = STYLE_HF4, .n_classes = -1 };
    must(load_with(&headless, "{\"id2label\": {\"0\": \"a\", \"1\": \"b\"}}", NULL, &loaded, &err),
         &err);
    deit_loaded_done(&loaded);

    /* timm's "huge" has heads of 80. */
    const struct recipe huge = { .style = STYLE_TIMM, .width = 1280 };
    must(load_with(&huge, "{\"architecture\": \"deit3_huge_patch14_224\"}", NULL, &loaded, &err),
         &err);
    assert_int_equal(loaded.architecture.n_heads, 16);
    deit_loaded_done(&loaded);
}

static void test_contradictions_name_both_sides(void **state)
{
    (void)state;
    static const struct {
        const char *config, *key, *tensor;
    } cases[] = {
        { "{\"hidden_size\": 64}", "hidden_size 64", "'vit.embeddings.cls_token' is (1, 1, 60)" },
        { "{\"num_hidden_layers\": 3}", "num_hidden_layers 3",
          "2 blocks, the last 'vit.encoder.layer.1'" },
        { "{\"intermediate_size\": 97}", "intermediate_size 97",
          "'vit.encoder.layer.0.intermediate.dense.weight' is (96, 60)" },
        { "{\"patch_size\": 16}", "patch_size 16", "(60, 3, 8, 8)" },
        { "{\"patch_size\": [8, 4]}", "patch_size 4", "(60, 3, 8, 8)" },
        { "{\"num_channels\": 1}", "num_channels 1", "(60, 3, 8, 8)" },
        { "{\"num_labels\": 9}", "num_labels 9", "'classifier.weight' is (10, 60)" },
        { "{\"id2label\": {\"0\": \"a\"}}", "id2label has 1 names",
          "'classifier.weight' has 10 classes" },
        { "{\"qkv_bias\": false}", "qkv_bias false", "query.bias' is there" },
        { "{\"num_attention_heads\": 7}", "num_attention_heads 7", "the width 60" },
        { "{\"image_size\": 4}", "4 x 4", "patches of 8 x 8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char config[256]; /* heads that fit, unless they are what is wrong */
        snprintf(config, sizeof config, "{%s%.200s",
                 strstr(cases[i].config, "heads") ? "" : "\"num_attention_heads\": 3, ",
                 cases[i].config + 1);
        expect_refusal(&hf, config, DEIT_ERR_FORMAT,
                       SAYS("config.json: ", cases[i].key, cases[i].tensor));
    }
    static const struct {
        const char *args, *key, *tensor;
    } timm_cases[] = {
        { "\"embed_dim\": 64", "embed_dim 64", "'cls_token' is (1, 1, 60)" },
        { "\"depth\": 12", "depth 12", "2 blocks" },
        { "\"mlp_ratio\": 4.0", "mlp_ratio 4", "'blocks.0.mlp.fc1.weight' is (96, 60)" },
        { "\"num_classes\": 11", "num_classes 11", "'head.weight' is (10, 60)" },
        { "\"in_chans\": 4", "in_chans 4", "(60, 3, 8, 8)" },
        { "\"qkv_bias\": false", "qkv_bias false", "'blocks.0.attn.qkv.bias' is there" },
        { "\"class_token\": false", "class_token false", "cls_token" },
    };
    for (size_t i = 0; i < sizeof timm_cases / sizeof *timm_cases; i++) {
        char config[256];
        snprintf(config, sizeof config,
                 "{\"architecture\": \"x\", \"model_args\": {\"num_heads\": 3, %s}}",
                 timm_cases[i].args);
        expect_refusal(&timm, config, DEIT_ERR_FORMAT,
                       SAYS("config.json: ", timm_cases[i].key, timm_cases[i].tensor));
    }
    expect_refusal(&timm,
                   "{\"architecture\": \"x\", \"num_features\": 60, "
                   "\"model_args\": {\"embed_dim\": 64}}",
                   DEIT_ERR_FORMAT, SAYS("num_features 60, but embed_dim 64"));
}

static void test_other_functions_are_refused(void **state)
{
    (void)state;
    expect_refusal(&hf, "{\"hidden_act\": \"gelu_new\"}", DEIT_ERR_UNSUPPORTED,
                   SAYS("config.json: hidden_act 'gelu_new' is not supported"));
    expect_refusal(&timm, "{\"architecture\": \"x\", \"model_args\": {\"act_layer\": \"relu\"}}",
                   DEIT_ERR_UNSUPPORTED, SAYS("act_layer 'relu'"));
    expect_refusal(&timm, "{\"architecture\": \"x\", \"global_pool\": \"map\"}",
                   DEIT_ERR_UNSUPPORTED, SAYS("global_pool 'map'"));
}

static void test_values_that_cannot_be(void **state)
{
    (void)state;
    expect_refusal(&hf, "[1]", DEIT_ERR_FORMAT, SAYS("config.json: is an array"));
    expect_refusal(&hf, "{\n\n\"a\": }", DEIT_ERR_FORMAT, SAYS("config.json:3: "));
    expect_refusal(&hf, "{\"a\": 1, \"a\": 2}", DEIT_ERR_FORMAT, SAYS("duplicate"));
    expect_refusal(&hf, "{\"hidden_size\": \"60\"}", DEIT_ERR_FORMAT,
                   SAYS("hidden_size is a string"));
    expect_refusal(&hf, "{\"hidden_size\": -3}", DEIT_ERR_FORMAT, SAYS("hidden_size is -3"));
    expect_refusal(&hf, "{\"image_size\": [1, 2, 3]}", DEIT_ERR_FORMAT,
                   SAYS("image_size is an array"));
    expect_refusal(&hf, "{\"layer_norm_eps\": 0}", DEIT_ERR_FORMAT, SAYS("layer_norm_eps is 0"));
    expect_refusal(&hf, "{\"id2label\": {\"x\": \"a\"}}", DEIT_ERR_FORMAT,
                   SAYS("'x' is not the number of a class"));
    expect_refusal(&timm, "{\"pretrained_cfg\": {\"std\": [1, 0, 1]}}", DEIT_ERR_FORMAT,
                   SAYS("std holds 0"));
}

static struct deit_recipe_facts facts_of(const struct recipe *recipe, const char *config,
                                         const char *preprocessor)
{
    struct deit_loaded loaded;
    struct deit_error err;
    must(load_with(recipe, config, preprocessor, &loaded, &err), &err);
    struct deit_recipe_facts facts = loaded.description.recipe;
    deit_loaded_done(&loaded);
    return facts;
}

static const struct recipe plain_timm = { .style = STYLE_TIMM };
static const struct recipe plain_hf = { .style = STYLE_HF4, .body = "vit." };

static void test_timm_recipes(void **state)
{
    (void)state;
    /* The new form around pretrained_cfg, and the old one that is pretrained_cfg itself. */
    static const char *const configs[] = {
        "{\"architecture\": \"x\", \"pretrained_cfg\": {\"interpolation\": \"lanczos\", "
        "\"crop_pct\": 0.95, \"crop_mode\": \"squash\", \"mean\": [0.1, 0.2, 0.3], "
        "\"std\": [0.4, 0.5, 0.6]}}",
        "{\"architecture\": \"x\", \"interpolation\": \"lanczos\", \"crop_pct\": 0.95, "
        "\"crop_mode\": \"squash\", \"mean\": [0.1, 0.2, 0.3], \"std\": [0.4, 0.5, 0.6]}",
        "{\"input_size\": [3, 24, 24], \"interpolation\": \"lanczos\", \"crop_pct\": 0.95, "
        "\"crop_mode\": \"squash\", \"mean\": [0.1, 0.2, 0.3], \"std\": [0.4, 0.5, 0.6]}",
    };
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        struct deit_recipe_facts facts = facts_of(&plain_timm, configs[i], NULL);
        assert_int_equal(facts.auto_kind, DEIT_RECIPE_TIMM);
        assert_int_equal(facts.timm_filter, DEIT_FILTER_LANCZOS);
        assert_true(facts.timm_crop_pct == 0.95 && facts.timm_squash && facts.has_mean_std);
        assert_true(facts.mean[1] == 0.2f && facts.std[2] == 0.6f);
        assert_string_equal(facts.timm_unsupported, "");
    }
    struct deit_recipe_facts facts = facts_of(
        &plain_timm, "{\"pretrained_cfg\": {\"interpolation\": \"nearest\"}}", NULL);
    assert_string_equal(facts.timm_unsupported, "interpolation 'nearest' is not supported");
    facts = facts_of(&plain_timm, "{\"pretrained_cfg\": {\"crop_mode\": \"border\"}}", NULL);
    assert_string_equal(facts.timm_unsupported, "crop_mode 'border' is not supported");
    facts = facts_of(&plain_timm, "{\"pretrained_cfg\": {\"mean\": [0.5]}}", NULL);
    assert_string_equal(facts.timm_unsupported, "mean for 1 channels is not supported");
    facts = facts_of(&plain_timm, NULL, NULL);
    assert_int_equal(facts.auto_kind, DEIT_RECIPE_TIMM);
    assert_false(facts.has_mean_std || facts.has_hf);
}

static void test_processors(void **state)
{
    (void)state;
    struct deit_recipe_facts facts = facts_of(
        &plain_hf, NULL,
        "{\"feature_extractor_type\": \"DeiTFeatureExtractor\", \"size\": 438, "
        "\"crop_size\": 384, \"resample\": 3, \"image_mean\": [0.485, 0.456, 0.406], "
        "\"image_std\": [0.229, 0.224, 0.225]}");
    assert_true(facts.has_hf && facts.hf_resize && facts.hf_crop && facts.hf_normalise);
    assert_int_equal(facts.auto_kind, DEIT_RECIPE_HF);
    assert_int_equal(facts.hf_resize_width, 438);
    assert_int_equal(facts.hf_crop_height, 384);
    assert_false(facts.hf_short_side);
    assert_true(facts.mean[0] == 0.485f && fabs(facts.hf_rescale - 1 / 255.0) < 1e-12);

    facts = facts_of(&plain_hf, NULL, "{\"image_processor_type\": \"DeiTImageProcessorFast\"}");
    assert_int_equal(facts.hf_resize_height, 256);
    assert_int_equal(facts.hf_crop_width, 224);
    assert_int_equal(facts.hf_filter, DEIT_FILTER_BICUBIC);
    assert_true(facts.hf_crop && facts.mean[0] == 0.5f && facts.std[2] == 0.5f);

    facts = facts_of(&plain_hf, NULL, "{\"image_processor_type\": \"ViTImageProcessor\"}");
    assert_int_equal(facts.hf_resize_height, 224);
    assert_int_equal(facts.hf_filter, DEIT_FILTER_BILINEAR);
    assert_true(!facts.hf_crop && facts.has_mean_std && facts.mean[0] == 0.5f);

    facts = facts_of(&plain_hf, NULL,
                     "{\"image_processor_type\": \"DeiTImageProcessor\", \"size\": "
                     "{\"shortest_edge\": 300}, \"crop_size\": {\"height\": 200, \"width\": 100}, "
                     "\"do_normalize\": false, \"do_rescale\": false, \"resample\": 1}");
    assert_true(facts.hf_short_side && !facts.hf_normalise && facts.hf_rescale == 0);
    assert_int_equal(facts.hf_resize_height, 300);
    assert_int_equal(facts.hf_crop_width, 100);
    assert_int_equal(facts.hf_filter, DEIT_FILTER_LANCZOS);

    facts = facts_of(&plain_hf, NULL,
                     "{\"image_processor_type\": \"ViTImageProcessor\", \"resample\": 0}");
    assert_string_equal(facts.hf_unsupported, "resample 0 is not supported");
    facts = facts_of(&plain_hf, NULL, "{\"image_processor_type\": \"ConvNextImageProcessor\"}");
    assert_string_equal(facts.hf_unsupported, "processor 'ConvNextImageProcessor' is not known");
    facts = facts_of(&plain_hf, NULL,
                     "{\"image_processor_type\": \"NewImageProcessor\", \"do_resize\": true, "
                     "\"size\": {\"height\": 24, \"width\": 32}, \"resample\": 2, "
                     "\"do_center_crop\": false, \"do_normalize\": true, "
                     "\"image_mean\": [0, 0, 0], \"image_std\": [1, 1, 1]}");
    assert_string_equal(facts.hf_unsupported, "");
    assert_int_equal(facts.hf_resize_width, 32);
}

/* Without a preprocessor: a config of type vit means ViT's defaults, nothing means DeiT's. */
static void test_hugging_face_alone(void **state)
{
    (void)state;
    struct deit_recipe_facts facts = facts_of(&plain_hf, NULL, NULL);
    assert_int_equal(facts.auto_kind, DEIT_RECIPE_HF);
    assert_false(facts.has_hf || facts.has_mean_std);
    facts = facts_of(&plain_hf, "{\"model_type\": \"vit\"}", NULL);
    assert_true(facts.has_hf && facts.hf_resize && !facts.hf_crop && facts.hf_normalise);
    assert_int_equal(facts.hf_filter, DEIT_FILTER_BILINEAR);
    assert_int_equal(facts.hf_resize_height, 24);
    assert_true(facts.mean[0] == 0.5f);
    facts = facts_of(&plain_hf, "{\"model_type\": \"deit\"}", NULL);
    assert_false(facts.has_hf);
    facts = facts_of(&plain_timm, NULL, "{\"image_processor_type\": \"ViTImageProcessor\"}");
    assert_int_equal(facts.auto_kind, DEIT_RECIPE_HF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_configs),
        cmocka_unit_test(test_contradictions_name_both_sides),
        cmocka_unit_test(test_other_functions_are_refused),
        cmocka_unit_test(test_values_that_cannot_be),
        cmocka_unit_test(test_timm_recipes),
        cmocka_unit_test(test_processors),
        cmocka_unit_test(test_hugging_face_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
