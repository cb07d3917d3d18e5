/*
 * tests/unit/test_session.c: runs, and what must not change their bits.
 *
 * The model is the small distilled one: two heads, a rectangle, mixed types.
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

#include "runtime/session.h"
#include "tests/common/shared.h"
#include "tests/common/team_pthread.h"

enum { HEIGHT = 40, WIDTH = 24, PIXELS = 3 * HEIGHT * WIDTH, CLASSES = 7, MOST = 7 };

static float pixels[MOST * PIXELS];

static deit_model *open_model(const struct deit_model_options *options)
{
    char path[1024];
    struct deit_error err;
    deit_model *model = NULL;
    deit_test_fixture(path, sizeof path, "tests/fixtures/models/distilled");
    if (deit_model_open(path, options, &model, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    return model;
}

static int fill_pixels(void **state)
{
    uint32_t x = 1;
    (void)state;
    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++) {
        x = x * 1664525u + 1013904223u;
        pixels[i] = (float)(x >> 8) / (1 << 23) - 1;
    }
    return 0;
}

static struct deit_tensor input(size_t batch, float *data)
{
    return (struct deit_tensor){ .data = data, .bytes = batch * PIXELS * sizeof(float),
                                 .dtype = DEIT_F32, .rank = 4,
                                 .dims = { (int64_t)batch, 3, HEIGHT, WIDTH } };
}

static deit_session *make(deit_model *model, const struct deit_session_options *options,
                          const struct deit_session_hooks *hooks)
{
    struct deit_error err;
    deit_session *session = NULL;
    if (deit_session_create_with(model, options, hooks, &session, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    return session;
}

/* Logits of the first n pictures, 'batch' in a run. */
static void run_all(deit_session *session, size_t n, size_t batch, float *logits)
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

static const enum deit_precision precisions[] = { DEIT_PRECISION_F32, DEIT_PRECISION_BF16,
                                                  DEIT_PRECISION_BF16X3, DEIT_PRECISION_BF16X6 };
enum { N_PRECISIONS = sizeof precisions / sizeof *precisions };

/* Whether it is the highest level that runs: above it, lower levels would run again. */
static bool runs_here(deit_session *session, enum deit_precision precision, int isa)
{
    struct deit_session_info info = { .size = sizeof info };
    deit_session_info(session, &info);
    if (!strcmp(info.isa, deit_isa_name((enum deit_isa)isa)))
        return true;
    if (precision != DEIT_PRECISION_F32 || isa <= DEIT_ISA_AVX512) /* f32 has no kernels above */
        print_message("skipped: %s kernels of %s are not here\n",
                      deit_isa_name((enum deit_isa)isa), info.precision);
    return false;
}

/* Each number of threads with each batch and order of claims. */
static void same_bits_at(deit_model *model, enum deit_precision precision, int isa)
{
    static const unsigned threads[] = { 1, 2, 3, 5, 8 };
    static const size_t batches[] = { 1, 2, 3, 7 }, shuffles[] = { 0, 12345, 987654321 };
    float wanted[MOST * CLASSES];
    struct deit_session_options options = { .size = sizeof options, .threads = 1,
                                            .precision = precision,
                                            .max_isa = (enum deit_isa)isa };
    deit_session *alone = make(model, &options, NULL);
    const bool runs = runs_here(alone, precision, isa);
    run_all(alone, MOST, 1, wanted);
    deit_session_free(alone);
    for (size_t t = 0; runs && t < 5; t++)
        for (size_t b = 0; b < 4; b++)
            for (size_t s = 0; s < 3; s++) {
                float logits[MOST * CLASSES];
                struct deit_session_hooks hooks = { .shuffle = shuffles[s] };
                options.threads = threads[t];
                options.max_batch = batches[b];
                deit_session *session = make(model, &options, &hooks);
                run_all(session, MOST, batches[b], logits);
                deit_session_free(session);
                assert_memory_equal(logits, wanted, sizeof wanted);
            }
}

static void same_bits_for_threads_batches_and_order(void **state)
{
    deit_model *model = open_model(NULL);
    (void)state;
    for (size_t p = 0; p < N_PRECISIONS; p++)
        for (int isa = DEIT_ISA_SCALAR; isa <= DEIT_ISA_AMX; isa++)
            same_bits_at(model, precisions[p], isa);
    deit_model_close(model);
}

static void same_bits_for_every_kind_of_team(void **state)
{
    deit_model *model = open_model(NULL);
    float wanted[MOST * CLASSES], logits[MOST * CLASSES];
    unsigned pool_threads = 3;
    (void)state;
    struct deit_session_options options = { .size = sizeof options, .threads = 1, .max_batch = 3 };
    deit_session *session = make(model, &options, NULL);
    run_all(session, MOST, 3, wanted);
    deit_session_free(session);

    options.threads = 5;
    const struct deit_session_hooks hooks = { .region = deit_team_region_pthread, .shuffle = 77 };
    session = make(model, &options, &hooks);
    run_all(session, MOST, 3, logits);
    deit_session_free(session);
    assert_memory_equal(logits, wanted, sizeof wanted);

    options.parallel_for = deit_parallel_for_pthread;
    options.parallel_ctx = &pool_threads;
    session = make(model, &options, NULL);
    memset(logits, 0, sizeof logits);
    run_all(session, MOST, 3, logits);
    deit_session_free(session);
    assert_memory_equal(logits, wanted, sizeof wanted);
    deit_model_close(model);
}

