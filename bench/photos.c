/*
 * bench/photos.c: photos of a folder, from the file to the five best classes.
 *
 * First on one thread, photo by photo, for the time of each stage.  Then on all threads: each
 * has a session of one thread, and takes the next photos of the folder, over and over, until
 * the time is up.  That is the most that a program can make of the cores, and what an efficiency
 * is about: as many photos as the stages on one core let expect, times the cores.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/measure.h"
#include "bench/quantiles.h"
#include "bench/subject.h"
#include "bench/workers.h"
#include "cli/common/inputs.h"
#include "cli/common/progress.h"
#include "cli/common/report.h"
#include "runtime/os.h"

enum stage { DECODE, PREPROCESS, RUN, ANSWER, N_STAGES };
enum { TOP = 5, MAX_PASSES = 64 };

/* One thread's. */
struct lane {
    struct deit_bench_subject subject;
    struct deit_recipe recipe;
    float *probabilities; /* (classes) */
    double ms[N_STAGES];  /* of the last photo, a run shared by its batch */
    enum deit_status status;
    struct deit_error err;
};

struct measurement {
    const struct deit_bench_case *which;
    const struct deit_bench_settings *settings;
    char **paths;
    size_t n_paths, room;
    struct lane *lanes;
    unsigned n_lanes;
    atomic_size_t next, limit; /* of the photos of a stretch */

    double stage_ms[N_STAGES]; /* of a photo on one thread: the mean over the photos */
    size_t n_timed;
    double per_second;
};

static double ms_since(uint64_t *since)
{
    uint64_t now = deit_progress_now_ns();
    double ms = (double)(now - *since) / 1e6;
    *since = now;
    return ms;
}

/* ------------------------------------------------------------------ set up */

static enum deit_status add_path(struct measurement *m, char *path, struct deit_error *err)
{
    if (m->n_paths == m->room) {
        size_t room = m->room ? 2 * m->room : 64;
        char **paths = realloc(m->paths, room * sizeof *paths);
        if (!paths) {
            free(path);
            return deit_bench_fail_memory(err);
        }
        m->paths = paths;
        m->room = room;
    }
    m->paths[m->n_paths++] = path;
    return DEIT_OK;
}

static enum deit_status list_photos(struct measurement *m, struct deit_error *err)
{
    char *operands[] = { (char *)m->settings->images };
    const struct deit_inputs_options options = {
        .operands = operands, .n_operands = 1, .stop_fd = -1
    };
    struct deit_inputs *inputs;
    enum deit_status status = deit_inputs_open(&options, &inputs, err);
    if (status != DEIT_OK)
        return status;
    for (char *path; status == DEIT_OK;) {
        struct deit_error why;
        status = deit_inputs_next(inputs, &path, &why);
        if (status == DEIT_OK && !path)
            break;
        if (status == DEIT_OK) {
            status = add_path(m, path, err);
        } else {
            deit_report_fail(err, status, "%s: %s", m->settings->images,
                             deit_report_reason(m->settings->images, why.message));
            free(path);
        }
    }
    deit_inputs_close(inputs);
    return status;
}

static enum deit_status open_lane(struct measurement *m, struct lane *lane,
                                  struct deit_error *err)
{
    const struct deit_bench_wishes wishes = { .height = 0 };
    const struct deit_bench_case alone = {
        .model = m->which->model,
        .precision = m->which->precision,
        .threads = 1,
        .batch = m->which->batch,
    };
    enum deit_status status =
        deit_bench_subject_plan(&lane->subject, &alone, m->settings, &wishes, err);
    if (status != DEIT_OK)
        return status;

    const struct deit_bench_subject *subject = &lane->subject;
    const struct deit_recipe *recipe = deit_session_recipe(subject->session);
    if (!recipe) /* asked again for the reason */
        return deit_recipe_init(subject->model, DEIT_RECIPE_AUTO, 0, 0, &lane->recipe, err);
    lane->recipe = *recipe;
    if (subject->in_elements != (size_t)3 * recipe->height * recipe->width)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED, "the model takes no photos");
    lane->probabilities = calloc(subject->out_elements, sizeof *lane->probabilities);
    return lane->probabilities ? DEIT_OK : deit_bench_fail_memory(err);
}

/* All lanes share the model, and so its packed weights. */
static enum deit_status open_lanes(struct measurement *m, struct deit_error *err)
{
    struct deit_model_info info = { .size = sizeof info };
    m->n_lanes = m->which->threads ? m->which->threads : deit_os_cpu_count();
    m->lanes = calloc(m->n_lanes, sizeof *m->lanes);
    if (!m->lanes)
        return deit_bench_fail_memory(err);

