/*
 * runtime/passes.h: rewrites of a graph whose shapes are fixed.
 *
 * A pass looks at structure and never at names, and does one thing.  It returns how many
 * places it changed.
 */
#ifndef DEIT_RUNTIME_PASSES_H
#define DEIT_RUNTIME_PASSES_H

#include "runtime/graph.h"

typedef size_t deit_pass_fn(struct deit_graph *graph);

deit_pass_fn deit_pass_drop_identities;
deit_pass_fn deit_pass_raise_layernorm, deit_pass_raise_gelu, deit_pass_raise_linear;
deit_pass_fn deit_pass_lift_reshape;
deit_pass_fn deit_pass_raise_attention, deit_pass_merge_qkv;
deit_pass_fn deit_pass_raise_patch_embed, deit_pass_raise_heads;
deit_pass_fn deit_pass_fuse_gelu, deit_pass_fuse_scale, deit_pass_fuse_residual;
deit_pass_fn deit_pass_select_rows;

/* A graph between two rewrites. */
struct deit_stage {
    const char *name; /* of what was done last */
    unsigned nth;     /* 2: by that name for the second time */
    size_t n_changes; /* places that it changed, as far as it counts them */
    const struct deit_graph *graph;
};

struct deit_observer {
    void (*see)(void *ctx, const struct deit_stage *stage);
    void *ctx;
};

/* Shows 'graph' to 'observer', which may be NULL. */
void deit_observe(const struct deit_observer *observer, const char *name, unsigned nth,
                  size_t n_changes, const struct deit_graph *graph);

/*
 * Runs all passes in order; debug builds verify the graph between them.  The observer, which
 * may be NULL, sees the graph after each.
 */
void deit_passes_run(struct deit_graph *graph);
void deit_passes_run_observed(struct deit_graph *graph, const struct deit_observer *observer);

/* Whether a linear has no activation, scale or residual; it may have a bias. */
bool deit_pass_is_plain(const struct deit_node *linear);

/*
 * For the passes that make a node the epilogue of the linear in front of it: the linear whose
 * output is input 'slot' of node 'index' and is used nowhere else, or NULL.
 */
struct deit_node *deit_pass_linear_before(const struct deit_graph *graph, size_t index, int slot);

/* Lets 'linear' produce what node 'index' produced, and marks that dead. */
void deit_pass_absorb(struct deit_graph *graph, struct deit_node *linear, size_t index);

#endif
