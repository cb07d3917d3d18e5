/*
 * bench/deit_bench.c: deit-bench, which measures how fast models run.
 *
 * Every combination of the lists is measured by itself and reported at once; one that fails is
 * one line on standard error and does not stop the others.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/apart.h"
#include "bench/bench_options.h"
#include "bench/report.h"

/* Whether what is written so far has arrived; a reader who left does not want to hear of it. */
static bool flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    if (errno != EPIPE)
        deit_report_error("deit-bench", "standard output", strerror(errno));
    return false;
}

static enum deit_exit measure(const struct deit_bench_options *options,
                              const struct deit_bench_case *which,
                              struct deit_bench_report *report)
{
    struct deit_bench_result result;
    struct deit_bench_step *steps = NULL;
    size_t n_steps = 0;
    struct deit_error err;

    enum deit_status status = deit_bench_measure_apart(which, &options->settings, &result, &steps,
                                                       &n_steps, &err);
    if (status != DEIT_OK) {
        deit_report_error("deit-bench", which->model, err.message);
        return deit_report_exit(status);
    }
    deit_bench_report_write(report, which, &result, steps, n_steps);
    free(steps);
    return DEIT_EXIT_OK;
}

static struct deit_bench_case choose(const struct deit_bench_options *options, size_t i)
{
    struct deit_bench_case which;
    which.batch = options->batches[i % options->n_batches];
    i /= options->n_batches;
    which.threads = options->threads[i % options->n_threads];
    i /= options->n_threads;
    which.precision = options->precisions[i % options->n_precisions];
    i /= options->n_precisions;
    which.model = options->models[i];
    return which;
}

int main(int argc, char **argv)
{
    struct deit_bench_options options;
    struct deit_bench_report report;
    enum deit_exit code;

    setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
    signal(SIGPIPE, SIG_IGN);
    if (!deit_bench_options_parse(argc, argv, &options, &code))
        return (int)code;

    deit_bench_report_init(&report, &options);
    size_t n = options.n_models * options.n_precisions * options.n_threads * options.n_batches;
    for (size_t i = 0; i < n; i++) {
        struct deit_bench_case which = choose(&options, i);
        enum deit_exit failed = measure(&options, &which, &report);
        if (failed > code)
            code = failed;
        if (!flush())
            return DEIT_EXIT_FAILED;
    }
    return (int)code;
}
