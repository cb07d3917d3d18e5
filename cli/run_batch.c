/*
 * cli/run_batch.c: up to a batch of inputs on their way through one run of the model.
 *
 * Images are preprocessed by deit_preprocess() and not by deit_session_classify(): the
 * preprocessed rows can then be saved, features come with the logits, and a photo and a row of
 * a tensor take one way.  Each thread that will run the model decodes a photo at a time, so a
 * core never waits for another's reading, and no more photos are held than there are threads.
 */
#include "cli/run_batch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void deit_run_batch_init(struct deit_run_batch *batch, size_t limit)
{
    *batch = (struct deit_run_batch){ .limit = limit };
}

static void clear(struct deit_run_batch *batch)
{
    for (size_t i = 0; i < batch->n_items; i++) {
        free(batch->items[i].name);
        free(batch->items[i].reason);
    }
    batch->n_items = 0;
    batch->n_rows = 0;
}

void deit_run_batch_done(struct deit_run_batch *batch)
{
    clear(batch);
    free(batch->items);
    for (size_t i = 0; i < DEIT_RUN_ARRAYS; i++)
        free(batch->rows[i]);
    *batch = (struct deit_run_batch){ .limit = 0 };
}

static enum deit_status fail_memory(struct deit_error *err)
{
    return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory");
}

/* Takes over 'name', also on failure. */
static enum deit_status add_item(struct deit_run_batch *batch, char *name, const char *reason,
                                 struct deit_error *err)
{
    char *copy = reason ? strdup(reason) : NULL;
    if (!name || (reason && !copy))
        goto fail;
    if (batch->n_items == batch->room) {
        size_t room = batch->room ? 2 * batch->room : 8;
        struct deit_run_item *items = realloc(batch->items, room * sizeof *items);
        if (!items)
            goto fail;
        batch->items = items;
        batch->room = room;
    }
    batch->items[batch->n_items++] = (struct deit_run_item){ .name = name, .reason = copy };
    return DEIT_OK;
fail:
    free(name);
    free(copy);
    return fail_memory(err);
}

static enum deit_status gather_images(struct deit_run *run, struct deit_run_batch *batch,
                                      struct deit_error *err)
{
    while (batch->n_items < batch->limit) {
        char *path;
        struct deit_error why;
        if (batch->n_items > 0 && !deit_inputs_is_ready(run->inputs))
            return DEIT_OK; /* whoever writes the list may wait for these answers */
        enum deit_status status = deit_inputs_next(run->inputs, &path, &why);
        if (!path && status != DEIT_OK)
            return fail_memory(err);
        if (!path) {
            batch->is_last = true;
            return DEIT_OK;
        }
        const char *reason = status == DEIT_OK ? NULL : deit_report_reason(path, why.message);
        status = add_item(batch, path, reason, err);
        if (status != DEIT_OK)
            return status;
    }
    return DEIT_OK;
}

static enum deit_status gather_tensor(struct deit_run *run, struct deit_run_batch *batch,
                                      struct deit_error *err)
{
    uint64_t left = run->tensor.rows_left;
    uint64_t first = (uint64_t)run->tensor.dims[0] - left;
    batch->is_last = left <= batch->limit;
    size_t n = left < batch->limit ? (size_t)left : batch->limit;
    for (size_t i = 0; i < n; i++) {
        char *name;
        if (asprintf(&name, "%s#%llu", run->options.tensor, (unsigned long long)(first + i)) < 0)
            return fail_memory(err);
        enum deit_status status = add_item(batch, name, NULL, err);
        if (status != DEIT_OK)
            return status;
    }
    return DEIT_OK;
}

enum deit_status deit_run_batch_gather(struct deit_run *run, struct deit_run_batch *batch,
                                       struct deit_error *err)
{
    clear(batch);
    return run->options.tensor ? gather_tensor(run, batch, err) : gather_images(run, batch, err);
}

static enum deit_status allocate_rows(struct deit_run_batch *batch, size_t array, size_t n_rows,
                                      const struct deit_port *port, struct deit_error *err)
{
    size_t elements = 1, bytes;
    for (uint32_t i = 1; i < port->rank; i++)
        if (__builtin_mul_overflow(elements, (size_t)port->dims[i], &elements))
            return fail_memory(err);
    if (__builtin_mul_overflow(elements, n_rows * sizeof(float), &bytes) || bytes > SIZE_MAX - 64)
        return fail_memory(err);
    batch->row_elements[array] = elements;
    batch->rows[array] = aligned_alloc(64, (bytes + 64) / 64 * 64);
    return batch->rows[array] ? DEIT_OK : fail_memory(err);
}

