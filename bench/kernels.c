/*
 * bench/kernels.c: takes the time of every kernel of every ISA, on one thread.
 *
 * A kernel that an ISA takes over from the one below it is the same function, and not measured
 * again.  Calls are short, so a time is that of many, some fifty microseconds long; behind each
 * the clock is measured, as it is between the blocks of a peak: where it steps down under load, a
 * percentage of the peak says so and not that the kernel is bad.
 */
#include "bench/kernels.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"
#include "bench/peak.h"
#include "bench/quantiles.h"
#include "cli/common/progress.h"
#include "ops/fp_state.h"

#define BLOCK_NS 50000u

enum { MAX_SIZES = 32 };

struct measurement {
    const struct deit_bench_settings *settings;
    struct deit_kernels kernels, below; /* of this level and of the one below */
    struct deit_bench_work work;
    float *memory;
    int32_t *integers;
    uint16_t *halves;
    double *times_ns, *ghz; /* (max_runs) */
    struct deit_records records; /* of one kernel, until its peak is known */
};

/* ------------------------------------------------------------------ arrays */

/* From -3 to 3. */
static void fill(float *x, size_t n)
{
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * (6.0f / (float)(1 << 24)) - 3.0f;
    }
}

/* The upper halves of floats. */
static void fill_bf16(uint16_t *halves, const float *x)
{
    for (size_t i = 0; i < DEIT_BENCH_BF16; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i % DEIT_BENCH_WORK], sizeof bits);
        halves[i] = (uint16_t)(bits >> 16);
    }
}

static enum deit_status allocate(struct measurement *m, struct deit_error *err)
{
    enum { FLOAT_ARRAYS = 5, INT_ARRAYS = 3 };
    struct deit_bench_work *w = &m->work;
    const size_t n = DEIT_BENCH_WORK;

    m->memory = aligned_alloc(64, FLOAT_ARRAYS * n * sizeof *m->memory);
    m->integers = calloc(INT_ARRAYS * n, sizeof *m->integers);
    m->halves = aligned_alloc(64, 2 * DEIT_BENCH_BF16 * sizeof *m->halves);
    m->times_ns = calloc(m->settings->max_runs, sizeof *m->times_ns);
    m->ghz = calloc(m->settings->max_runs, sizeof *m->ghz);
    if (!m->memory || !m->integers || !m->halves || !m->times_ns || !m->ghz)
        return deit_bench_fail_memory(err);
    fill(m->memory, FLOAT_ARRAYS * n);
    w->kernels = &m->kernels;
    w->x = m->memory;
    w->y = w->x + n;
    w->z = w->y + n;
    w->w = w->z + n;
    w->bytes = (uint8_t *)(w->w + n);
    w->bytes_out = (uint8_t *)w->y;
    w->halves = (uint16_t *)(w->w + n);
    w->coeff = (struct deit_coeff4 *)m->integers;
    w->bf16 = m->halves;
    w->bf16_out = w->bf16 + DEIT_BENCH_BF16;
    fill_bf16(w->bf16, w->x);
    w->start = m->integers + n;
    w->count = w->start + n;
    for (size_t i = 0; i < n; i++) {
        w->coeff[i / 4].high[i % 4] = (1 << 7) / 9; /* of nine taps, whose sum is 2^22 */
        w->start[i] = (int32_t)(i * 10 / 7); /* a row becomes 0.7 as long */
        w->count[i] = (int32_t)(8 - i % 2);
    }
    return DEIT_OK;
}

/* ------------------------------------------------------------------ time */

static double time_calls(struct measurement *m, const struct deit_bench_kernel *kernel, size_t n)
{
    uint64_t start = deit_progress_now_ns();
    for (size_t i = 0; i < n; i++)
        kernel->call(&m->work);
    return (double)(deit_progress_now_ns() - start);
}

/* Nanoseconds of one call; '*n' is the number of times behind the quantiles. */
static struct deit_bench_quantiles take_times(struct measurement *m,
                                              const struct deit_bench_kernel *kernel, size_t *n)
{
    const struct deit_bench_settings *s = m->settings;
    size_t n_calls = 1;

    while (time_calls(m, kernel, n_calls) < BLOCK_NS)
        n_calls *= 2;
    uint64_t start = deit_progress_now_ns();
    for (*n = 0; *n < s->max_runs
                 && (*n < s->min_runs
                     || (double)(deit_progress_now_ns() - start) < s->seconds * 1e9);
         ++*n) {
        m->times_ns[*n] = time_calls(m, kernel, n_calls) / (double)n_calls;
        m->ghz[*n] = deit_peak_ghz();
    }
    return deit_bench_quantiles(m->times_ns, *n);
}

/* ------------------------------------------------------------------ records */

static const char *isa_of(const struct measurement *m)
{
    return deit_isa_name((enum deit_isa)m->kernels.level);
}

static void set_size(struct measurement *m, const struct deit_bench_kernel *kernel,
                     const struct deit_bench_size *size)
{
    struct deit_bench_work *w = &m->work;
    size_t mr = 0, nr = 0;
    if (kernel->tile)
        kernel->tile(&m->kernels, &mr, &nr);
    w->rows = size->rows == DEIT_BENCH_MR ? mr
              : size->rows == DEIT_BENCH_MR_LESS_1 ? mr - 1 : size->rows;
    w->n = size->n == DEIT_BENCH_NR ? nr : size->n;
    w->k = size->k;
    w->parts = size->parts;
}

