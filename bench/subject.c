/* bench/subject.c: a model and a session that are measured. */
#include "bench/subject.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/common/progress.h"
#include "cli/common/report.h"

enum { SEED = 1 };

/* A name without a slash or a dot that is no file is an architecture's. */
static bool is_architecture(const char *model)
{
    struct stat unused;
    return !strpbrk(model, "/.") && stat(model, &unused) != 0;
}

enum deit_status deit_bench_subject_open(struct deit_bench_subject *subject,
                                         const struct deit_bench_case *which,
                                         struct deit_error *err)
{
    if (is_architecture(which->model))
        return deit_model_open_random(which->model, SEED, NULL, &subject->model, err);
    return deit_model_open(which->model, NULL, &subject->model, err);
}

static size_t count_row_elements(const struct deit_port *port)
{
    size_t n = 1;
    for (uint32_t i = 1; i < port->rank; i++)
        n *= (size_t)port->dims[i];
    return n;
}

static enum deit_status allocate(struct deit_bench_subject *s, struct deit_error *err)
{
    if (deit_session_input(s->session, 0, &s->in_port) != DEIT_OK
        || deit_session_output(s->session, 0, &s->out_port) != DEIT_OK)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED, "the model has no input or output");
    s->in_elements = count_row_elements(&s->in_port);
    s->out_elements = count_row_elements(&s->out_port);
    s->in = calloc(s->batch, s->in_elements * sizeof *s->in);
    s->out = calloc(s->batch, s->out_elements * sizeof *s->out);
    return s->in && s->out ? DEIT_OK : deit_bench_fail_memory(err);
}

enum deit_status deit_bench_subject_plan(struct deit_bench_subject *subject,
                                         const struct deit_bench_case *which,
                                         const struct deit_bench_settings *settings,
                                         const struct deit_bench_wishes *wishes,
                                         struct deit_error *err)
{
    const struct deit_session_options options = {
        .size = sizeof options,
        .max_batch = which->batch,
        .height = wishes->height,
        .width = wishes->width,
        .precision = which->precision,
        .max_isa = settings->max_isa,
        .threads = which->threads,
        .on_step = wishes->on_step,
        .ctx = wishes->ctx,
    };
    enum deit_status status =
        deit_session_create(subject->model, &options, &subject->session, err);
    if (status != DEIT_OK)
        return status;
    subject->info = (struct deit_session_info){ .size = sizeof subject->info };
    deit_session_info(subject->session, &subject->info);
    subject->batch = subject->info.max_batch; /* a graph may insist on its own */
    return allocate(subject, err);
}

void deit_bench_subject_done(struct deit_bench_subject *subject)
{
    deit_session_free(subject->session);
    deit_model_close(subject->model);
    free(subject->in);
    free(subject->out);
}

void deit_bench_subject_fill(struct deit_bench_subject *subject)
{
    uint64_t state = SEED;
    for (size_t i = 0; i < subject->batch * subject->in_elements; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        subject->in[i] = (float)(state >> 40) / (float)(1 << 22) - 2.0f;
    }
}

enum deit_status deit_bench_subject_run(struct deit_bench_subject *subject, size_t n, double *ms,
                                        struct deit_error *err)
{
    struct deit_tensor in = {
        .data = subject->in,
        .bytes = n * subject->in_elements * sizeof *subject->in,
        .dtype = DEIT_F32,
        .rank = subject->in_port.rank,
    };
    struct deit_tensor out = {
        .data = subject->out,
        .bytes = n * subject->out_elements * sizeof *subject->out,
        .dtype = DEIT_F32,
    };
    memcpy(in.dims, subject->in_port.dims, sizeof in.dims);
    in.dims[0] = (int64_t)n;

    uint64_t start = deit_progress_now_ns();
    enum deit_status status = deit_session_run(subject->session, 1, &in, 1, &out, err);
    *ms = (double)(deit_progress_now_ns() - start) / 1e6;
    return status;
}

const struct deit_peak_loop *deit_bench_subject_peak(const struct deit_bench_subject *subject)
{
    return deit_peak_loop_for(subject->info.precision, subject->info.product_isa);
}

void deit_bench_subject_describe(const struct deit_bench_subject *subject,
                                 const struct deit_bench_case *which, struct deit_record *record)
{
    deit_record_text(record, "model", DEIT_LOOK("model"), which->model);
    deit_record_is_case(record);
    deit_record_text(record, "precision", DEIT_LOOK("prec.", 6), subject->info.precision);
    deit_record_is_case(record);
    deit_record_text(record, "isa", DEIT_LOOK("ISA", 11), subject->info.isa);
    deit_record_is_case(record);
    deit_record_count(record, "threads", DEIT_LOOK("threads", 7), subject->info.threads);
    deit_record_is_case(record);
    deit_record_count(record, "batch", DEIT_LOOK("batch", 5), subject->batch);
    deit_record_is_case(record);
}