/*
 * Every intermediate in turn beside the logits: what is wanted is not fused, and exists as f32
 * where the next product would else be handed bf16 parts.
 */
static void same_bits_with_each_intermediate(void **state)
{
    static const char *const parts[] = {
        "norm1", "attn.qkv", "attn.context", "attn.probs", "attn.proj", "attn.residual", "norm2",
        "mlp.fc1", "mlp.gelu", "mlp.fc2",
    };
    static float values[MOST * PIXELS];
    deit_model *model = open_model(NULL);
    (void)state;
    for (size_t p = 0; p < N_PRECISIONS; p++) {
        struct deit_session_options options = { .size = sizeof options,
                                                .precision = precisions[p] };
        float wanted[CLASSES];
        deit_session *session = make(model, &options, NULL);
        run_all(session, 1, 1, wanted);
        deit_session_free(session);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            char name[64];
            snprintf(name, sizeof name, "blocks.1.%s", parts[i]);
            options.n_outputs = 2;
            options.outputs = (const char *const[]){ "logits", name };
            session = make(model, &options, NULL);
            float logits[CLASSES];
            struct deit_tensor in = input(1, pixels);
            struct deit_tensor out[2] = {
                { .data = logits, .bytes = sizeof logits, .dtype = DEIT_F32 },
                { .data = values, .bytes = sizeof values, .dtype = DEIT_F32 },
            };
            assert_int_equal(deit_session_run(session, 1, &in, 2, out, NULL), DEIT_OK);
            assert_memory_equal(logits, wanted, sizeof wanted);
            deit_session_free(session);
        }
    }
    deit_model_close(model);
}

static void same_bits_with_other_outputs(void **state)
{
    static const char *const names[] = { "blocks.0.attn.probs", "patch_embed", "logits", "features",
                                         "logits.dist" };
    enum { PATCHES = 15, D = 48, HEADS = 3, TOKENS = PATCHES + 2 };
    static float probs[HEADS * TOKENS * TOKENS], patches[PATCHES * D];
    float wanted[CLASSES], logits[CLASSES], features[D], dist[CLASSES];
    deit_model *model = open_model(NULL);
    (void)state;
    deit_session *session = make(model, NULL, NULL);
    run_all(session, 1, 1, wanted);
    deit_session_free(session);

    struct deit_session_options options = { .size = sizeof options, .n_outputs = 5,
                                            .outputs = names };
    session = make(model, &options, NULL);
    struct deit_tensor in = input(1, pixels);
    struct deit_tensor out[5] = {
        { .data = probs, .bytes = sizeof probs, .dtype = DEIT_F32 },
        { .data = patches, .bytes = sizeof patches, .dtype = DEIT_F32 },
        { .data = logits, .bytes = sizeof logits, .dtype = DEIT_F32 },
        { .data = features, .bytes = sizeof features, .dtype = DEIT_F32 },
        { .data = dist, .bytes = sizeof dist, .dtype = DEIT_F32 },
    };
    assert_int_equal(deit_session_run(session, 1, &in, 5, out, NULL), DEIT_OK);
    assert_memory_equal(logits, wanted, sizeof wanted);
    for (size_t r = 0; r < HEADS * TOKENS; r++) {
        float sum = 0;
        for (size_t i = 0; i < TOKENS; i++)
            sum += probs[r * TOKENS + i];
        assert_true(fabsf(sum - 1) < 1e-5f);
    }
    deit_session_free(session);
    deit_model_close(model);
}

/*
 * Of the last block only the rows that the heads read are computed, unless somebody wants the
 * others: the work differs, the bits do not.
 */
static void rows_that_nobody_reads_are_not_computed(void **state)
{
    static const char *const names[] = { "norm", "logits" };
    enum { D = 48, TOKENS = 17 };
    static float tokens[TOKENS * D];
    float few[CLASSES], all[CLASSES];
    struct deit_session_info info = { .size = sizeof info };
    deit_model *model = open_model(NULL);
    (void)state;
    deit_session *session = make(model, NULL, NULL);
    run_all(session, 1, 1, few);
    deit_session_info(session, &info);
    assert_true(info.gflop_executed < 0.9 * info.gflop);
    deit_session_free(session);

    struct deit_session_options options = { .size = sizeof options, .n_outputs = 2,
                                            .outputs = names };
    session = make(model, &options, NULL);
    deit_session_info(session, &info);
    assert_true(info.gflop_executed == info.gflop);
    struct deit_tensor in = input(1, pixels);
    struct deit_tensor out[2] = {
        { .data = tokens, .bytes = sizeof tokens, .dtype = DEIT_F32 },
        { .data = all, .bytes = sizeof all, .dtype = DEIT_F32 },
    };
    assert_int_equal(deit_session_run(session, 1, &in, 2, out, NULL), DEIT_OK);
    assert_memory_equal(few, all, sizeof all);
    deit_session_free(session);
    deit_model_close(model);
}

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
        cmocka_unit_test(same_bits_for_threads_batches_and_order),
        cmocka_unit_test(same_bits_for_every_kind_of_team),
        cmocka_unit_test(same_bits_with_each_intermediate),
        cmocka_unit_test(same_bits_with_other_outputs),
        cmocka_unit_test(rows_that_nobody_reads_are_not_computed),
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
