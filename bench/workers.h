/*
 * bench/workers.h: the same work on several threads at the same time.
 */
#ifndef DEIT_BENCH_WORKERS_H
#define DEIT_BENCH_WORKERS_H

#include <stdbool.h>

typedef void deit_bench_worker_fn(void *arg, unsigned index);

/*
 * deit_bench_workers_run() calls work(arg, 0) ... work(arg, n - 1) on as many threads, the
 * caller's among them.  None begins before all threads are there, and it returns when all are
 * done.
 *
 * Returns false if the threads cannot be had; then nothing was called.
 */
bool deit_bench_workers_run(unsigned n, deit_bench_worker_fn *work, void *arg);

#endif
