/* tests/common/team_pthread.c: a region and a pool of plain threads. */
#include "tests/common/team_pthread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct member {
    deit_team_body_fn *body;
    void *arg;
    unsigned thread, n_threads;
};

static void *start_member(void *member_)
{
    const struct member *member = member_;
    member->body(member->arg, member->thread, member->n_threads);
    return NULL;
}

void deit_team_region_pthread(unsigned n_threads, deit_team_body_fn *body, void *arg)
{
    enum { MOST = 64 };
    pthread_t threads[MOST];
    struct member members[MOST];
    if (n_threads > MOST)
        abort();
    for (unsigned i = 0; i < n_threads; i++)
        members[i] = (struct member){ body, arg, i, n_threads };
    for (unsigned i = 1; i < n_threads; i++)
        if (pthread_create(&threads[i], NULL, start_member, &members[i]))
            abort();
    start_member(&members[0]);
    for (unsigned i = 1; i < n_threads; i++)
        pthread_join(threads[i], NULL);
}

struct pool {
    atomic_size_t next;
    size_t n;
    void (*fn)(void *arg, size_t index);
    void *arg;
};

static void work(void *pool_, unsigned thread, unsigned n_threads)
{
    (void)thread;
    (void)n_threads;
    struct pool *pool = pool_;
    size_t i;
    while ((i = atomic_fetch_add(&pool->next, 1)) < pool->n)
        pool->fn(pool->arg, i);
}

void deit_parallel_for_pthread(void *ctx, size_t n, void (*fn)(void *arg, size_t index), void *arg)
{
    struct pool pool = { .n = n, .fn = fn, .arg = arg };
    deit_team_region_pthread(*(const unsigned *)ctx, work, &pool);
}
