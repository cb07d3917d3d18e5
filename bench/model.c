/*
 * bench/model.c: opens a model and takes the time of its runs.
 *
 * The order is that of a program: load, first run, then many.  The peak is measured right
 * before and right after the timed runs, because it says what the machine could do at that
 * time and not at another.  Memory is read before that, so that only the model counts.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/measure.h"
#include "bench/quantiles.h"
#include "bench/steps.h"
#include "bench/subject.h"
#include "cli/common/npy.h"
#include "cli/common/progress.h"
#include "cli/common/report.h"

struct measurement {
    const struct deit_bench_case *which;
    const struct deit_bench_settings *settings;
    struct deit_npy_reader tensor;
    struct deit_bench_subject subject;
    size_t n_rows;    /* of the tensor that are in 'subject.in': no more than the batch */
    double *times_ms; /* (max_runs) */
    struct deit_bench_steps *steps;

    double load_ms, first_ms;
    size_t n_runs; /* timed ones */
    struct deit_bench_quantiles ms;
    struct deit_record_peaks peaks;
    double peak_rss_mb;
};

static double ms_since(uint64_t start)
{
    return (double)(deit_progress_now_ns() - start) / 1e6;
}

/* ------------------------------------------------------------------ set up */

static enum deit_status open_tensor(struct measurement *m, struct deit_error *err)
{
    const char *path = m->settings->tensor;
    char shape[DEIT_NPY_SHAPE_BYTES];

    enum deit_status status = deit_npy_open(path, &m->tensor, err);
    if (status != DEIT_OK)
        return status;
    const int64_t *dims = m->tensor.dims;
    bool is_image = m->tensor.rank == 4 && dims[0] > 0 && dims[2] > 0 && dims[2] <= INT32_MAX
                    && dims[3] > 0 && dims[3] <= INT32_MAX;
    if (!is_image)
        return deit_report_fail(err, DEIT_ERR_FORMAT,
                                "%s: shape %s, but images are (N, channels, height, width)", path,
                                deit_npy_shape(m->tensor.rank, dims, shape));
    return DEIT_OK;
}

/* What can be told to be wrong before the weights are packed. */
static enum deit_status check_model(const struct measurement *m, struct deit_error *err)
{
    struct deit_model_info info = { .size = sizeof info };
    deit_model_info(m->subject.model, &info);
    if (m->settings->logits && info.n_classes == 0)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED,
                                "--logits: the model has no head, so no logits");
    if (m->settings->tensor && m->tensor.dims[1] != (int64_t)info.channels)
        return deit_report_fail(err, DEIT_ERR_FORMAT,
                                "%s: %lld channels, but the model takes %u", m->settings->tensor,
                                (long long)m->tensor.dims[1], info.channels);
    return DEIT_OK;
}

static enum deit_status load(struct measurement *m, struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    if (m->settings->tensor)
        status = open_tensor(m, err);
    if (status == DEIT_OK && m->settings->has_steps && !(m->steps = deit_bench_steps_create()))
        status = deit_bench_fail_memory(err);
    if (status != DEIT_OK)
        return status;

    const struct deit_bench_wishes wishes = {
        .height = m->settings->tensor ? (uint32_t)m->tensor.dims[2] : 0,
        .width = m->settings->tensor ? (uint32_t)m->tensor.dims[3] : 0,
        .on_step = m->steps ? deit_bench_steps_add : NULL,
        .ctx = m->steps,
    };
    uint64_t start = deit_progress_now_ns();
    status = deit_bench_subject_open(&m->subject, m->which, err);
    if (status == DEIT_OK)
        status = check_model(m, err);
    if (status == DEIT_OK)
        status = deit_bench_subject_plan(&m->subject, m->which, m->settings, &wishes, err);
    m->load_ms = ms_since(start);
    return status;
}

/* The next rows of the tensor.  If it has fewer than the batch, they repeat. */
static enum deit_status read_rows(struct measurement *m, struct deit_error *err)
{
    struct deit_bench_subject *subject = &m->subject;
    size_t batch = subject->batch, n = subject->in_elements;
    m->n_rows = m->tensor.rows_left < batch ? (size_t)m->tensor.rows_left : batch;
    enum deit_status status = deit_npy_read(&m->tensor, m->n_rows, subject->in, err);
    if (status != DEIT_OK)
        return status;
    for (size_t i = m->n_rows; i < batch; i++)
        memcpy(subject->in + i * n, subject->in + (i - m->n_rows) * n, n * sizeof *subject->in);
    return DEIT_OK;
}

static enum deit_status fill_input(struct measurement *m, struct deit_error *err)
{
    m->times_ms = calloc(m->settings->max_runs, sizeof *m->times_ms);
    if (!m->times_ms)
        return deit_bench_fail_memory(err);
    if (m->settings->tensor)
        return read_rows(m, err);
    deit_bench_subject_fill(&m->subject);
    m->n_rows = m->subject.batch;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ runs */

/* Runs until 'seconds' have passed, within the bounds; '*n' is how often. */
static enum deit_status run_for(struct measurement *m, double seconds, size_t min_runs,
                                size_t max_runs, size_t *n, struct deit_error *err)
{
    uint64_t start = deit_progress_now_ns();
    enum deit_status status = DEIT_OK;

    *n = 0;
    while (status == DEIT_OK && *n < max_runs
           && (*n < min_runs || ms_since(start) < seconds * 1e3)) {
        status = deit_bench_subject_run(&m->subject, m->subject.batch, &m->times_ms[*n], err);
        ++*n;
    }
    return status;
}

static double peak_rss_mb(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0.0;
    return (double)usage.ru_maxrss * 1024.0 / 1e6;
}

static enum deit_status take_times(struct measurement *m, struct deit_error *err)
{
    const struct deit_bench_settings *settings = m->settings;
    const struct deit_peak_loop *loop = deit_bench_subject_peak(&m->subject);
    size_t n;

