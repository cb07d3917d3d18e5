/*
 * bench/quantiles.c: what many times of the same thing say.
 *
 * Quantiles and no mean: a task switch makes single times long, never one short.
 */
#include "bench/quantiles.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double part)
{
    double at = part * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n)
        return sorted[n - 1];
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

struct deit_bench_quantiles deit_bench_quantiles(double *times, size_t n)
{
    qsort(times, n, sizeof *times, compare);
    return (struct deit_bench_quantiles){
        .min = times[0],
        .p10 = quantile(times, n, 0.1),
        .median = quantile(times, n, 0.5),
        .p90 = quantile(times, n, 0.9),
    };
}
