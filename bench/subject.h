/*
 * bench/subject.h: a model and a session that are measured.
 */
#ifndef DEIT_BENCH_SUBJECT_H
#define DEIT_BENCH_SUBJECT_H

#include <stdint.h>

#include "bench/measure.h"
#include "bench/peak.h"

struct deit_bench_subject {
    size_t batch;
    deit_model *model;
    deit_session *session;
    struct deit_session_info info;    /* of the session */
    struct deit_port in_port, out_port;
    size_t in_elements, out_elements; /* of one row */
    float *in, *out;                  /* (batch, elements) */
};

/* What only some measurements ask for; zeros are fine. */
struct deit_bench_wishes {
    uint32_t height, width; /* of the input; 0: the model's */
    void (*on_step)(void *ctx, const char *name, uint64_t ns);
    void *ctx;
};

/*
 * deit_bench_subject_open() opens a case's model, or makes one with random weights if it is an
 * architecture's name.  deit_bench_subject_plan() makes a session of it, with room for inputs
 * and outputs.  The caller clears 'subject' before, and calls _done() after failure too.
 */
enum deit_status deit_bench_subject_open(struct deit_bench_subject *subject,
                                         const struct deit_bench_case *which,
                                         struct deit_error *err);
enum deit_status deit_bench_subject_plan(struct deit_bench_subject *subject,
                                         const struct deit_bench_case *which,
                                         const struct deit_bench_settings *settings,
                                         const struct deit_bench_wishes *wishes,
                                         struct deit_error *err);
void deit_bench_subject_done(struct deit_bench_subject *subject);

/* Values from -2 to 2, as those of a normalised photo, the same in every run. */
void deit_bench_subject_fill(struct deit_bench_subject *subject);

/* One run of the first 'n' rows; '*ms' is its time. */
enum deit_status deit_bench_subject_run(struct deit_bench_subject *subject, size_t n, double *ms,
                                        struct deit_error *err);

/* The peak that bounds it. */
const struct deit_peak_loop *deit_bench_subject_peak(const struct deit_bench_subject *subject);

/* The fields of every record about a model: what it is, and what ran. */
void deit_bench_subject_describe(const struct deit_bench_subject *subject,
                                 const struct deit_bench_case *which,
                                 struct deit_record *record);

#endif
