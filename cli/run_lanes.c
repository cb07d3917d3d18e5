/*
 * cli/run_lanes.c: photos side by side, each on its way from file to logits by one thread.
 *
 * All threads on one batch meet at the end of each of its steps, and read rows that another core
 * wrote.  For a photo alone there is no better way; for a folder there is: a thread with a
 * session of its own, for one image, has all that it needs in its core's cache and waits for
 * nobody.  Weights are shared, and the sessions are smaller than one for a batch.
 */
#include "cli/run_lanes.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run_setup.h"

/* Used by one thread at a time, and made by the first that does. */
struct lane {
    deit_session *session;
    float *input; /* of one photo, where no array keeps it */
    uint64_t run_ns;
    enum deit_status status;
    struct deit_error err;
};

struct deit_run_lanes {
    size_t n;
    struct lane lanes[];
};

/* Of a batch, for each lane: at its end they wait for the last, half a photo of so many. */
enum { ITEMS = 8 };

enum deit_status deit_run_lanes_create(struct deit_run *run, struct deit_run_batch *batch,
                                       struct deit_error *err)
{
    size_t n = run->plan.threads;
    struct deit_run_lanes *lanes = calloc(1, sizeof *lanes + n * sizeof *lanes->lanes);
    if (!lanes)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory");
    lanes->n = n;
    run->lanes = lanes;
    batch->limit = ITEMS * n;
    return DEIT_OK;
}

void deit_run_lanes_free(struct deit_run_lanes *lanes)
{
    for (size_t i = 0; lanes && i < lanes->n; i++) {
        deit_session_free(lanes->lanes[i].session);
        free(lanes->lanes[i].input);
    }
    free(lanes);
}

static enum deit_status open_lane(struct lane *lane, const struct deit_run *run,
                                  const struct deit_run_batch *batch)
{
    lane->input = malloc(batch->row_elements[DEIT_RUN_INPUT] * sizeof *lane->input);
    if (!lane->input)
        return deit_report_fail(&lane->err, DEIT_ERR_MEMORY, "out of memory");
    return deit_run_session_create(run, 1, 1, &lane->session, &lane->err);
}

/* On failure the lane's error says why; a photo's own is its item's. */
static enum deit_status answer(struct lane *lane, const struct deit_run *run,
                               struct deit_run_batch *batch, size_t index)
{
    struct deit_run_item *item = &batch->items[index];
    if (deit_run_stop_signal())
        return deit_report_fail(&lane->err, DEIT_ERR_INTERRUPTED, "interrupted");
    if (item->reason)
        return DEIT_OK;
    if (!lane->session) {
        enum deit_status status = open_lane(lane, run, batch);
        if (status != DEIT_OK)
            return status;
    }
    float *input = lane->input;
    if (run->options.save_input)
        input = batch->rows[DEIT_RUN_INPUT] + index * batch->row_elements[DEIT_RUN_INPUT];
    if (!deit_run_batch_load(run, item, input))
        return deit_report_fail(&lane->err, DEIT_ERR_MEMORY, "out of memory");
    if (item->reason)
        return DEIT_OK;

    item->has_row = true;
    item->row = index;
    uint64_t start = deit_progress_now_ns();
    enum deit_status status = deit_run_batch_rows(lane->session, batch, index, 1, input,
                                                  &lane->err);
    lane->run_ns += deit_progress_now_ns() - start;
    return status == DEIT_ERR_NONFINITE ? deit_run_item_mark_nonfinite(item, &lane->err) : status;
}

struct loop {
    const struct deit_run *run;
    struct deit_run_batch *batch;
    atomic_size_t next;
    atomic_bool has_failed;
};

static void walk_lane(void *loop_, size_t index)
{
    struct loop *loop = loop_;
    struct lane *lane = &loop->run->lanes->lanes[index];
    size_t i;
    while (!atomic_load(&loop->has_failed) &&
           (i = atomic_fetch_add(&loop->next, 1)) < loop->batch->n_items) {
        lane->status = answer(lane, loop->run, loop->batch, i);
        if (lane->status != DEIT_OK)
            atomic_store(&loop->has_failed, true);
    }
}

enum deit_status deit_run_lanes_run(struct deit_run *run, struct deit_run_batch *batch,
                                    struct deit_error *err)
{
    struct deit_run_lanes *lanes = run->lanes;
    struct loop loop = { .run = run, .batch = batch };
    size_t n = lanes->n < batch->n_items ? lanes->n : batch->n_items;
    deit_session_parallel_for(run->session, n, walk_lane, &loop);
    deit_run_batch_add_times(run, batch);
    for (size_t i = 0; i < n; i++) {
        struct lane *lane = &lanes->lanes[i];
        run->times.run_ns += lane->run_ns / n;
        lane->run_ns = 0;
        if (lane->status == DEIT_OK)
            continue;
        *err = lane->err;
        return lane->status;
    }
    return DEIT_OK;
}
