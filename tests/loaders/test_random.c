/*
 * tests/loaders/test_random.c: random weights are the same bits however they are read, look
 * like weights, and make every known architecture.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/known.h"
#include "models/random.h"
#include "tests/loaders/load.h"

enum { N = 20000 };

static void read_all(uint64_t seed, float deviation, size_t piece, float *numbers)
{
    struct deit_source *source = NULL;
    struct deit_error err;
    must(deit_source_open_random(seed, 0.0f, deviation, N * sizeof *numbers, &source, &err), &err);
    for (size_t at = 0; at < N * sizeof *numbers; at += piece) {
        size_t n = N * sizeof *numbers - at < piece ? N * sizeof *numbers - at : piece;
        must(deit_source_read(source, at, n, (char *)numbers + at, &err), &err);
    }
    assert_int_equal(deit_source_read(source, N * sizeof *numbers, 1, numbers, &err),
                     DEIT_ERR_FORMAT);
    deit_source_release(source);
}

static void test_same_bits_for_any_piece(void **state)
{
    (void)state;
    static const size_t pieces[] = { 1, 3, 4, 7, 64, 4095, N };
    static float all[N], again[N];
    read_all(7, 0.02f, sizeof all, all);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        memset(again, 0, sizeof again);
        read_all(7, 0.02f, pieces[i], again);
        assert_memory_equal(all, again, sizeof all);
    }
    read_all(8, 0.02f, sizeof again, again);
    assert_true(memcmp(all, again, sizeof all) != 0);
    /* A change of the generator changes every measured model: these are its first numbers. */
    read_all(0, 1.0f, sizeof all, all);
    static const float first[] = { 1.4286195f, -0.647114038f, -0.381555438f, -0.442368567f };
    assert_memory_equal(all, first, sizeof first);
}

static void test_distribution(void **state)
{
    (void)state;
    static float numbers[N];
    read_all(1, 0.02f, sizeof numbers, numbers);
    double sum = 0, squares = 0, largest = 0, neighbours = 0;
    for (int i = 0; i < N; i++) {
        double x = (double)numbers[i] / 0.02;
        sum += x;
        squares += x * x;
        largest = fmax(largest, fabs(x));
        if (i)
            neighbours += x * (double)numbers[i - 1] / 0.02;
    }
    /* Four standard errors of N numbers: 4 / sqrt(N) = 0.028. */
    assert_true(fabs(sum / N) < 0.028);
    assert_true(fabs(squares / N - 1) < 0.04);
    assert_true(fabs(neighbours / N) < 0.028);
    assert_true(largest < 3.47 && largest > 2.5);
}

static void test_every_known_architecture(void **state)
{
    (void)state;
    for (size_t i = 0; i < deit_n_known; i++) {
        const struct deit_known *known = &deit_known[i];
        struct deit_loaded loaded;
        struct deit_error err;
        must(deit_load_random(known->name, 1, &loaded, &err), &err);
        const struct deit_architecture *arch = &loaded.architecture;
        assert_int_equal(arch->width, known->width);
        assert_int_equal(arch->depth, known->depth);
        assert_int_equal(arch->n_heads, known->n_heads);
        assert_int_equal(arch->image_height, known->image);
        assert_int_equal(arch->has_dist_token, known->is_distilled);
        assert_int_equal(arch->positions_of_prefix, !known->is_deit3);
        assert_int_equal(loaded.description.n_unused, 0);
        assert_string_equal(loaded.description.format, "random");
        assert_string_equal(deit_labels_get(loaded.description.labels, 1),
                            "goldfish, Carassius auratus");
        deit_loaded_done(&loaded);
    }
    /* The parameters that the papers and timm count. */
    static const struct {
        const char *name;
        uint64_t n_parameters;
    } counts[] = {
        { "deit_tiny_patch16_224", 5717416 },
        { "deit_small_distilled_patch16_224", 22436432 },
        { "deit_base_patch16_384", 86859496 },
        { "deit3_small_patch16_224", 22059496 },
        { "deit3_huge_patch14_224", 632126440 },
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct deit_loaded loaded;
        struct deit_error err;
        must(deit_load_random(counts[i].name, 1, &loaded, &err), &err);
        if (loaded.description.n_parameters != counts[i].n_parameters)
            fail_msg("%s: %llu parameters", counts[i].name,
                     (unsigned long long)loaded.description.n_parameters);
        deit_loaded_done(&loaded);
    }
}

static void test_unknown_names(void **state)
{
    (void)state;
    struct deit_loaded loaded;
    struct deit_error err;
    assert_int_equal(deit_load_random("deit_gigantic", 1, &loaded, &err), DEIT_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "'deit_gigantic'"));
    for (size_t i = 0; i < deit_n_known; i++)
        assert_non_null(strstr(err.message, deit_known[i].name));
    deit_model *model;
    assert_int_equal(deit_model_open_random(NULL, 1, NULL, &model, &err), DEIT_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits_for_any_piece),
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_every_known_architecture),
        cmocka_unit_test(test_unknown_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
