/*
 * bench/baseline.c: the results of an earlier run, saved by -f json.
 *
 * A result fits if all fields of its case are equal.  So a saved file may hold more and other
 * cases, in any order, and results of several runs behind each other: the last one counts.
 */
#include "bench/baseline.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common/report.h"

struct deit_baseline {
    json_t *results; /* an array of objects */
};

static enum deit_status add_line(struct deit_baseline *baseline, const char *path, size_t number,
                                 const char *line, struct deit_error *err)
{
    json_error_t why;
    json_t *result = json_loads(line, JSON_REJECT_DUPLICATES, &why);
    if (!result)
        return deit_report_fail(err, DEIT_ERR_FORMAT, "%s: line %zu: %s", path, number, why.text);
    if (!json_is_string(json_object_get(result, "kind"))) {
        json_decref(result);
        return deit_report_fail(err, DEIT_ERR_FORMAT,
                                "%s: line %zu is no result of deit-bench -f json", path, number);
    }
    if (json_array_append_new(baseline->results, result) != 0)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    return DEIT_OK;
}

static enum deit_status read_lines(struct deit_baseline *baseline, const char *path, FILE *file,
                                   struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    char *line = NULL;
    size_t room = 0, number = 0;

    while (status == DEIT_OK && getline(&line, &room, file) >= 0) {
        number++;
        if (line[strspn(line, " \t\r\n")] != '\0')
            status = add_line(baseline, path, number, line, err);
    }
    free(line);
    if (status == DEIT_OK && ferror(file))
        return deit_report_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(errno));
    if (status == DEIT_OK && json_array_size(baseline->results) == 0)
        return deit_report_fail(err, DEIT_ERR_FORMAT, "%s: there is no result in it", path);
    return status;
}

enum deit_status deit_baseline_open(const char *path, struct deit_baseline **out,
                                    struct deit_error *err)
{
    struct deit_baseline *baseline = calloc(1, sizeof *baseline);
    if (!baseline || !(baseline->results = json_array())) {
        free(baseline);
        return deit_report_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    }
    FILE *file = fopen(path, "re");
    enum deit_status status =
        file ? read_lines(baseline, path, file, err)
             : deit_report_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(errno));
    if (file)
        fclose(file);
    if (status != DEIT_OK) {
        deit_baseline_close(baseline);
        return status;
    }
    *out = baseline;
    return DEIT_OK;
}

static bool is_equal(const struct deit_field *field, const json_t *saved)
{
    if (field->kind != DEIT_FIELD_TEXT)
        return json_is_number(saved) && json_number_value(saved) == field->number;
    const char *text = json_string_value(saved);
    return text && strcmp(text, deit_field_text(field)) == 0;
}

static bool is_same_case(const struct deit_record *record, const json_t *saved)
{
    if (strcmp(json_string_value(json_object_get(saved, "kind")), record->kind) != 0)
        return false;
    for (size_t i = 0; i < record->n; i++) {
        const struct deit_field *field = &record->fields[i];
        if (field->is_case && !is_equal(field, json_object_get(saved, field->key)))
            return false;
    }
    return true;
}

double deit_baseline_find(const struct deit_baseline *baseline, const struct deit_record *record)
{
    for (size_t i = json_array_size(baseline->results); i-- > 0;) {
        const json_t *saved = json_array_get(baseline->results, i);
        const json_t *time = json_object_get(saved, record->time_key);
        if (json_is_number(time) && is_same_case(record, saved))
            return json_number_value(time);
    }
    return DEIT_UNKNOWN;
}

const char *deit_baseline_text(const struct deit_baseline *baseline, const char *key)
{
    return json_string_value(json_object_get(json_array_get(baseline->results, 0), key));
}

void deit_baseline_close(struct deit_baseline *baseline)
{
    if (!baseline)
        return;
    json_decref(baseline->results);
    free(baseline);
}
