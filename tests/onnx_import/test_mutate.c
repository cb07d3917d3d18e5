/*
 * tests/onnx_import/test_mutate.c: thousands of damaged models.
 *
 * Each is either imported or refused with a message of one line; the sanitizers see the rest.
 * The seed is fixed, and printed with a failure.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/onnx_import/rich.h"
#include "tests/onnx_import/text.h"

enum { N_ROUNDS = 500 }; /* for each graph */

static uint64_t seed;

static size_t below(size_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((seed >> 33) % n);
}

/* Lengths stay as they are, so that most copies are still files. */
static void damage(struct text_model *m)
{
    static const unsigned char odd[] = { 0, 1, 2, 3, 4, 5, 8, 0x7f, 0x80, 0xff };
    for (size_t n = 1 + below(3); n > 0; n--) {
        size_t at = below(m->bytes);
        switch (below(4)) {
        case 0: m->file[at] ^= (unsigned char)(1u << below(8)); break;
        case 1: m->file[at] = odd[below(sizeof odd)]; break;
        case 2: m->file[at]++; break;
        case 3: m->file[at]--; break;
        }
    }
}

/* Whether it was imported. */
static bool import(const struct text_model *m, uint64_t began)
{
    struct deit_onnx_imported imported;
    struct deit_error err = { 0 };
    enum deit_status status = text_import(m, &imported, &err);
    if (status == DEIT_OK) {
        deit_graph_compact(imported.graph);
        deit_graph_free(imported.graph);
        return true;
    }
    if (err.status != status || !err.message[0] || strchr(err.message, '\n'))
        fail_msg("seed %" PRIu64 ": status %d, message '%s'", began, (int)status, err.message);
    return false;
}

static void test_damaged(void **state)
{
    (void)state;
    size_t n = 0, n_imported = 0;
    for (const struct rich *r = rich_graphs; r->graph; r++) {
        struct text_model m;
        text_model_init(&m, r->opset, r->graph);
        unsigned char *whole = malloc(m.bytes);
        assert_non_null(whole);
        memcpy(whole, m.file, m.bytes);
        for (int round = 0; round < N_ROUNDS; round++, n++) {
            seed = (uint64_t)(r - rich_graphs) * N_ROUNDS + (uint64_t)round;
            uint64_t began = seed;
            memcpy(m.file, whole, m.bytes);
            damage(&m);
            n_imported += import(&m, began);
        }
        free(whole);
        text_model_done(&m);
    }
    print_message("%zu of %zu were still imported\n", n_imported, n);
    assert_true(n_imported > n / 20 && n_imported < n);
}

/* The graphs themselves are right, and leave no operator out. */
static void test_coverage(void **state)
{
    (void)state;
    static const char *const names[] = {
#define DEIT_AI_OP(name, ...) " " #name "(",
#define DEIT_MS_OP(name, ...) " com.microsoft." #name "(",
#include "loaders/onnx_ops.inc"
#undef DEIT_AI_OP
#undef DEIT_MS_OP
    };
    for (const struct rich *r = rich_graphs; r->graph; r++) {
        struct text_model m;
        struct deit_onnx_imported imported;
        struct deit_error err;
        text_model_init(&m, r->opset, r->graph);
        if (text_import(&m, &imported, &err) != DEIT_OK)
            fail_msg("%s", err.message);
        deit_graph_free(imported.graph);
        text_model_done(&m);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool is_used = false;
        for (const struct rich *r = rich_graphs; r->graph; r++)
            is_used |= strstr(r->graph, names[i]) != NULL;
        if (!is_used)
            fail_msg("no graph has%s)", names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
