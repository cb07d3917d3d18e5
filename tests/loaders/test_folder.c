/*
 * tests/loaders/test_folder.c: what a path means, and models in several files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/loaders/load.h"

#define SAYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct recipe plain = { .style = STYLE_TIMM };

static void add_model(const char *folder, const char *name, const struct recipe *recipe)
{
    struct made m;
    made_init(&m);
    made_model(&m, recipe);
    size_t bytes;
    unsigned char *file = made_file(&m, &bytes);
    make_file(folder, name, file, bytes);
    free(file);
    made_done(&m);
}

static void expect(const char *path, enum deit_status expected, const char *const *says)
{
    struct deit_loaded loaded;
    struct deit_error err = { 0 };
    enum deit_status status = deit_load_path(path, &loaded, &err);
    if (expected == DEIT_OK) {
        must(status, &err);
        assert_string_equal(loaded.description.name, path);
        deit_loaded_done(&loaded);
        return;
    }
    assert_int_equal(status, expected);
    for (; *says; says++)
        if (!strstr(err.message, *says))
            fail_msg("says     %s\n  expected %s", err.message, *says);
}

/* A damaged ONNX file: refused for what is wrong with it, or for want of a loader. */
static void expect_onnx(const char *path, const char *says)
{
#if DEIT_TEST_ONNX
    expect(path, DEIT_ERR_FORMAT, SAYS(says));
#else
    (void)says;
    expect(path, DEIT_ERR_UNSUPPORTED, SAYS("no ONNX loader"));
#endif
}

static void test_content_decides(void **state)
{
    (void)state;
    const char *folder = make_folder();
    add_model(folder, "model.onnx", &plain); /* a safetensors file under a strange name */
    expect(path_in(folder, "model.onnx"), DEIT_OK, NULL);
    make_file(folder, "a.safetensors", "PK\3\4 and so on", 14);
    expect(path_in(folder, "a.safetensors"), DEIT_ERR_UNSUPPORTED,
           SAYS("PyTorch pickle", "save_file"));
    make_file(folder, "b", "\x80\2\x8a\n and so on", 14);
    expect(path_in(folder, "b"), DEIT_ERR_UNSUPPORTED, SAYS("PyTorch pickle"));
    make_file(folder, "c", "\x08\x07\x12\x07pytorch", 11);
    expect_onnx(path_in(folder, "c"), "it has no graph");
    make_text(folder, "d.safetensors", "version https://git-lfs.github.com/spec/v1\n");
    expect(path_in(folder, "d.safetensors"), DEIT_ERR_FORMAT, SAYS("git lfs pull"));
    make_text(folder, "e.json", "{\"hidden_size\": 3}");
    expect(path_in(folder, "e.json"), DEIT_ERR_FORMAT, SAYS("without \"weight_map\""));
    make_text(folder, "f", "");
    expect(path_in(folder, "f"), DEIT_ERR_FORMAT, SAYS("0 bytes are too few"));
    make_text(folder, "g", "hello, this is text");
    expect(path_in(folder, "g"), DEIT_ERR_FORMAT, SAYS("not a safetensors file"));
    expect(path_in(folder, "none"), DEIT_ERR_IO, SAYS("none: No such file"));
    remove_folder(folder);
}

/* The two bytes that begin a pickle are also a header of 640 bytes. */
static void test_a_header_that_looks_like_a_pickle(void **state)
{
    (void)state;
    struct made m;
    made_init(&m);
    made_model(&m, &plain);
    size_t bytes;
    unsigned char *file = made_file(&m, &bytes);
    uint64_t length;
    memcpy(&length, file, sizeof length);
    uint64_t padded = (length / 65536 + 1) * 65536 + 0x280; /* ends in 80 02 */
    unsigned char *other = malloc(bytes + (size_t)(padded - length));
    assert_non_null(other);
    memcpy(other, &padded, sizeof padded);
    memcpy(other + 8, file + 8, (size_t)length);
    memset(other + 8 + length, ' ', (size_t)(padded - length));
    memcpy(other + 8 + padded, file + 8 + length, bytes - 8 - (size_t)length);
    const char *folder = make_folder();
    make_file(folder, "m", other, bytes + (size_t)(padded - length));
    expect(path_in(folder, "m"), DEIT_OK, NULL);
    remove_folder(folder);
    free(other);
    free(file);
    made_done(&m);
}

static void test_folders(void **state)
{
    (void)state;
    const char *folder = make_folder();
    expect(folder, DEIT_ERR_IO, SAYS("no model.safetensors"));
    make_text(folder, "pytorch_model.bin", "x");
    expect(folder, DEIT_ERR_UNSUPPORTED, SAYS("pytorch_model.bin: is a PyTorch pickle"));
    make_text(folder, "model.onnx", "x");
    expect_onnx(folder, "model.onnx: byte 1");
    unlink(path_in(folder, "model.onnx"));
    add_model(folder, "b.safetensors", &plain);
    expect(folder, DEIT_OK, NULL);
    add_model(folder, "a.safetensors", &plain);
    expect(folder, DEIT_ERR_ARGUMENT, SAYS("give one of: a.safetensors, b.safetensors"));
    add_model(folder, "model.safetensors", &plain);
    expect(folder, DEIT_OK, NULL);
    /* configs are read beside a bare file too */
    make_text(folder, "config.json", "{\"hidden_size\": 3}");
    expect(path_in(folder, "a.safetensors"), DEIT_ERR_FORMAT, SAYS("hidden_size 3, but"));
    remove_folder(folder);
}

