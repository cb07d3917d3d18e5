/*
 * tests/loaders/test_safetensors.c: each rule of the format is broken once, and the message
 * must name the tensor and the numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loaders/safetensors.h"
#include "loaders/source_file.h"
#include "tests/loaders/make.h"

#define TENSOR(dtype, shape, offsets)                                                            \
    "{\"a\": {\"dtype\": " dtype ", \"shape\": " shape ", \"data_offsets\": " offsets "}}"
#define TWO(first, second)                                                                       \
    "{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": " first "}, "                 \
    "\"b\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": " second "}}"

static enum deit_status read_bytes(const void *data, size_t bytes, struct deit_tensors *tensors,
                                   struct deit_error *err)
{
    struct deit_source *source = NULL;
    assert_int_equal(deit_source_open_memory(data, bytes, "m", &source, err), DEIT_OK);
    assert_int_equal(deit_tensors_init(tensors, "m", err), DEIT_OK);
    enum deit_status status = deit_safetensors_read(source, tensors, err);
    deit_source_release(source);
    return status;
}

struct broken {
    const char *header;
    size_t data_bytes;
    const char *says; /* part of the message */
};

static const struct broken broken[] = {
    { "", 0, "does not begin with '{'" },
    { " {}", 0, "does not begin with '{'" },
    { "[]", 0, "does not begin with '{'" },
    { "{", 0, "m:1:" },
    { "{} x", 0, "m:1:" },
    { "{\"a\": 1, \"a\": 2}", 0, "duplicate" },
    { "{\"a\xff\": 1}", 0, "m:1:" },
    { "{\"__metadata__\": []}", 0, "__metadata__ is an array" },
    { "{\"__metadata__\": {\"n\": 1}}", 0, "__metadata__ 'n' is an integer" },
    { "{\"a\": []}", 0, "tensor 'a': its entry is not an object" },
    { "{\"a\": {\"shape\": [1], \"data_offsets\": [0, 4]}}", 4, "dtype is missing" },
    { "{\"a\": {\"dtype\": \"F32\", \"data_offsets\": [0, 4]}}", 4, "shape is missing" },
    { "{\"a\": {\"dtype\": \"F32\", \"shape\": [1]}}", 4, "data_offsets are missing" },
    { TENSOR("\"F33\"", "[1]", "[0, 4]"), 4, "unknown dtype 'F33'" },
    { TENSOR("3", "[1]", "[0, 4]"), 4, "dtype is missing or not a string" },
    { TENSOR("\"F32\"", "4", "[0, 4]"), 4, "not an array" },
    { TENSOR("\"F32\"", "[-1]", "[0, 4]"), 4, "not a size" },
    { TENSOR("\"F32\"", "[1.0]", "[0, 4]"), 4, "not a size" },
    { TENSOR("\"F32\"", "[\"1\"]", "[0, 4]"), 4, "not a size" },
    { TENSOR("\"F32\"", "[4294967296, 4294967296, 4]", "[0, 4]"), 4, "does not fit" },
    { TENSOR("\"F32\"", "[9223372036854775807]", "[0, 4]"), 4, "does not fit" },
    { TENSOR("\"F32\"", "[99999999999999999999]", "[0, 4]"), 4, "too big" },
    { TENSOR("\"F32\"", "[1]", "[0]"), 4, "not two sizes" },
    { TENSOR("\"F32\"", "[1]", "[0, 4, 8]"), 4, "not two sizes" },
    { TENSOR("\"F32\"", "[1]", "[-4, 0]"), 4, "not two sizes" },
    { TENSOR("\"F32\"", "[1]", "[0, 4.0]"), 4, "not two sizes" },
    { TENSOR("\"F32\"", "[1]", "[4, 0]"), 4, "4 to 0 are not within the 4 bytes" },
    { TENSOR("\"F32\"", "[2]", "[0, 8]"), 4, "0 to 8 are not within the 4 bytes" },
    { TENSOR("\"F32\"", "[2]", "[0, 4]"), 4, "2 elements of 32 bits do not fill the 4 bytes" },
    { TENSOR("\"F16\"", "[1]", "[0, 4]"), 4, "1 elements of 16 bits do not fill the 4 bytes" },
    { TENSOR("\"F4\"", "[3]", "[0, 2]"), 2, "3 elements of 4 bits do not fill the 2 bytes" },
    { TENSOR("\"F32\"", "[1]", "[4, 8]"), 8, "begins at byte 4" },
    { TENSOR("\"F32\"", "[1]", "[0, 4]"), 5,
      "the tensors end at byte 4 of the data, the file at 5" },
    { TWO("[0, 4]", "[5, 9]"), 9,
      "tensor 'b': begins at byte 5 of the data, but the tensor before it ends at 4" },
    { TWO("[0, 4]", "[2, 6]"), 6, "tensor 'b': begins at byte 2" },
    { TWO("[0, 4]", "[0, 4]"), 4, "begins at byte 0" },
    { "{}", 3, "the tensors end at byte 0 of the data, the file at 3" },
};

