/*
 * cli/results.h: the answers of deit-run on standard output, as text, JSON or CSV.
 */
#ifndef DEIT_CLI_RESULTS_H
#define DEIT_CLI_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/run_options.h"
#include "deit.h"

struct deit_results;

struct deit_results_options {
    enum deit_run_format format;
    size_t top;
    size_t n_classes;          /* 0: a headless model, whose records have no predictions */
    const deit_labels *labels; /* or NULL; stay the caller's */
};

/* Also writes what comes first: the header of CSV.  NULL if out of memory. */
struct deit_results *deit_results_create(const struct deit_results_options *options);

/* Adds the record of a file; 'logits' are n_classes, NULL if there are none. */
void deit_results_answer(struct deit_results *results, const char *file, const float *logits);

/* Adds the record of a file that failed; text has none. */
void deit_results_error(struct deit_results *results, const char *file, const char *reason);

/* Whether anything waits for deit_results_flush(). */
bool deit_results_is_pending(const struct deit_results *results);

/* Writes what was added to standard output.  Returns 0 or the errno of the failure. */
int deit_results_flush(struct deit_results *results);

/* Writes the name of a class to a stream, escaped: its label, else "class 3". */
void deit_results_write_label(FILE *out, const deit_labels *labels, size_t index);

/* NULL is fine. */
void deit_results_free(struct deit_results *results);

#endif
