/* tests/unit/small.c: opening, planning and running it. */
#include "tests/unit/small.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/common/shared.h"

float pixels[MOST * PIXELS];

deit_model *open_model(const struct deit_model_options *options)
{
    char path[1024];
    struct deit_error err;
    deit_model *model = NULL;
    deit_test_fixture(path, sizeof path, "tests/fixtures/models/distilled");
    if (deit_model_open(path, options, &model, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    return model;
}

int fill_pixels(void **state)
{
    uint32_t x = 1;
    (void)state;
    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++) {
        x = x * 1664525u + 1013904223u;
        pixels[i] = (float)(x >> 8) / (1 << 23) - 1;
    }
    return 0;
}

struct deit_tensor input(size_t batch, float *data)
{
    return (struct deit_tensor){ .data = data, .bytes = batch * PIXELS * sizeof(float),
                                 .dtype = DEIT_F32, .rank = 4,
                                 .dims = { (int64_t)batch, 3, HEIGHT, WIDTH } };
}

deit_session *make(deit_model *model, const struct deit_session_options *options,
                          const struct deit_session_hooks *hooks)
{
    struct deit_error err;
    deit_session *session = NULL;
    if (deit_session_create_with(model, options, hooks, &session, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    return session;
}

void run_all(deit_session *session, size_t n, size_t batch, float *logits)
{
    for (size_t i = 0; i < n; i += batch) {
        size_t count = n - i < batch ? n - i : batch;
        struct deit_tensor in = input(count, pixels + i * PIXELS);
        struct deit_tensor out = { .data = logits + i * CLASSES, .dtype = DEIT_F32,
                                   .bytes = count * CLASSES * sizeof(float) };
        struct deit_error err;
        if (deit_session_run(session, 1, &in, 1, &out, &err) != DEIT_OK)
            fail_msg("%s", err.message);
        assert_int_equal(out.rank, 2);
        assert_int_equal(out.dims[0], count);
    }
}
