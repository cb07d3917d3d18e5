/*
 * bench/report.c: results as a table or as JSON, on standard output.
 *
 * Rows appear as they are measured.  The instruction set of the table's heading is that of the
 * first row: only a session knows what runs.  A row is held against the larger of the two peaks,
 * so that a machine that was slow for a moment flatters nobody.
 */
#include "bench/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/common/text.h"

/* Two peaks further apart than this make percentages doubtful. */
#define MAX_DRIFT 0.03

struct figures {
    double images_per_second, gflops, peak, drift, percent;
};

static struct figures derive(const struct deit_bench_result *r)
{
    struct figures f = {
        .images_per_second = (double)r->batch / (r->median_ms / 1e3),
        .gflops = r->gflop * (double)r->batch / (r->median_ms / 1e3),
        .peak = fmax(r->peak_before, r->peak_after),
    };
    if (f.peak > 0.0) {
        f.drift = fabs(r->peak_after - r->peak_before) / f.peak;
        f.percent = 100.0 * f.gflops / f.peak;
    }
    return f;
}

static void warn_of_drift(const struct deit_bench_case *which, const struct deit_bench_result *r,
                          const struct figures *f)
{
    if (f->drift <= MAX_DRIFT)
        return;
    char message[256];
    snprintf(message, sizeof message,
             "the peak moved by %.1f %% while this was measured, from %.1f to %.1f GFLOP/s: the "
             "machine is busy, or its clock changes",
             100.0 * f->drift, r->peak_before, r->peak_after);
    fflush(stdout);
    deit_report_error("deit-bench", which->model, message);
}

/* ------------------------------------------------------------------ text */

static void write_heading(struct deit_bench_report *report, const struct deit_bench_result *r)
{
    const struct deit_bench_machine *machine = &report->machine;

    fputs("CPU       ", stdout);
    deit_text_write(stdout, machine->cpu);
    printf("\nISA       %s\ncompiler  %s\n", r->isa, machine->compiler);
    if (*machine->governor)
        printf("governor  %s\n", machine->governor);
    printf("\n%-*s  %-6s %7s %5s %9s %9s %10s %9s %9s %9s %8s %8s %6s %8s\n", report->name_width,
           "model", "prec.", "threads", "batch", "load ms", "first ms", "median ms", "p10 ms",
           "p90 ms", "images/s", "GFLOP/s", "peak", "%", "RSS MB");
    report->has_heading = true;
}

static void write_steps(const struct deit_bench_result *r, const struct deit_bench_step *steps,
                        size_t n_steps)
{
    double total = 0.0;
    int width = 5;
    for (size_t i = 0; i < n_steps; i++) {
        total += steps[i].ms;
        if ((int)strlen(steps[i].name) > width)
            width = (int)strlen(steps[i].name);
    }
    printf("\n  %-*s %6s %9s %6s\n", width, "steps", "number", "ms", "%");
    for (size_t i = 0; i < n_steps; i++) {
        fputs("  ", stdout);
        deit_text_write(stdout, steps[i].name);
        printf("%*s %6zu %9.3f %6.1f\n", width - (int)strlen(steps[i].name), "", steps[i].n,
               steps[i].ms, 100.0 * steps[i].ms / total);
    }
    printf("  %-*s %6s %9.3f   (mean of %zu runs)\n\n", width, "all", "", total, r->n_runs);
}

static void write_row(const struct deit_bench_report *report, const struct deit_bench_case *which,
                      const struct deit_bench_result *r, const struct figures *f)
{
    deit_text_write(stdout, which->model);
    printf("%*s  %-6s %7u %5zu %9.1f %9.2f %10.3f %9.3f %9.3f %9.1f %8.1f",
           report->name_width - (int)strlen(which->model), "", r->precision, r->threads, r->batch,
           r->load_ms, r->first_ms, r->median_ms, r->p10_ms, r->p90_ms, f->images_per_second,
           f->gflops);
    if (f->peak > 0.0)
        printf(" %8.1f %6.1f", f->peak, f->percent);
    else
        printf(" %8s %6s", "-", "-");
    printf(" %8.1f\n", r->peak_rss_mb);
}

