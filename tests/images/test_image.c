/*
 * tests/images/test_image.c: image files, right ones, wrong ones, and those of other formats.
 *
 * Expected bytes are Pillow's, by checksum, from two manifests: ordinary files in many
 * encodings, and odd ones where even the decision to take them needs a reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/image.h"
#include "tests/common/shared.h"
#include "tests/images/support.h"

static const uint8_t marker[] = { 1 };

/* An image that must not be touched. */
static deit_image untouched(void)
{
    return (deit_image){ .width = 77, .pixels = marker };
}

static void expect_untouched(const deit_image *image)
{
    assert_int_equal(image->width, 77);
    assert_ptr_equal(image->pixels, marker);
}

static void check_open(const char *path, const char *const *row)
{
    struct deit_error err = { 0 };
    deit_image image = untouched();
    enum deit_status status = deit_image_open(path, NULL, &image, &err);
    if (!strcmp(row[1], "refuse")) {
        if (status != DEIT_ERR_FORMAT && status != DEIT_ERR_UNSUPPORTED)
            fail_msg("%s: status is %s", path, deit_status_name(status));
        assert_int_equal(err.status, status);
        expect_message(&err, path, (const char *const[]){ NULL });
        expect_untouched(&image);
        return;
    }
    if (status != DEIT_OK)
        fail_msg("%s", err.message);
    assert_int_equal(image.format, DEIT_RGB8);
    assert_int_equal(image.width, atoi(row[2]));
    assert_int_equal(image.height, atoi(row[3]));
    assert_int_equal(image.stride, image.width * 3);
    expect_crc(path, crc32_of(image.pixels, image.stride * image.height), row[4]);
    deit_image_close(&image);
    assert_null(image.pixels);
}

/* The same file from memory, whose copy is overwritten before the pixels are looked at. */
static void check_open_memory(const char *path, const char *const *row)
{
    size_t bytes;
    uint8_t *data = read_whole(path, &bytes);
    deit_image image = untouched();
    enum deit_status status = deit_image_open_memory(data, bytes, "copy", NULL, &image, NULL);
    memset(data, 0xa5, bytes);
    if (status == DEIT_OK)
        expect_crc(path, crc32_of(image.pixels, image.stride * image.height), row[4]);
    else
        assert_string_equal(row[1], "refuse");
    if (status == DEIT_OK)
        deit_image_close(&image);
    free(data);
}

static void check_manifest(const char *folder)
{
    char root[1024], path[1200];
    struct manifest manifest;
    deit_test_fixture(root, sizeof root, folder);
    manifest_open(&manifest, join(path, sizeof path, root, "manifest.tsv"));
    for (size_t i = 0; i < manifest.n_rows; i++) {
        join(path, sizeof path, root, manifest.rows[i][0]);
        check_open(path, manifest.rows[i]);
        check_open_memory(path, manifest.rows[i]);
    }
    manifest_close(&manifest);
}

static void test_encodings(void **state)
{
    (void)state;
    check_manifest("tests/fixtures/images");
}

static void test_odd_files(void **state)
{
    (void)state;
    check_manifest("tests/fixtures/images_odd");
}

