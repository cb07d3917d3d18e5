/*
 * tests/unit/test_quiet.c: after the first run, nothing in the process allocates.
 *
 * The allocation functions are interposed for the whole process, libgomp included, so nothing
 * of ours has to be trusted to count itself.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/include/deit.h"
#include "tests/common/shared.h"

static atomic_bool is_watching;
static atomic_size_t n_calls;

static void note(void)
{
    if (atomic_load(&is_watching))
        atomic_fetch_add(&n_calls, 1);
}

/* glibc's own names, so that finding the real functions needs no allocation. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes)
{
    note();
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    note();
    return __libc_calloc(n, bytes);
}

void *realloc(void *block, size_t bytes)
{
    note();
    return __libc_realloc(block, bytes);
}

void *memalign(size_t alignment, size_t bytes);

void *memalign(size_t alignment, size_t bytes)
{
    note();
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    *block = memalign(alignment, bytes);
    return *block ? 0 : 12;
}

void *mmap(void *where, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    static void *(*real)(void *, size_t, int, int, int, off_t);
    note();
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "mmap");
    return real(where, bytes, protection, flags, fd, offset);
}

static bool watch_runs(unsigned threads, size_t batch)
{
    enum { PIXELS = 3 * 40 * 24, CLASSES = 7, MOST = 3 };
    static float pixels[MOST * PIXELS], logits[MOST * CLASSES];
    char path[1024];
    struct deit_error err;
    deit_model *model;
    deit_session *session;
    struct deit_session_options options = { .size = sizeof options, .threads = threads,
                                            .max_batch = batch };
    deit_test_fixture(path, sizeof path, "tests/fixtures/models/distilled");
    if (deit_model_open(path, NULL, &model, &err) != DEIT_OK ||
        deit_session_create(model, &options, &session, &err) != DEIT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return false;
    }
    struct deit_tensor in = { pixels, sizeof pixels, DEIT_F32, 4,
                              { (int64_t)batch, 3, 40, 24 } };
    struct deit_tensor out = { .data = logits, .bytes = sizeof logits, .dtype = DEIT_F32 };
    bool ok = true;
    for (int i = 0; i < 50; i++) {
        atomic_store(&is_watching, i > 0);
        ok = ok && deit_session_run(session, 1, &in, 1, &out, &err) == DEIT_OK;
    }
    atomic_store(&is_watching, false);
    deit_session_free(session);
    deit_model_close(model);
    return ok;
}

/* The interposition works: what a run must not do is noticed when it is done. */
static bool notices_everything(void)
{
    static void *volatile sink;
    atomic_store(&is_watching, true);
    free(sink = malloc(10));
    free(sink = calloc(1, 10));
    free(sink = realloc(NULL, 10));
    free(sink = aligned_alloc(64, 64));
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    atomic_store(&is_watching, false);
    munmap(page, 4096);
    return atomic_exchange(&n_calls, 0) == 5;
}

int main(void)
{
    static const unsigned threads[] = { 1, 2, 3 };
    if (!notices_everything()) {
        fprintf(stderr, "allocations go unnoticed\n");
        return 1;
    }
    for (size_t t = 0; t < 3; t++)
        for (size_t batch = 1; batch <= 3; batch += 2) {
            if (!watch_runs(threads[t], batch))
                return 1;
            size_t calls = atomic_exchange(&n_calls, 0);
            printf("%u threads, batch %zu: %zu allocations in 49 runs\n", threads[t], batch, calls);
            if (calls)
                return 1;
        }
    return 0;
}
