/*
 * cli/run_setup.h: opens what a run of deit-run needs, in the order in which failures matter.
 *
 * Each function reports its failure and returns the exit code that it asks for.
 */
#ifndef DEIT_CLI_RUN_SETUP_H
#define DEIT_CLI_RUN_SETUP_H

#include "cli/run_batch.h"
#include "cli/run_state.h"

/* The model, its labels, and whether it can do what the options ask for. */
enum deit_exit deit_run_setup_model(struct deit_run *run);

/* The tensor's header, or the list of names.  'stop_fd' is readable when the run shall end. */
enum deit_exit deit_run_setup_inputs(struct deit_run *run, int stop_fd);

/*
 * The session, for 'max_batch' inputs at most, lanes beside it if 'has_lanes', and the batch's
 * arrays.
 */
enum deit_exit deit_run_setup_session(struct deit_run *run, struct deit_run_batch *batch,
                                      size_t max_batch, bool has_lanes);

/*
 * A session with the outputs that the options ask for; 0 threads: as many as there may be.  It
 * stops after a signal.
 */
enum deit_status deit_run_session_create(const struct deit_run *run, size_t max_batch,
                                         unsigned threads, deit_session **session,
                                         struct deit_error *err);

/* The results and the files of arrays. */
enum deit_exit deit_run_setup_outputs(struct deit_run *run, const struct deit_run_batch *batch);

#endif
