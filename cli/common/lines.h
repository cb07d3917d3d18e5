/*
 * cli/common/lines.h: lines of a file or a pipe, one at a time.
 */
#ifndef DEIT_CLI_LINES_H
#define DEIT_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "deit.h"

struct deit_lines;

/*
 * Opens a file, or standard input for "-".  When 'stop_fd' becomes readable, waiting for more
 * lines ends as if there were none; -1: there is no such thing.
 *
 * Returns DEIT_ERR_IO or DEIT_ERR_MEMORY.
 */
enum deit_status deit_lines_open(const char *path, int stop_fd, struct deit_lines **lines,
                                 struct deit_error *err);

/*
 * The next line that is not empty, without its newline; it stays until the next call.  '*line'
 * is NULL at the end.
 *
 * Returns DEIT_ERR_IO if reading failed, with '*line' NULL; DEIT_ERR_FORMAT for a line that
 * holds a zero byte or is longer than any path: it is skipped, and '*line' is its beginning.
 * These messages do not name a file.
 */
enum deit_status deit_lines_next(struct deit_lines *lines, const char **line,
                                 struct deit_error *err);

/* Whether the next line can be had without waiting for whoever writes the pipe. */
bool deit_lines_is_ready(const struct deit_lines *lines);

/* NULL is fine. */
void deit_lines_close(struct deit_lines *lines);

#endif
