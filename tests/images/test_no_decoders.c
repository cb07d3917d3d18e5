/*
 * tests/images/test_no_decoders.c: what a build without libjpeg or libpng says.
 *
 * It links the stand-ins in place of the decoders, so it runs in every build.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/images/support.h"

static void expect_unsupported(const char *data, size_t bytes, const char *format)
{
    struct deit_error err;
    deit_image image = { .width = 77 };
    assert_int_equal(deit_image_open_memory(data, bytes, "photo", NULL, &image, &err),
                     DEIT_ERR_UNSUPPORTED);
    expect_words(&err, "photo", format, "built without");
    assert_int_equal(image.width, 77);
}

static void test_stand_ins(void **state)
{
    (void)state;
    expect_unsupported("\xff\xd8\xff\xe0", 4, "JPEG");
    expect_unsupported("\x89PNG\r\n\x1a\n", 8, "PNG");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_stand_ins) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
