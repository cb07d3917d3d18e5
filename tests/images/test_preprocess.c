/*
 * tests/images/test_preprocess.c: resize, crop and normalise, on the project's own pictures.
 *
 * Expected crops are Pillow's, by checksum, for both of its pass orders.  What has no reference
 * is compared with itself computed another way: in parts, in another layout, by other kernels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/preprocess.h"
#include "runtime/recipe.h"
#include "runtime/resample.h"
#include "tests/common/shared.h"
#include "tests/images/support.h"

enum { SIDE = 224, CROP_BYTES = SIDE * SIDE * 3 };

static struct deit_recipe recipe_of(enum deit_recipe_kind kind)
{
    static const struct deit_recipe_facts facts;
    struct deit_recipe recipe;
    assert_int_equal(deit_recipe_from_facts(&facts, kind, SIDE, SIDE, &recipe, NULL), DEIT_OK);
    return recipe;
}

static deit_image open_fixture(const char *name)
{
    char root[1024], path[1200];
    struct deit_error err;
    deit_image image;
    deit_test_fixture(root, sizeof root, "tests/fixtures/images");
    if (deit_image_open(join(path, sizeof path, root, name), NULL, &image, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    return image;
}

static void check_crops(const char *manifest_name, int pillow)
{
    static const enum deit_recipe_kind kinds[] = { DEIT_RECIPE_FB, DEIT_RECIPE_TIMM,
                                                   DEIT_RECIPE_HF }; /* the columns' order */
    static uint8_t crop[CROP_BYTES];
    char root[1024], path[1200];
    struct manifest manifest;
    deit_test_fixture(root, sizeof root, "tests/fixtures/images");
    manifest_open(&manifest, join(path, sizeof path, root, manifest_name));
    enum deit_level best = deit_cpu_level();
    for (size_t i = 0; i < manifest.n_rows; i++) {
        const char *const *row = manifest.rows[i];
        if (!strcmp(row[1], "refuse"))
            continue;
        deit_image image = open_fixture(row[0]);
        for (size_t k = 0; k < 3; k++)
            for (int level = DEIT_LEVEL_SCALAR; level <= (int)best; level++) {
                struct deit_kernels kernels;
                struct deit_recipe recipe = recipe_of(kinds[k]);
                recipe.pillow = pillow;
                deit_kernels_init(&kernels, (enum deit_level)level);
                assert_int_equal(deit_preprocess_crop(&kernels, &image, &recipe, crop, NULL),
                                 DEIT_OK);
                expect_crc(row[0], crc32_of(crop, sizeof crop), row[5 + k]);
            }
        deit_image_close(&image);
    }
    manifest_close(&manifest);
}

static void test_crops_pillow13(void **state)
{
    (void)state;
    check_crops("manifest.tsv", 13);
}

static void test_crops_pillow12(void **state)
{
    (void)state;
    check_crops("manifest_pillow12.tsv", 12);
}

/* The two orders must differ where the manifests do, or the tests above would not notice. */
static void test_pass_order_shows(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum deit_recipe_kind kind;
        int differs;
    } cases[] = {
        { "tall_300x700.jpg", DEIT_RECIPE_HF, 1 },
        { "tall_rgb_270x600.png", DEIT_RECIPE_HF, 1 },
        { "base_444.jpg", DEIT_RECIPE_HF, 0 },
    };
    struct deit_kernels kernels;
    deit_kernels_init(&kernels, deit_cpu_level());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static uint8_t crops[2][CROP_BYTES];
        deit_image image = open_fixture(cases[i].name);
        for (int p = 0; p < 2; p++) {
            struct deit_recipe recipe = recipe_of(cases[i].kind);
            recipe.pillow = 12 + p;
            assert_int_equal(deit_preprocess_crop(&kernels, &image, &recipe, crops[p], NULL),
                             DEIT_OK);
        }
        assert_int_equal(memcmp(crops[0], crops[1], CROP_BYTES) != 0, cases[i].differs);
        deit_image_close(&image);
    }
    assert_true(deit_resample_is_vertical_first(13, 300, 700, 256, 256));
    assert_false(deit_resample_is_vertical_first(12, 300, 700, 256, 256));
    assert_false(deit_resample_is_vertical_first(13, 300, 344, 256, 256)); /* 88 = 2 x 44 */
    assert_true(deit_resample_is_vertical_first(13, 300, 345, 256, 256));
    assert_false(deit_resample_is_vertical_first(13, 100, 200, 256, 256));
    assert_true(deit_resample_is_vertical_first(13, 100, 257, 256, 256));
}

