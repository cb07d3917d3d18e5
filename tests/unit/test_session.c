/*
 * tests/unit/test_session.c: runs: interrupted, shared, forked, refused, and their memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/common/team_pthread.h"
#include "tests/unit/small.h"

/* ------------------------------------------------------------------ interruption */

struct watch {
    size_t steps, polls, stop_at;
};

static int poll_stop(void *ctx)
{
    struct watch *watch = ctx;
    return ++watch->polls == watch->stop_at;
}

static void count_step(void *ctx, const char *name, uint64_t ns)
{
    (void)ns;
    assert_non_null(name);
    ((struct watch *)ctx)->steps++;
}

static void interrupt_stops_after_any_step(void **state)
{
    deit_model *model = open_model(NULL);
    unsigned pool_threads = 2;
    (void)state;
    for (int pool = 0; pool < 2; pool++) {
        struct watch watch = { 0 };
        struct deit_session_options options = {
            .size = sizeof options, .threads = 3, .ctx = &watch,
            .interrupt = poll_stop, .on_step = count_step,
            .parallel_for = pool ? deit_parallel_for_pthread : NULL, .parallel_ctx = &pool_threads,
        };
        deit_session *session = make(model, &options, NULL);
        float wanted[CLASSES], logits[CLASSES];
        run_all(session, 1, 1, wanted);
        struct deit_session_info info = { .size = sizeof info };
        deit_session_info(session, &info);
        assert_int_equal(watch.steps, info.n_steps);
        assert_int_equal(watch.polls, info.n_steps + 1);

        for (size_t stop = 1; stop <= info.n_steps + 1; stop++) {
            struct deit_tensor in = input(1, pixels);
            struct deit_tensor out = { .data = logits, .bytes = sizeof logits, .dtype = DEIT_F32 };
            struct deit_error err;
            memset(logits, 0x55, sizeof logits);
            watch = (struct watch){ .stop_at = stop };
            assert_int_equal(deit_session_run(session, 1, &in, 1, &out, &err),
                             DEIT_ERR_INTERRUPTED);
            assert_int_equal(watch.steps, stop - 1);
            for (size_t i = 0; i < sizeof logits; i++)
                assert_int_equal(((unsigned char *)logits)[i], 0x55);
        }
        watch = (struct watch){ 0 };
        run_all(session, 1, 1, logits);
        assert_memory_equal(logits, wanted, sizeof wanted);
        deit_session_free(session);
    }
    deit_model_close(model);
}

/* ------------------------------------------------------------------ sharing */

struct worker {
    deit_session *session;
    const float *wanted;
    int differs;
};

static void *run_often(void *worker_)
{
    struct worker *worker = worker_;
    for (int i = 0; i < 20; i++) {
        float logits[MOST * CLASSES];
        run_all(worker->session, MOST, 2, logits);
        worker->differs |= memcmp(logits, worker->wanted, sizeof logits);
    }
    return NULL;
}

static void two_sessions_in_two_threads(void **state)
{
    deit_model *model = open_model(NULL);
    float wanted[MOST * CLASSES];
    struct deit_session_options options = { .size = sizeof options, .threads = 2, .max_batch = 2 };
    const struct deit_session_hooks hooks = { .region = deit_team_region_pthread };
    struct worker workers[2];
    pthread_t threads[2];
    (void)state;
    for (int i = 0; i < 2; i++)
        workers[i] = (struct worker){ make(model, &options, &hooks), wanted, 0 };
    struct deit_session_info info = { .size = sizeof info };
    deit_session_info(workers[0].session, &info);
    uint64_t shared_bytes = info.weight_bytes;
    deit_session_free(workers[1].session);
    deit_session_info(workers[0].session, &info);
    assert_int_equal(info.weight_bytes, shared_bytes); /* nothing was packed twice */
    workers[1].session = make(model, &options, &hooks);
    deit_model_close(model); /* the sessions keep it */

    run_all(workers[0].session, MOST, 2, wanted);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, &workers[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].differs, 0);
        deit_session_free(workers[i].session);
    }
}

