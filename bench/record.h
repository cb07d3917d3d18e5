/*
 * bench/record.h: one result, as named fields.
 *
 * All measurements speak this form, and one report writes it as a line of a table, an object of
 * JSON or a row of CSV, and compares it with a saved one.  So a figure is named in one place.
 *
 * A record is made in the measuring process and sent as it is: strings that it points to are
 * literals, the library's constant names, or of the command line, which parent and child share.
 */
#ifndef DEIT_BENCH_RECORD_H
#define DEIT_BENCH_RECORD_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/peak.h"

/* A number that is not known: null in JSON, "-" in a table, nothing in CSV. */
#define DEIT_UNKNOWN ((double)NAN)

enum { DEIT_RECORD_FIELDS = 32, DEIT_RECORD_TEXT = 80 };

enum deit_field_kind { DEIT_FIELD_TEXT, DEIT_FIELD_COUNT, DEIT_FIELD_NUMBER };

/* How a field looks in a table. */
struct deit_field_look {
    const char *heading; /* NULL: it is not in tables */
    int width;           /* 0: that of the names of all models */
    int decimals;        /* of a number */
};

struct deit_field {
    const char *key; /* in JSON and CSV */
    enum deit_field_kind kind;
    struct deit_field_look look;
    bool is_case;     /* tells what was measured: a saved result with the same ones fits */
    const char *text; /* NULL: in 'own' */
    char own[DEIT_RECORD_TEXT];
    double number; /* or DEIT_UNKNOWN */
};

struct deit_record {
    const char *kind;     /* "model", "kernel", "op", "photos"; the first of the case's fields */
    const char *time_key; /* the number that comparisons are about; smaller is better */
    size_t n;
    struct deit_field fields[DEIT_RECORD_FIELDS];
    const char *parts_key; /* what the parts that follow this record are; NULL: none */
    size_t n_parts;
};

void deit_record_init(struct deit_record *record, const char *kind, const char *time_key);

/* Append a field.  The look of one that is in no table is DEIT_NO_LOOK. */
#define DEIT_NO_LOOK ((struct deit_field_look){ .heading = NULL })
#define DEIT_LOOK(...) ((struct deit_field_look){ __VA_ARGS__ })
void deit_record_text(struct deit_record *record, const char *key, struct deit_field_look look,
                      const char *text);
void deit_record_copy(struct deit_record *record, const char *key, struct deit_field_look look,
                      const char *text);
void deit_record_count(struct deit_record *record, const char *key, struct deit_field_look look,
                       size_t count);
void deit_record_number(struct deit_record *record, const char *key, struct deit_field_look look,
                        double number);

/* Makes the last one part of the case. */
void deit_record_is_case(struct deit_record *record);

/* Of a loop before and after; both 0 if there is none. */
struct deit_record_peaks {
    struct deit_peak before, after;
};

/* GFLOP/s, peak, drift of the peak, percent of it.  'gflops' may be unknown. */
void deit_record_speed(struct deit_record *record, double gflops,
                       const struct deit_record_peaks *peaks);

/*
 * The clock of the runs, and the percentage that the same cycles had been at the clock of the
 * peak; behind deit_record_speed().
 */
void deit_record_clock(struct deit_record *record, double ghz,
                       const struct deit_record_peaks *peaks);

/* NULL if there is no such field. */
const struct deit_field *deit_record_find(const struct deit_record *record, const char *key);
const char *deit_field_text(const struct deit_field *field);

/* The number of field 'key'; NaN if there is none. */
double deit_record_value(const struct deit_record *record, const char *key);

/* A growing list. */
struct deit_records {
    struct deit_record *list;
    size_t n, room;
};

/* An empty record at the end, to be filled; NULL without memory.  Earlier ones may move. */
struct deit_record *deit_records_add(struct deit_records *records);
void deit_records_done(struct deit_records *records);

#endif
