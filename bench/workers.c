/*
 * bench/workers.c: the same work on several threads at the same time.
 *
 * Threads of our own and not the team of a session: a peak is to be independent of what it is
 * held against, and the process that measures must not have entered OpenMP before it forks.
 */
#include "bench/workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* What the workers wait for. */
enum signal { SIGNAL_WAIT, SIGNAL_GO, SIGNAL_CANCEL };

struct crew {
    deit_bench_worker_fn *work;
    void *arg;
    atomic_int signal;
};

struct worker {
    struct crew *crew;
    unsigned index;
    pthread_t thread;
};

static void *begin(void *worker_)
{
    const struct worker *worker = worker_;
    struct crew *crew = worker->crew;
    int signal;
    while ((signal = atomic_load(&crew->signal)) == SIGNAL_WAIT)
        sched_yield();
    if (signal == SIGNAL_GO)
        crew->work(crew->arg, worker->index);
    return NULL;
}

bool deit_bench_workers_run(unsigned n, deit_bench_worker_fn *work, void *arg)
{
    struct crew crew = { .work = work, .arg = arg, .signal = SIGNAL_WAIT };
    unsigned n_started = 1;

    struct worker *workers = calloc(n, sizeof *workers);
    if (!workers)
        return false;
    for (unsigned i = 0; i < n; i++)
        workers[i] = (struct worker){ .crew = &crew, .index = i };
    while (n_started < n
           && pthread_create(&workers[n_started].thread, NULL, begin, &workers[n_started]) == 0)
        n_started++;

    bool is_complete = n_started == n;
    atomic_store(&crew.signal, is_complete ? SIGNAL_GO : SIGNAL_CANCEL);
    begin(&workers[0]);
    for (unsigned i = 1; i < n_started; i++)
        pthread_join(workers[i].thread, NULL);
    free(workers);
    return is_complete;
}
