/* tests/common/trace.c: reading expected values. */
#include "tests/common/trace.h"

#include <stdio.h>
#include <stdlib.h>

#include "loaders/safetensors.h"
#include "loaders/source_file.h"
#include "runtime/constant.h"

static void require(enum deit_status status, const struct deit_error *err)
{
    if (status == DEIT_OK)
        return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

void deit_trace_open(struct deit_trace *trace, const char *path)
{
    struct deit_error err;
    struct deit_source *source;
    require(deit_source_open_file(path, &source, &err), &err);
    require(deit_tensors_init(&trace->tensors, path, &err), &err);
    require(deit_safetensors_read(source, &trace->tensors, &err), &err);
    require(deit_tensors_sort(&trace->tensors, &err), &err);
    deit_source_release(source);
}

void deit_trace_close(struct deit_trace *trace)
{
    deit_tensors_done(&trace->tensors);
}

float *deit_trace_read(const struct deit_trace *trace, const char *name, size_t *n)
{
    const struct deit_tensor_entry *entry = deit_tensors_find(&trace->tensors, name);
    if (!entry) {
        fprintf(stderr, "the trace has no '%s'\n", name);
        exit(1);
    }
    struct deit_error err;
    const struct deit_constant constant = {
        .n_parts = 1,
        .parts = { { .source = entry->source, .offset = entry->offset, .dtype = entry->dtype,
                     .n_elements = (size_t)entry->n_elements } },
    };
    *n = (size_t)entry->n_elements;
    float *data = malloc(*n * sizeof *data);
    if (!data)
        exit(1);
    require(deit_constant_read(&constant, name, DEIT_F32, 0, *n, data, &err), &err);
    return data;
}
