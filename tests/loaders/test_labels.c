/* tests/loaders/test_labels.c: names of classes, from text, JSON and models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/imagenet_names.h"
#include "tests/loaders/load.h"

static enum deit_status open_text(const char *text, size_t bytes, deit_labels **labels,
                                  struct deit_error *err)
{
    const char *folder = make_folder();
    make_file(folder, "names", text, bytes);
    enum deit_status status = deit_labels_open(path_in(folder, "names"), labels, err);
    remove_folder(folder);
    return status;
}

/* 'names' ends with NULL; a gap is written as "-". */
static void expect_names(const char *text, const char *const *names)
{
    deit_labels *labels;
    struct deit_error err;
    must(open_text(text, strlen(text), &labels, &err), &err);
    size_t n = 0;
    for (; names[n]; n++) {
        const char *got = deit_labels_get(labels, n);
        if (!strcmp(names[n], "-"))
            assert_null(got);
        else
            assert_string_equal(got ? got : "(none)", names[n]);
    }
    assert_int_equal(deit_labels_count(labels), n);
    deit_labels_close(labels);
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_right_files(void **state)
{
    (void)state;
    expect_names("cat\ndog\n", NAMES("cat", "dog"));
    expect_names("cat\r\ndog", NAMES("cat", "dog"));
    expect_names("\xef\xbb\xbf" "cat\n", NAMES("cat"));
    expect_names("cat\n\nbird\n\n\n", NAMES("cat", "-", "bird"));
    expect_names("a\xff\xfe b\n", NAMES("a\xff\xfe b"));
    expect_names("", (const char *const[]){ NULL });
    expect_names("[\"cat\", \"dog\"]", NAMES("cat", "dog"));
    expect_names(" {\"id2label\": {\"2\": \"bird\", \"0\": \"cat\"}}", NAMES("cat", "-", "bird"));
    expect_names("{\"id2label\": [\"cat\"]}", NAMES("cat"));
    expect_names("{\"label_names\": [\"cat\", \"d\\u00f6g\"]}", NAMES("cat", "d\xc3\xb6g"));
}

static void test_wrong_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
        const char *says;
    } cases[] = {
        { "a\0b", 3, "zero byte" },
        { "{\"x\": 1}", 8, "neither \"id2label\" nor \"label_names\"" },
        { "[\"a\", 1]", 8, "the name of class 1 is an integer" },
        { "{\"id2label\": {\"-1\": \"a\"}}", 25, "'-1' is not the number of a class" },
        { "{\"id2label\": {\"99999999\": \"a\"}}", 31, "99999999" },
        { "{\"id2label\": 3}", 15, "id2label is an integer" },
        { "[\"a\",\n\"b\"", 9, ":2: " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        deit_labels *labels;
        struct deit_error err;
        assert_int_not_equal(open_text(cases[i].text, cases[i].bytes, &labels, &err), DEIT_OK);
        if (!strstr(err.message, cases[i].says))
            fail_msg("says %s\n  expected %s", err.message, cases[i].says);
    }
    deit_labels *labels;
    struct deit_error err;
    assert_int_equal(deit_labels_open("/nonexistent/names", &labels, &err), DEIT_ERR_IO);
    assert_int_equal(deit_labels_open(NULL, &labels, &err), DEIT_ERR_ARGUMENT);
}

static void expect_label(const struct recipe *recipe, const char *config, size_t count,
                         const char *first)
{
    struct deit_loaded loaded;
    struct deit_error err;
    must(load_with(recipe, config, NULL, &loaded, &err), &err);
    assert_int_equal(deit_labels_count(loaded.description.labels), count);
    if (first)
        assert_string_equal(deit_labels_get(loaded.description.labels, 0), first);
    deit_loaded_done(&loaded);
}

static void test_names_of_a_model(void **state)
{
    (void)state;
    const struct recipe two = { .style = STYLE_TIMM, .n_classes = 2 };
    const struct recipe thousand = { .style = STYLE_TIMM, .n_classes = 1000 };
    const struct recipe hf = { .style = STYLE_HF4, .n_classes = 2 };
    expect_label(&two, NULL, 0, NULL);
    expect_label(&two, "{\"architecture\": \"x\", \"label_names\": [\"cat\", \"dog\"]}", 2, "cat");
    expect_label(&two, "{\"pretrained_cfg\": {\"label_names\": [\"c\", \"d\"]}}", 2, "c");
    expect_label(&hf, "{\"id2label\": {\"1\": \"b\", \"0\": \"a\"}}", 2, "a");
    expect_label(&thousand, NULL, 1000, "tench, Tinca tinca");
    expect_label(&thousand, "{\"architecture\": \"x\", \"label_names\": [\"cat\"]}", 1, "cat");
    assert_string_equal(deit_imagenet_names[999],
                        "toilet tissue, toilet paper, bathroom tissue");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_files),
        cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_names_of_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
