/*
 * bench/apart.h: a measurement in a process of its own.
 */
#ifndef DEIT_BENCH_APART_H
#define DEIT_BENCH_APART_H

#include "bench/measure.h"

/*
 * deit_bench_measure_apart() is deit_bench_measure() in a new process: its load, first run and
 * memory are those of a fresh program, whatever was measured before.  The caller must not have
 * run a session itself.
 *
 * Returns also DEIT_ERR_MEMORY if there is no new process, or it was killed.
 */
enum deit_status deit_bench_measure_apart(const struct deit_bench_case *which,
                                          const struct deit_bench_settings *settings,
                                          struct deit_bench_result *result,
                                          struct deit_bench_step **steps, size_t *n_steps,
                                          struct deit_error *err);

#endif
