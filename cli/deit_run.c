/*
 * cli/deit_run.c: deit-run, which says what is on photos.
 *
 * One loop: take the names of a batch, read them and run the model, write the answers in order.
 * A photo that cannot be read is one failed answer; a model, a tensor or an output that fails
 * ends the run, and then no array is left behind.
 */
#include <signal.h>
#include <stdio.h>

#include "cli/run_batch.h"
#include "cli/run_lanes.h"
#include "cli/run_notes.h"
#include "cli/run_setup.h"
#include "cli/run_state.h"

enum { AUTO_BATCH = 8 };

/* Appends the rows of one item; an input without an answer is a row of NaN. */
static bool write_arrays(struct deit_run *run, const struct deit_run_batch *batch,
                         const struct deit_run_item *item)
{
    for (size_t i = 0; i < DEIT_RUN_ARRAYS; i++) {
        struct deit_error err;
        enum deit_status status;
        if (!run->arrays[i])
            continue;
        bool is_known = item->has_row && (!item->reason || i == DEIT_RUN_INPUT);
        if (is_known)
            status = deit_npy_write(run->arrays[i],
                                    batch->rows[i] + item->row * batch->row_elements[i], &err);
        else
            status = deit_npy_write_nan(run->arrays[i], &err);
        if (status != DEIT_OK) {
            deit_run_complain(run, NULL, err.message);
            return false;
        }
    }
    return true;
}

/* Results so far go out before an error does: on a terminal the two then read in order. */
static bool write_error(struct deit_run *run, const struct deit_run_item *item)
{
    run->has_failures = true;
    deit_results_error(run->results, item->name, item->reason);
    if (!deit_run_flush(run))
        return false;
    deit_run_complain(run, item->name, item->reason);
    return true;
}

static bool write_batch(struct deit_run *run, const struct deit_run_batch *batch)
{
    for (size_t i = 0; i < batch->n_items; i++) {
        const struct deit_run_item *item = &batch->items[i];
        if (!write_arrays(run, batch, item))
            return false;
        if (item->reason) {
            if (!write_error(run, item))
                return false;
            continue;
        }
        const float *logits = batch->rows[DEIT_RUN_LOGITS];
        if (logits)
            logits += item->row * batch->row_elements[DEIT_RUN_LOGITS];
        deit_results_answer(run->results, item->name, logits);
        run->n_answered++;
    }
    run->n_done += batch->n_items;
    return deit_run_flush(run);
}

static void show_progress(struct deit_run *run)
{
    if (!deit_progress_is_due(&run->progress))
        return;
    if (!run->has_counted) {
        const struct deit_inputs_options options = {
            .operands = run->options.operands,
            .n_operands = run->options.n_operands,
            .list = run->options.files_from,
            .stop_fd = -1,
            .is_recursive = run->options.is_recursive,
            .follows_links = run->options.follow_links,
        };
        run->total = deit_inputs_count(&options);
        run->has_counted = true;
    }
    deit_progress_update(&run->progress, run->n_done, run->total);
}

static enum deit_exit fail_batch(struct deit_run *run, bool is_input,
                                 const struct deit_error *err)
{
    deit_run_complain(run, is_input ? run->options.tensor : run->model_name, err->message);
    return is_input ? DEIT_EXIT_FAILED : deit_report_exit(err->status);
}

/* A photo alone has all threads. */
static enum deit_status answer_batch(struct deit_run *run, struct deit_run_batch *batch,
                                     bool *is_input, struct deit_error *err)
{
    *is_input = false;
    if (run->lanes && batch->n_items > 1)
        return deit_run_lanes_run(run, batch, err);
    return deit_run_batch_run(run, batch, is_input, err);
}

static enum deit_exit answer_all(struct deit_run *run, struct deit_run_batch *batch)
{
    while (batch->n_items > 0 && !deit_run_stop_signal()) {
        struct deit_error err;
        bool is_input;
        if (answer_batch(run, batch, &is_input, &err) != DEIT_OK)
            return fail_batch(run, is_input, &err);
        if (!write_batch(run, batch))
            return DEIT_EXIT_FAILED;
        show_progress(run);
        if (deit_run_batch_gather(run, batch, &err) != DEIT_OK)
            return fail_batch(run, false, &err);
    }
    return !deit_run_stop_signal() && deit_run_flush(run) ? DEIT_EXIT_OK : DEIT_EXIT_FAILED;
}

