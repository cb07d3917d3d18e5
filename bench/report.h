/*
 * bench/report.h: records as a table, as JSON or as CSV, on standard output.
 */
#ifndef DEIT_BENCH_REPORT_H
#define DEIT_BENCH_REPORT_H

#include "bench/baseline.h"
#include "bench/machine.h"
#include "bench/record.h"

enum deit_bench_format { DEIT_BENCH_TEXT, DEIT_BENCH_JSON, DEIT_BENCH_CSV };

struct deit_bench_report {
    enum deit_bench_format format;
    int name_width;                            /* of the column of models */
    const struct deit_bench_machine *machine;
    const struct deit_baseline *baseline;      /* or NULL */
    double fail_above;    /* percent more time than saved that is too much; below 0: none is */
    size_t n_compared, n_slower;               /* records with a saved one; with too much */
    bool has_begun;                            /* something is written */
    double last_drift;    /* that was warned of: many records share their peaks */
};

/* Writes one record with its parts, and a warning to standard error if its peak moved. */
void deit_bench_report_write(struct deit_bench_report *report, const struct deit_record *record,
                             const struct deit_record *parts);

/* The table's heading about the machine. */
void deit_bench_report_machine(const struct deit_bench_machine *machine);

/* The machine as members of a JSON object, each behind a comma. */
void deit_bench_report_machine_json(const struct deit_bench_machine *machine);

#endif
