/*
 * bench/steps.h: where the time of a run goes, by the names of its steps.
 */
#ifndef DEIT_BENCH_STEPS_H
#define DEIT_BENCH_STEPS_H

#include "bench/measure.h"

struct deit_bench_steps;

/* NULL if there is no memory. */
struct deit_bench_steps *deit_bench_steps_create(void);

/* Adds the time of one step: an on_step() of the session's options. */
void deit_bench_steps_add(void *steps, const char *name, uint64_t ns);

/* Forgets the times of the runs so far.  NULL is fine. */
void deit_bench_steps_reset(struct deit_bench_steps *steps);

/* What 'n_runs' runs added, per run: '*n' names, the caller's to free(); NULL without memory. */
struct deit_bench_step *deit_bench_steps_list(const struct deit_bench_steps *steps, size_t n_runs,
                                              size_t *n);

/* NULL is fine. */
void deit_bench_steps_free(struct deit_bench_steps *steps);

#endif
