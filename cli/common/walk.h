/*
 * cli/common/walk.h: the photos in a folder, one at a time.
 */
#ifndef DEIT_CLI_WALK_H
#define DEIT_CLI_WALK_H

#include <stdbool.h>

#include "deit.h"

struct deit_walk;

/*
 * Begins a walk through the .jpg, .jpeg and .png files of 'path', and of its subfolders if
 * 'is_recursive'.  Links to folders are followed only if 'follows_links'.
 *
 * Returns DEIT_ERR_IO if the folder cannot be read, or DEIT_ERR_MEMORY.
 */
enum deit_status deit_walk_open(const char *path, bool is_recursive, bool follows_links,
                                  struct deit_walk **walk, struct deit_error *err);

/*
 * The next file in bytewise order of the paths, which are 'path', "/" and the name.  '*file'
 * is the caller's to free(), NULL at the end.
 *
 * Returns DEIT_ERR_IO for a subfolder that cannot be read: '*file' is then its path, and the
 * walk can go on; DEIT_ERR_MEMORY, with '*file' NULL, ends it.
 */
enum deit_status deit_walk_next(struct deit_walk *walk, char **file,
                                  struct deit_error *err);

/* NULL is fine. */
void deit_walk_close(struct deit_walk *walk);

#endif
