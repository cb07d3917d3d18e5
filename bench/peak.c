/*
 * bench/peak.c: runs a loop of multiply-adds on several threads and takes the time.
 *
 * The loop is timed in blocks of some 50 microseconds, and a thread's rate is that of its fast
 * blocks, the first decile.  A scheduler that takes the core away spoils a few blocks and not
 * the result; the very fastest one does not count because a clock can jump.
 */
#include "bench/peak.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common/progress.h"
#include "runtime/os.h"

#define MEASURE_NS 100000000u
#define BLOCK_NS 50000u

enum { MAX_BLOCKS = 16384 };

/* What the workers wait for, so that all of them measure at the same time. */
enum signal { SIGNAL_WAIT, SIGNAL_GO, SIGNAL_CANCEL };

struct worker {
    const struct deit_peak_loop *loop;
    atomic_int *signal;
    pthread_t thread;
    uint32_t *times; /* (MAX_BLOCKS) nanoseconds */
    float sum;       /* kept, so that the loop cannot be dropped */
    double gflops;
};

static const struct deit_peak_loop *find_loop(const char *isa)
{
    static const struct {
        const char *isa;
        const struct deit_peak_loop *loop;
    } loops[] = {
        { "scalar", &deit_peak_scalar },
#ifdef DEIT_PEAK_AVX2
        { "avx2", &deit_peak_avx2 },
#endif
#ifdef DEIT_PEAK_AVX512
        { "avx512", &deit_peak_avx512 },
#endif
    };
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        if (strcmp(isa, loops[i].isa) == 0)
            return loops[i].loop;
    return NULL;
}

static uint64_t time_block(struct worker *worker, size_t turns)
{
    static volatile float x = -1.0f, y = 0.001f; /* constants could be folded */
    float factor = x, term = y;

    uint64_t start = deit_progress_now_ns();
    worker->sum += worker->loop->run(turns, factor, term);
    return deit_progress_now_ns() - start;
}

static int compare_times(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void measure(struct worker *worker)
{
    uint64_t spent = 0;
    size_t turns = 1024, n = 0;

    while (time_block(worker, turns) < BLOCK_NS)
        turns *= 2;
    for (; n < 1 || (spent < MEASURE_NS && n < MAX_BLOCKS); n++) {
        uint64_t ns = time_block(worker, turns);
        spent += ns;
        worker->times[n] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
    }
    qsort(worker->times, n, sizeof *worker->times, compare_times);
    worker->gflops = (double)turns * worker->loop->flop / (double)worker->times[n / 10];
}

static void *work(void *worker_)
{
    struct worker *worker = worker_;
    int signal;
    while ((signal = atomic_load(worker->signal)) == SIGNAL_WAIT)
        sched_yield();
    if (signal == SIGNAL_GO)
        measure(worker);
    return NULL;
}

/* The first worker is the caller. */
static double run_workers(struct worker *workers, unsigned n, atomic_int *signal)
{
    unsigned n_started = 1;
    double gflops = 0.0;

    while (n_started < n
           && pthread_create(&workers[n_started].thread, NULL, work, &workers[n_started]) == 0)
        n_started++;
    atomic_store(signal, n_started == n ? SIGNAL_GO : SIGNAL_CANCEL);
    work(&workers[0]);
    for (unsigned i = 1; i < n_started; i++)
        pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; i < n; i++)
        gflops += workers[i].gflops;
    return gflops;
}

double deit_peak_gflops(const char *isa, unsigned threads)
{
    const struct deit_peak_loop *loop = find_loop(isa);
    unsigned n_cpus = deit_os_cpu_count();
    unsigned n = threads < n_cpus ? threads : n_cpus;
    atomic_int signal = SIGNAL_WAIT;
    double gflops = 0.0;

    struct worker *workers = calloc(n, sizeof *workers);
    uint32_t *times = calloc(n, MAX_BLOCKS * sizeof *times);
    if (loop && workers && times) {
        for (unsigned i = 0; i < n; i++)
            workers[i] = (struct worker){
                .loop = loop, .signal = &signal, .times = times + (size_t)i * MAX_BLOCKS
            };
        gflops = run_workers(workers, n, &signal);
    }
    free(workers);
    free(times);
    return gflops;
}
