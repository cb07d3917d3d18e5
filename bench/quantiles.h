/*
 * bench/quantiles.h: what many times of the same thing say.
 */
#ifndef DEIT_BENCH_QUANTILES_H
#define DEIT_BENCH_QUANTILES_H

#include <stddef.h>

struct deit_bench_quantiles {
    double min, p10, median, p90;
};

/* Sorts the 'n' >= 1 times.  A quantile that falls between two of them is interpolated. */
struct deit_bench_quantiles deit_bench_quantiles(double *times, size_t n);

#endif
