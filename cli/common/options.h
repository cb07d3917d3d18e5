/*
 * cli/common/options.h: the command line of a program, and what wrong usage of it looks like.
 *
 * A program describes its options once, in a struct deit_options, takes them one by one from
 * deit_options_next(), and reads each value by a deit_options_parse_*(), or reports what is
 * wrong by deit_options_fail_usage().  All of these return false for wrong usage, which they
 * have reported; what they fill is then untouched.
 */
#ifndef DEIT_CLI_OPTIONS_H
#define DEIT_CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/common/report.h"
#include "deit.h"

/* The library's limits on a session; more is wrong usage. */
enum { DEIT_OPTIONS_MAX_THREADS = 1024, DEIT_OPTIONS_MAX_BATCH = 65536 };

/* What deit_options_next() returns beside options, which are above 0. */
enum { DEIT_OPTIONS_STOP = -1, DEIT_OPTIONS_END = 0 };

/* All strings and the table are the program's, and stay as long as it reads options. */
struct deit_options {
    const char *program;        /* "deit-run": begins each message */
    const char *usage;          /* what --help prints */
    const char *letters;        /* as getopt() has them, behind a ':' */
    const struct option *table; /* ends with zeros; each letter is here too, 'h' and 'V' as well */
};

/* Names in the order of enum deit_precision, then NULL. */
extern const char *const deit_options_precisions[];

/*
 * deit_options_next() takes the next option of 'argv', which it sorts: at the end, the operands
 * are argv[optind] and up.
 *
 * Returns the option as the table has it, with its value in 'optarg'; DEIT_OPTIONS_END behind
 * the last one; or DEIT_OPTIONS_STOP if the program is to end with '*code': after --help or
 * --version, which are printed, or wrong usage.  '*code' is written in the last case only.
 */
int deit_options_next(const struct deit_options *options, int argc, char **argv,
                      enum deit_exit *code);

/* Says on standard error what is wrong, and how to get help.  Returns false. */
bool deit_options_fail_usage(const struct deit_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "top" for 'k'; NULL for what is no option. */
const char *deit_options_name(const struct deit_options *options, int option);

/*
 * Read 'text', the value of 'option' or a part of it:
 *
 *   choice   one of 'names', which end with NULL; '*choice' is its index
 *   count    a decimal number from 1 to 'high' and nothing else: no sign, no space
 *   amount   a decimal number above 0, with K, M or G (either case) for 10^3, 10^6, 10^9
 *   file     a name that is not empty; '*file' is 'text' itself
 */
bool deit_options_parse_choice(const struct deit_options *options, int option, const char *text,
                               const char *const *names, size_t *choice);
bool deit_options_parse_count(const struct deit_options *options, int option, const char *text,
                              size_t high, size_t *count);
bool deit_options_parse_amount(const struct deit_options *options, int option, const char *text,
                               uint64_t *amount);
bool deit_options_parse_file(const struct deit_options *options, int option, const char *text,
                             const char **file);

/* Reads the environment variable DEIT_CPU; '*max_isa' stays as it is if that is unset or empty. */
bool deit_options_parse_cpu(const struct deit_options *options, enum deit_isa *max_isa);

#endif
