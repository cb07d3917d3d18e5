/*
 * bench/report.c: records as a table, as JSON or as CSV, on standard output.
 *
 * Rows appear as they are measured, so the width of a column cannot depend on what is still to
 * come: it is the field's.  JSON and CSV have all fields, by their keys, and every number with
 * nine digits; a table has those that fit a screen.
 */
#include "bench/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/common/report.h"
#include "cli/common/text.h"

/* Two peaks further apart than this make percentages doubtful. */
#define MAX_DRIFT 0.03

/* ------------------------------------------------------------------ a saved run */

struct comparison {
    double saved, ratio; /* NaN: there is none */
};

static struct comparison compare(struct deit_bench_report *report,
                                 const struct deit_record *record)
{
    struct comparison c = { DEIT_UNKNOWN, DEIT_UNKNOWN };
    if (!report->baseline)
        return c;
    double now = deit_record_value(record, record->time_key);
    c.saved = deit_baseline_find(report->baseline, record);
    c.ratio = c.saved / now;
    if (isnan(c.ratio))
        return c;
    report->n_compared++;
    if (report->fail_above >= 0.0 && now > c.saved * (1.0 + report->fail_above / 100.0))
        report->n_slower++;
    return c;
}

/* ------------------------------------------------------------------ tables */

static int width_of(const struct deit_field *field, int name_width)
{
    return field->look.width ? field->look.width : name_width;
}

/* Texts stand left and numbers right, with two spaces between. */
static void write_heading(const struct deit_record *record, int name_width, int indent)
{
    printf("%*s", indent, "");
    for (size_t i = 0; i < record->n; i++) {
        const struct deit_field *field = &record->fields[i];
        if (!field->look.heading)
            continue;
        int width = width_of(field, name_width);
        printf("%s%*s", i ? "  " : "", field->kind == DEIT_FIELD_TEXT ? -width : width,
               field->look.heading);
    }
}

/* Escapes take no part in the width: who names a file so gets a crooked line. */
static void write_cell(const struct deit_field *field, int width)
{
    const char *text = field->kind == DEIT_FIELD_TEXT ? deit_field_text(field) : NULL;
    if (text) {
        deit_text_write(stdout, text);
        printf("%*s", strlen(text) < (size_t)width ? width - (int)strlen(text) : 0, "");
    } else if (isnan(field->number)) {
        printf("%*s", width, "-");
    } else {
        printf("%*.*f", width, field->look.decimals, field->number);
    }
}

static void write_cells(const struct deit_record *record, int name_width, int indent)
{
    printf("%*s", indent, "");
    for (size_t i = 0; i < record->n; i++) {
        const struct deit_field *field = &record->fields[i];
        if (!field->look.heading)
            continue;
        fputs(i ? "  " : "", stdout);
        write_cell(field, width_of(field, name_width));
    }
}

static void write_parts(const struct deit_record *record, const struct deit_record *parts)
{
    enum { INDENT = 2 };
    int width = 0;
    for (size_t i = 0; i < record->n_parts; i++) {
        int length = (int)strlen(deit_field_text(&parts[i].fields[0]));
        width = length > width ? length : width;
    }
    for (size_t i = 0; i < record->n_parts; i++) {
        if (i == 0) {
            fputc('\n', stdout);
            write_heading(&parts[i], width, INDENT);
            fputc('\n', stdout);
        }
        write_cells(&parts[i], width, INDENT);
        fputc('\n', stdout);
    }
    if (record->n_parts > 0)
        fputc('\n', stdout);
}

static void write_table(const struct deit_bench_report *report, const struct deit_record *record,
                        const struct deit_record *parts, const struct comparison *c)
{
    if (!report->has_begun) {
        deit_bench_report_machine(report->machine);
        fputc('\n', stdout);
        write_heading(record, report->name_width, 0);
        printf(report->baseline ? "  %9s  %7s\n" : "\n", "saved", "ratio");
    }
    write_cells(record, report->name_width, 0);
    if (report->baseline && isnan(c->ratio))
        printf("  %9s  %7s", "-", "-");
    else if (report->baseline)
        printf("  %9.3f  %7.3f", c->saved, c->ratio);
    fputc('\n', stdout);
    write_parts(record, parts);
}

