/*
 * cli/inspect_text.h: the output of deit-inspect for people.
 */
#ifndef DEIT_CLI_INSPECT_TEXT_H
#define DEIT_CLI_INSPECT_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes the summary of deit_inspect_facts(). */
void deit_inspect_write_summary(FILE *out, const json_t *facts, bool is_verbose);

/* A deit_write_fn that writes lines, escaped, to the FILE 'out'. */
int deit_inspect_write(void *out, const char *text, size_t bytes);

#endif
