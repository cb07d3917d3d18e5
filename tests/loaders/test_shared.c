/*
 * tests/loaders/test_shared.c: the files that real exporters wrote, with the dimensions that
 * they were written with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/shared.h"
#include "tests/loaders/load.h"

static const struct {
    const char *name;
    uint32_t width, n_heads, hidden, patch, image, n_prefix, n_classes, n_heads_out;
    size_t n_unused;
} models[] = {
    { "weights/deit_tiny_patch16_224.safetensors", 192, 3, 768, 16, 224, 1, 1000, 1, 0 },
    { "exports/st_timm_plain", 60, 3, 180, 8, 40, 1, 10, 1, 0 },
    { "exports/st_timm_dist_bf16", 48, 2, 144, 8, 40, 2, 10, 2, 0 },
    { "exports/st_timm_deit3", 48, 2, 144, 8, 40, 1, 10, 1, 0 },
    { "exports/st_timm_posresize", 48, 2, 192, 8, 40, 1, 10, 1, 0 },
    { "exports/st_fb_model_prefix.safetensors", 64, 1, 192, 8, 40, 2, 10, 2, 0 },
    { "exports/st_bare_mixed.safetensors", 64, 1, 192, 8, 48, 1, 10, 1, 0 },
    { "exports/st_hf4_teacher", 64, 2, 128, 8, 40, 2, 10, 2, 0 },
    { "exports/st_hf4_model", 48, 3, 96, 8, 40, 2, 0, 0, 2 },
    { "exports/st_hf5_vit", 60, 3, 240, 8, 40, 1, 10, 1, 0 },
    { "exports/st_hf5_teacher_sharded", 48, 2, 96, 8, 40, 2, 10, 2, 0 },
    { "exports/st_hf5_teacher_sharded/model.safetensors.index.json", 48, 2, 96, 8, 40, 2, 10, 2,
      0 },
    { "exports/st_hf5_posresize", 48, 2, 96, 8, 40, 2, 10, 2, 0 },
    { "exports/st_hf5names_vit", 48, 2, 192, 8, 40, 1, 10, 1, 0 },
    { "pairs/pair_dist_dynamo18.safetensors", 192, 3, 576, 16, 48, 2, 10, 2, 0 },
    { "pairs/pair_dist_ts14_sdpa.safetensors", 128, 2, 512, 16, 64, 2, 12, 2, 0 },
    { "pairs/pair_plain_dynamo23.safetensors", 128, 2, 256, 16, 80, 1, 16, 1, 0 },
    { "pairs/pair_plain_ts17_eager.safetensors", 128, 2, 512, 16, 64, 1, 12, 1, 0 },
};

static void test_dimensions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char path[1024];
        struct deit_loaded loaded;
        struct deit_error err;
        must(deit_load_path(deit_test_shared(path, sizeof path, models[i].name), &loaded, &err),
             &err);
        const struct deit_architecture *arch = &loaded.architecture;
        assert_int_equal(arch->width, models[i].width);
        assert_int_equal(arch->depth, i ? 2 : 12);
        assert_int_equal(arch->n_heads, models[i].n_heads);
        assert_int_equal(arch->mlp_hidden, models[i].hidden);
        assert_int_equal(arch->patch_height, models[i].patch);
        assert_int_equal(arch->image_width, models[i].image);
        assert_int_equal(deit_architecture_n_prefix(arch), models[i].n_prefix);
        assert_int_equal(arch->n_classes, models[i].n_classes);
        assert_int_equal(arch->n_heads_out, models[i].n_heads_out);
        assert_int_equal(loaded.description.n_unused, models[i].n_unused);
        assert_true(arch->eps == (strstr(models[i].name, "st_hf5_vit") ? 0.01f
                                  : strstr(models[i].name, "st_hf")    ? 1e-12f
                                                                       : 1e-6f));
        deit_loaded_done(&loaded);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *name, *says;
    } cases[] = {
        { "exports/st_timm_cait", "CaiT" },
        { "exports/st_timm_tinyvit_s", "TinyViT" },
        { "exports/st_minideit.safetensors", "Mini-DeiT" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[1024];
        struct deit_loaded loaded;
        struct deit_error err;
        assert_int_equal(
            deit_load_path(deit_test_shared(path, sizeof path, cases[i].name), &loaded, &err),
            DEIT_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, cases[i].says));
    }
}

int main(void)
{
    char path[1024];
    deit_test_shared(path, sizeof path, "exports"); /* or the whole test is skipped */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dimensions),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
