/*
 * loaders/json.h: JSON files read through jansson, and what every reader of one asks for.
 *
 * Keys may not repeat.  A message names the file and, for syntax, the line.
 */
#ifndef DEIT_LOADERS_JSON_H
#define DEIT_LOADERS_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/include/deit.h"

/* 'name' stands for the file in messages.  The caller gives *out back with json_decref(). */
enum deit_status deit_json_parse(const char *text, size_t bytes, const char *name, json_t **out,
                                 struct deit_error *err);

/* The same for a file of at most 'max_bytes'. */
enum deit_status deit_json_read(const char *path, size_t max_bytes, json_t **out,
                                struct deit_error *err);

/* "an object", "a string", "null", ...: what a value is, for messages. */
const char *deit_json_kind(const json_t *value);

#endif
