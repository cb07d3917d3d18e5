/*
 * cli/common/inputs.h: the files that operands and a list of names stand for, in order.
 */
#ifndef DEIT_CLI_INPUTS_H
#define DEIT_CLI_INPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "deit.h"

struct deit_inputs;

struct deit_inputs_options {
    char *const *operands; /* files and folders */
    size_t n_operands;
    const char *list; /* a file with more of them, "-" for standard input, or NULL */
    int stop_fd; /* ends the wait for a list when it becomes readable; -1: none */
    bool is_recursive, follows_links;
};

/* 'options' is copied, what it points to stays the caller's.  Fails if the list cannot be read. */
enum deit_status deit_inputs_open(const struct deit_inputs_options *options,
                                  struct deit_inputs **inputs, struct deit_error *err);

/*
 * The next file.  '*path' is the caller's to free(), NULL at the end.
 *
 * Returns DEIT_ERR_MEMORY if it cannot go on.  Any other failure is that of this one name, such
 * as a folder without photos: '*path' says which, 'err' why, and there may be more.
 */
enum deit_status deit_inputs_next(struct deit_inputs *inputs, char **path,
                                  struct deit_error *err);

/* Whether the next file is known without waiting for whoever writes the list. */
bool deit_inputs_is_ready(const struct deit_inputs *inputs);

/* How many files there are; 0 if only the end will tell, as with a list. */
size_t deit_inputs_count(const struct deit_inputs_options *options);

/* NULL is fine. */
void deit_inputs_close(struct deit_inputs *inputs);

#endif
