/* runtime/error.h: the one shape of failure. */
#ifndef DEIT_RUNTIME_ERROR_H
#define DEIT_RUNTIME_ERROR_H

#include "runtime/include/deit.h"

/* Writes one line and the status into 'err', if not NULL, and returns the status. */
enum deit_status deit_fail(struct deit_error *err, enum deit_status status, const char *format,
                           ...) __attribute__((format(printf, 3, 4)));

#endif