/* What a file is, is said by name, with what to do about it. */
static void test_other_formats(void **state)
{
    (void)state;
#define BYTES(text) text, sizeof(text) - 1
    static const struct {
        const char *data;
        size_t bytes;
        const char *name;
    } formats[] = {
        { BYTES("GIF89a rest"), "GIF" },
        { BYTES("GIF87a rest"), "GIF" },
        { BYTES("RIFF\x10\0\0\0WEBPVP8 "), "WebP" },
        { BYTES("BM\x10\0\0\0\0\0"), "BMP" },
        { BYTES("II*\0\x08\0\0\0"), "TIFF" },
        { BYTES("MM\0*\0\0\0\x08"), "TIFF" },
        { BYTES("\0\0\0\x20" "ftypavif"), "AVIF" },
        { BYTES("\0\0\0\x20" "ftypheic"), "HEIC" },
        { BYTES("\0\0\0\x20" "ftypmif1"), "HEIF" },
        { BYTES("\0\0\0\x0cjP  \r\n\x87\n"), "JPEG 2000" },
        { BYTES("\xff\x4f\xff\x51\0"), "JPEG 2000" },
        { BYTES("\0\0\0\x0cJXL \r\n\x87\n"), "JPEG XL" },
        { BYTES("\xff\x0a\xfa\x1f"), "JPEG XL" },
        { BYTES("\xff\xd8\xff\xf7\0\x0b"), "JPEG-LS" },
        { BYTES("8BPS\0\1"), "Photoshop" },
        { BYTES("qoif\0\0"), "QOI" },
        { BYTES("P6\n1 1\n255\nabc"), "PNM" },
        { BYTES("\0\0\1\0\1\0"), "ICO" },
        { BYTES("%PDF-1.4"), "PDF" },
        { BYTES("<?xml version='1.0'?><svg/>"), "XML" },
        { BYTES("<svg xmlns="), "SVG" },
        { BYTES("\x80\2}q\0."), "pickle" },
        { BYTES("PK\3\4\x14\0"), "zip" },
        { BYTES("\x93NUMPY\1\0"), "--tensor" },
        { BYTES("version https://git-lfs"), "LFS" },
        { BYTES("\1\2\3 not a picture"), "01 02 03 20" },
        { BYTES("x"), "neither JPEG nor PNG" },
        { BYTES("\xff\xd8"), "neither JPEG nor PNG" },
        { BYTES("\x89PNG\r\n\x1a"), "neither JPEG nor PNG" },
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct deit_error err;
        deit_image image = untouched();
        enum deit_status status = deit_image_open_memory(formats[i].data, formats[i].bytes, NULL,
                                                         NULL, &image, &err);
        if (status != DEIT_ERR_UNSUPPORTED)
            fail_msg("%s: status is %s", formats[i].name, deit_status_name(status));
        expect_words(&err, "image", formats[i].name);
        expect_untouched(&image);
    }
}

static void expect_io(const char *path, const char *word)
{
    struct deit_error err;
    deit_image image = untouched();
    assert_int_equal(deit_image_open(path, NULL, &image, &err), DEIT_ERR_IO);
    expect_words(&err, path, word);
    expect_untouched(&image);
}

static void test_not_a_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/deit-images-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    expect_io(folder, "folder");
    expect_io(join(path, sizeof path, folder, "missing.jpg"), "No such file");
    expect_io("/dev/null", "not a regular file");

    /* Opening this one for reading would wait for a writer for ever. */
    join(path, sizeof path, folder, "pipe.jpg");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_io(path, "not a regular file");
    unlink(path);

    struct deit_error err;
    deit_image image;
    join(path, sizeof path, folder, "empty.png");
    write_whole(path, "", 0);
    assert_int_equal(deit_image_open(path, NULL, &image, &err), DEIT_ERR_FORMAT);
    expect_words(&err, path, "empty");
    unlink(path);
    rmdir(folder);

    /* A name cannot forge a second line. */
    assert_int_equal(deit_image_open("/tmp/line\nfeed", NULL, &image, &err), DEIT_ERR_IO);
    assert_null(strchr(err.message, '\n'));

    assert_int_equal(deit_image_open(NULL, NULL, &image, &err), DEIT_ERR_ARGUMENT);
    assert_int_equal(deit_image_open("x", NULL, NULL, &err), DEIT_ERR_ARGUMENT);
    assert_int_equal(deit_image_open_memory(NULL, 1, NULL, NULL, &image, &err),
                     DEIT_ERR_ARGUMENT);
    assert_int_equal(deit_image_open_memory(NULL, 0, NULL, NULL, &image, &err), DEIT_ERR_FORMAT);
}

/* ------------------------------------------------------------------ limits */

static void expect_limit(const void *data, size_t bytes, const struct deit_image_options *options,
                         const char *first, const char *second)
{
    struct deit_error err = { 0 };
    deit_image image = untouched();
    enum deit_status status = deit_image_open_memory(data, bytes, "it", options, &image, &err);
    if (status != DEIT_ERR_LIMIT)
        fail_msg("status is %s: %s", deit_status_name(status), err.message);
    expect_words(&err, "it", first, second);
    expect_untouched(&image);
}

static uint8_t *fixture(const char *name, size_t *bytes)
{
    char root[1024], path[1200];
    deit_test_fixture(root, sizeof root, "tests/fixtures/images");
    return read_whole(join(path, sizeof path, root, name), bytes);
}