/* ------------------------------------------------------------------ shards */

static const struct recipe first_half = { .style = STYLE_TIMM, .without = "norm.weight" };

/* A model in x-00001-of-00002 and 00002; the index as 'map' says, NULL for the right one. */
static const char *sharded(const char *map)
{
    const char *folder = make_folder();
    add_model(folder, "x-00001-of-00002.safetensors", &first_half);
    struct made m;
    made_init(&m);
    made_add(&m, "norm.weight", (int[]){ 64, -1 });
    made_add(&m, "beyond.the.map", (int[]){ 3, -1 });
    size_t bytes;
    unsigned char *file = made_file(&m, &bytes);
    make_file(folder, "x-00002-of-00002.safetensors", file, bytes);
    free(file);
    made_done(&m);

    char text[8192];
    size_t used = (size_t)snprintf(text, sizeof text, "{\"metadata\": {}, \"weight_map\": {");
    struct deit_loaded whole;
    struct deit_error err;
    must(load_recipe(&plain, &whole, &err), &err);
    for (size_t i = 0; i < whole.graph->n_values; i++) {
        const struct deit_value *value = &whole.graph->values[i];
        if (value->origin == DEIT_FROM_CONSTANT)
            used += (size_t)snprintf(text + used, sizeof text - used,
                                     "\"%s\": \"x-0000%d-of-00002.safetensors\", ", value->name,
                                     strcmp(value->name, "norm.weight") ? 1 : 2);
    }
    deit_loaded_done(&whole);
    snprintf(text + used - 2, sizeof text - used + 2, "%s}}", map ? map : "");
    make_text(folder, "x.safetensors.index.json", text);
    return folder;
}

static void test_shards(void **state)
{
    (void)state;
    const char *folder = sharded(NULL);
    struct deit_loaded loaded;
    struct deit_error err;
    must(deit_load_path(folder, &loaded, &err), &err); /* the parts are no models of their own */
    assert_int_equal(loaded.description.n_unused, 1);
    assert_string_equal(loaded.description.unused[0],
                        "x-00002-of-00002.safetensors:beyond.the.map");
    deit_loaded_done(&loaded);
    expect(path_in(folder, "x.safetensors.index.json"), DEIT_OK, NULL);

    /* a part may be a link, as in Hugging Face's cache */
    assert_int_equal(rename(path_in(folder, "x-00002-of-00002.safetensors"),
                            path_in(folder, "blob")), 0);
    assert_int_equal(symlink("blob", path_in(folder, "x-00002-of-00002.safetensors")), 0);
    expect(folder, DEIT_OK, NULL);
    unlink(path_in(folder, "blob"));
    expect(folder, DEIT_ERR_IO, SAYS("x-00002-of-00002.safetensors: No such file"));
    remove_folder(folder);
}

static void test_wrong_indices(void **state)
{
    (void)state;
    static const struct {
        const char *map, *says;
    } cases[] = {
        { ", \"more\": \"x-00001-of-00002.safetensors\"",
          "tensor 'more' is not in 'x-00001-of-00002.safetensors'" },
        { ", \"more\": \"../x-00001-of-00002.safetensors\"", "must lie beside the index" },
        { ", \"more\": \"/etc/passwd\"", "must lie beside the index" },
        { ", \"more\": \"..\"", "must lie beside the index" },
        { ", \"more\": \"\"", "must lie beside the index" },
        { ", \"more\": 3", "weight_map 'more' is an integer" },
        { ", \"norm.bias\": \"x-00001-of-00002.safetensors\"", "duplicate" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *folder = sharded(cases[i].map);
        expect(folder, DEIT_ERR_FORMAT, SAYS("x.safetensors.index.json", cases[i].says));
        remove_folder(folder);
    }
    const char *folder = make_folder();
    make_text(folder, "model.safetensors.index.json", "{\"weight_map\": []}");
    expect(folder, DEIT_ERR_FORMAT, SAYS("weight_map is an array"));
    remove_folder(folder);
}

static void test_builtin(void **state)
{
    (void)state;
    deit_model *model = NULL;
    struct deit_error err;
    enum deit_status status = deit_model_open_builtin(NULL, &model, &err);
    if (status == DEIT_ERR_UNSUPPORTED) {
        assert_string_equal(err.message, "this build has no built-in model");
        return;
    }
    must(status, &err);
    struct deit_model_info info = { .size = sizeof info };
    deit_model_info(model, &info);
    assert_string_equal(info.name, "built-in");
    assert_int_equal(info.n_classes, 10);
    assert_int_equal(deit_labels_count(deit_model_labels(model)), 10);
    deit_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_decides),
        cmocka_unit_test(test_a_header_that_looks_like_a_pickle),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_wrong_indices),
        cmocka_unit_test(test_builtin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
