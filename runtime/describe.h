/*
 * runtime/describe.h: what a graph is, in one line for people.
 */
#ifndef DEIT_RUNTIME_DESCRIBE_H
#define DEIT_RUNTIME_DESCRIBE_H

#include "runtime/graph.h"

struct deit_facts {
    const char *family; /* "distilled DeiT" */
    uint32_t width, depth, n_heads;
    uint32_t patch_height, patch_width;
    uint32_t image_height, image_width;
    size_t n_other; /* nodes that are no part of it */
};

/*
 * deit_facts_print() gives "DeiT, width 192, depth 12, 3 heads, patch 16, 224 x 224", allocated
 * with malloc; NULL: out of memory.
 */
char *deit_facts_print(const struct deit_facts *facts);

/*
 * deit_facts_find() looks at a graph of fixed shapes after the passes.  Returns false, and
 * leaves 'facts' alone, unless it embeds patches once and attends to them by heads of one size.
 * With n_other above 0 the family is "vision transformer": more happens than a DeiT does.
 */
bool deit_facts_find(const struct deit_graph *graph, struct deit_facts *facts);

#endif