/* ------------------------------------------------------------------ parts and layouts */

static void fill(uint8_t *pixels, size_t n)
{
    uint32_t x = 12345;
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        pixels[i] = x >> 28 ? (uint8_t)(x >> 24) : (uint8_t)(x >> 23 & 1 ? 255 : 0);
    }
}

/* A part is what the whole has there; odd sizes, all filters, both orders, one side kept. */
static void test_parts(void **state)
{
    (void)state;
    enum { MOST = 64 };
    static const struct {
        uint32_t w, h, width, height, x, y, cw, ch;
    } cases[] = {
        { 50, 40, 31, 17, 5, 3, 20, 9 },  { 50, 40, 31, 17, 30, 16, 1, 1 },
        { 7, 5, 60, 61, 10, 20, 33, 30 }, { 1, 1, 20, 30, 3, 4, 10, 10 },
        { 20, 64, 20, 11, 2, 3, 9, 7 },   { 64, 20, 11, 20, 2, 3, 9, 7 },
        { 13, 64, 30, 12, 7, 2, 20, 8 },  { 33, 33, 33, 33, 4, 5, 21, 22 },
    };
    static uint8_t pixels[MOST * MOST * 3], whole[MOST * MOST * 3], part[MOST * MOST * 3];
    struct deit_kernels kernels;
    deit_kernels_init(&kernels, deit_cpu_level());
    fill(pixels, sizeof pixels);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int filter = DEIT_FILTER_BOX; filter <= DEIT_FILTER_LANCZOS; filter++)
            for (int order = 0; order < 2; order++) {
                deit_image image;
                deit_image_wrap(&image, DEIT_RGB8, cases[i].w, cases[i].h, 0, pixels, NULL);
                struct deit_resample resample = {
                    .width = cases[i].width, .height = cases[i].height,
                    .crop_width = cases[i].width, .crop_height = cases[i].height,
                    .filter = (enum deit_filter)filter, .is_vertical_first = order,
                };
                size_t stride = 3 * (size_t)cases[i].width;
                assert_int_equal(deit_resample_run(&kernels, &image, &resample, whole, stride,
                                                   NULL), DEIT_OK);
                resample.x = cases[i].x;
                resample.y = cases[i].y;
                resample.crop_width = cases[i].cw;
                resample.crop_height = cases[i].ch;
                assert_int_equal(deit_resample_run(&kernels, &image, &resample, part,
                                                   3 * cases[i].cw, NULL), DEIT_OK);
                for (size_t y = 0; y < cases[i].ch; y++)
                    assert_memory_equal(part + y * 3 * cases[i].cw,
                                        whole + (cases[i].y + y) * stride + 3 * cases[i].x,
                                        3 * cases[i].cw);
            }
}

/*
 * Every instruction set gives scalar's bytes: single columns and rows, enlargements, windows of
 * hundreds of taps, sides that leave any number of rows and pixels over; black and white pixels,
 * where sums leave 0 ... 255.
 */
