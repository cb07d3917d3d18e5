/*
 * bench/ops.c: the steps of a model's plan, each run alone.
 *
 * A step is repeated by a plan that holds nothing else, so a time is that of all threads, with
 * the barrier behind it, as in a run of the model.  But its weights and values are in the caches
 * from the repetition before: what the sum of the steps is below a whole run went there.
 *
 * Steps that do the same work in several blocks are measured once and counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"
#include "bench/quantiles.h"
#include "bench/steps.h"
#include "bench/subject.h"
#include "cli/common/progress.h"
#include "runtime/kind.h"
#include "runtime/session.h"

/* Repetitions in one region of threads: entering it must not count. */
enum { REPEATS = 32 };

/* Equal steps. */
struct op {
    const struct deit_step *step; /* the first of them */
    char name[DEIT_STEP_NAME];
    size_t number, n_tiles;
    double gflop; /* of its node and the whole batch; 0: none worth counting */
    size_t n_runs;
    struct deit_bench_quantiles ms;
};

struct measurement {
    const struct deit_bench_case *which;
    const struct deit_bench_settings *settings;
    struct deit_bench_subject subject;
    struct op *ops;
    size_t n_ops;
    size_t *op_of;    /* (steps of the plan) */
    double *times_ms; /* (max_runs) */
    size_t n_times;
    struct deit_record_peaks peaks;
};

/* ------------------------------------------------------------------ which steps there are */

static double gflop_of(const struct deit_graph *graph, const struct deit_step *step)
{
    const struct deit_node *node = &graph->nodes[step->node];
    const struct deit_kind *kind = deit_kind_of(node);
    return kind->macs ? 2e-9 * kind->macs(graph, node) : 0.0;
}

static bool is_same(const struct op *a, const struct op *b)
{
    return a->step->run == b->step->run && a->n_tiles == b->n_tiles && a->gflop == b->gflop
           && strcmp(a->name, b->name) == 0;
}

/* Returns its index, or that of an equal one. */
static size_t add_op(struct measurement *m, const struct op *op)
{
    size_t i = 0;
    while (i < m->n_ops && !is_same(&m->ops[i], op))
        i++;
    if (i == m->n_ops)
        m->ops[m->n_ops++] = *op;
    m->ops[i].number++;
    return i;
}

static enum deit_status list_ops(struct measurement *m, struct deit_error *err)
{
    const struct deit_plan *plan = deit_session_exec(m->subject.session)->plan;
    const struct deit_graph *graph = deit_session_graph(m->subject.session);

    m->ops = calloc(plan->n_steps + 1, sizeof *m->ops);
    m->times_ms = calloc(m->settings->max_runs, sizeof *m->times_ms);
    m->op_of = calloc(plan->n_steps + 1, sizeof *m->op_of);
    if (!m->ops || !m->op_of || !m->times_ms)
        return deit_bench_fail_memory(err);
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct deit_step *step = &plan->steps[i];
        struct op op = {
            .step = step,
            .n_tiles = step->n_tiles(step->op, plan->batch),
            .gflop = gflop_of(graph, step),
        };
        char name[512];
        snprintf(name, sizeof name, "%s%s", step->name, step->suffix);
        deit_bench_step_shorten(name, op.name);
        m->op_of[i] = add_op(m, &op);
    }
    return DEIT_OK;
}

/* ------------------------------------------------------------------ runs */

static void add_time(void *measurement, const char *name, uint64_t ns)
{
    struct measurement *m = measurement;
    (void)name;
    if (m->n_times < m->settings->max_runs)
        m->times_ms[m->n_times++] = (double)ns / 1e6;
}

/* Runs one step until 'seconds' have passed, within the bounds. */
static enum deit_status run_for(struct measurement *m, struct deit_exec *exec, double seconds,
                                size_t min_runs, struct deit_error *err)
{
    uint64_t start = deit_progress_now_ns();
    enum deit_status status = DEIT_OK;

    m->n_times = 0;
    while (status == DEIT_OK && m->n_times < m->settings->max_runs
           && (m->n_times < min_runs
               || (double)(deit_progress_now_ns() - start) < seconds * 1e9))
        status = deit_exec_run(exec, exec->plan->batch, err);
    return status;
}

static enum deit_status run_op(struct measurement *m, struct op *op, struct deit_error *err)
{
    struct deit_exec exec = *deit_session_exec(m->subject.session);
    struct deit_plan plan = *exec.plan;
    struct deit_step steps[REPEATS];
    atomic_size_t claims[REPEATS];

    for (size_t i = 0; i < REPEATS; i++)
        steps[i] = *op->step;
    plan.steps = steps;
    plan.n_steps = REPEATS;
    exec.plan = &plan;
    exec.claims = claims;
    exec.on_step = add_time;
    exec.ctx = m;

    enum deit_status status = run_for(m, &exec, m->settings->seconds / 10, 1, err);
    if (status == DEIT_OK)
        status = run_for(m, &exec, m->settings->seconds, m->settings->min_runs, err);
    if (status == DEIT_OK) {
        op->n_runs = m->n_times;
        op->ms = deit_bench_quantiles(m->times_ms, m->n_times);
    }
    return status;
}

static enum deit_status run_ops(struct measurement *m, struct deit_error *err)
{
    const struct deit_peak_loop *loop = deit_bench_subject_peak(&m->subject);
    double unused;