static void test_broken_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        size_t bytes;
        unsigned char *file = made_raw(broken[i].header, broken[i].data_bytes, &bytes);
        struct deit_tensors tensors;
        struct deit_error err;
        assert_int_equal(read_bytes(file, bytes, &tensors, &err), DEIT_ERR_FORMAT);
        if (!strstr(err.message, broken[i].says) || strncmp(err.message, "m:", 2) != 0)
            fail_msg("%s\n  says     %s\n  expected %s", broken[i].header, err.message,
                     broken[i].says);
        deit_tensors_done(&tensors);
        free(file);
    }
}

static void expect_length_error(uint64_t length, size_t bytes, const char *says)
{
    unsigned char file[64] = { 0 };
    memcpy(file, &length, sizeof length);
    memcpy(file + 8, "{}", 2);
    struct deit_tensors tensors;
    struct deit_error err;
    assert_int_equal(read_bytes(file, bytes, &tensors, &err), DEIT_ERR_FORMAT);
    assert_non_null(strstr(err.message, says));
    deit_tensors_done(&tensors);
}

static void test_header_length(void **state)
{
    (void)state;
    expect_length_error(2, 0, "0 bytes are too few");
    expect_length_error(2, 7, "7 bytes are too few");
    expect_length_error(2, 9, "a header of 2 bytes in a file of 9");
    expect_length_error(UINT64_MAX, 64, "a header of 18446744073709551615 bytes in a file of 64");
    expect_length_error(UINT64_MAX - 7, 64, "in a file of 64");
}

static void test_right_files_are_read(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{}",
        "{}      ",
        "{\"__metadata__\": {\"format\": \"pt\"}}",
        "{\"__metadata__\": {}, \"z\": {\"dtype\": \"F32\", \"shape\": [0, 5], "
        "\"data_offsets\": [0, 0]}}",
        "{\"s\": {\"dtype\": \"I64\", \"shape\": [], \"data_offsets\": [0, 8]}}",
        /* entries in another order than their bytes */
        "{\"b\": {\"dtype\": \"BF16\", \"shape\": [2], \"data_offsets\": [4, 8]}, "
        "\"a\": {\"dtype\": \"F4\", \"shape\": [8], \"data_offsets\": [0, 4]}}",
        "{\"deep\": {\"dtype\": \"U8\", \"shape\": [1, 1, 1, 1, 1, 1, 1, 1, 8], "
        "\"data_offsets\": [0, 8]}}",
    };
    static const size_t data_bytes[] = { 0, 0, 0, 0, 8, 8, 8 };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        size_t bytes;
        unsigned char *file = made_raw(headers[i], data_bytes[i], &bytes);
        struct deit_tensors tensors;
        struct deit_error err = { 0 };
        if (read_bytes(file, bytes, &tensors, &err) != DEIT_OK)
            fail_msg("%s: %s", headers[i], err.message);
        assert_int_equal(deit_tensors_sort(&tensors, &err), DEIT_OK);
        deit_tensors_done(&tensors);
        free(file);
    }
}