static void test_levels(void **state)
{
    (void)state;
    enum { SOURCE = 400000, MOST = 50000 };
    static const struct {
        uint32_t w, h, width, height;
    } sizes[] = {
        { 1, 1, 1, 5 },      { 1, 1, 19, 17 },     { 1, 300, 7, 5 },   { 300, 1, 5, 7 },
        { 2, 3, 61, 50 },    { 5, 7, 6, 8 },       { 6, 6, 5, 5 },     { 7, 9, 100, 3 },
        { 17, 13, 16, 12 },  { 301, 203, 67, 45 }, { 331, 9, 3, 31 },  { 9, 331, 31, 3 },
        { 640, 200, 3, 2 },  { 1000, 11, 2, 11 },  { 11, 1000, 11, 2 }, { 130, 129, 128, 127 },
        { 2000, 60, 33, 7 }, { 60, 2000, 7, 33 },
    };
    static uint8_t pixels[SOURCE], expected[MOST], got[MOST];
    fill(pixels, sizeof pixels);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int filter = DEIT_FILTER_BOX; filter <= DEIT_FILTER_LANCZOS; filter++)
            for (int order = 0; order < 2; order++) {
                struct deit_kernels kernels;
                deit_image image;
                deit_image_wrap(&image, DEIT_RGB8, sizes[i].w, sizes[i].h, 0, pixels, NULL);
                const struct deit_resample resample = {
                    .width = sizes[i].width, .height = sizes[i].height,
                    .crop_width = sizes[i].width, .crop_height = sizes[i].height,
                    .filter = (enum deit_filter)filter, .is_vertical_first = order,
                };
                size_t stride = 3 * (size_t)sizes[i].width, bytes = stride * sizes[i].height;
                assert_true(bytes <= MOST && (size_t)3 * sizes[i].w * sizes[i].h <= SOURCE);
                for (int level = DEIT_LEVEL_SCALAR; level <= (int)deit_cpu_level(); level++) {
                    uint8_t *dst = level == DEIT_LEVEL_SCALAR ? expected : got;
                    deit_kernels_init(&kernels, (enum deit_level)level);
                    assert_int_equal(deit_resample_run(&kernels, &image, &resample, dst, stride,
                                                       NULL), DEIT_OK);
                    assert_memory_equal(dst, expected, bytes);
                }
            }
}

/* So wide and so tall that the work is cut into strips: the same as column by column. */
static void test_strips(void **state)
{
    (void)state;
    static const struct {
        uint32_t w, h, width, height;
        bool is_vertical_first;
    } cases[] = {
        { 1200000, 1, 30, 3, false }, /* 26 columns of weights fit into a strip */
        { 1, 400000, 30, 3, false },  /* 13 columns of rows do */
        { 1, 400000, 30, 3, true },
    };
    enum { CW = 28, CH = 3 };
    static uint8_t together[CW * CH * 3], single[CH * 3];
    uint8_t *pixels = malloc(1200000 * 3);
    assert_non_null(pixels);
    fill(pixels, 1200000 * 3);
    struct deit_kernels kernels;
    deit_kernels_init(&kernels, deit_cpu_level());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        deit_image image;
        deit_image_wrap(&image, DEIT_RGB8, cases[i].w, cases[i].h, 0, pixels, NULL);
        struct deit_resample resample = {
            .width = cases[i].width, .height = cases[i].height, .x = 1,
            .crop_width = CW, .crop_height = CH,
            .filter = DEIT_FILTER_BICUBIC, .is_vertical_first = cases[i].is_vertical_first,
        };
        assert_int_equal(deit_resample_run(&kernels, &image, &resample, together, 3 * CW, NULL),
                         DEIT_OK);
        resample.crop_width = 1;
        for (size_t x = 0; x < CW; x += 3) {
            resample.x = 1 + x;
            assert_int_equal(deit_resample_run(&kernels, &image, &resample, single, 3, NULL),
                             DEIT_OK);
            for (size_t y = 0; y < CH; y++)
                assert_memory_equal(single + 3 * y, together + (y * CW + x) * 3, 3);
        }
    }
    free(pixels);
}

/* Resized as a whole this one would be 256 x 256,000,000, 196 GB. */
static void test_virtual_picture(void **state)
{
    (void)state;
    enum { HEIGHT = 1000000 };
    static uint8_t crop[CROP_BYTES];
    uint8_t *grey = malloc(HEIGHT);
    assert_non_null(grey);
    memset(grey, 200, HEIGHT);
    memset(grey, 10, HEIGHT / 2);
    struct deit_kernels kernels;
    struct deit_recipe recipe = recipe_of(DEIT_RECIPE_FB);
    deit_image image;
    deit_kernels_init(&kernels, deit_cpu_level());
    deit_image_wrap(&image, DEIT_GREY8, 1, HEIGHT, 0, grey, NULL);
    assert_int_equal(deit_preprocess_crop(&kernels, &image, &recipe, crop, NULL), DEIT_OK);
    /* The crop is the edge between the two middle pixels: it rises, and evenly. */
    for (size_t y = 0; y < SIDE; y++) {
        int here = crop[y * SIDE * 3], opposite = crop[(SIDE - 1 - y) * SIDE * 3];
        assert_in_range(here + opposite, 209, 211);
        if (y)
            assert_true(here >= crop[(y - 1) * SIDE * 3]);
    }
    assert_in_range(crop[0], 10, 20);
    free(grey);
}

