/* loaders/source_file.h: a file as a source of weights. */
#ifndef DEIT_LOADERS_SOURCE_FILE_H
#define DEIT_LOADERS_SOURCE_FILE_H

#include <stdbool.h>

#include "runtime/source.h"

/* Opens a regular file and keeps it open until the last reference is gone. */
enum deit_status deit_source_open_file(const char *path, struct deit_source **out,
                                       struct deit_error *err);

/*
 * The same for a path that must end inside of 'folder' when all links are followed, else
 * '*is_outside' is true and the status DEIT_ERR_FORMAT.  What is checked is what is read,
 * whatever happens to the path meanwhile.
 */
enum deit_status deit_source_open_inside(const char *path, const char *folder, bool *is_outside,
                                         struct deit_source **out, struct deit_error *err);

/*
 * Reads a whole file of at most 'max_bytes' into a malloc'ed block with a NUL behind it.
 * DEIT_ERR_LIMIT if it is larger.
 */
enum deit_status deit_file_read(const char *path, size_t max_bytes, char **text, size_t *bytes,
                                struct deit_error *err);

/* Whether something is at 'path', of any kind, a dangling link too. */
bool deit_file_exists(const char *path);

#endif
