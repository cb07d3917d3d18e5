/*
 * tests/images/test_recipe.c: what a model's folder says, as a recipe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "runtime/recipe.h"
#include "tests/images/support.h"

/* Hugging Face's DeiT processor with nothing changed. */
static struct deit_recipe_facts hf_defaults(void)
{
    return (struct deit_recipe_facts){
        .auto_kind = DEIT_RECIPE_HF, .has_hf = true, .hf_resize = true, .hf_crop = true,
        .hf_normalise = true, .hf_resize_height = 256, .hf_resize_width = 256,
        .hf_crop_height = 224, .hf_crop_width = 224, .hf_filter = DEIT_FILTER_BICUBIC,
        .hf_rescale = 1.0 / 255.0,
    };
}

static struct deit_recipe made(const struct deit_recipe_facts *facts,
                               enum deit_recipe_kind kind, uint32_t height, uint32_t width)
{
    struct deit_recipe recipe;
    struct deit_error err;
    if (deit_recipe_from_facts(facts, kind, height, width, &recipe, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    assert_int_equal(recipe.height, height);
    assert_int_equal(recipe.width, width);
    assert_int_equal(recipe.pillow, 13);
    return recipe;
}

static void expect(const struct deit_recipe *recipe, enum deit_resize resize, uint32_t height,
                   uint32_t width, enum deit_filter filter)
{
    assert_int_equal(recipe->resize, resize);
    assert_int_equal(recipe->resize_height, height);
    assert_int_equal(recipe->resize_width, width);
    assert_int_equal(recipe->filter, filter);
}

static void test_timm(void **state)
{
    (void)state;
    struct deit_recipe_facts facts = { .auto_kind = DEIT_RECIPE_TIMM };
    struct deit_recipe recipe = made(&facts, DEIT_RECIPE_AUTO, 224, 224);
    assert_int_equal(recipe.kind, DEIT_RECIPE_TIMM);
    expect(&recipe, DEIT_RESIZE_SHORT_SIDE, 248, 248, DEIT_FILTER_BICUBIC);
    assert_true(recipe.divisor == 255.0f);
    assert_true(recipe.mean[0] == 0.485f && recipe.mean[1] == 0.456f && recipe.mean[2] == 0.406f);
    assert_true(recipe.std[0] == 0.229f && recipe.std[1] == 0.224f && recipe.std[2] == 0.225f);

    recipe = made(&facts, DEIT_RECIPE_TIMM, 384, 384);
    expect(&recipe, DEIT_RESIZE_SHORT_SIDE, 384, 384, DEIT_FILTER_BICUBIC);

    facts.timm_crop_pct = 0.95;
    facts.timm_filter = DEIT_FILTER_BILINEAR;
    facts.has_mean_std = true;
    for (int c = 0; c < 3; c++)
        facts.mean[c] = facts.std[c] = 0.5f;
    recipe = made(&facts, DEIT_RECIPE_TIMM, 224, 224);
    expect(&recipe, DEIT_RESIZE_SHORT_SIDE, 235, 235, DEIT_FILTER_BILINEAR);
    assert_true(recipe.mean[2] == 0.5f && recipe.std[0] == 0.5f);

    facts.timm_squash = true;
    recipe = made(&facts, DEIT_RECIPE_TIMM, 224, 160);
    expect(&recipe, DEIT_RESIZE_SQUASH, 235, 168, DEIT_FILTER_BILINEAR);
    facts.timm_squash = false;
    facts.timm_filter = DEIT_FILTER_BICUBIC; /* which timm forgets for a rectangle */
    recipe = made(&facts, DEIT_RECIPE_TIMM, 224, 160);
    expect(&recipe, DEIT_RESIZE_SHORT_SIDE, 235, 168, DEIT_FILTER_BILINEAR);
}

static void test_fb(void **state)
{
    (void)state;
    struct deit_recipe_facts facts = { .timm_crop_pct = 0.5, .timm_squash = true };
    struct deit_recipe recipe = made(&facts, DEIT_RECIPE_FB, 224, 224);
    expect(&recipe, DEIT_RESIZE_SHORT_SIDE, 256, 256, DEIT_FILTER_BICUBIC);
    recipe = made(&facts, DEIT_RECIPE_FB, 384, 384);
    expect(&recipe, DEIT_RESIZE_SHORT_SIDE, 438, 438, DEIT_FILTER_BICUBIC);
}

static void test_hf(void **state)
{
    (void)state;
    struct deit_recipe_facts nothing = { .auto_kind = DEIT_RECIPE_HF };
    struct deit_recipe recipe = made(&nothing, DEIT_RECIPE_AUTO, 224, 224);
    assert_int_equal(recipe.kind, DEIT_RECIPE_HF);
    expect(&recipe, DEIT_RESIZE_SQUASH, 256, 256, DEIT_FILTER_BICUBIC);
    assert_true(recipe.mean[0] == 0.485f);
    recipe = made(&nothing, DEIT_RECIPE_HF, 384, 224);
    expect(&recipe, DEIT_RESIZE_SQUASH, 438, 256, DEIT_FILTER_BICUBIC);

    struct deit_recipe_facts facts = hf_defaults();
    recipe = made(&facts, DEIT_RECIPE_HF, 224, 224);
    expect(&recipe, DEIT_RESIZE_SQUASH, 256, 256, DEIT_FILTER_BICUBIC);
    assert_true(recipe.divisor == 255.0f);
    recipe = made(&facts, DEIT_RECIPE_HF, 112, 448);
    expect(&recipe, DEIT_RESIZE_SQUASH, 128, 512, DEIT_FILTER_BICUBIC);

    facts.hf_short_side = true;
    recipe = made(&facts, DEIT_RECIPE_HF, 448, 448);
    expect(&recipe, DEIT_RESIZE_SHORT_SIDE, 512, 512, DEIT_FILTER_BICUBIC);
    facts.hf_crop_width = 160; /* one short side for a rectangle: as written it is clear */
    recipe = made(&facts, DEIT_RECIPE_HF, 224, 160);
    expect(&recipe, DEIT_RESIZE_SHORT_SIDE, 256, 256, DEIT_FILTER_BICUBIC);

    /* A plain checkpoint of type vit. */
    facts = hf_defaults();
    facts.hf_crop = false;
    facts.hf_resize_height = facts.hf_resize_width = 224;
    facts.hf_filter = DEIT_FILTER_BILINEAR;
    recipe = made(&facts, DEIT_RECIPE_HF, 224, 224);
    expect(&recipe, DEIT_RESIZE_SQUASH, 224, 224, DEIT_FILTER_BILINEAR);
    recipe = made(&facts, DEIT_RECIPE_HF, 384, 384);
    expect(&recipe, DEIT_RESIZE_SQUASH, 384, 384, DEIT_FILTER_BILINEAR);

    facts = hf_defaults();
    facts.hf_resize = false;
    facts.hf_rescale = 0;
    facts.hf_normalise = false;
    recipe = made(&facts, DEIT_RECIPE_HF, 224, 224);
    assert_int_equal(recipe.resize, DEIT_RESIZE_NONE);
    assert_true(recipe.divisor == 1.0f && recipe.mean[1] == 0.0f && recipe.std[1] == 1.0f);
}

static void expect_refused(const struct deit_recipe_facts *facts, enum deit_recipe_kind kind,
                           uint32_t height, uint32_t width, enum deit_status expected,
                           const char *name, const char *word)
{
    struct deit_recipe recipe = { .pillow = 77 };
    struct deit_error err;
    assert_int_equal(deit_recipe_from_facts(facts, kind, height, width, &recipe, &err),
                     expected);
    expect_words(&err, name, word);
    assert_int_equal(recipe.pillow, 77);
}

static void test_refuses(void **state)
{
    (void)state;
    struct deit_recipe_facts facts = hf_defaults();
    facts.hf_crop = false;
    facts.hf_short_side = true;
    expect_refused(&facts, DEIT_RECIPE_HF, 224, 224, DEIT_ERR_UNSUPPORTED, "recipe hf",
                   "shortest_edge 256");
    facts.hf_crop = true;
    expect_refused(&facts, DEIT_RECIPE_HF, 224, 160, DEIT_ERR_UNSUPPORTED, "recipe hf",
                   "224 x 160");
    facts.hf_crop = facts.hf_resize = false;
    expect_refused(&facts, DEIT_RECIPE_HF, 224, 224, DEIT_ERR_UNSUPPORTED, "recipe hf",
                   "do_resize");
    expect_refused(&facts, DEIT_RECIPE_FB, 224, 160, DEIT_ERR_UNSUPPORTED, "recipe fb",
                   "224 x 160");

    /* What one config asks for in vain leaves the other recipes alone. */
    facts = hf_defaults();
    strcpy(facts.timm_unsupported, "crop_mode 'border'");
    strcpy(facts.hf_unsupported, "resample 0");
    expect_refused(&facts, DEIT_RECIPE_TIMM, 224, 224, DEIT_ERR_UNSUPPORTED, "recipe timm",
                   "crop_mode 'border'");
    expect_refused(&facts, DEIT_RECIPE_AUTO, 224, 224, DEIT_ERR_UNSUPPORTED, "recipe hf",
                   "resample 0");
    made(&facts, DEIT_RECIPE_FB, 224, 224);

    facts = (struct deit_recipe_facts){ .timm_crop_pct = -1 };
    expect_refused(&facts, DEIT_RECIPE_TIMM, 224, 224, DEIT_ERR_FORMAT, "recipe timm", "-1");
    facts.timm_crop_pct = 0;
    expect_refused(&facts, DEIT_RECIPE_TIMM, 0, 224, DEIT_ERR_ARGUMENT, "recipe", "0 x 224");
    expect_refused(&facts, (enum deit_recipe_kind)9, 224, 224, DEIT_ERR_ARGUMENT, "recipe", "9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timm),
        cmocka_unit_test(test_fb),
        cmocka_unit_test(test_hf),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