enum deit_status deit_run_batch_allocate(const struct deit_run *run,
                                         struct deit_run_batch *batch, struct deit_error *err)
{
    struct deit_port port;
    size_t next_output = 0, n_rows = batch->is_last ? batch->n_items : batch->limit;
    if (n_rows < 1)
        n_rows = 1;
    /* Lanes keep an input of their own, unless it is to be saved. */
    size_t n_inputs = run->lanes && !run->options.save_input ? 1 : n_rows;
    enum deit_status status = deit_session_input(run->session, 0, &port);
    if (status == DEIT_OK)
        status = allocate_rows(batch, DEIT_RUN_INPUT, n_inputs, &port, err);
    if (status == DEIT_OK && run->info.n_classes > 0) {
        status = deit_session_output(run->session, next_output++, &port);
        if (status == DEIT_OK)
            status = allocate_rows(batch, DEIT_RUN_LOGITS, n_rows, &port, err);
        if (status == DEIT_OK && batch->row_elements[DEIT_RUN_LOGITS] != run->info.n_classes)
            return deit_report_fail(err, DEIT_ERR_UNSUPPORTED,
                                    "%zu logits an image, but %u classes",
                                    batch->row_elements[DEIT_RUN_LOGITS], run->info.n_classes);
    }
    if (status == DEIT_OK && run->options.features) {
        status = deit_session_output(run->session, next_output, &port);
        if (status == DEIT_OK)
            status = allocate_rows(batch, DEIT_RUN_FEATURES, n_rows, &port, err);
    }
    return status;
}

/* Decodes one photo into 'row'; on failure the reason is the item's. */
static enum deit_status load_image(const struct deit_run *run, struct deit_run_item *item,
                                   float *row, struct deit_error *why)
{
    const struct deit_image_options options = {
        .size = sizeof options,
        .max_pixels = run->options.max_pixels,
        .max_memory = run->options.max_memory,
    };
    deit_image image;
    uint64_t start = deit_progress_now_ns();
    enum deit_status status = deit_image_open(item->name, &options, &image, why);
    uint64_t opened = deit_progress_now_ns();
    item->decode_ns = opened - start;
    if (status != DEIT_OK)
        return status;

    status = deit_preprocess(&image, &run->recipe, row, why);
    deit_image_close(&image);
    item->preprocess_ns = deit_progress_now_ns() - opened;
    return status;
}

bool deit_run_batch_load(const struct deit_run *run, struct deit_run_item *item, float *row)
{
    struct deit_error why;
    if (load_image(run, item, row, &why) == DEIT_OK)
        return true;
    item->reason = strdup(deit_report_reason(item->name, why.message));
    return item->reason != NULL;
}

void deit_run_batch_add_times(struct deit_run *run, const struct deit_run_batch *batch)
{
    size_t n_threads = run->plan.threads < batch->n_items ? run->plan.threads : batch->n_items;
    for (size_t i = 0; i < batch->n_items; i++) {
        run->times.decode_ns += batch->items[i].decode_ns / n_threads;
        run->times.preprocess_ns += batch->items[i].preprocess_ns / n_threads;
    }
}

struct loading {
    const struct deit_run *run;
    struct deit_run_batch *batch;
};

/* Item i goes to row i; one that gets neither a row nor a reason was dropped. */
static void load_item(void *loading_, size_t index)
{
    const struct loading *loading = loading_;
    struct deit_run_batch *batch = loading->batch;
    struct deit_run_item *item = &batch->items[index];
    if (item->reason || deit_run_stop_signal())
        return;
    float *row = batch->rows[DEIT_RUN_INPUT] + index * batch->row_elements[DEIT_RUN_INPUT];
    item->has_row = deit_run_batch_load(loading->run, item, row) && !item->reason;
}

/* Rows move up to where inputs that could not be read have left room. */
static enum deit_status load_images(struct deit_run *run, struct deit_run_batch *batch,
                                    struct deit_error *err)
{
    struct loading loading = { run, batch };
    deit_session_parallel_for(run->session, batch->n_items, load_item, &loading);
    if (deit_run_stop_signal())
        return deit_report_fail(err, DEIT_ERR_INTERRUPTED, "interrupted");