/* ------------------------------------------------------------------ JSON */

static void write_json_number(const char *key, double number)
{
    printf(isnan(number) ? "\"%s\": null" : "\"%s\": %.9g", key, number);
}

/* The members of an object, with commas between. */
static void write_json_fields(const struct deit_record *record)
{
    for (size_t i = 0; i < record->n; i++) {
        const struct deit_field *field = &record->fields[i];
        fputs(i ? ", " : "", stdout);
        if (field->kind != DEIT_FIELD_TEXT) {
            write_json_number(field->key, field->number);
            continue;
        }
        printf("\"%s\": ", field->key);
        deit_text_write_json(stdout, deit_field_text(field));
    }
}

static void write_json(const struct deit_bench_report *report, const struct deit_record *record,
                       const struct deit_record *parts, const struct comparison *c)
{
    printf("{\"kind\": \"%s\", ", record->kind);
    write_json_fields(record);
    if (report->baseline) {
        fputs(", ", stdout);
        write_json_number("saved", c->saved);
        fputs(", ", stdout);
        write_json_number("ratio", c->ratio);
    }
    if (record->parts_key) {
        printf(", \"%s\": [", record->parts_key);
        for (size_t i = 0; i < record->n_parts; i++) {
            fputs(i ? ", {" : "{", stdout);
            write_json_fields(&parts[i]);
            fputc('}', stdout);
        }
        fputc(']', stdout);
    }
    deit_bench_report_machine_json(report->machine);
    fputs("}\n", stdout);
}

/* ------------------------------------------------------------------ CSV */

static void write_csv_number(double number)
{
    fputc(',', stdout);
    if (!isnan(number))
        printf("%.9g", number);
}

static void write_csv(const struct deit_bench_report *report, const struct deit_record *record,
                      const struct comparison *c)
{
    if (!report->has_begun) {
        fputs("kind,version,cpu,compiler", stdout);
        for (size_t i = 0; i < record->n; i++)
            printf(",%s", record->fields[i].key);
        fputs(report->baseline ? ",saved,ratio\r\n" : "\r\n", stdout);
    }
    printf("%s,%s,", record->kind, deit_version());
    deit_text_write_csv(stdout, report->machine->cpu);
    fputc(',', stdout);
    deit_text_write_csv(stdout, report->machine->compiler);
    for (size_t i = 0; i < record->n; i++) {
        const struct deit_field *field = &record->fields[i];
        if (field->kind != DEIT_FIELD_TEXT) {
            write_csv_number(field->number);
            continue;
        }
        fputc(',', stdout);
        deit_text_write_csv(stdout, deit_field_text(field));
    }
    if (report->baseline) {
        write_csv_number(c->saved);
        write_csv_number(c->ratio);
    }
    fputs("\r\n", stdout);
}

/* ------------------------------------------------------------------ all */

static void warn_of_drift(struct deit_bench_report *report, const struct deit_record *record)
{
    double drift = deit_record_value(record, "peak_drift");
    char message[160];
    if (isnan(drift) || drift <= MAX_DRIFT || drift == report->last_drift)
        return;
    report->last_drift = drift;
    snprintf(message, sizeof message,
             "the peak moved by %.1f %% while this was measured: the machine is busy, or its "
             "clock changes",
             100.0 * drift);
    fflush(stdout);
    deit_report_error("deit-bench", deit_field_text(&record->fields[0]), message);
}

void deit_bench_report_write(struct deit_bench_report *report, const struct deit_record *record,
                             const struct deit_record *parts)
{
    const struct comparison c = compare(report, record);
    switch (report->format) {
    case DEIT_BENCH_JSON:
        write_json(report, record, parts, &c);
        break;
    case DEIT_BENCH_CSV:
        write_csv(report, record, &c);
        break;
    default:
        write_table(report, record, parts, &c);
        break;
    }
    report->has_begun = true;
    warn_of_drift(report, record);
}
