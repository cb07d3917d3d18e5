/*
 * bench/bench_options.h: the command line of deit-bench.
 */
#ifndef DEIT_BENCH_OPTIONS_H
#define DEIT_BENCH_OPTIONS_H

#include "bench/measure.h"
#include "bench/report.h"
#include "cli/common/report.h"

enum deit_bench_mode { DEIT_BENCH_MODELS, DEIT_BENCH_OPS, DEIT_BENCH_PHOTOS, DEIT_BENCH_KERNELS };

/* Room for every list; a sweep longer than that in one direction is a mistake. */
enum { DEIT_BENCH_MAX_LIST = 64 };

struct deit_bench_options {
    const char *models[DEIT_BENCH_MAX_LIST];
    enum deit_precision precisions[DEIT_BENCH_MAX_LIST];
    unsigned threads[DEIT_BENCH_MAX_LIST]; /* 0: the library's choice */
    size_t batches[DEIT_BENCH_MAX_LIST];
    size_t n_models, n_precisions, n_threads, n_batches; /* each at least 1 */
    enum deit_bench_mode mode;
    enum deit_bench_format format;
    const char *compare; /* results of an earlier run, or NULL */
    double fail_above;   /* percent more time than there that fails; below 0: none does */
    struct deit_bench_settings settings;
};

/*
 * Reads the command line and DEIT_CPU.  Returns false if the program is to end with '*code':
 * after --help and --version, and with a message after wrong usage.
 */
bool deit_bench_options_parse(int argc, char **argv, struct deit_bench_options *options,
                              enum deit_exit *code);

#endif