    deit_run_batch_add_times(run, batch);
    float *rows = batch->rows[DEIT_RUN_INPUT];
    size_t n = batch->row_elements[DEIT_RUN_INPUT];
    for (size_t i = 0; i < batch->n_items; i++) {
        struct deit_run_item *item = &batch->items[i];
        if (!item->has_row && !item->reason)
            return fail_memory(err);
        if (!item->has_row)
            continue;
        item->row = batch->n_rows++;
        if (item->row != i)
            memcpy(rows + item->row * n, rows + i * n, n * sizeof *rows);
    }
    return DEIT_OK;
}

static enum deit_status load_tensor(struct deit_run *run, struct deit_run_batch *batch,
                                    struct deit_error *err)
{
    uint64_t start = deit_progress_now_ns();
    enum deit_status status = deit_npy_read(&run->tensor, batch->n_items,
                                            batch->rows[DEIT_RUN_INPUT], err);
    run->times.decode_ns += deit_progress_now_ns() - start;
    if (status != DEIT_OK)
        return status;
    for (size_t i = 0; i < batch->n_items; i++) {
        batch->items[i].has_row = true;
        batch->items[i].row = i;
    }
    batch->n_rows = batch->n_items;
    return DEIT_OK;
}

enum deit_status deit_run_item_mark_nonfinite(struct deit_run_item *item, struct deit_error *err)
{
    item->reason = strdup("the model's answer is not finite (NaN or infinity)");
    return item->reason ? DEIT_OK : fail_memory(err);
}

static struct deit_tensor tensor_of(float *data, size_t n, const struct deit_port *port)
{
    struct deit_tensor tensor = { .data = data, .dtype = DEIT_F32, .rank = port->rank };
    memcpy(tensor.dims, port->dims, sizeof tensor.dims);
    tensor.dims[0] = (int64_t)n;
    tensor.bytes = sizeof(float);
    for (uint32_t i = 0; i < port->rank; i++)
        tensor.bytes *= (size_t)tensor.dims[i];
    return tensor;
}

enum deit_status deit_run_batch_rows(deit_session *session, const struct deit_run_batch *batch,
                                     size_t first, size_t n, const float *input,
                                     struct deit_error *err)
{
    static const size_t arrays[] = { DEIT_RUN_LOGITS, DEIT_RUN_FEATURES };
    struct deit_tensor out[2];
    struct deit_port port;
    size_t n_out = 0;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        float *rows = batch->rows[arrays[i]];
        if (!rows)
            continue;
        deit_session_output(session, n_out, &port);
        out[n_out++] = tensor_of(rows + first * batch->row_elements[arrays[i]], n, &port);
    }
    deit_session_input(session, 0, &port);
    const struct deit_tensor in = tensor_of((float *)input, n, &port); /* which is only read */

    return deit_session_run(session, 1, &in, n_out, out, err);
}

static enum deit_status run_batch(struct deit_run *run, struct deit_run_batch *batch,
                                  struct deit_error *err)
{
    uint64_t start = deit_progress_now_ns();
    enum deit_status status = deit_run_batch_rows(run->session, batch, 0, batch->n_rows,
                                                  batch->rows[DEIT_RUN_INPUT], err);
    run->times.run_ns += deit_progress_now_ns() - start;
    if (status != DEIT_ERR_NONFINITE)
        return status;
    status = DEIT_OK;
    for (size_t i = 0; i < batch->n_items && status == DEIT_OK; i++) {
        struct deit_run_item *item = &batch->items[i];
        if (item->has_row && deit_session_row_status(run->session, item->row) != DEIT_OK)
            status = deit_run_item_mark_nonfinite(item, err);
    }
    return status;
}

enum deit_status deit_run_batch_run(struct deit_run *run, struct deit_run_batch *batch,
                                    bool *is_input, struct deit_error *err)
{
    *is_input = run->options.tensor != NULL;
    enum deit_status status = *is_input ? load_tensor(run, batch, err)
                                        : load_images(run, batch, err);
    if (status != DEIT_OK || batch->n_rows == 0)
        return status;
    *is_input = false;
    return run_batch(run, batch, err);
}
