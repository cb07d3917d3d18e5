/*
 * cli/run_lanes.h: photos side by side, each on its way from file to logits by one thread.
 */
#ifndef DEIT_CLI_RUN_LANES_H
#define DEIT_CLI_RUN_LANES_H

#include "cli/run_batch.h"
#include "cli/run_state.h"

/*
 * As many lanes as run->session has threads, in run->lanes; the batch's limit becomes what keeps
 * them busy.  They are run's, and gone before its session and its model.
 */
enum deit_status deit_run_lanes_create(struct deit_run *run, struct deit_run_batch *batch,
                                       struct deit_error *err);

/*
 * Reads the photos of a batch and runs the model on those that can be read, as
 * deit_run_batch_run() does.  Row i of the batch's arrays is item i.
 *
 * A failure is the model's, or of the whole run.
 */
enum deit_status deit_run_lanes_run(struct deit_run *run, struct deit_run_batch *batch,
                                    struct deit_error *err);

/* NULL is fine. */
void deit_run_lanes_free(struct deit_run_lanes *lanes);

#endif