/* All arrays are whole before the first one gets its name. */
static enum deit_exit finish_arrays(struct deit_run *run)
{
    struct deit_error err;
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; i < DEIT_RUN_ARRAYS && status == DEIT_OK; i++)
        if (run->arrays[i])
            status = deit_npy_finish(run->arrays[i], &err);
    for (size_t i = 0; i < DEIT_RUN_ARRAYS && status == DEIT_OK; i++)
        if (run->arrays[i])
            status = deit_npy_publish(run->arrays[i], &err);
    if (status == DEIT_OK)
        return DEIT_EXIT_OK;
    deit_run_complain(run, NULL, err.message);
    return DEIT_EXIT_FAILED;
}

/* Images without a word about batches: each thread can have its own. */
static bool is_for_lanes(const struct deit_run *run)
{
    return !run->options.tensor && !run->options.batch && run->info.fixed_batch <= 1;
}

/* Inputs of a run: a graph may insist on its own number, and is given fewer at the end alone. */
static size_t choose_limit(const struct deit_run *run)
{
    if (is_for_lanes(run))
        return AUTO_BATCH; /* lanes take more, once it is known how many there are */
    if (run->info.fixed_batch > 0)
        return run->info.fixed_batch;
    return run->options.batch ? run->options.batch : AUTO_BATCH;
}

static enum deit_exit setup_session(struct deit_run *run, struct deit_run_batch *batch)
{
    size_t n = batch->n_items > 0 ? batch->n_items : 1;
    bool has_lanes = is_for_lanes(run) && (n > 1 || !batch->is_last);
    size_t max_batch = has_lanes ? 1 : batch->is_last ? n : batch->limit;
    return deit_run_setup_session(run, batch, max_batch, has_lanes);
}

static enum deit_exit run_all(struct deit_run *run, struct deit_run_batch *batch)
{
    struct deit_error err;
    enum deit_exit code = deit_run_setup_model(run);
    if (code == DEIT_EXIT_OK)
        code = deit_run_setup_inputs(run, deit_run_stop_fd());
    if (code != DEIT_EXIT_OK)
        return code;

    deit_run_batch_init(batch, choose_limit(run));
    if (deit_run_batch_gather(run, batch, &err) != DEIT_OK)
        return fail_batch(run, false, &err);
    code = setup_session(run, batch);
    if (code == DEIT_EXIT_OK)
        code = deit_run_setup_outputs(run, batch);
    if (code != DEIT_EXIT_OK)
        return code;

    deit_run_notes_begin(run);
    code = answer_all(run, batch);
    deit_progress_erase(&run->progress);
    if (code == DEIT_EXIT_OK)
        code = finish_arrays(run);
    if (code == DEIT_EXIT_OK)
        deit_run_notes_end(run);
    return code == DEIT_EXIT_OK && run->has_failures ? DEIT_EXIT_FAILED : code;
}

static void run_done(struct deit_run *run, struct deit_run_batch *batch)
{
    deit_run_batch_done(batch);
    deit_results_free(run->results);
    for (size_t i = 0; i < DEIT_RUN_ARRAYS; i++)
        deit_npy_free(run->arrays[i]);
    deit_npy_close(&run->tensor);
    deit_inputs_close(run->inputs);
    deit_run_lanes_free(run->lanes);
    deit_session_free(run->session);
    deit_labels_close(run->own_labels);
    deit_model_close(run->model);
}

int main(int argc, char **argv)
{
    struct deit_run run = { .n_done = 0 };
    struct deit_run_batch batch = { .limit = 0 };
    enum deit_exit code;

    deit_report_begin();
    if (!deit_run_options_parse(argc, argv, &run.options, &code))
        return code;

    deit_run_catch_signals();
    deit_progress_init(&run.progress, "deit-run",
                       run.options.has_progress && !run.options.is_quiet);
    code = run_all(&run, &batch);
    run_done(&run, &batch);
    int number = deit_run_stop_signal();
    if (number != 0) {
        signal(number, SIG_DFL);
        raise(number);
    }
    return code;
}
