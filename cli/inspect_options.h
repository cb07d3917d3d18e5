/*
 * cli/inspect_options.h: the command line of deit-inspect.
 */
#ifndef DEIT_CLI_INSPECT_OPTIONS_H
#define DEIT_CLI_INSPECT_OPTIONS_H

#include "cli/common/options.h"

enum deit_inspect_format { DEIT_INSPECT_TEXT, DEIT_INSPECT_JSON };

/* Strings are those of the command line; 0 and NULL mean the default. */
struct deit_inspect_options {
    const char *model; /* NULL: the built-in one */
    const char *after; /* a stage of the graph */
    bool has_graph, has_dot, has_plan;
    enum deit_inspect_format format;
    size_t batch;
    uint32_t height, width;
    enum deit_precision precision;
    enum deit_isa max_isa;
    unsigned threads;
    uint64_t max_memory;
    bool allow_nonfinite, follow_links, is_verbose;
};

/*
 * Reads command line and environment.  Returns false if the program is to end with '*code':
 * after --help, --version or wrong usage, which has been reported.
 */
bool deit_inspect_options_parse(int argc, char **argv, struct deit_inspect_options *options,
                                enum deit_exit *code);

#endif
