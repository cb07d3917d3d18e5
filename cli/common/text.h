/*
 * cli/common/text.h: strings from outside, written so that no reader is fooled.
 *
 * File names, labels and messages may hold anything.  In every output, control characters
 * (C0, DEL, C1), bidirectional controls and line separators are written as \uXXXX, and bytes
 * that are not UTF-8 as U+FFFD, so one record stays one line and a terminal stays as it is.
 */
#ifndef DEIT_CLI_TEXT_H
#define DEIT_CLI_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Writes 'text', for people. */
void deit_text_write(FILE *out, const char *text);

/* Writes at most the first 'bytes' bytes of 'text', for people. */
void deit_text_write_part(FILE *out, const char *text, size_t bytes);

/* Writes 'text' as a JSON string, with its quotes. */
void deit_text_write_json(FILE *out, const char *text);

/* Writes 'text' as a field of CSV (RFC 4180), in quotes where it needs them. */
void deit_text_write_csv(FILE *out, const char *text);

#endif
