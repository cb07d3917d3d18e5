/*
 * tests/onnx_reader/test_memory.c: the n-th allocation fails, for all n.
 *
 * Reading, finding tensors and inlining then end in DEIT_ERR_MEMORY and leave nothing behind;
 * LeakSanitizer says whether they did.  The linker turns malloc and its relatives, as the
 * library's objects call them, into the ones below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loaders/onnx_wire.h"
#include "tests/onnx_reader/make.h"

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

static enum deit_status read_all(struct deit_source *source, struct deit_error *err)
{
    struct deit_onnx *onnx = NULL;
    enum deit_status status = deit_onnx_read(source, "made.onnx", NULL, &onnx, err);
    if (status == DEIT_OK)
        resolve_all(onnx, err, &status);
    if (status == DEIT_OK)
        status = deit_onnx_inline(onnx, err);
    deit_onnx_free(onnx);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    struct bytes file = make_rich_model();
    struct deit_source *source = NULL;
    struct deit_error err = { 0 };
    assert_int_equal(deit_source_open_memory(file.data, file.n, "made.onnx", &source, &err),
                     DEIT_OK);
    enum deit_status status = DEIT_ERR_MEMORY;
    size_t n = 0;
    while (status != DEIT_OK) {
        err = (struct deit_error){ 0 };
        failing_call = ++n;
        n_calls = 0;
        is_counting = true;
        status = read_all(source, &err);
        is_counting = false;
        if (status != DEIT_OK)
            must_say(status, &err, DEIT_ERR_MEMORY, "out of memory");
    }
    assert_true(n > 15);
    deit_source_release(source);
    bytes_done(&file);
}

static void *arena_alloc(void *arena, size_t bytes)
{
    return deit_onnx_arena_alloc(arena, bytes);
}

static void arena_free(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

/* protobuf-c in an arena that ends anywhere. */
static void test_arena(void **state)
{
    (void)state;
    struct bytes file = make_rich_model();
    struct deit_source *source = NULL;
    struct deit_onnx_skeleton skeleton;
    struct deit_error err;
    assert_int_equal(deit_source_open_memory(file.data, file.n, "made.onnx", &source, &err),
                     DEIT_OK);
    assert_int_equal(deit_onnx_skeleton_read(source, &skeleton, &err), DEIT_OK);
    const DeitOnnx__ModelProto *model = NULL;
    size_t n_failures = 0;
    for (size_t max_bytes = 0; !model; max_bytes += 16) {
        struct deit_onnx_arena arena;
        deit_onnx_arena_init(&arena, max_bytes);
        ProtobufCAllocator allocator = { arena_alloc, arena_free, &arena };
        model = deit_onnx__model_proto__unpack(&allocator, skeleton.n_bytes, skeleton.bytes);
        if (!model) {
            n_failures++;
            must_say(deit_onnx_arena_fail(&arena, "made.onnx", &err), &err, DEIT_ERR_LIMIT,
                     "the structure of the model needs more than");
        }
        deit_onnx_arena_done(&arena);
    }
    assert_true(n_failures > 100);
    free(skeleton.bytes);
    deit_source_release(source);
    bytes_done(&file);
}

/* The same for inlining, which goes on in the arena of the model. */
static void test_inline(void **state)
{
    (void)state;
    struct bytes file = make_rich_model();
    enum deit_status status = DEIT_ERR_LIMIT;
    size_t n_failures = 0;
    for (size_t more = 0; status != DEIT_OK; more += 16) {
        struct deit_onnx *onnx = must_read(&file);
        struct deit_error err = { 0 };
        onnx->arena.max_bytes = onnx->arena.used + more;
        status = deit_onnx_inline(onnx, &err);
        if (status != DEIT_OK) {
            n_failures++;
            must_say(status, &err, DEIT_ERR_LIMIT, "the structure of the model needs more than");
        }
        deit_onnx_free(onnx);
    }
    assert_true(n_failures > 50);
    bytes_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_inline),
    };
    return cmocka_run_group_tests_name("onnx_memory", tests, NULL, NULL);
}