/* ------------------------------------------------------------------ JSON */

static void write_string(const char *key, const char *value)
{
    printf("\"%s\": ", key);
    deit_text_write_json(stdout, value);
    fputs(", ", stdout);
}

static void write_number(const char *key, double value)
{
    printf(", \"%s\": %.9g", key, value);
}

/* A peak that is not known makes what follows from it unknown too. */
static void write_peak(const struct figures *f)
{
    if (f->peak > 0.0) {
        write_number("peak_gflops", f->peak);
        write_number("peak_drift", f->drift);
        write_number("percent_of_peak", f->percent);
    } else {
        fputs(", \"peak_gflops\": null, \"peak_drift\": null, \"percent_of_peak\": null", stdout);
    }
}

static void write_json_steps(const struct deit_bench_step *steps, size_t n_steps)
{
    fputs(", \"steps\": [", stdout);
    for (size_t i = 0; i < n_steps; i++) {
        fputs(i ? ", {" : "{", stdout);
        write_string("name", steps[i].name);
        printf("\"number\": %zu, \"ms\": %.9g}", steps[i].n, steps[i].ms);
    }
    fputc(']', stdout);
}

static void write_json(const struct deit_bench_report *report,
                       const struct deit_bench_case *which, const struct deit_bench_result *r,
                       const struct figures *f, const struct deit_bench_step *steps,
                       size_t n_steps)
{
    const struct deit_bench_machine *machine = &report->machine;

    fputc('{', stdout);
    write_string("version", deit_version());
    write_string("cpu", machine->cpu);
    write_string("isa", r->isa);
    write_string("compiler", machine->compiler);
    if (*machine->governor)
        write_string("governor", machine->governor);
    write_string("model", which->model);
    write_string("precision", r->precision);
    printf("\"threads\": %u, \"batch\": %zu, \"runs\": %zu", r->threads, r->batch, r->n_runs);
    write_number("load_ms", r->load_ms);
    write_number("first_ms", r->first_ms);
    write_number("median_ms", r->median_ms);
    write_number("p10_ms", r->p10_ms);
    write_number("p90_ms", r->p90_ms);
    write_number("images_per_second", f->images_per_second);
    write_number("gflop", r->gflop);
    write_number("gflop_executed", r->gflop_executed);
    write_number("gflops", f->gflops);
    write_peak(f);
    write_number("peak_rss_mb", r->peak_rss_mb);
    if (report->options->settings.has_steps)
        write_json_steps(steps, n_steps);
    fputs("}\n", stdout);
}

/* ------------------------------------------------------------------ both */

void deit_bench_report_init(struct deit_bench_report *report,
                            const struct deit_bench_options *options)
{
    *report = (struct deit_bench_report){ .options = options, .name_width = 5 };
    deit_bench_machine_init(&report->machine);
    for (size_t i = 0; i < options->n_models; i++) {
        size_t length = strlen(options->models[i]);
        if (length > (size_t)report->name_width)
            report->name_width = (int)length;
    }
}

void deit_bench_report_write(struct deit_bench_report *report,
                             const struct deit_bench_case *which,
                             const struct deit_bench_result *result,
                             const struct deit_bench_step *steps, size_t n_steps)
{
    const struct figures figures = derive(result);

    if (report->options->format == DEIT_BENCH_JSON) {
        write_json(report, which, result, &figures, steps, n_steps);
    } else {
        if (!report->has_heading)
            write_heading(report, result);
        write_row(report, which, result, &figures);
        if (report->options->settings.has_steps)
            write_steps(result, steps, n_steps);
    }
    warn_of_drift(which, result, &figures);
}
