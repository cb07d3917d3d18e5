/* bench/record.c: one result, as named fields. */
#include "bench/record.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void deit_record_init(struct deit_record *record, const char *kind, const char *time_key)
{
    *record = (struct deit_record){ .kind = kind, .time_key = time_key };
}

static struct deit_field *add(struct deit_record *record, const char *key,
                              enum deit_field_kind kind, struct deit_field_look look)
{
    assert(record->n < DEIT_RECORD_FIELDS);
    struct deit_field *field = &record->fields[record->n++];
    *field = (struct deit_field){ .key = key, .kind = kind, .look = look };
    return field;
}

void deit_record_text(struct deit_record *record, const char *key, struct deit_field_look look,
                      const char *text)
{
    add(record, key, DEIT_FIELD_TEXT, look)->text = text;
}

void deit_record_copy(struct deit_record *record, const char *key, struct deit_field_look look,
                      const char *text)
{
    strncpy(add(record, key, DEIT_FIELD_TEXT, look)->own, text, DEIT_RECORD_TEXT - 1);
}

void deit_record_count(struct deit_record *record, const char *key, struct deit_field_look look,
                       size_t count)
{
    add(record, key, DEIT_FIELD_COUNT, look)->number = (double)count;
}

void deit_record_number(struct deit_record *record, const char *key, struct deit_field_look look,
                        double number)
{
    add(record, key, DEIT_FIELD_NUMBER, look)->number = number;
}

void deit_record_is_case(struct deit_record *record)
{
    record->fields[record->n - 1].is_case = true;
}

/* Against the larger peak: a machine that was slow for a moment is to flatter nobody. */
static const struct deit_peak *larger_of(const struct deit_record_peaks *peaks)
{
    return peaks->after.gflops > peaks->before.gflops ? &peaks->after : &peaks->before;
}

void deit_record_speed(struct deit_record *record, double gflops,
                       const struct deit_record_peaks *peaks)
{
    double peak = DEIT_UNKNOWN, drift = DEIT_UNKNOWN;
    if (larger_of(peaks)->gflops > 0.0) {
        peak = larger_of(peaks)->gflops;
        drift = fabs(peaks->after.gflops - peaks->before.gflops) / peak;
    }
    deit_record_number(record, "gflops", DEIT_LOOK("GFLOP/s", 8, 1), gflops);
    deit_record_number(record, "peak_gflops", DEIT_LOOK("peak", 8, 1), peak);
    deit_record_number(record, "peak_drift", DEIT_NO_LOOK, drift);
    deit_record_number(record, "percent_of_peak", DEIT_LOOK("%", 6, 1), 100.0 * gflops / peak);
}

void deit_record_clock(struct deit_record *record, double ghz,
                       const struct deit_record_peaks *peaks)
{
    double percent = deit_record_value(record, "percent_of_peak");
    deit_record_number(record, "ghz", DEIT_LOOK("GHz", 5, 2), ghz);
    deit_record_number(record, "percent_at_clock", DEIT_LOOK("% then", 6, 1),
                       percent * larger_of(peaks)->ghz / ghz);
}

const struct deit_field *deit_record_find(const struct deit_record *record, const char *key)
{
    for (size_t i = 0; i < record->n; i++)
        if (strcmp(record->fields[i].key, key) == 0)
            return &record->fields[i];
    return NULL;
}

const char *deit_field_text(const struct deit_field *field)
{
    return field->text ? field->text : field->own;
}

double deit_record_value(const struct deit_record *record, const char *key)
{
    const struct deit_field *field = deit_record_find(record, key);
    return field ? field->number : DEIT_UNKNOWN;
}

struct deit_record *deit_records_add(struct deit_records *records)
{
    if (records->n == records->room) {
        size_t room = records->room ? 2 * records->room : 16;
        struct deit_record *list = realloc(records->list, room * sizeof *list);
        if (!list)
            return NULL;
        records->list = list;
        records->room = room;
    }
    return &records->list[records->n++];
}

void deit_records_done(struct deit_records *records)
{
    free(records->list);
    *records = (struct deit_records){ .list = NULL };
}
