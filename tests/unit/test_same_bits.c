/*
 * tests/unit/test_same_bits.c: what must not change an answer's bits, in each precision.
 *
 * Threads, batch, order of claims, kind of team, other outputs, work that is left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/common/team_pthread.h"
#include "tests/unit/small.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_for_threads_batches_and_order),
        cmocka_unit_test(same_bits_for_every_kind_of_team),
        cmocka_unit_test(same_bits_with_each_intermediate),
        cmocka_unit_test(same_bits_with_other_outputs),
        cmocka_unit_test(rows_that_nobody_reads_are_not_computed),
    };
    return cmocka_run_group_tests_name("same bits", tests, fill_pixels, NULL);
}
