/*
 * cli/run_batch.h: up to a batch of inputs on their way through one run of the model.
 */
#ifndef DEIT_CLI_RUN_BATCH_H
#define DEIT_CLI_RUN_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/run_state.h"

/* One input: a photo or a row of the tensor. */
struct deit_run_item {
    char *name;
    char *reason; /* why there is no answer; NULL: there is one */
    bool has_row;
    size_t row; /* in the batch's arrays: inputs that cannot be read take no room there */
    uint64_t decode_ns, preprocess_ns;
};

struct deit_run_batch {
    size_t limit; /* items at most */
    struct deit_run_item *items;
    size_t n_items, room;
    bool is_last; /* gathering met the end */
    size_t n_rows;
    /* Rows of what goes in and comes out; NULL where it is not wanted. */
    float *rows[DEIT_RUN_ARRAYS];
    size_t row_elements[DEIT_RUN_ARRAYS];
};

/* 'limit' is at least 1. */
void deit_run_batch_init(struct deit_run_batch *batch, size_t limit);

/* Frees all; a batch that is all zero is fine. */
void deit_run_batch_done(struct deit_run_batch *batch);

/* Takes the names of the next inputs, in place of those before. */
enum deit_status deit_run_batch_gather(struct deit_run *run, struct deit_run_batch *batch,
                                       struct deit_error *err);

/*
 * Makes room for the arrays, by the session's input and outputs: for all items that the limit
 * allows, or, where the first batch is the last, for those that it has.
 */
enum deit_status deit_run_batch_allocate(const struct deit_run *run,
                                         struct deit_run_batch *batch, struct deit_error *err);

/*
 * Reads the inputs and runs the model on those that can be read.  Each item then has a row or a
 * reason, or, if the answer is not finite, both.
 *
 * A failure is that of the tensor's file if '*is_input' is set, else of the model.
 */
enum deit_status deit_run_batch_run(struct deit_run *run, struct deit_run_batch *batch,
                                    bool *is_input, struct deit_error *err);

/*
 * Decodes and preprocesses one photo into 'row', on any thread; if it cannot, the item gets a
 * reason.  False: out of memory, and no reason.
 */
bool deit_run_batch_load(const struct deit_run *run, struct deit_run_item *item, float *row);

/*
 * Runs 'session' on n preprocessed inputs, on any thread; the outputs become rows 'first' and
 * following of the batch's arrays.  Fails as deit_session_run() does.
 */
enum deit_status deit_run_batch_rows(deit_session *session, const struct deit_run_batch *batch,
                                     size_t first, size_t n, const float *input,
                                     struct deit_error *err);

/* Gives an item the reason that its answer is NaN or infinite. */
enum deit_status deit_run_item_mark_nonfinite(struct deit_run_item *item, struct deit_error *err);

/* Adds what deit_run_batch_load() measured to the run's times. */
void deit_run_batch_add_times(struct deit_run *run, const struct deit_run_batch *batch);

#endif
