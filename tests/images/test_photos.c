/*
 * tests/images/test_photos.c: real photos, from file to input, byte for byte.
 *
 * The photos are not the project's to ship, so this one needs the shared test data.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/preprocess.h"
#include "runtime/recipe.h"
#include "tests/common/shared.h"
#include "tests/images/support.h"

enum { SIDE = 224, CROP_BYTES = SIDE * SIDE * 3 };

static char photos[1024];
static struct deit_kernels kernels;

static struct deit_recipe recipe_of(enum deit_recipe_kind kind)
{
    static const struct deit_recipe_facts facts;
    struct deit_recipe recipe;
    assert_int_equal(deit_recipe_from_facts(&facts, kind, SIDE, SIDE, &recipe, NULL), DEIT_OK);
    return recipe;
}

static deit_image open_photo(const char *name)
{
    char path[1200];
    struct deit_error err;
    deit_image image;
    if (deit_image_open(join(path, sizeof path, photos, name), NULL, &image, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    return image;
}

static void check_crop(const char *name, const deit_image *image,
                       const struct deit_recipe *recipe, const char *digits)
{
    static uint8_t crop[CROP_BYTES];
    assert_int_equal(deit_preprocess_crop(&kernels, image, recipe, crop, NULL), DEIT_OK);
    expect_crc(name, crc32_of(crop, sizeof crop), digits);
}

static void check_manifest(const char *name, int pillow)
{
    static const enum deit_recipe_kind kinds[] = { DEIT_RECIPE_FB, DEIT_RECIPE_TIMM,
                                                   DEIT_RECIPE_HF };
    char path[1024];
    struct manifest manifest;
    manifest_open(&manifest, deit_test_shared(path, sizeof path, name));
    for (size_t i = 0; i < manifest.n_rows; i++) {
        const char *const *row = manifest.rows[i];
        deit_image image = open_photo(row[0]);
        assert_int_equal(image.width, atoi(row[1]));
        assert_int_equal(image.height, atoi(row[2]));
        expect_crc(row[0], crc32_of(image.pixels, image.stride * image.height), row[4]);
        for (size_t k = 0; k < 3; k++) {
            struct deit_recipe recipe = recipe_of(kinds[k]);
            recipe.pillow = pillow;
            check_crop(row[0], &image, &recipe, row[5 + k]);
        }
        deit_image_close(&image);
    }
    manifest_close(&manifest);
}

static void test_pillow13(void **state)
{
    (void)state;
    check_manifest("golden/photos.tsv", 13);
}

static void test_pillow12(void **state)
{
    (void)state;
    check_manifest("golden/photos_pillow12.tsv", 12);
}

static void test_squash(void **state)
{
    (void)state;
    char path[1024];
    struct manifest manifest;
    manifest_open(&manifest, deit_test_shared(path, sizeof path, "golden/photos_squash224.tsv"));
    for (size_t i = 0; i < manifest.n_rows; i++) {
        const char *const *row = manifest.rows[i];
        deit_image image = open_photo(row[0]);
        struct deit_recipe recipe = recipe_of(DEIT_RECIPE_HF);
        recipe.resize_height = recipe.resize_width = SIDE;
        recipe.filter = DEIT_FILTER_BILINEAR;
        check_crop(row[0], &image, &recipe, row[1]);
        recipe.filter = DEIT_FILTER_BICUBIC;
        check_crop(row[0], &image, &recipe, row[2]);
        deit_image_close(&image);
    }
    manifest_close(&manifest);
}

/* The first photo's input, every bit of it: PyTorch's (x / 255 - mean) / std. */
static void test_input(void **state)
{
    (void)state;
    enum { BYTES = 3 * SIDE * SIDE * (int)sizeof(float) };
    char path[1024];
    size_t bytes;
    struct manifest manifest;
    uint8_t *npy = read_whole(deit_test_shared(path, sizeof path, "golden/input_00.npy"), &bytes);
    manifest_open(&manifest, deit_test_shared(path, sizeof path, "golden/photos.tsv"));
    deit_image image = open_photo(manifest.rows[0][0]);
    struct deit_recipe recipe = recipe_of(DEIT_RECIPE_FB);
    float *input = malloc(BYTES);
    assert_non_null(input);
    assert_int_equal(deit_preprocess(&image, &recipe, input, NULL), DEIT_OK);
    assert_true(bytes > BYTES); /* the array is the file's end */
    assert_memory_equal(input, npy + bytes - BYTES, BYTES);
    free(input);
    free(npy);
    deit_image_close(&image);
    manifest_close(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pillow13),
        cmocka_unit_test(test_pillow12),
        cmocka_unit_test(test_squash),
        cmocka_unit_test(test_input),
    };
    deit_test_shared(photos, sizeof photos, "photos");
    deit_kernels_init(&kernels, deit_cpu_level());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
