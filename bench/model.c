/*
 * bench/measure.c: opens a model and takes the time of its runs.
 *
 * The order is that of a program: load, first run, then many.  The peak is measured right
 * before and right after the timed runs, because it says what the machine could do at that
 * time and not at another.  Memory is read before that, so that only the model counts.
 */
#include "bench/measure.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "bench/peak.h"
#include "bench/steps.h"
#include "cli/common/npy.h"
#include "cli/common/progress.h"
#include "cli/common/report.h"

enum { SEED = 1 };

struct measurement {
    const struct deit_bench_case *which;
    const struct deit_bench_settings *settings;
    struct deit_npy_reader tensor;
    deit_model *model;
    deit_session *session;
    struct deit_port in_port, out_port;
    size_t in_elements, out_elements; /* of one row */
    size_t n_rows;                    /* of the tensor that are in 'in': no more than the batch */
    float *in, *out;                  /* (batch, elements) */
    double *times_ms;                 /* (max_runs) */
    struct deit_bench_steps *steps;
};

static enum deit_status fail_memory(struct deit_error *err)
{
    return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory");
}

static double ms_since(uint64_t start)
{
    return (double)(deit_progress_now_ns() - start) / 1e6;
}

/* ------------------------------------------------------------------ set up */

/* A name without a slash or a dot that is no file is an architecture's. */
static bool is_architecture(const char *model)
{
    struct stat unused;
    return !strpbrk(model, "/.") && stat(model, &unused) != 0;
}

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

static enum deit_status open_model(struct measurement *m, struct deit_error *err)
{
    const char *name = m->which->model;
    if (is_architecture(name))
        return deit_model_open_random(name, SEED, NULL, &m->model, err);
    return deit_model_open(name, NULL, &m->model, err);
}

static enum deit_status create_session(struct measurement *m, struct deit_error *err)
{
    const struct deit_session_options options = {
        .size = sizeof options,
        .max_batch = m->which->batch,
        .height = m->settings->tensor ? (uint32_t)m->tensor.dims[2] : 0,
        .width = m->settings->tensor ? (uint32_t)m->tensor.dims[3] : 0,
        .precision = m->which->precision,
        .max_isa = m->settings->max_isa,
        .threads = m->which->threads,
        .on_step = m->steps ? deit_bench_steps_add : NULL,
        .ctx = m->steps,
    };
    return deit_session_create(m->model, &options, &m->session, err);
}

/* What can be told to be wrong before the weights are packed. */
static enum deit_status check_model(const struct measurement *m, struct deit_error *err)
{
    struct deit_model_info info = { .size = sizeof info };
    deit_model_info(m->model, &info);
    if (m->settings->logits && info.n_classes == 0)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED,
                                "--logits: the model has no head, so no logits");
    if (m->settings->tensor && m->tensor.dims[1] != (int64_t)info.channels)
        return deit_report_fail(err, DEIT_ERR_FORMAT,
                                "%s: %lld channels, but the model takes %u", m->settings->tensor,
                                (long long)m->tensor.dims[1], info.channels);
    return DEIT_OK;
}

static size_t count_row_elements(const struct deit_port *port)
{
    size_t n = 1;
    for (uint32_t i = 1; i < port->rank; i++)
        n *= (size_t)port->dims[i];
    return n;
}

static enum deit_status allocate(struct measurement *m, struct deit_error *err)
{
    size_t batch = m->which->batch;

    if (deit_session_input(m->session, 0, &m->in_port) != DEIT_OK
        || deit_session_output(m->session, 0, &m->out_port) != DEIT_OK)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED, "the model has no input or output");
    m->in_elements = count_row_elements(&m->in_port);
    m->out_elements = count_row_elements(&m->out_port);
    m->in = calloc(batch, m->in_elements * sizeof *m->in);
    m->out = calloc(batch, m->out_elements * sizeof *m->out);
    m->times_ms = calloc(m->settings->max_runs, sizeof *m->times_ms);
    return m->in && m->out && m->times_ms ? DEIT_OK : fail_memory(err);
}

