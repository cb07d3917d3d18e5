/*
 * bench/measure.h: one model at one precision, number of threads and batch, measured.
 */
#ifndef DEIT_BENCH_MEASURE_H
#define DEIT_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deit.h"

/* What a sweep varies. */
struct deit_bench_case {
    const char *model; /* a path, or the name of an architecture */
    enum deit_precision precision;
    unsigned threads; /* 0: the library's choice */
    size_t batch;
};

/* What stays the same. */
struct deit_bench_settings {
    const char *tensor, *logits; /* NPY files, or NULL */
    enum deit_isa max_isa;
    double seconds; /* of timed runs, within these bounds */
    size_t min_runs, max_runs;
    bool has_steps; /* time every step too */
};

struct deit_bench_result {
    char precision[16], isa[16]; /* that ran */
    unsigned threads;
    size_t batch;
    double load_ms;  /* open, plan and pack */
    double first_ms; /* the first run: it starts the threads and touches all memory */
    size_t n_runs;   /* timed ones */
    double median_ms, p10_ms, p90_ms;
    double gflop, gflop_executed;    /* of one image */
    double peak_before, peak_after; /* GFLOP/s; 0: not known for this ISA */
    double peak_rss_mb;
};

/* Time of all steps of one name: "blocks.3.mlp" and "blocks.4.mlp" both count as "blocks.*.mlp". */
struct deit_bench_step {
    char name[64];
    size_t n;  /* in one run */
    double ms; /* in one run, the mean over all timed runs */
};

/*
 * deit_bench_measure() opens a model, runs it, and writes its logits if the settings ask for
 * them.  '*steps', the caller's to free(), has '*n_steps' names in the order of the first run;
 * without has_steps it is NULL.
 *
 * Returns what the library or the NPY files return; the outputs are then untouched.
 */
enum deit_status deit_bench_measure(const struct deit_bench_case *which,
                                    const struct deit_bench_settings *settings,
                                    struct deit_bench_result *result,
                                    struct deit_bench_step **steps, size_t *n_steps,
                                    struct deit_error *err);

#endif
