/*
 * cli/common/report.h: what the programs say on standard error, and how their parts fail.
 */
#ifndef DEIT_CLI_REPORT_H
#define DEIT_CLI_REPORT_H

#include "deit.h"

/* How a program ends; scripts rely on the numbers. */
enum deit_exit {
    DEIT_EXIT_OK = 0,
    DEIT_EXIT_FAILED = 1, /* a model, an image or a write failed */
    DEIT_EXIT_USAGE = 2   /* wrong usage, or what this model or build cannot do */
};

/*
 * Makes the standard streams of a program sound: closed ones are taken by something that fails,
 * standard error is line buffered, and a closed pipe or a full disk is an error of a write, not
 * a signal.
 */
void deit_report_begin(void);

/* The exit code that a failed open, plan or run asks for. */
enum deit_exit deit_report_exit(enum deit_status status);

/* Fills 'err', if not NULL, and returns 'status', so that a caller can fail in one line. */
enum deit_status deit_report_fail(struct deit_error *err, enum deit_status status,
                                  const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The part of 'message' that does not repeat 'path': the library begins many messages with the
 * path, and the programs print and store the two apart.  Points into 'message'.
 */
const char *deit_report_reason(const char *path, const char *message);

/*
 * Writes "PROGRAM: PATH: REASON" and a newline to standard error, escaped.  'reason' may begin
 * with the path, or with that of a file below it, which is then not written twice.  A NULL
 * path: "PROGRAM: REASON".
 */
void deit_report_error(const char *program, const char *path, const char *reason);

#endif
