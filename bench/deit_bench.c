/*
 * bench/deit_bench.c: deit-bench, which measures how fast models run.
 *
 * Every combination of the lists is measured by itself and reported at once; one that fails is
 * one line on standard error and does not stop the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/apart.h"
#include "bench/bench_options.h"
#include "bench/report.h"

/* In the order of enum deit_bench_mode. */
static deit_bench_measure_fn *const measures[] = {
    deit_bench_measure_model,
    deit_bench_measure_ops,
    deit_bench_measure_photos,
    deit_bench_measure_kernels,
};

/* Whether what is written so far has arrived; a reader who left does not want to hear of it. */
static bool flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    if (errno != EPIPE)
        deit_report_error("deit-bench", "standard output", strerror(errno));
    return false;
}

static bool write_record(void *report, const struct deit_record *record,
                         const struct deit_record *parts)
{
    deit_bench_report_write(report, record, parts);
    return flush();
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

static enum deit_exit measure_all(const struct deit_bench_options *options,
                                  struct deit_bench_report *report)
{
    const struct deit_bench_sink sink = { .add = write_record, .ctx = report };
    enum deit_exit code = DEIT_EXIT_OK;
    size_t n = options->n_models * options->n_precisions * options->n_threads
               * options->n_batches;

    for (size_t i = 0; i < n; i++) {
        const struct deit_bench_case which = choose(options, i);
        struct deit_error err;
        enum deit_status status = deit_bench_apart(measures[options->mode], &which,
                                                   &options->settings, &sink, &err);
        if (ferror(stdout))
            return DEIT_EXIT_FAILED;
        if (status == DEIT_OK)
            continue;
        deit_report_error("deit-bench",
                          options->mode == DEIT_BENCH_KERNELS ? "--kernels" : which.model,
                          err.message);
        if (deit_report_exit(status) > code)
            code = deit_report_exit(status);
    }
    return code;
}

/* Other hardware or another compiler explains much. */
static void warn_of_change(const struct deit_baseline *baseline, const char *path,
                           const char *key, const char *now)
{
    const char *then = deit_baseline_text(baseline, key);
    char message[512];
    if (!then || strcmp(then, now) == 0)
        return;
    snprintf(message, sizeof message, "its %s is '%s', but now it is '%s'", key, then, now);
    deit_report_error("deit-bench", path, message);
}

static enum deit_exit judge(const struct deit_bench_options *options,
                            const struct deit_bench_report *report)
{
    char message[128];
    if (report->n_compared == 0)
        snprintf(message, sizeof message, "it has no case that was measured now");
    else if (report->n_slower > 0)
        snprintf(message, sizeof message, "%zu of %zu cases take over %g %% more time now",
                 report->n_slower, report->n_compared, options->fail_above);
    else
        return DEIT_EXIT_OK;
    deit_report_error("deit-bench", options->compare, message);
    return options->fail_above >= 0.0 ? DEIT_EXIT_FAILED : DEIT_EXIT_OK;
}

static int name_width(const struct deit_bench_options *options)
{
    size_t width = 5;
    for (size_t i = 0; i < options->n_models; i++)
        if (strlen(options->models[i]) > width)
            width = strlen(options->models[i]);
    return (int)width;
}

int main(int argc, char **argv)
{
    static struct deit_bench_machine machine;
    struct deit_bench_options options;
    struct deit_baseline *baseline = NULL;
    struct deit_error err;
    enum deit_exit code;

    deit_report_begin();
    if (!deit_bench_options_parse(argc, argv, &options, &code))
        return (int)code;
    if (options.compare && deit_baseline_open(options.compare, &baseline, &err) != DEIT_OK) {
        deit_report_error("deit-bench", options.compare, err.message);
        return DEIT_EXIT_FAILED;
    }

    deit_bench_machine_init(&machine, options.settings.max_isa);
    deit_bench_machine_measure(&machine, options.settings.max_isa);
    struct deit_bench_report report = {
        .format = options.format,
        .name_width = name_width(&options),
        .machine = &machine,
        .baseline = baseline,
        .fail_above = options.fail_above,
    };
    if (baseline) {
        warn_of_change(baseline, options.compare, "cpu", machine.cpu);
        warn_of_change(baseline, options.compare, "compiler", machine.compiler);
    }
    code = measure_all(&options, &report);
    if (baseline && !ferror(stdout) && judge(&options, &report) > code)
        code = DEIT_EXIT_FAILED;
    deit_baseline_close(baseline);
    return (int)code;
}
