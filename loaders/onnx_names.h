/*
 * loaders/onnx_names.h: from the names of a graph to numbers.
 *
 * A subgraph sees the names around it: each table may have a parent, which is asked for what
 * the table itself does not know.  Names are not copied; they live as long as the model.
 */
#ifndef DEIT_LOADERS_ONNX_NAMES_H
#define DEIT_LOADERS_ONNX_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct deit_onnx_name {
    const char *text; /* NULL: a free slot */
    int number;
};

struct deit_onnx_names {
    const struct deit_onnx_names *parent;
    struct deit_onnx_name *slots;
    size_t n, room; /* room: 0 or a power of two */
};

void deit_onnx_names_init(struct deit_onnx_names *names, const struct deit_onnx_names *parent);
void deit_onnx_names_done(struct deit_onnx_names *names);

/* Later numbers of a name replace earlier ones; 'number' is not negative.  False: no memory. */
bool deit_onnx_names_set(struct deit_onnx_names *names, const char *text, int number);

/* The number of a name, here or in a parent; -1: unknown. */
int deit_onnx_names_get(const struct deit_onnx_names *names, const char *text);

#endif
