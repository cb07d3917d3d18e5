/* runtime/labels.h: a list of class names with gaps. */
#ifndef DEIT_RUNTIME_LABELS_H
#define DEIT_RUNTIME_LABELS_H

#include "runtime/include/deit.h"

/* An empty list, NULL if out of memory; closed by deit_labels_close(). */
deit_labels *deit_labels_create(void);

/*
 * Names class 'index', copying 'name'; a later name replaces an earlier one.  Grows the list,
 * to at most 1,000,000 names.  Returns DEIT_ERR_MEMORY or DEIT_ERR_LIMIT.
 */
enum deit_status deit_labels_set(deit_labels *labels, size_t index, const char *name,
                                 struct deit_error *err);

#endif
