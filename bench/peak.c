/*
 * bench/peak.c: runs a loop of multiply-adds on several threads and takes the time.
 *
 * The loop is timed in blocks of some 50 microseconds, and a thread's rate is that of its fast
 * blocks, the first decile.  A scheduler that takes the core away spoils a few blocks and not
 * the result; the very fastest one does not count because a clock can jump.
 *
 * Between the blocks stand short ones of a chain that takes a known number of cycles, so the
 * clock is known for the same moment and instructions: lanes x instructions a cycle x clock is
 * what the loop has to reach, and a loop that starts, say, 1.6 of them in a cycle is broken.
 */
#include "bench/peak.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/workers.h"
#include "cli/common/progress.h"
#include "runtime/include/deit.h"
#include "runtime/os.h"

#define AROUND_NS 100000000u
#define BLOCK_NS 50000u
#define CLOCK_BLOCK_NS 10000u

enum { MAX_BLOCKS = 16384 };

/* ------------------------------------------------------------------ which loops there are */

/* Within a level in the order of the types. */
static const struct deit_peak_loop *const all_loops[] = {
    &deit_peak_f32_scalar,
#ifdef DEIT_PEAK_AVX2
    &deit_peak_f32_avx2,
#endif
#ifdef DEIT_PEAK_AVX512
    &deit_peak_f32_avx512,
#endif
#ifdef DEIT_PEAK_AVX512_BF16
    &deit_peak_bf16_avx512,
    &deit_peak_int8_avx512,
#endif
#ifdef DEIT_PEAK_AMX
    &deit_peak_bf16_amx,
    &deit_peak_int8_amx,
#endif
};
enum { N_LOOPS = sizeof all_loops / sizeof *all_loops };

/* The system gives the memory for tiles to processes that ask. */
static bool may_use_tiles(void)
{
#if defined(__linux__) && defined(__x86_64__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return false;
#endif
}

static bool is_usable(const struct deit_peak_loop *loop)
{
    return loop->level <= deit_cpu_level()
           && (loop->level != DEIT_LEVEL_AMX || may_use_tiles());
}

const struct deit_peak_loop *const *deit_peak_loops(enum deit_level max_level, size_t *n)
{
    *n = 0;
    while (*n < N_LOOPS && all_loops[*n]->level <= max_level && is_usable(all_loops[*n]))
        ++*n;
    return all_loops;
}

static enum deit_level level_of(const char *isa)
{
    int level = DEIT_LEVEL_SCALAR;
    const char *name;
    for (int i = level; (name = deit_isa_name((enum deit_isa)i)) != NULL; i++)
        if (strcmp(name, isa) == 0)
            level = i;
    return (enum deit_level)level;
}

static enum deit_peak_type type_of(const char *precision)
{
    if (strncmp(precision, "bf16", 4) == 0)
        return DEIT_PEAK_BF16; /* also of bf16x3, whose three products are then all work */
    return strcmp(precision, "int8") == 0 ? DEIT_PEAK_INT8 : DEIT_PEAK_F32;
}

const struct deit_peak_loop *deit_peak_loop_for(const char *precision, const char *isa)
{
    const struct deit_peak_loop *best = NULL, *best_f32 = NULL;
    enum deit_level level = level_of(isa);
    enum deit_peak_type type = type_of(precision);
    size_t n;

    const struct deit_peak_loop *const *loops = deit_peak_loops(level, &n);
    for (size_t i = 0; i < n; i++) {
        if (loops[i]->type == type)
            best = loops[i];
        if (loops[i]->type == DEIT_PEAK_F32)
            best_f32 = loops[i];
    }
    /* The scalar loop says nothing about another architecture's vectors. */
    if (level == DEIT_LEVEL_NEON)
        return NULL;
    return best ? best : best_f32;
}

/* ------------------------------------------------------------------ measuring */

struct blocks {
    deit_peak_fn *run;
    size_t turns;
    uint32_t *times; /* (MAX_BLOCKS) nanoseconds */
    double best_ns;  /* of a turn, the first decile */
};

struct measurement {
    const struct deit_peak_loop *loop;
    uint64_t ns;
    uint32_t *times;          /* (threads, 2, MAX_BLOCKS) */
    struct deit_peak *peaks; /* (threads) */
};

static uint64_t time_block(const struct blocks *blocks)
{
    uint64_t start = deit_progress_now_ns();
    blocks->run(blocks->turns);
    return deit_progress_now_ns() - start;
}

static void choose_turns(struct blocks *blocks, uint64_t block_ns)
{
    while (time_block(blocks) < block_ns)
        blocks->turns *= 2;
}

static uint64_t add_block(struct blocks *blocks, size_t index)
{
    uint64_t ns = time_block(blocks);
    blocks->times[index] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
    return ns;
}

static int compare_times(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void take_decile(struct blocks *blocks, size_t n)
{
    qsort(blocks->times, n, sizeof *blocks->times, compare_times);
    blocks->best_ns = (double)blocks->times[n / 10] / (double)blocks->turns;
}

static void measure(void *measurement_, unsigned thread)
{
    struct measurement *m = measurement_;
    uint32_t *times = m->times + (size_t)thread * 2 * MAX_BLOCKS;
    struct blocks loop = { .run = m->loop->run, .turns = 64, .times = times };
    struct blocks clock = { .run = deit_peak_clock, .turns = 64, .times = times + MAX_BLOCKS };
    uint64_t spent = 0;
    size_t n = 0;

    choose_turns(&loop, BLOCK_NS);
    choose_turns(&clock, CLOCK_BLOCK_NS);
    for (; n < 1 || (spent < m->ns && n < MAX_BLOCKS); n++)
        spent += add_block(&loop, n) + add_block(&clock, n);
    take_decile(&loop, n);
    take_decile(&clock, n);

    double per_ns = (double)m->loop->per_turn / loop.best_ns;
    struct deit_peak *peak = &m->peaks[thread];
    peak->gflops = per_ns * m->loop->ops;
    peak->ghz = DEIT_PEAK_CLOCK_CYCLES / clock.best_ns;
    peak->per_cycle = per_ns / peak->ghz;
}

struct deit_peak deit_peak_measure(const struct deit_peak_loop *loop, unsigned threads,
                                   uint64_t ns)
{
    unsigned n_cpus = deit_os_cpu_count();
    unsigned n = threads < n_cpus ? threads : n_cpus;
    struct deit_peak sum = { 0 };
    struct measurement m = {
        .loop = loop,
        .ns = ns,
        .times = calloc(n, 2 * MAX_BLOCKS * sizeof *m.times),
        .peaks = calloc(n, sizeof *m.peaks),
    };
    if (loop && m.times && m.peaks && deit_bench_workers_run(n, measure, &m))
        for (unsigned i = 0; i < n; i++) {
            sum.gflops += m.peaks[i].gflops;
            sum.ghz += m.peaks[i].ghz / n;
            sum.per_cycle += m.peaks[i].per_cycle / n;
        }
    free(m.times);
    free(m.peaks);
    return sum;
}

double deit_peak_ghz(void)
{
    enum { TURNS = 300 };
    const struct blocks clock = { .run = deit_peak_clock, .turns = TURNS };
    return (double)TURNS * DEIT_PEAK_CLOCK_CYCLES / (double)time_block(&clock);
}

struct deit_peak deit_peak_around(const struct deit_peak_loop *loop, unsigned threads)
{
    return deit_peak_measure(loop, threads, AROUND_NS);
}