    enum deit_status status =
        deit_bench_subject_run(&m->subject, m->subject.batch, &m->first_ms, err);
    if (status != DEIT_OK)
        return status;
    status = run_for(m, settings->seconds / 10, 1, settings->max_runs, &n, err);
    if (status != DEIT_OK)
        return status;
    m->peak_rss_mb = peak_rss_mb();

    m->peaks.before = deit_peak_around(loop, m->subject.info.threads);
    deit_bench_steps_reset(m->steps);
    status =
        run_for(m, settings->seconds, settings->min_runs, settings->max_runs, &m->n_runs, err);
    if (status != DEIT_OK)
        return status;
    m->peaks.after = deit_peak_around(loop, m->subject.info.threads);
    m->ms = deit_bench_quantiles(m->times_ms, m->n_runs);
    return DEIT_OK;
}

/* Runs every row of the tensor once more; the first ones are still in place. */
static enum deit_status write_rows(struct measurement *m, struct deit_npy_writer *writer,
                                   struct deit_error *err)
{
    const struct deit_bench_subject *subject = &m->subject;
    for (;;) {
        double unused;
        enum deit_status status = deit_bench_subject_run(&m->subject, m->n_rows, &unused, err);
        for (size_t i = 0; i < m->n_rows && status == DEIT_OK; i++)
            status = deit_npy_write(writer, subject->out + i * subject->out_elements, err);
        if (status != DEIT_OK || m->tensor.rows_left == 0)
            return status;
        status = read_rows(m, err);
        if (status != DEIT_OK)
            return status;
    }
}

static enum deit_status write_logits(struct measurement *m, struct deit_error *err)
{
    struct deit_npy_writer *writer = NULL;
    const struct deit_port *port = &m->subject.out_port;
    uint64_t n_rows = m->n_rows + m->tensor.rows_left;

    enum deit_status status = deit_npy_create(m->settings->logits, port->rank - 1,
                                              port->dims + 1, n_rows, &writer, err);
    if (status == DEIT_OK)
        status = write_rows(m, writer, err);
    if (status == DEIT_OK)
        status = deit_npy_finish(writer, err);
    if (status == DEIT_OK)
        status = deit_npy_publish(writer, err);
    deit_npy_free(writer);
    return status;
}

/* ------------------------------------------------------------------ results */

static void describe(const struct measurement *m, struct deit_record *record)
{
    const struct deit_session_info *info = &m->subject.info;
    double per_second = 1e3 * (double)m->subject.batch / m->ms.median;

    deit_record_init(record, "model", "median_ms");
    deit_bench_subject_describe(&m->subject, m->which, record);
    deit_record_count(record, "runs", DEIT_NO_LOOK, m->n_runs);
    deit_record_number(record, "load_ms", DEIT_LOOK("load ms", 8, 1), m->load_ms);
    deit_record_number(record, "first_ms", DEIT_LOOK("first ms", 8, 2), m->first_ms);
    deit_record_number(record, "min_ms", DEIT_LOOK("min ms", 8, 3), m->ms.min);
    deit_record_number(record, "median_ms", DEIT_LOOK("median", 8, 3), m->ms.median);
    deit_record_number(record, "p10_ms", DEIT_LOOK("p10", 8, 3), m->ms.p10);
    deit_record_number(record, "p90_ms", DEIT_LOOK("p90", 8, 3), m->ms.p90);
    deit_record_number(record, "images_per_second", DEIT_LOOK("images/s", 8, 1), per_second);
    deit_record_number(record, "gflop", DEIT_LOOK("GFLOP", 6, 2), info->gflop);
    deit_record_number(record, "gflop_executed", DEIT_LOOK("run", 6, 2), info->gflop_executed);
    deit_record_speed(record, info->gflop * per_second, &m->peaks);
    deit_record_number(record, "peak_rss_mb", DEIT_LOOK("RSS MB", 7, 1), m->peak_rss_mb);
}

static enum deit_status hand_on(const struct measurement *m, const struct deit_bench_sink *sink,
                                struct deit_error *err)
{
    struct deit_record record;
    struct deit_records parts = { .list = NULL };

    describe(m, &record);
    if (m->steps) {
        if (!deit_bench_steps_list(m->steps, m->n_runs, &parts))
            return deit_bench_fail_memory(err);
        record.parts_key = "steps";
        record.n_parts = parts.n;
    }
    bool is_taken = sink->add(sink->ctx, &record, parts.list);
    deit_records_done(&parts);
    return is_taken ? DEIT_OK : deit_report_fail(err, DEIT_ERR_IO, "nobody reads the results");
}

static void done(struct measurement *m)
{
    deit_bench_subject_done(&m->subject);
    deit_npy_close(&m->tensor);
    deit_bench_steps_free(m->steps);
    free(m->times_ms);
}

enum deit_status deit_bench_measure_model(const struct deit_bench_case *which,
                                          const struct deit_bench_settings *settings,
                                          const struct deit_bench_sink *sink,
                                          struct deit_error *err)
{
    struct measurement m = { .which = which, .settings = settings };

    enum deit_status status = load(&m, err);
    if (status == DEIT_OK)
        status = fill_input(&m, err);
    if (status == DEIT_OK)
        status = take_times(&m, err);
    if (status == DEIT_OK && settings->logits)
        status = write_logits(&m, err);
    if (status == DEIT_OK)
        status = hand_on(&m, sink, err);
    done(&m);
    return status;
}
