/*
 * tests/unit/test_classify.c: images on all threads of a session, and threads that are lent.
 *
 * The model is the small distilled one.  Teams are OpenMP's, threads without OpenMP, and a
 * caller's pool.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/common/team_pthread.h"
#include "tests/unit/small.h"

enum { IMAGES = 7, MOST_CALLS = 100 };

/* Of sizes that differ much, so that they are not done in the order in which they began. */
static void wrap_images(deit_image images[IMAGES], const deit_image *pointers[IMAGES])
{
    static uint8_t bytes[3 * 300 * 200];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 301);
    for (uint32_t i = 0; i < IMAGES; i++) {
        uint32_t width = i % 3 ? 20 + i : 300 - i, height = i % 3 ? 30 - i : 200;
        assert_int_equal(deit_image_wrap(&images[i], DEIT_RGB8, width, height, 0, bytes + i, NULL),
                         DEIT_OK);
        pointers[i] = &images[i];
    }
}

/* Images are preprocessed by the team: the bits are those of one image on one thread. */
static void images_are_classified_alike_by_any_team(void **state)
{
    (void)state;
    deit_model *model = open_model(NULL);
    deit_image images[IMAGES];
    const deit_image *pointers[IMAGES];
    float expected[IMAGES][CLASSES], logits[IMAGES][CLASSES];
    struct deit_error err;
    wrap_images(images, pointers);
    struct deit_session_options options = { .size = sizeof options, .threads = 1 };
    deit_session *session = make(model, &options, NULL);
    for (size_t i = 0; i < IMAGES; i++)
        if (deit_session_classify(session, 1, &pointers[i], expected[i], &err) != DEIT_OK)
            fail_msg("%s", err.message);
    assert_memory_not_equal(expected[0], expected[1], sizeof expected[0]);
    deit_session_free(session);

    static const struct deit_session_hooks hooks[] = { { .region = NULL },
                                                       { .region = deit_team_region_pthread } };
    options.max_batch = IMAGES;
    for (size_t h = 0; h < sizeof hooks / sizeof *hooks; h++)
        for (options.threads = 1; options.threads <= 5; options.threads += 2) {
            session = make(model, &options, &hooks[h]);
            assert_int_equal(deit_session_classify(session, IMAGES, pointers, logits[0], NULL),
                             DEIT_OK);
            assert_memory_equal(logits, expected, sizeof expected);

            /* One bad image: named, and nothing is written. */
            static const deit_image empty;
            pointers[4] = &empty;
            memset(logits, 0, sizeof logits);
            assert_int_equal(deit_session_classify(session, IMAGES, pointers, logits[0], &err),
                             DEIT_ERR_ARGUMENT);
            assert_non_null(strstr(err.message, "image"));
            assert_true(logits[0][0] == 0.0f);
            pointers[4] = &images[4];
            deit_session_free(session);
        }
    deit_model_close(model);
}

static void count_call(void *counts, size_t index)
{
    ((unsigned char *)counts)[index]++;
}

static void threads_are_lent_for_every_index_once(void **state)
{
    (void)state;
    deit_model *model = open_model(NULL);
    static const struct deit_session_hooks hooks[] = { { .region = NULL },
                                                       { .region = deit_team_region_pthread } };
    unsigned n_threads = 3;
    for (size_t h = 0; h < 3; h++)
        for (unsigned threads = 1; threads <= 5; threads += 2) {
            struct deit_session_options options = { .size = sizeof options, .threads = threads };
            if (h == 2) {
                options.parallel_for = deit_parallel_for_pthread;
                options.parallel_ctx = &n_threads;
            }
            deit_session *session = make(model, &options, h < 2 ? &hooks[h] : NULL);
            for (size_t n = 0; n <= MOST_CALLS; n += 1 + n * 2) {
                unsigned char counts[MOST_CALLS + 1] = { 0 };
                deit_session_parallel_for(session, n, count_call, counts);
                for (size_t i = 0; i <= MOST_CALLS; i++)
                    assert_int_equal(counts[i], i < n);
            }
            deit_session_free(session);
        }
    deit_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_classified_alike_by_any_team),
        cmocka_unit_test(threads_are_lent_for_every_index_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