static void test_pixel_limit(void **state)
{
    (void)state;
    size_t bytes;
    struct deit_image_options options = { .size = sizeof options, .max_pixels = 96 * 64 };
    uint8_t *jpeg = fixture("base_420.jpg", &bytes);
    deit_image image;
    assert_int_equal(deit_image_open_memory(jpeg, bytes, "it", &options, &image, NULL), DEIT_OK);
    deit_image_close(&image);
    options.max_pixels--;
    expect_limit(jpeg, bytes, &options, "96 x 64", "6143");

    /* 65500 x 65500 in two kilobytes: refused by its header, before anything is allocated. */
    for (size_t i = 0; i + 9 < bytes; i++)
        if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0)
            memcpy(jpeg + i + 5, "\xff\xdc\xff\xdc", 4);
    expect_limit(jpeg, bytes, NULL, "65500 x 65500", "100000000");
    free(jpeg);

    uint8_t *png = fixture("rgb8_adam7.png", &bytes);
    options.max_pixels = 29 * 23 - 1;
    expect_limit(png, bytes, &options, "29 x 23", "666");
    /* A struct of an older caller, which ends before the field: its value must not be read. */
    options.size = offsetof(struct deit_image_options, max_pixels);
    assert_int_equal(deit_image_open_memory(png, bytes, "it", &options, &image, NULL), DEIT_OK);
    deit_image_close(&image);
    free(png);
}

static void test_memory_limit(void **state)
{
    (void)state;
    size_t bytes;
    struct deit_image_options options = { .size = sizeof options, .max_memory = 20000 };
    deit_image image;
    uint8_t *baseline = fixture("base_444.jpg", &bytes); /* keeps no coefficients */
    options.max_memory = 1000000;
    assert_int_equal(deit_image_open_memory(baseline, bytes, "it", &options, &image, NULL),
                     DEIT_OK);
    deit_image_close(&image);
    free(baseline);

    /* 101 x 75 at 4:2:0: 13 x 10 + 2 x 7 x 5 blocks of 128 bytes. */
    uint8_t *progressive = fixture("prog_420.jpg", &bytes);
    options.max_memory = 25599;
    expect_limit(progressive, bytes, &options, "25600", "25599");
    free(progressive);

    uint8_t *png = fixture("rgba16.png", &bytes);
    options.max_memory = 24 * 18 - 1;
    expect_limit(png, bytes, &options, "432", "431");
    free(png);

    char root[1024], path[1200];
    struct deit_error err;
    deit_test_fixture(root, sizeof root, "tests/fixtures/images");
    join(path, sizeof path, root, "q100_444.jpg");
    options.max_memory = 9686;
    image = untouched();
    assert_int_equal(deit_image_open(path, &options, &image, &err), DEIT_ERR_LIMIT);
    expect_words(&err, path, "9687", "9686");
    expect_untouched(&image);
}

/* Empty scans cost a file ten bytes and a decoder a pass over the picture each. */
static void test_scan_limit(void **state)
{
    (void)state;
    enum { N_SCANS = 30000 };
    size_t bytes;
    uint8_t *jpeg = fixture("prog_420.jpg", &bytes);
    static const uint8_t scan[] = { 0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0x10 };
    uint8_t *many = malloc(bytes + N_SCANS * sizeof scan);
    assert_non_null(many);
    size_t at = bytes - 2; /* in front of the end marker */
    memcpy(many, jpeg, at);
    for (int i = 0; i < N_SCANS; i++, at += sizeof scan)
        memcpy(many + at, scan, sizeof scan);
    memcpy(many + at, jpeg + bytes - 2, 2);
    expect_limit(many, at + 2, NULL, "scans", "2000000000");
    free(many);
    free(jpeg);
}

/* ------------------------------------------------------------------ damage */

/* Every prefix, and a bit flipped in every byte: an answer each time, and no harm. */
static void test_damage(void **state)
{
    (void)state;
    static const char *const names[] = { "base_420.jpg", "prog_420.jpg", "arith_420.jpg",
                                         "ycck_adobe.jpg", "pal4_adam7.png", "ga16.png",
                                         "grey2_trns_adam7.png", "pal8_trns.png" };
    for (size_t f = 0; f < sizeof names / sizeof names[0]; f++) {
        size_t bytes, n_ok = 0;
        uint8_t *data = fixture(names[f], &bytes);
        for (size_t i = 0; i < 2 * bytes; i++) {
            /* A block of its own for each prefix, so that a sanitizer sees its end. */
            size_t n = i < bytes ? i : bytes;
            uint8_t *copy = malloc(n ? n : 1);
            assert_non_null(copy);
            memcpy(copy, data, n);
            if (i >= bytes)
                copy[i - bytes] ^= (uint8_t)(1u << (i % 8));
            struct deit_error err = { 0 };
            deit_image image = untouched();
            enum deit_status status = deit_image_open_memory(copy, n, names[f], NULL, &image,
                                                             &err);
            if (status == DEIT_OK) {
                n_ok++;
                deit_image_close(&image);
            } else {
                expect_message(&err, names[f], (const char *const[]){ NULL });
                expect_untouched(&image);
            }
            free(copy);
        }
        assert_true(n_ok < bytes); /* of 2 x bytes: damage is noticed */
        free(data);
    }
}

