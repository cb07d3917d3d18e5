/*
 * cli/run_notes.h: what deit-run tells beside its results, on standard error.
 */
#ifndef DEIT_CLI_RUN_NOTES_H
#define DEIT_CLI_RUN_NOTES_H

#include "cli/run_state.h"

/* With --verbose: the model, the tensors it does not use, preprocessing and plan. */
void deit_run_notes_begin(const struct deit_run *run);

/* Which model answered, how and how fast, unless --quiet. */
void deit_run_notes_end(const struct deit_run *run);

#endif
