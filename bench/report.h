/*
 * bench/report.h: results as a table or as JSON, on standard output.
 */
#ifndef DEIT_BENCH_REPORT_H
#define DEIT_BENCH_REPORT_H

#include "bench/bench_options.h"
#include "bench/machine.h"
#include "bench/measure.h"

struct deit_bench_report {
    const struct deit_bench_options *options;
    struct deit_bench_machine machine;
    int name_width;   /* of the table's first column */
    bool has_heading; /* the table has begun, below its heading */
};

/* 'options' stays the caller's. */
void deit_bench_report_init(struct deit_bench_report *report,
                            const struct deit_bench_options *options);

/* Writes one result, and a warning to standard error if the peak moved while it was measured. */
void deit_bench_report_write(struct deit_bench_report *report,
                             const struct deit_bench_case *which,
                             const struct deit_bench_result *result,
                             const struct deit_bench_step *steps, size_t n_steps);

#endif