static void test_layouts(void **state)
{
    (void)state;
    static const struct {
        uint32_t w, h;
    } sizes[] = { { 60, 90 }, { 90, 60 }, { 30, 230 }, { 224, 224 } };
    static uint8_t rgb[90 * 230 * 3 * 3], other[90 * 230 * 4 * 3];
    static uint8_t expected[CROP_BYTES], crop[CROP_BYTES];
    struct deit_kernels kernels;
    deit_kernels_init(&kernels, deit_cpu_level());
    for (int format = DEIT_BGR8; format <= DEIT_GREY8; format++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            uint32_t w = sizes[s].w, h = sizes[s].h;
            size_t bytes = format == DEIT_RGBA8 ? 4 : format == DEIT_GREY8 ? 1 : 3;
            fill(rgb, sizeof rgb);
            fill(other, sizeof other);
            for (size_t i = 0; i < (size_t)w * h; i++)
                for (size_t c = 0; c < 3; c++) {
                    if (format == DEIT_GREY8)
                        rgb[3 * i + c] = rgb[3 * i];
                    size_t at = format == DEIT_GREY8 ? 0 : format == DEIT_BGR8 ? 2 - c : c;
                    other[bytes * i + at] = rgb[3 * i + c];
                }
            deit_image plain, wrapped;
            struct deit_recipe recipe = recipe_of(DEIT_RECIPE_HF);
            deit_image_wrap(&plain, DEIT_RGB8, w, h, 0, rgb, NULL);
            deit_image_wrap(&wrapped, (enum deit_pixel_format)format, w, h, 0, other, NULL);
            for (int pillow = 12; pillow <= 13; pillow++) {
                recipe.pillow = pillow;
                deit_preprocess_crop(&kernels, &plain, &recipe, expected, NULL);
                assert_int_equal(deit_preprocess_crop(&kernels, &wrapped, &recipe, crop, NULL),
                                 DEIT_OK);
                assert_memory_equal(crop, expected, CROP_BYTES);
            }
        }
}

/* ------------------------------------------------------------------ crops and padding */

/* Where the crop starts, by recipe: half to even for torchvision's, floor for NumPy's. */
static void test_crop_offsets(void **state)
{
    (void)state;
    static const struct {
        uint32_t side, crop;
        int torchvision, numpy; /* negative: that many black pixels in front */
    } cases[] = {
        { 10, 10, 0, 0 },  { 11, 10, 0, 0 },  { 12, 10, 1, 1 },  { 13, 10, 2, 1 },
        { 15, 10, 2, 2 },  { 17, 10, 4, 3 },  { 9, 10, 0, -1 },  { 8, 10, -1, -1 },
        { 7, 10, -1, -2 }, { 1, 10, -4, -5 },
    };
    struct deit_kernels kernels;
    deit_kernels_init(&kernels, deit_cpu_level());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int numpy = 0; numpy < 2; numpy++) {
            uint8_t pixels[20], crop[10 * 3];
            deit_image image;
            for (size_t x = 0; x < sizeof pixels; x++)
                pixels[x] = (uint8_t)(x + 1);
            deit_image_wrap(&image, DEIT_GREY8, cases[i].side, 1, 0, pixels, NULL);
            struct deit_recipe recipe = recipe_of(numpy ? DEIT_RECIPE_HF : DEIT_RECIPE_TIMM);
            recipe.resize = DEIT_RESIZE_NONE;
            recipe.height = 1;
            recipe.width = cases[i].crop;
            memset(crop, 99, sizeof crop);
            assert_int_equal(deit_preprocess_crop(&kernels, &image, &recipe, crop, NULL),
                             DEIT_OK);
            int offset = numpy ? cases[i].numpy : cases[i].torchvision;
            for (int x = 0; x < (int)cases[i].crop; x++) {
                int from = x + offset;
                assert_int_equal(crop[3 * x],
                                 from >= 0 && from < (int)cases[i].side ? from + 1 : 0);
            }
        }
}

