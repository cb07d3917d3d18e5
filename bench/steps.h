/*
 * bench/steps.h: where the time of a run goes, by the names of its steps.
 */
#ifndef DEIT_BENCH_STEPS_H
#define DEIT_BENCH_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/record.h"

struct deit_bench_steps;

enum { DEIT_STEP_NAME = 64 };

/*
 * Makes a number in a step's name that stands between dots a '*': "blocks.11.mlp" and
 * "blocks.3.mlp" are both "blocks.*.mlp".  'text' has DEIT_STEP_NAME bytes; what is longer is
 * cut off.
 */
void deit_bench_step_shorten(const char *name, char *text);

/* NULL if there is no memory. */
struct deit_bench_steps *deit_bench_steps_create(void);

/* Adds the time of one step: an on_step() of the session's options. */
void deit_bench_steps_add(void *steps, const char *name, uint64_t ns);

/* Forgets the times of the runs so far.  NULL is fine. */
void deit_bench_steps_reset(struct deit_bench_steps *steps);

/*
 * What 'n_runs' runs added, per run: a record for each name, in the order of the first run.
 * Returns false without memory.
 */
bool deit_bench_steps_list(const struct deit_bench_steps *steps, size_t n_runs,
                           struct deit_records *records);

/* NULL is fine. */
void deit_bench_steps_free(struct deit_bench_steps *steps);

#endif