/* ------------------------------------------------------------------ runs */

/* Values from -2 to 2, as those of a normalised photo, the same in every run. */
static void fill_random(struct measurement *m)
{
    uint64_t state = SEED;
    for (size_t i = 0; i < m->which->batch * m->in_elements; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        m->in[i] = (float)(state >> 40) / (float)(1 << 22) - 2.0f;
    }
}

/* The next rows of the tensor.  If it has fewer than the batch, they repeat. */
static enum deit_status read_rows(struct measurement *m, struct deit_error *err)
{
    size_t batch = m->which->batch;
    m->n_rows = m->tensor.rows_left < batch ? (size_t)m->tensor.rows_left : batch;
    enum deit_status status = deit_npy_read(&m->tensor, m->n_rows, m->in, err);
    if (status != DEIT_OK)
        return status;
    for (size_t i = m->n_rows; i < batch; i++)
        memcpy(m->in + i * m->in_elements, m->in + (i - m->n_rows) * m->in_elements,
               m->in_elements * sizeof *m->in);
    return DEIT_OK;
}

static enum deit_status fill_input(struct measurement *m, struct deit_error *err)
{
    if (m->settings->tensor)
        return read_rows(m, err);
    fill_random(m);
    m->n_rows = m->which->batch;
    return DEIT_OK;
}

/* One run of 'n' rows; '*ms' is its time. */
static enum deit_status run(struct measurement *m, size_t n, double *ms, struct deit_error *err)
{
    struct deit_tensor in = {
        .data = m->in,
        .bytes = n * m->in_elements * sizeof *m->in,
        .dtype = DEIT_F32,
        .rank = m->in_port.rank,
    };
    struct deit_tensor out = {
        .data = m->out,
        .bytes = n * m->out_elements * sizeof *m->out,
        .dtype = DEIT_F32,
    };
    memcpy(in.dims, m->in_port.dims, sizeof in.dims);
    in.dims[0] = (int64_t)n;

    uint64_t start = deit_progress_now_ns();
    enum deit_status status = deit_session_run(m->session, 1, &in, 1, &out, err);
    *ms = ms_since(start);
    return status;
}

/* Runs until 'seconds' have passed, within the bounds; '*n' is how often. */
static enum deit_status run_for(struct measurement *m, double seconds, size_t min_runs,
                                size_t max_runs, size_t *n, struct deit_error *err)
{
    uint64_t start = deit_progress_now_ns();
    enum deit_status status = DEIT_OK;

    *n = 0;
    while (status == DEIT_OK && *n < max_runs
           && (*n < min_runs || ms_since(start) < seconds * 1e3)) {
        status = run(m, m->which->batch, &m->times_ms[*n], err);
        ++*n;
    }
    return status;
}

/* ------------------------------------------------------------------ results */

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between two of the sorted times where the part falls between them. */
static double quantile(const double *sorted, size_t n, double part)
{
    double at = part * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n)
        return sorted[n - 1];
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

static double peak_rss_mb(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0.0;
    return (double)usage.ru_maxrss * 1024.0 / 1e6;
}

static void describe(const struct measurement *m, struct deit_bench_result *result)
{
    struct deit_session_info info = { .size = sizeof info };
    deit_session_info(m->session, &info);
    result->threads = info.threads;
    result->batch = m->which->batch;
    result->gflop = info.gflop;
    result->gflop_executed = info.gflop_executed;
    strncpy(result->precision, info.precision, sizeof result->precision - 1);
    strncpy(result->isa, info.isa, sizeof result->isa - 1);
}

static enum deit_status take_times(struct measurement *m, struct deit_bench_result *result,
                                   struct deit_error *err)
{
    const struct deit_bench_settings *settings = m->settings;
    size_t n;