    enum deit_status status = deit_bench_subject_open(&m->lanes[0].subject, m->which, err);
    if (status != DEIT_OK)
        return status;
    deit_model_info(m->lanes[0].subject.model, &info);
    if (info.n_classes == 0)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED, "the model has no head, so no classes");
    for (unsigned i = 0; i < m->n_lanes && status == DEIT_OK; i++) {
        m->lanes[i].subject.model = m->lanes[0].subject.model;
        status = open_lane(m, &m->lanes[i], err);
    }
    return status;
}

static void done(struct measurement *m)
{
    for (unsigned i = 0; m->lanes && i < m->n_lanes; i++) {
        if (i > 0)
            m->lanes[i].subject.model = NULL; /* the first one's */
        deit_bench_subject_done(&m->lanes[i].subject);
        free(m->lanes[i].probabilities);
    }
    free(m->lanes);
    for (size_t i = 0; i < m->n_paths; i++)
        free(m->paths[i]);
    free(m->paths);
}

/* ------------------------------------------------------------------ photos */

/* A file into row 'row' of the input. */
static enum deit_status load_photo(struct lane *lane, const char *path, size_t row)
{
    deit_image image;
    uint64_t since = deit_progress_now_ns();
    enum deit_status status = deit_image_open(path, NULL, &image, &lane->err);
    lane->ms[DECODE] = ms_since(&since);
    if (status != DEIT_OK)
        return status;
    status = deit_preprocess(&image, &lane->recipe,
                             lane->subject.in + row * lane->subject.in_elements, &lane->err);
    deit_image_close(&image);
    lane->ms[PREPROCESS] = ms_since(&since);
    return status;
}

static void answer(struct lane *lane, size_t row)
{
    size_t n = lane->subject.out_elements, best[TOP];
    const float *logits = lane->subject.out + row * n;
    volatile size_t kept = deit_top_k(n, logits, TOP, best);
    (void)kept;
    deit_softmax(n, logits, lane->probabilities);
}

/* 'n' photos, at most a batch, of which the first is number 'first'. */
static enum deit_status run_photos(const struct measurement *m, struct lane *lane, size_t first,
                                   size_t n)
{
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; i < n && status == DEIT_OK; i++)
        status = load_photo(lane, m->paths[(first + i) % m->n_paths], i);
    if (status != DEIT_OK)
        return status;
    status = deit_bench_subject_run(&lane->subject, n, &lane->ms[RUN], &lane->err);
    lane->ms[RUN] /= (double)n;
    uint64_t since = deit_progress_now_ns();
    for (size_t i = 0; i < n && status == DEIT_OK; i++)
        answer(lane, i);
    lane->ms[ANSWER] = ms_since(&since) / (double)n;
    return status;
}

/* ------------------------------------------------------------------ one thread */

/* The median over the passes, summed over the photos: a disturbed photo does not count. */
static void sum_stages(struct measurement *m, double *times, size_t n_passes)
{
    for (size_t i = 0; i < m->n_paths; i++)
        for (size_t stage = 0; stage < N_STAGES; stage++) {
            double *of = times + (i * N_STAGES + stage) * MAX_PASSES;
            m->stage_ms[stage] +=
                deit_bench_quantiles(of, n_passes).median / (double)m->n_paths;
        }
    m->n_timed = n_passes * m->n_paths;
}

/* Passes through the folder for half of the time; the first photo once before, to warm up. */
static enum deit_status time_stages(struct measurement *m, struct deit_error *err)
{
    const struct deit_bench_settings *s = m->settings;
    struct lane *lane = &m->lanes[0];
    size_t n_passes = 0;

    double *times = calloc(m->n_paths * N_STAGES, MAX_PASSES * sizeof *times);
    if (!times)
        return deit_bench_fail_memory(err);
    enum deit_status status = run_photos(m, lane, 0, 1);
    uint64_t start = deit_progress_now_ns();
    while (status == DEIT_OK && n_passes < MAX_PASSES
           && (n_passes < 1
               || (double)(deit_progress_now_ns() - start) < s->seconds * 0.5e9)) {
        for (size_t i = 0; i < m->n_paths && status == DEIT_OK; i++) {
            status = run_photos(m, lane, i, 1);
            for (size_t stage = 0; stage < N_STAGES; stage++)
                times[(i * N_STAGES + stage) * MAX_PASSES + n_passes] = lane->ms[stage];
        }
        n_passes++;
    }
    if (status == DEIT_OK)
        sum_stages(m, times, n_passes);
    else
        *err = lane->err;
    free(times);
    return status;
}

/* ------------------------------------------------------------------ all threads */

static void work(void *measurement, unsigned index)
{
    struct measurement *m = measurement;
    struct lane *lane = &m->lanes[index];
    const size_t batch = lane->subject.batch, limit = m->limit;
    size_t first;

    while (lane->status == DEIT_OK && (first = atomic_fetch_add(&m->next, batch)) < limit)
        lane->status = run_photos(m, lane, first, limit - first < batch ? limit - first : batch);
}