/* ------------------------------------------------------------------ wrapped pixels */

static void test_wrap(void **state)
{
    (void)state;
    static const uint8_t pixels[] = { 1,  2,  3,  4,  5,  6,  7,  8,  9,
                                      10, 11, 12, 13, 14, 15, 16, 17, 18 };
    static const struct {
        enum deit_pixel_format format;
        size_t stride;
        uint8_t rgb[6]; /* of pixels 0 and 1 in row 1 */
    } cases[] = {
        { DEIT_RGB8, 0, { 7, 8, 9, 10, 11, 12 } },
        { DEIT_RGB8, 8, { 9, 10, 11, 12, 13, 14 } },
        { DEIT_BGR8, 0, { 9, 8, 7, 12, 11, 10 } },
        { DEIT_RGBA8, 0, { 9, 10, 11, 13, 14, 15 } },
        { DEIT_RGBA8, 10, { 11, 12, 13, 15, 16, 17 } },
        { DEIT_GREY8, 0, { 3, 3, 3, 4, 4, 4 } },
        { DEIT_GREY8, 5, { 6, 6, 6, 7, 7, 7 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        deit_image image;
        uint8_t scratch[6];
        assert_int_equal(deit_image_wrap(&image, cases[i].format, 2, 2, cases[i].stride, pixels,
                                         NULL), DEIT_OK);
        assert_memory_equal(deit_image_row(&image, 0, 1, 2, scratch), cases[i].rgb, 6);
        assert_memory_equal(deit_image_row(&image, 1, 1, 1, scratch), cases[i].rgb + 3, 3);
        deit_image_close(&image); /* borrowed: frees nothing */
        assert_null(image.pixels);
        deit_image_close(&image);
    }
    deit_image_close(NULL);
}

static void test_wrap_refuses(void **state)
{
    (void)state;
    static const uint8_t pixels[64];
    struct deit_error err;
    deit_image image = untouched();
#define REFUSED(format, w, h, stride, p, ...)                                                  \
    do {                                                                                       \
        assert_int_equal(deit_image_wrap(&image, format, w, h, stride, p, &err),               \
                         DEIT_ERR_ARGUMENT);                                                   \
        expect_words(&err, "image", __VA_ARGS__);                                              \
        expect_untouched(&image);                                                              \
    } while (0)
    REFUSED(DEIT_RGB8, 0, 4, 0, pixels, "0 x 4");
    REFUSED(DEIT_RGB8, 4, 0, 0, pixels, "4 x 0");
    REFUSED(DEIT_RGB8, 4, 4, 11, pixels, "11", "12");
    REFUSED(DEIT_RGBA8, 4, 4, 15, pixels, "15", "16");
    REFUSED(DEIT_RGB8, 4, 4, 0, NULL, "NULL");
    REFUSED((enum deit_pixel_format)9, 4, 4, 0, pixels, "9");
    REFUSED(DEIT_GREY8, 4, 4, SIZE_MAX, pixels, "memory");
    assert_int_equal(deit_image_wrap(NULL, DEIT_RGB8, 4, 4, 0, pixels, &err), DEIT_ERR_ARGUMENT);
    assert_int_equal(deit_image_wrap(&image, DEIT_RGB8, 0, 4, 0, pixels, NULL),
                     DEIT_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodings),   cmocka_unit_test(test_odd_files),
        cmocka_unit_test(test_other_formats), cmocka_unit_test(test_not_a_file),
        cmocka_unit_test(test_pixel_limit), cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_scan_limit),  cmocka_unit_test(test_damage),
        cmocka_unit_test(test_wrap),        cmocka_unit_test(test_wrap_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
