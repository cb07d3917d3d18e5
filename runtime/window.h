/*
 * runtime/window.h: what kinds with a window that slides over planes have in common.
 */
#ifndef DEIT_RUNTIME_WINDOW_H
#define DEIT_RUNTIME_WINDOW_H

#include "runtime/graph.h"

/* Height and width of a kernel or of the windows' grid; either may be unknown. */
struct deit_window_size {
    int64_t height, width;
};

/*
 * Checks x's rank of four, and strides, dilations and kernel against each other and against x.
 * '*grid' is how many windows there are.
 */
enum deit_status deit_window_check(const struct deit_node *node, struct deit_window_size kernel,
                                   const struct deit_shape *x, struct deit_window_size *grid,
                                   struct deit_error *err);

#endif