/* 'n' photos on all threads; '*seconds' is how long they took. */
static enum deit_status run_stretch(struct measurement *m, size_t n, double *seconds,
                                    struct deit_error *err)
{
    m->next = 0;
    m->limit = n;
    uint64_t since = deit_progress_now_ns();
    if (!deit_bench_workers_run(m->n_lanes, work, m))
        return deit_report_fail(err, DEIT_ERR_MEMORY, "no %u threads can be had", m->n_lanes);
    *seconds = ms_since(&since) / 1e3;
    for (unsigned i = 0; i < m->n_lanes; i++)
        if (m->lanes[i].status != DEIT_OK) {
            *err = m->lanes[i].err;
            return m->lanes[i].status;
        }
    return DEIT_OK;
}

/*
 * The median of some stretches of whole passes, each long enough that it matters little who
 * finishes last: a tenth of the time, and no less than sixteen photos a thread unless the time
 * is short.
 */
static enum deit_status time_all(struct measurement *m, struct deit_error *err)
{
    enum { STRETCHES = 5, LEAST = 16 };
    double seconds[STRETCHES], one = 0.0;
    for (size_t stage = 0; stage < N_STAGES; stage++)
        one += m->stage_ms[stage] / 1e3;

    double wanted = m->settings->seconds / (2 * STRETCHES) * m->n_lanes / one;
    size_t n = m->n_paths;
    if (m->settings->seconds > 0.0 && wanted < LEAST * (double)m->n_lanes)
        wanted = LEAST * (double)m->n_lanes;
    while ((double)n < wanted)
        n += m->n_paths;

    enum deit_status status = run_stretch(m, n < m->n_lanes ? m->n_lanes : n, &seconds[0], err);
    for (size_t i = 0; i < STRETCHES && status == DEIT_OK; i++)
        status = run_stretch(m, n, &seconds[i], err);
    if (status == DEIT_OK)
        m->per_second = (double)n / deit_bench_quantiles(seconds, STRETCHES).median;
    return status;
}

/* ------------------------------------------------------------------ results */

static enum deit_status hand_on(const struct measurement *m, const struct deit_bench_sink *sink,
                                struct deit_error *err)
{
    static const char *const keys[] = { "decode_ms", "preprocess_ms", "run_ms", "answer_ms" };
    static const char *const headings[] = { "decode ms", "prepare", "run", "top-5" };
    struct deit_bench_subject subject = m->lanes[0].subject;
    struct deit_record record;
    struct rusage usage = { .ru_maxrss = 0 };
    unsigned cpus = deit_os_cpu_count(), cores = m->n_lanes < cpus ? m->n_lanes : cpus;
    double one_ms = 0.0;

    getrusage(RUSAGE_SELF, &usage);
    subject.info.threads = m->n_lanes; /* of one each */
    deit_record_init(&record, "photos", "ms_per_photo");
    deit_bench_subject_describe(&subject, m->which, &record);
    deit_record_text(&record, "images", DEIT_NO_LOOK, m->settings->images);
    deit_record_is_case(&record);
    deit_record_count(&record, "photos", DEIT_LOOK("photos", 6), m->n_paths);
    deit_record_count(&record, "runs", DEIT_NO_LOOK, m->n_timed);
    for (size_t stage = 0; stage < N_STAGES; stage++) {
        deit_record_number(&record, keys[stage], DEIT_LOOK(headings[stage], 9, 3),
                           m->stage_ms[stage]);
        one_ms += m->stage_ms[stage];
    }
    deit_record_number(&record, "one_core_ms", DEIT_LOOK("sum", 9, 3), one_ms);
    deit_record_number(&record, "ms_per_photo", DEIT_LOOK("ms/photo", 9, 3),
                       1e3 / m->per_second);
    deit_record_number(&record, "photos_per_second", DEIT_LOOK("photos/s", 9, 1),
                       m->per_second);
    deit_record_number(&record, "efficiency", DEIT_LOOK("effic.", 6, 3),
                       m->per_second * one_ms / 1e3 / cores);
    deit_record_number(&record, "peak_rss_mb", DEIT_LOOK("RSS MB", 7, 1),
                       (double)usage.ru_maxrss * 1024.0 / 1e6);
    return deit_bench_add(sink, &record, err);
}

enum deit_status deit_bench_measure_photos(const struct deit_bench_case *which,
                                           const struct deit_bench_settings *settings,
                                           const struct deit_bench_sink *sink,
                                           struct deit_error *err)
{
    struct measurement m = { .which = which, .settings = settings };

    enum deit_status status = list_photos(&m, err);
    if (status == DEIT_OK)
        status = open_lanes(&m, err);
    if (status == DEIT_OK)
        status = time_stages(&m, err);
    if (status == DEIT_OK)
        status = time_all(&m, err);
    if (status == DEIT_OK)
        status = hand_on(&m, sink, err);
    done(&m);
    return status;
}