    /* A run of the whole fills all memory with values as they are. */
    deit_bench_subject_fill(&m->subject);
    enum deit_status status =
        deit_bench_subject_run(&m->subject, m->subject.batch, &unused, err);
    if (status != DEIT_OK)
        return status;
    m->peaks.before = deit_peak_around(loop, m->subject.info.threads);
    for (size_t i = 0; i < m->n_ops && status == DEIT_OK; i++)
        status = run_op(m, &m->ops[i], err);
    m->peaks.after = deit_peak_around(loop, m->subject.info.threads);
    return status;
}

/* ------------------------------------------------------------------ results */

static const char *shape_of(const struct measurement *m, const struct op *op, char *text,
                            size_t room)
{
    const struct deit_graph *graph = deit_session_graph(m->subject.session);
    const struct deit_node *node = &graph->nodes[op->step->node];
    char in[128] = "", out[128] = "";
    if (deit_node_input(node, 0) >= 0)
        deit_shape_print(deit_input_shape(graph, node, 0), in);
    if (deit_node_output(node, 0) >= 0)
        deit_shape_print(deit_output_shape(graph, node, 0), out);
    snprintf(text, room, "%s -> %s", in, out);
    return text;
}

/*
 * A node may have several steps, of which some only lay data out.  The work of the node is told
 * with the longest of them, and held against the time of all.  Returns that time, or 0 for the
 * others.
 */
static double node_ms(const struct measurement *m, const struct op *op)
{
    const struct deit_plan *plan = deit_session_exec(m->subject.session)->plan;
    double sum = 0.0;
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct op *other = &m->ops[m->op_of[i]];
        if (plan->steps[i].node != op->step->node)
            continue;
        if (other != op && other->ms.median > op->ms.median)
            return 0.0;
        sum += other->ms.median;
    }
    return sum;
}

static void add_speed(const struct measurement *m, const struct op *op,
                      struct deit_record *record)
{
    double ms = op->gflop > 0.0 ? node_ms(m, op) : 0.0;
    double gflop = ms > 0.0 ? op->gflop : DEIT_UNKNOWN;
    deit_record_number(record, "gflop", DEIT_LOOK("GFLOP", 8, 4), gflop);
    deit_record_speed(record, gflop / ms * 1e3, &m->peaks);
}

static enum deit_status hand_on(const struct measurement *m, const struct op *op, double total,
                                const struct deit_bench_sink *sink, struct deit_error *err)
{
    struct deit_record record;
    char shape[DEIT_RECORD_TEXT];
    double sum = (double)op->number * op->ms.median;

    deit_record_init(&record, "op", "median_ms");
    deit_bench_subject_describe(&m->subject, m->which, &record);
    deit_record_copy(&record, "op", DEIT_LOOK("operator", 28), op->name);
    deit_record_is_case(&record);
    deit_record_copy(&record, "shape", DEIT_LOOK("shape", 36),
                     shape_of(m, op, shape, sizeof shape));
    deit_record_is_case(&record);
    deit_record_count(&record, "number", DEIT_LOOK("number", 6), op->number);
    deit_record_count(&record, "tiles", DEIT_NO_LOOK, op->n_tiles);
    deit_record_count(&record, "runs", DEIT_NO_LOOK, op->n_runs);
    deit_record_number(&record, "min_ms", DEIT_LOOK("min ms", 8, 4), op->ms.min);
    deit_record_number(&record, "median_ms", DEIT_LOOK("median", 8, 4), op->ms.median);
    deit_record_number(&record, "p10_ms", DEIT_NO_LOOK, op->ms.p10);
    deit_record_number(&record, "p90_ms", DEIT_LOOK("p90", 8, 4), op->ms.p90);
    deit_record_number(&record, "total_ms", DEIT_LOOK("all ms", 8, 3), sum);
    deit_record_number(&record, "percent_of_time", DEIT_LOOK("of all", 6, 1), 100.0 * sum / total);
    add_speed(m, op, &record);
    return deit_bench_add(sink, &record, err);
}

static void done(struct measurement *m)
{
    deit_bench_subject_done(&m->subject);
    free(m->ops);
    free(m->op_of);
    free(m->times_ms);
}

enum deit_status deit_bench_measure_ops(const struct deit_bench_case *which,
                                        const struct deit_bench_settings *settings,
                                        const struct deit_bench_sink *sink,
                                        struct deit_error *err)
{
    struct measurement m = { .which = which, .settings = settings };
    const struct deit_bench_wishes wishes = { .height = 0 };
    double total = 0.0;

    enum deit_status status = deit_bench_subject_open(&m.subject, which, err);
    if (status == DEIT_OK)
        status = deit_bench_subject_plan(&m.subject, which, settings, &wishes, err);
    if (status == DEIT_OK)
        status = list_ops(&m, err);
    if (status == DEIT_OK)
        status = run_ops(&m, err);
    for (size_t i = 0; i < m.n_ops; i++)
        total += (double)m.ops[i].number * m.ops[i].ms.median;
    for (size_t i = 0; i < m.n_ops && status == DEIT_OK; i++)
        status = hand_on(&m, &m.ops[i], total, sink, err);
    done(&m);
    return status;
}
