/*
 * cli/run_options.h: the command line of deit-run.
 */
#ifndef DEIT_CLI_RUN_OPTIONS_H
#define DEIT_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/common/report.h"
#include "deit.h"

enum deit_run_head { DEIT_RUN_HEAD_AVG, DEIT_RUN_HEAD_CLS, DEIT_RUN_HEAD_DIST };

enum deit_run_format { DEIT_RUN_TEXT, DEIT_RUN_JSON, DEIT_RUN_CSV };

/* All strings are those of argv. */
struct deit_run_options {
    const char *model;  /* NULL: the built-in one */
    const char *labels; /* NULL: the model's */
    const char *tensor, *files_from;
    const char *logits, *features, *save_input;
    size_t top;
    enum deit_run_head head;
    enum deit_run_format format;
    enum deit_recipe_kind recipe;
    int pillow;
    enum deit_precision precision;
    enum deit_isa max_isa;
    unsigned threads; /* 0: auto */
    size_t batch;     /* 0: auto */
    uint64_t max_pixels, max_memory; /* 0: the library's */
    bool allow_nonfinite, follow_links, is_recursive;
    bool is_quiet, is_verbose, has_progress;
    char *const *operands; /* in argv, which getopt has sorted */
    size_t n_operands;
};

/*
 * deit_run_options_parse() reads the command line and DEIT_CPU.
 *
 * Returns true if there is work to do.  Else the program ends with '*code': after --help or
 * --version, which it has printed, or a usage error, which it has reported.
 */
bool deit_run_options_parse(int argc, char **argv, struct deit_run_options *options,
                            enum deit_exit *code);

#endif
