/* tests/common/trace.h: named arrays in a safetensors file, read with the library's own loader. */
#ifndef DEIT_TESTS_COMMON_TRACE_H
#define DEIT_TESTS_COMMON_TRACE_H

#include "models/tensors.h"

struct deit_trace {
    struct deit_tensors tensors;
};

/* All of these end the program with a message on failure. */
void deit_trace_open(struct deit_trace *trace, const char *path);
void deit_trace_close(struct deit_trace *trace);

/* The elements of one tensor, malloc'ed; '*n' is how many. */
float *deit_trace_read(const struct deit_trace *trace, const char *name, size_t *n);

#endif