    enum deit_status status = run(m, m->which->batch, &result->first_ms, err);
    if (status != DEIT_OK)
        return status;
    status = run_for(m, settings->seconds / 10, 1, settings->max_runs, &n, err);
    if (status != DEIT_OK)
        return status;
    result->peak_rss_mb = peak_rss_mb();

    result->peak_before = deit_peak_gflops(result->isa, result->threads);
    deit_bench_steps_reset(m->steps);
    status = run_for(m, settings->seconds, settings->min_runs, settings->max_runs, &n, err);
    if (status != DEIT_OK)
        return status;
    result->peak_after = deit_peak_gflops(result->isa, result->threads);

    qsort(m->times_ms, n, sizeof *m->times_ms, compare_times);
    result->n_runs = n;
    result->median_ms = quantile(m->times_ms, n, 0.5);
    result->p10_ms = quantile(m->times_ms, n, 0.1);
    result->p90_ms = quantile(m->times_ms, n, 0.9);
    return DEIT_OK;
}

/* Runs every row of the tensor once more; the first ones are still in place. */
static enum deit_status write_rows(struct measurement *m, struct deit_npy_writer *writer,
                                   struct deit_error *err)
{
    for (;;) {
        double unused;
        enum deit_status status = run(m, m->n_rows, &unused, err);
        for (size_t i = 0; i < m->n_rows && status == DEIT_OK; i++)
            status = deit_npy_write(writer, m->out + i * m->out_elements, err);
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
    uint64_t n_rows = m->n_rows + m->tensor.rows_left;

    enum deit_status status = deit_npy_create(m->settings->logits, m->out_port.rank - 1,
                                              m->out_port.dims + 1, n_rows, &writer, err);
    if (status == DEIT_OK)
        status = write_rows(m, writer, err);
    if (status == DEIT_OK)
        status = deit_npy_finish(writer, err);
    if (status == DEIT_OK)
        status = deit_npy_publish(writer, err);
    deit_npy_free(writer);
    return status;
}

static void done(struct measurement *m)
{
    deit_session_free(m->session);
    deit_model_close(m->model);
    deit_npy_close(&m->tensor);
    deit_bench_steps_free(m->steps);
    free(m->in);
    free(m->out);
    free(m->times_ms);
}

static enum deit_status load(struct measurement *m, double *load_ms, struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    if (m->settings->tensor)
        status = open_tensor(m, err);
    if (status == DEIT_OK && m->settings->has_steps && !(m->steps = deit_bench_steps_create()))
        status = fail_memory(err);
    if (status != DEIT_OK)
        return status;

    uint64_t start = deit_progress_now_ns();
    status = open_model(m, err);
    if (status == DEIT_OK)
        status = check_model(m, err);
    if (status == DEIT_OK)
        status = create_session(m, err);
    *load_ms = ms_since(start);
    return status;
}

enum deit_status deit_bench_measure(const struct deit_bench_case *which,
                                    const struct deit_bench_settings *settings,
                                    struct deit_bench_result *result_,
                                    struct deit_bench_step **steps_, size_t *n_steps_,
                                    struct deit_error *err)
{
    struct measurement m = { .which = which, .settings = settings };
    struct deit_bench_result result = { 0 };
    struct deit_bench_step *steps = NULL;
    size_t n_steps = 0;

    enum deit_status status = load(&m, &result.load_ms, err);
    if (status == DEIT_OK)
        status = allocate(&m, err);
    if (status == DEIT_OK)
        status = fill_input(&m, err);
    if (status != DEIT_OK)
        goto end;

    describe(&m, &result);
    status = take_times(&m, &result, err);
    if (status == DEIT_OK && m.steps) {
        steps = deit_bench_steps_list(m.steps, result.n_runs, &n_steps);
        if (!steps)
            status = fail_memory(err);
    }
    if (status == DEIT_OK && settings->logits)
        status = write_logits(&m, err);
    if (status != DEIT_OK)
        goto end;

    *result_ = result;
    *steps_ = steps;
    *n_steps_ = n_steps;
    steps = NULL;
end:
    free(steps);
    done(&m);
    return status;
}
