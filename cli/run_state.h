/*
 * cli/run_state.h: what one run of deit-run holds, from the command line to the last answer, and
 * what all its parts do with it.
 */
#ifndef DEIT_CLI_RUN_STATE_H
#define DEIT_CLI_RUN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/common/inputs.h"
#include "cli/common/npy.h"
#include "cli/common/progress.h"
#include "cli/results.h"
#include "cli/run_options.h"
#include "deit.h"

/* Arrays that can be written, each by an option of its own. */
enum { DEIT_RUN_LOGITS, DEIT_RUN_FEATURES, DEIT_RUN_INPUT, DEIT_RUN_ARRAYS };

/* Thread times are divided by the threads that worked at once: they add up to what passed. */
struct deit_run_times {
    uint64_t open_ns, create_ns, decode_ns, preprocess_ns, run_ns;
};

struct deit_run_lanes;

struct deit_run {
    struct deit_run_options options;
    deit_model *model;
    struct deit_model_info info;
    const char *model_name; /* for messages */
    deit_labels *own_labels;
    const deit_labels *labels; /* own_labels or the model's */
    struct deit_recipe recipe; /* of images; a tensor has none */
    deit_session *session;
    struct deit_session_info plan;
    struct deit_run_lanes *lanes; /* NULL: all threads run one batch */

    struct deit_inputs *inputs;    /* either these */
    struct deit_npy_reader tensor; /* or this */
    struct deit_npy_writer *arrays[DEIT_RUN_ARRAYS];
    struct deit_results *results;
    struct deit_progress progress;

    size_t n_done, n_answered;
    size_t total; /* of inputs, for progress; 0: unknown */
    bool has_counted, has_failures;
    struct deit_run_times times;
};

/*
 * Catches SIGINT, SIGTERM and SIGHUP, once: the first ends the run after this step, files tidied
 * up; a second one ends it at once.  What the caller has ignored stays ignored.
 */
void deit_run_catch_signals(void);

/* The number of the signal that ends the run; 0: none has come. */
int deit_run_stop_signal(void);

/* Readable once a signal has come, for whoever waits for input; -1: there is none. */
int deit_run_stop_fd(void);

/*
 * Says on standard error what went wrong with 'path'; NULL: with the run.  After a signal it is
 * silent: what fails then fails because of it.
 */
void deit_run_complain(struct deit_run *run, const char *path, const char *reason);

/* Writes pending results to standard output.  False, and reported, if they cannot be written. */
bool deit_run_flush(struct deit_run *run);

#endif
