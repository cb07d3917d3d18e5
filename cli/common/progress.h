/*
 * cli/common/progress.h: one line on a terminal that says how far the work is.
 *
 * It appears when the work has lasted a second, and only on a terminal.  Whoever writes to the
 * same terminal erases it first; the next update draws it again.
 */
#ifndef DEIT_CLI_PROGRESS_H
#define DEIT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deit_progress {
    const char *program;
    bool is_wanted; /* allowed, and standard error is a terminal */
    bool is_drawn;
    uint64_t start_ns, drawn_ns;
};

/* Monotonic time. */
uint64_t deit_progress_now_ns(void);

/* 'is_allowed' is false under --quiet or --no-progress.  'program' stays the caller's. */
void deit_progress_init(struct deit_progress *progress, const char *program, bool is_allowed);

/* Whether deit_progress_update() would draw now. */
bool deit_progress_is_due(const struct deit_progress *progress);

/* Shows 'done' of 'total'; a total of 0 is not known.  Draws a few times a second at most. */
void deit_progress_update(struct deit_progress *progress, size_t done, size_t total);

/* Clears the line if it is there. */
void deit_progress_erase(struct deit_progress *progress);

#endif
