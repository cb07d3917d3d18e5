/*
 * runtime/passes.h: rewrites of the graph, once when a model is opened.
 *
 * A pass looks at structure and never at names, and does one thing.  It returns how many
 * places it changed.
 */
#ifndef DEIT_RUNTIME_PASSES_H
#define DEIT_RUNTIME_PASSES_H

#include "runtime/graph.h"

typedef size_t deit_pass_fn(struct deit_graph *graph);

deit_pass_fn deit_pass_fuse_gelu, deit_pass_fuse_scale, deit_pass_fuse_residual;

/* Runs all passes in order; debug builds verify the graph between them. */
void deit_passes_run(struct deit_graph *graph);

/*
 * For the passes that make a node the epilogue of the linear in front of it: the linear whose
 * output is input 'slot' of node 'index' and is used nowhere else, or NULL.
 */
struct deit_node *deit_pass_linear_before(const struct deit_graph *graph, size_t index, int slot);

/* Lets 'linear' produce what node 'index' produced, and marks that dead. */
void deit_pass_absorb(struct deit_graph *graph, struct deit_node *linear, size_t index);

#endif