/* libgomp's workers do not survive a fork: a region in the child would wait for ever. */
static void a_forked_child_answers(void **state)
{
    deit_model *model = open_model(NULL);
    float wanted[CLASSES];
    struct deit_session_options options = { .size = sizeof options, .threads = 2 };
    deit_session *session = make(model, &options, NULL);
    (void)state;
    run_all(session, 1, 1, wanted);
    pid_t child = fork();
    if (child == 0) {
        float logits[CLASSES];
        alarm(20);
        run_all(session, 1, 1, logits);
        _exit(memcmp(logits, wanted, sizeof wanted) ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    deit_session_free(session);
    deit_model_close(model);
}

/* libgomp exits the process where it cannot create a thread: fewer must be asked for. */
static void threads_that_cannot_be_had_are_done_without(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        float logits[CLASSES];
        alarm(20);
        deit_model *model = open_model(NULL);
        struct deit_session_options options = { .size = sizeof options, .threads = 64 };
        pthread_attr_t attributes; /* no stack for a new thread fits into what is left */
        pthread_getattr_default_np(&attributes);
        pthread_attr_setstacksize(&attributes, (size_t)1 << 46);
        pthread_setattr_default_np(&attributes);
        deit_session *session = make(model, &options, NULL);
        struct deit_session_info info = { .size = sizeof info };
        deit_session_info(session, &info);
        run_all(session, 1, 1, logits);
        _exit(info.threads == 1 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ------------------------------------------------------------------ refusals */

static void wrong_arguments_are_named(void **state)
{
    deit_model *model = open_model(NULL);
    deit_session *session = make(model, NULL, NULL);
    float logits[CLASSES];
    struct deit_tensor out = { .data = logits, .bytes = sizeof logits, .dtype = DEIT_F32 };
    struct deit_error err;
    (void)state;

    struct deit_tensor in = input(1, pixels);
    in.dims[3] = WIDTH + 1;
    assert_int_equal(deit_session_run(session, 1, &in, 1, &out, &err), DEIT_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "(1, 3, 40, 25)"));
    assert_non_null(strstr(err.message, "(1, 3, 40, 24)"));
    in = input(2, pixels);
    assert_int_equal(deit_session_run(session, 1, &in, 1, &out, &err), DEIT_ERR_ARGUMENT);
    in = input(1, pixels);
    in.bytes--;
    assert_int_equal(deit_session_run(session, 1, &in, 1, &out, &err), DEIT_ERR_ARGUMENT);
    in = input(1, pixels);
    in.dtype = DEIT_F64;
    assert_int_equal(deit_session_run(session, 1, &in, 1, &out, &err), DEIT_ERR_ARGUMENT);
    in = input(1, pixels);
    out.bytes--;
    assert_int_equal(deit_session_run(session, 1, &in, 1, &out, &err), DEIT_ERR_ARGUMENT);
    assert_int_equal(deit_session_run(session, 0, &in, 1, &out, &err), DEIT_ERR_ARGUMENT);
    deit_session_free(session);

    static const char *const unknown[] = { "blocks.9" };
    struct deit_session_options options = { .size = sizeof options, .n_outputs = 1,
                                            .outputs = unknown };
    session = NULL;
    assert_int_equal(deit_session_create(model, &options, &session, &err), DEIT_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "blocks.1"));
    options = (struct deit_session_options){ .size = sizeof options,
                                             .precision = DEIT_PRECISION_INT8 };
    assert_int_equal(deit_session_create(model, &options, &session, &err), DEIT_ERR_UNSUPPORTED);
    options = (struct deit_session_options){ .size = sizeof options, .height = 4 };
    assert_int_equal(deit_session_create(model, &options, &session, &err), DEIT_ERR_ARGUMENT);
    options = (struct deit_session_options){ .size = 3 };
    assert_int_equal(deit_session_create(model, &options, &session, &err), DEIT_ERR_ARGUMENT);
    assert_null(session);
    deit_model_close(model);
}

static void a_row_that_is_not_finite_is_told_apart(void **state)
{
    deit_model *model = open_model(NULL);
    struct deit_session_options options = { .size = sizeof options, .max_batch = 3 };
    deit_session *session = make(model, &options, NULL);
    static float bad[3 * PIXELS];
    float wanted[3 * CLASSES], logits[3 * CLASSES];
    (void)state;
    run_all(session, 3, 3, wanted);
    memcpy(bad, pixels, sizeof bad);
    bad[PIXELS + 5] = NAN;
    struct deit_tensor in = input(3, bad);
    struct deit_tensor out = { .data = logits, .bytes = sizeof logits, .dtype = DEIT_F32 };
    assert_int_equal(deit_session_run(session, 1, &in, 1, &out, NULL), DEIT_ERR_NONFINITE);
    assert_int_equal(deit_session_row_status(session, 0), DEIT_OK);
    assert_int_equal(deit_session_row_status(session, 1), DEIT_ERR_NONFINITE);
    assert_int_equal(deit_session_row_status(session, 2), DEIT_OK);
    assert_memory_equal(logits, wanted, CLASSES * sizeof *logits);
    assert_memory_equal(logits + 2 * CLASSES, wanted + 2 * CLASSES, CLASSES * sizeof *logits);
    deit_session_free(session);
    deit_model_close(model);
}

/* ------------------------------------------------------------------ memory */

struct count {
    size_t blocks, bytes, most;
};

static void *counting_alloc(void *ctx, size_t bytes, size_t alignment)
{
    struct count *count = ctx;
    count->blocks++;
    count->bytes += bytes;
    if (count->bytes > count->most)
        count->most = count->bytes;
    return aligned_alloc(alignment, bytes);
}

static void counting_free(void *ctx, void *block, size_t bytes)
{
    struct count *count = ctx;
    count->blocks--;
    count->bytes -= bytes;
    free(block);
}

static void allocator_hooks_see_the_big_blocks(void **state)
{
    struct count count = { 0 };
    struct deit_allocator hooks = { &count, counting_alloc, counting_free };
    struct deit_model_options options = { .size = sizeof options, .allocator = &hooks };
    deit_model *model = open_model(&options);
    deit_session *session = make(model, NULL, NULL);
    struct deit_session_info info = { .size = sizeof info };
    (void)state;
    deit_session_info(session, &info);
    assert_true(count.most >= info.weight_bytes + info.arena_bytes);
    deit_session_free(session);
    deit_model_close(model);
    assert_int_equal(count.blocks, 0);
    assert_int_equal(count.bytes, 0);
}

static void an_arena_above_the_limit_is_refused(void **state)
{
    struct deit_model_options options = { .size = sizeof options, .max_memory = 10000 };
    deit_model *model = open_model(&options);
    deit_session *session = NULL;
    struct deit_error err;
    (void)state;
    assert_int_equal(deit_session_create(model, NULL, &session, &err), DEIT_ERR_LIMIT);
    assert_non_null(strstr(err.message, "10000"));
    deit_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupt_stops_after_any_step),
        cmocka_unit_test(two_sessions_in_two_threads),
        cmocka_unit_test(a_forked_child_answers),
        cmocka_unit_test(threads_that_cannot_be_had_are_done_without),
        cmocka_unit_test(wrong_arguments_are_named),
        cmocka_unit_test(a_row_that_is_not_finite_is_told_apart),
        cmocka_unit_test(allocator_hooks_see_the_big_blocks),
        cmocka_unit_test(an_arena_above_the_limit_is_refused),
    };
    return cmocka_run_group_tests_name("session", tests, fill_pixels, NULL);
}