/* ------------------------------------------------------------------ the input itself */

static void test_normalise(void **state)
{
    (void)state;
    enum { H = 16, W = 24, PLANE = H * W };
    static float input[3 * PLANE], best[3 * PLANE];
    static uint8_t pixels[H * W * 3];
    fill(pixels, sizeof pixels);
    deit_image image;
    struct deit_recipe recipe = recipe_of(DEIT_RECIPE_TIMM);
    deit_image_wrap(&image, DEIT_RGB8, W, H, 0, pixels, NULL);
    recipe.resize = DEIT_RESIZE_NONE;
    recipe.height = H;
    recipe.width = W;
    assert_int_equal(deit_preprocess(&image, &recipe, best, NULL), DEIT_OK);
    for (size_t i = 0; i < PLANE; i++)
        for (size_t c = 0; c < 3; c++) {
            volatile float x = (float)pixels[3 * i + c] / 255.0f; /* rounded at each step */
            x = x - recipe.mean[c];
            x = x / recipe.std[c];
            assert_true(best[c * PLANE + i] == x);
        }
    for (int level = DEIT_LEVEL_SCALAR; level <= (int)deit_cpu_level(); level++) {
        struct deit_kernels kernels;
        deit_kernels_init(&kernels, (enum deit_level)level);
        assert_int_equal(deit_preprocess_with(&kernels, &image, &recipe, input, NULL), DEIT_OK);
        assert_memory_equal(input, best, sizeof best);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const uint8_t pixels[3 * 4 * 4];
    static float input[3 * SIDE * SIDE];
    struct deit_recipe good = recipe_of(DEIT_RECIPE_TIMM), bad;
    struct deit_error err;
    deit_image image;
    deit_image_wrap(&image, DEIT_RGB8, 4, 4, 0, pixels, NULL);
    assert_int_equal(deit_preprocess(&image, &good, input, NULL), DEIT_OK);
    input[0] = 42;
#define REFUSED(change, word)                                                                  \
    do {                                                                                       \
        bad = good;                                                                            \
        change;                                                                                \
        assert_int_equal(deit_preprocess(&image, &bad, input, &err), DEIT_ERR_ARGUMENT);       \
        expect_words(&err, "recipe", word);                                                    \
        assert_true(input[0] == 42);                                                           \
    } while (0)
    REFUSED(bad.resize = (enum deit_resize)0, "resize");
    REFUSED(bad.resize = (enum deit_resize)4, "resize");
    REFUSED(bad.height = 0, "height");
    REFUSED(bad.width = 70000, "70000");
    REFUSED(bad.filter = (enum deit_filter)6, "filter");
    REFUSED(bad.resize_height = 0, "resize_height");
    REFUSED((bad.resize = DEIT_RESIZE_SQUASH, bad.resize_width = 0), "resize_width");
    REFUSED(bad.divisor = 0, "divisor");
    REFUSED(bad.mean[1] = NAN, "mean");
    REFUSED(bad.std[2] = 0, "std");
    REFUSED(bad.std[2] = INFINITY, "std");
    REFUSED(bad.pillow = 11, "11");
    assert_int_equal(deit_preprocess(&image, NULL, input, &err), DEIT_ERR_ARGUMENT);
    assert_int_equal(deit_preprocess(NULL, &good, input, &err), DEIT_ERR_ARGUMENT);
    assert_int_equal(deit_preprocess(&image, &good, NULL, &err), DEIT_ERR_ARGUMENT);
    image.stride = 2;
    assert_int_equal(deit_preprocess(&image, &good, input, &err), DEIT_ERR_ARGUMENT);
    expect_words(&err, "image", "stride");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crops_pillow13), cmocka_unit_test(test_crops_pillow12),
        cmocka_unit_test(test_pass_order_shows), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_strips),         cmocka_unit_test(test_virtual_picture),
        cmocka_unit_test(test_layouts),        cmocka_unit_test(test_crop_offsets),
        cmocka_unit_test(test_normalise),      cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
