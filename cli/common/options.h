/*
 * cli/common/options.h: values of command line options, read strictly.
 */
#ifndef DEIT_CLI_OPTIONS_H
#define DEIT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal number from 'low' to 'high' and nothing else: no sign, no space. */
bool deit_options_count(const char *text, uint64_t low, uint64_t high, uint64_t *value);

/* A decimal number above 0, with K, M or G (either case) for thousands, millions, billions. */
bool deit_options_amount(const char *text, uint64_t *value);

/* The index of 'text' among 'n' names, 'n' if it is none of them. */
size_t deit_options_choice(const char *text, size_t n, const char *const *names);

#endif
