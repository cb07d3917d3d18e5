/*
 * bench/baseline.h: the results of an earlier run, saved by -f json.
 */
#ifndef DEIT_BENCH_BASELINE_H
#define DEIT_BENCH_BASELINE_H

#include "bench/record.h"
#include "deit.h"

struct deit_baseline;

/*
 * Reads a file of one JSON object a line.
 *
 * Returns DEIT_ERR_IO, DEIT_ERR_MEMORY, or DEIT_ERR_FORMAT, naming the line, for what no
 * deit-bench wrote, an empty file among it.
 */
enum deit_status deit_baseline_open(const char *path, struct deit_baseline **baseline,
                                    struct deit_error *err);

/* The time of the last saved result of the same kind and case; NaN if there is none. */
double deit_baseline_find(const struct deit_baseline *baseline,
                          const struct deit_record *record);

/* What the first result says was its CPU or compiler, by that key; NULL if it does not say. */
const char *deit_baseline_text(const struct deit_baseline *baseline, const char *key);

/* NULL is fine. */
void deit_baseline_close(struct deit_baseline *baseline);

#endif