static void test_every_type_is_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *dtype;
        size_t bits;
        enum deit_dtype usable;
    } types[] = {
        { "BOOL", 8, 0 }, { "F4", 4, 0 }, { "F6_E2M3", 6, 0 }, { "F6_E3M2", 6, 0 },
        { "U8", 8, 0 }, { "I8", 8, 0 }, { "F8_E5M2", 8, 0 }, { "F8_E4M3", 8, 0 },
        { "F8_E8M0", 8, 0 }, { "F8_E4M3FNUZ", 8, 0 }, { "F8_E5M2FNUZ", 8, 0 },
        { "I16", 16, 0 }, { "U16", 16, 0 }, { "F16", 16, DEIT_F16 }, { "BF16", 16, DEIT_BF16 },
        { "I32", 32, 0 }, { "U32", 32, 0 }, { "F32", 32, DEIT_F32 }, { "C64", 64, 0 },
        { "F64", 64, DEIT_F64 }, { "I64", 64, 0 }, { "U64", 64, 0 },
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct made m;
        made_init(&m);
        made_add_type(&m, "t", types[i].dtype, types[i].bits, (int[]){ 1, 8, -1 });
        m.data_bytes = types[i].bits; /* eight elements: as many bytes as one has bits */
        free(m.header);
        assert_true(asprintf(&m.header,
                             "\"t\": {\"dtype\": \"%s\", \"shape\": [1, 8], "
                             "\"data_offsets\": [0, %zu]}",
                             types[i].dtype, types[i].bits) > 0);
        m.header_bytes = strlen(m.header);
        size_t bytes;
        unsigned char *file = made_file(&m, &bytes);
        struct deit_tensors tensors;
        struct deit_error err = { 0 };
        if (read_bytes(file, bytes, &tensors, &err) != DEIT_OK)
            fail_msg("%s: %s", types[i].dtype, err.message);
        assert_int_equal(tensors.entries[0].dtype, types[i].usable);
        assert_string_equal(tensors.entries[0].type_name, types[i].dtype);
        assert_int_equal(tensors.entries[0].bytes, types[i].bits);
        deit_tensors_done(&tensors);
        free(file);
        made_done(&m);
    }
}

static void test_offsets_lead_to_the_bytes(void **state)
{
    (void)state;
    struct made m;
    made_init(&m);
    made_add(&m, "first", (int[]){ 3, -1 });
    made_add(&m, "second", (int[]){ 2, 2, -1 });
    size_t bytes;
    unsigned char *file = made_file(&m, &bytes);
    struct deit_tensors tensors;
    struct deit_error err;
    assert_int_equal(read_bytes(file, bytes, &tensors, &err), DEIT_OK);
    assert_int_equal(deit_tensors_sort(&tensors, &err), DEIT_OK);
    const struct deit_tensor_entry *second = deit_tensors_find(&tensors, "second");
    assert_non_null(second);
    assert_int_equal(second->n_elements, 4);
    unsigned char got[16];
    assert_int_equal(deit_source_read(second->source, second->offset, sizeof got, got, &err),
                     DEIT_OK);
    assert_memory_equal(got, m.data + 12, sizeof got);
    assert_null(deit_tensors_find(&tensors, "third"));
    deit_tensors_done(&tensors);
    free(file);
    made_done(&m);
}

/* The file stays open: shrinking it is an error with numbers, removing it is none. */
static void test_a_file_that_shrinks(void **state)
{
    (void)state;
    const char *folder = make_folder();
    make_text(folder, "w", "0123456789");
    struct deit_source *source = NULL;
    struct deit_error err;
    char got[10];
    assert_int_equal(deit_source_open_file(path_in(folder, "w"), &source, &err), DEIT_OK);
    assert_int_equal(deit_source_read(source, 2, 8, got, &err), DEIT_OK);
    assert_memory_equal(got, "23456789", 8);
    make_text(folder, "w", "0123");
    assert_int_equal(deit_source_read(source, 2, 8, got, &err), DEIT_ERR_IO);
    assert_non_null(strstr(err.message, "shrank"));
    assert_non_null(strstr(err.message, "10"));
    deit_source_release(source);
    assert_int_equal(deit_source_open_file(folder, &source, &err), DEIT_ERR_IO);
    assert_non_null(strstr(err.message, "not a regular file"));
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_files_are_refused),
        cmocka_unit_test(test_header_length),
        cmocka_unit_test(test_right_files_are_read),
        cmocka_unit_test(test_every_type_is_recognised),
        cmocka_unit_test(test_offsets_lead_to_the_bytes),
        cmocka_unit_test(test_a_file_that_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
