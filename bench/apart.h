/*
 * bench/apart.h: a measurement in a process of its own.
 */
#ifndef DEIT_BENCH_APART_H
#define DEIT_BENCH_APART_H

#include "bench/measure.h"

/*
 * deit_bench_apart() is 'measure' in a new process: its load, first run and memory are those of
 * a fresh program, whatever was measured before.  The caller must not have run a session itself.
 * 'sink' is called in this process, as the records come.
 *
 * Returns also DEIT_ERR_MEMORY if there is no new process, or it was killed.
 */
enum deit_status deit_bench_apart(deit_bench_measure_fn *measure,
                                  const struct deit_bench_case *which,
                                  const struct deit_bench_settings *settings,
                                  const struct deit_bench_sink *sink, struct deit_error *err);

#endif