/* All but the speed, which needs a peak. */
static enum deit_status add_record(struct measurement *m, const struct deit_bench_kernel *kernel,
                                   double *ghz, struct deit_error *err)
{
    struct deit_record *record = deit_records_add(&m->records);
    const struct deit_bench_work *w = &m->work;
    char shape[DEIT_RECORD_TEXT];
    size_t n;

    if (!record)
        return deit_bench_fail_memory(err);
    struct deit_bench_quantiles ns = take_times(m, kernel, &n);
    *ghz = deit_bench_quantiles(m->ghz, n).median;
    snprintf(shape, sizeof shape, kernel->shape, w->rows, w->n, w->k, w->parts);

    deit_record_init(record, "kernel", "median_ns");
    deit_record_text(record, "isa", DEIT_LOOK("ISA", 11), isa_of(m));
    deit_record_is_case(record);
    deit_record_text(record, "kernel", DEIT_LOOK("kernel", 16), kernel->name);
    deit_record_is_case(record);
    deit_record_copy(record, "shape", DEIT_LOOK("shape", 28), shape);
    deit_record_is_case(record);
    deit_record_count(record, "threads", DEIT_NO_LOOK, 1);
    deit_record_count(record, "runs", DEIT_NO_LOOK, n);
    deit_record_number(record, "min_ns", DEIT_LOOK("min ns", 9, 1), ns.min);
    deit_record_number(record, "median_ns", DEIT_LOOK("median", 9, 1), ns.median);
    deit_record_number(record, "p10_ns", DEIT_NO_LOOK, ns.p10);
    deit_record_number(record, "p90_ns", DEIT_LOOK("p90", 9, 1), ns.p90);
    deit_record_number(record, "amount", DEIT_NO_LOOK, kernel->amount(w));
    return DEIT_OK;
}

/* Operations by the peak's rate, or bytes. */
static void add_speed(struct deit_record *record, const struct deit_bench_kernel *kernel,
                      double ghz, const struct deit_record_peaks *peaks)
{
    double rate = deit_record_value(record, "amount") / deit_record_value(record, "median_ns");
    deit_record_number(record, "gbs", DEIT_LOOK("GB/s", 7, 1),
                       kernel->bound ? DEIT_UNKNOWN : rate);
    deit_record_speed(record, kernel->bound ? rate : DEIT_UNKNOWN, peaks);
    deit_record_clock(record, ghz, peaks);
}

static enum deit_status measure_kernel(struct measurement *m,
                                       const struct deit_bench_kernel *kernel,
                                       const struct deit_bench_sink *sink, struct deit_error *err)
{
    const struct deit_peak_loop *loop =
        kernel->bound ? deit_peak_loop_for(kernel->bound, isa_of(m)) : NULL;
    enum deit_status status = DEIT_OK;

    struct deit_record_peaks peaks = { .before = deit_peak_around(loop, 1) };
    double ghz[MAX_SIZES];
    assert(kernel->n_sizes <= MAX_SIZES);
    m->records.n = 0;
    unsigned fp_state = deit_fp_enter(); /* as in a run of a model */
    for (size_t i = 0; i < kernel->n_sizes && status == DEIT_OK; i++) {
        set_size(m, kernel, &kernel->sizes[i]);
        status = add_record(m, kernel, &ghz[i], err);
    }
    deit_fp_leave(fp_state);
    peaks.after = deit_peak_around(loop, 1);
    for (size_t i = 0; i < m->records.n && status == DEIT_OK; i++) {
        add_speed(&m->records.list[i], kernel, ghz[i], &peaks);
        status = deit_bench_add(sink, &m->records.list[i], err);
    }
    return status;
}

/* Both tables have a pointer to a function there. */
static bool is_inherited(const struct measurement *m, const struct deit_bench_kernel *kernel)
{
    return memcmp((const char *)&m->kernels + kernel->member,
                  (const char *)&m->below + kernel->member, sizeof(deit_gemm_f32_fn *)) == 0;
}

static enum deit_status measure_level(struct measurement *m, const struct deit_bench_sink *sink,
                                      struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; i < deit_bench_n_kernels && status == DEIT_OK; i++)
        if (!is_inherited(m, &deit_bench_kernels[i]))
            status = measure_kernel(m, &deit_bench_kernels[i], sink, err);
    m->below = m->kernels;
    return status;
}

enum deit_status deit_bench_measure_kernels(const struct deit_bench_case *which,
                                            const struct deit_bench_settings *settings,
                                            const struct deit_bench_sink *sink,
                                            struct deit_error *err)
{
    struct measurement m = { .settings = settings };
    int highest = settings->max_isa == DEIT_ISA_AUTO ? (int)DEIT_LEVEL_NEON
                                                     : (int)settings->max_isa;

    (void)which;
    enum deit_status status = allocate(&m, err);
    for (int level = DEIT_LEVEL_SCALAR; level <= highest && status == DEIT_OK; level++) {
        deit_kernels_init(&m.kernels, (enum deit_level)level);
        if ((int)m.kernels.level == level)
            status = measure_level(&m, sink, err);
    }
    free(m.memory);
    free(m.integers);
    free(m.halves);
    free(m.times_ns);
    free(m.ghz);
    deit_records_done(&m.records);
    return status;
}
