/*
 * tests/onnx_reader/test_mutate.c: thousands of damaged copies of small models.
 *
 * Each is either read, and then its tensors and functions are walked through, or refused with a
 * message; the sanitizers see the rest.  The seed is fixed, and printed with a failure.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/onnx_reader/make.h"

enum { N_ROUNDS = 6000 };

static uint64_t seed;

static uint64_t next(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return seed >> 33;
}

static size_t below(size_t n)
{
    return (size_t)(next() % n);
}

static void damage(struct bytes *b)
{
    static const unsigned char odd[] = { 0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x2a, 0x3a };
    size_t at = below(b->n), n = 1 + below(8);
    switch (below(6)) {
    case 0: b->data[at] ^= (unsigned char)(1u << below(8)); break;
    case 1: b->data[at] = odd[below(sizeof odd)]; break;
    case 2: b->n = at ? at : 1; break;
    case 3: /* takes bytes out */
        n = n < b->n - at ? n : b->n - at - 1;
        memmove(b->data + at, b->data + at + n, b->n - at - n);
        b->n -= n;
        break;
    case 4: /* repeats bytes */
        n = n < b->n - at ? n : b->n - at;
        put_bytes(b, odd, n);
        memmove(b->data + at + n, b->data + at, b->n - at - n);
        break;
    case 5: b->data[at]++; break;
    }
}

/* True if it was read. */
static bool read_damaged(const struct bytes *file, uint64_t began)
{
    struct deit_onnx *onnx = NULL;
    struct deit_error err = { 0 };
    enum deit_status status = read_bytes(file, &onnx, &err);
    if (status == DEIT_OK) {
        enum deit_status tensors;
        resolve_all(onnx, &err, &tensors);
        if (tensors != DEIT_OK && !strstr(err.message, "tensor '"))
            fail_msg("seed %" PRIu64 ": says %s", began, err.message);
        deit_onnx_inline(onnx, &err);
    } else if (strncmp(err.message, "made.onnx: ", 11) || err.status != status) {
        fail_msg("seed %" PRIu64 ": says %s", began, err.message);
    }
    deit_onnx_free(onnx);
    return status == DEIT_OK;
}

static void test_mutations(void **state)
{
    (void)state;
    const struct bytes models[] = { make_small_model(), make_rich_model() };
    size_t n_read = 0;
    for (uint64_t round = 0; round < N_ROUNDS; round++) {
        seed = round * 7919 + 1;
        uint64_t began = seed;
        const struct bytes *model = &models[round % 2];
        struct bytes file = { 0 };
        put_bytes(&file, model->data, model->n);
        for (size_t n = 1 + below(4); n; n--)
            damage(&file);
        /* of its exact size, so that a read beyond the end is seen */
        struct bytes exact = { .data = malloc(file.n), .n = file.n };
        assert_non_null(exact.data);
        memcpy(exact.data, file.data, file.n);
        n_read += read_damaged(&exact, began);
        bytes_done(&exact);
        bytes_done(&file);
    }
    /* Damage that is always or never noticed would test little. */
    assert_in_range(n_read, N_ROUNDS / 20, N_ROUNDS * 19 / 20);
    for (size_t i = 0; i < 2; i++)
        free(models[i].data);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_mutations) };
    return cmocka_run_group_tests_name("onnx_mutate", tests, NULL, NULL);
}
