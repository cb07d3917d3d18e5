/*
 * bench/measure.h: what can be measured.
 *
 * A measurement makes records and hands each on as soon as it has it.  It may run sessions, and
 * so belongs into a process of its own (bench/apart.h).
 */
#ifndef DEIT_BENCH_MEASURE_H
#define DEIT_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/record.h"
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
    const char *images;          /* a folder, or NULL */
    enum deit_isa max_isa;
    double seconds; /* of timed runs, within these bounds */
    size_t min_runs, max_runs;
    bool has_steps; /* time every step too */
};

/* Where records go. */
struct deit_bench_sink {
    /* 'parts' are the record's n_parts.  Returns false if nobody takes them any more. */
    bool (*add)(void *ctx, const struct deit_record *record, const struct deit_record *parts);
    void *ctx;
};

/*
 * Return what the library, or a file, returns; DEIT_ERR_IO also if the sink takes no more.  What
 * was handed on before stays good.
 */
typedef enum deit_status deit_bench_measure_fn(const struct deit_bench_case *which,
                                               const struct deit_bench_settings *settings,
                                               const struct deit_bench_sink *sink,
                                               struct deit_error *err);

/* Load, runs and memory of a model; writes its logits if the settings ask for them. */
deit_bench_measure_fn deit_bench_measure_model;

/* Each kind of step in the plan of a model, run alone. */
deit_bench_measure_fn deit_bench_measure_ops;

/* Photos of a folder, from the file to the five best classes. */
deit_bench_measure_fn deit_bench_measure_photos;

/* Each kernel of each ISA, on one thread.  The case is not used, and may be NULL. */
deit_bench_measure_fn deit_bench_measure_kernels;

/* Hands a record without parts on. */
enum deit_status deit_bench_add(const struct deit_bench_sink *sink,
                                const struct deit_record *record, struct deit_error *err);

enum deit_status deit_bench_fail_memory(struct deit_error *err);

#endif
