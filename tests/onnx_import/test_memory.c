/*
 * tests/onnx_import/test_memory.c: the n-th allocation fails, for all n.
 *
 * Importing then ends in DEIT_ERR_MEMORY and leaves nothing behind, which LeakSanitizer sees.
 * The linker turns malloc and its relatives, as the library's objects call them, into the ones
 * below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loaders/open.h"
#include "tests/onnx_import/rich.h"
#include "tests/onnx_import/text.h"

static bool is_counting;
static size_t n_calls, failing_call;

static bool fails(void)
{
    return is_counting && ++n_calls == failing_call;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    return fails() ? NULL : __real_realloc(block, bytes);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* Loads until no allocation fails any more; how many there are. */
static size_t load(const struct text_model *m)
{
    for (failing_call = 1;; failing_call++) {
        struct deit_loaded loaded;
        struct deit_error err = { 0 };
        n_calls = 0;
        is_counting = true;
        enum deit_status status = deit_load_memory(m->file, m->bytes, "made", &loaded, &err);
        is_counting = false;
        if (status == DEIT_OK) {
            deit_loaded_done(&loaded);
            return n_calls;
        }
        if (status != DEIT_ERR_MEMORY || !strstr(err.message, "out of memory"))
            fail_msg("allocation %zu: status %d, '%s'", failing_call, (int)status, err.message);
    }
}

static void test_every_allocation(void **state)
{
    (void)state;
    size_t n = 0;
    for (const struct rich *r = rich_graphs; r->graph; r++) {
        struct text_model m;
        text_model_init(&m, r->opset, r->graph);
        n += load(&m);
        text_model_done(&m);
    }
    assert_true(n > 1000);
}

/* Two heads, whose mean is added behind the import. */
static void test_outputs(void **state)
{
    (void)state;
    struct text_model m;
    text_model_init(&m, 13, "x? f16(-1, 1); w: f32(1, 2) 2 4; spare: f32(1) 1;"
                            "a = MatMul(x, w); z = MatMul(x, w); c = Identity(z); -> a c");
    assert_true(load(&m) > 10);
    text_model_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
