/*
 * runtime/options.h: options structs whose size says which version the caller was built with.
 */
#ifndef DEIT_RUNTIME_OPTIONS_H
#define DEIT_RUNTIME_OPTIONS_H

#include "runtime/include/deit.h"

/*
 * Copies the caller's struct of 'given->size' bytes into one of ours of 'bytes' bytes: what the
 * caller does not know is zero; what we do not know must be.  'given' may be NULL.
 */
enum deit_status deit_options_copy(const void *given, void *ours, size_t bytes, const char *name,
                                   struct deit_error *err);

/* For info structs: copies as much of ours as the caller's 'size' says, which stays. */
void deit_info_copy(const void *ours, size_t bytes, void *theirs);

#endif
