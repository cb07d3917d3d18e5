/*
 * runtime/specialise.h: a model's graph for one input size, one batch and the wanted outputs.
 */
#ifndef DEIT_RUNTIME_SPECIALISE_H
#define DEIT_RUNTIME_SPECIALISE_H

#include "runtime/graph.h"
#include "runtime/passes.h"

/* Whether patterns are raised: the tests look at both. */
enum deit_passes { DEIT_PASSES_ON, DEIT_PASSES_OFF };

struct deit_specialise_options {
    size_t batch;
    uint32_t height, width; /* for inputs that leave them open */
    size_t n_names;         /* of wanted outputs; 0: the graph's own */
    const char *const *names;
    enum deit_passes passes;
    bool checks_all;        /* nodes too that no wanted output needs */
    size_t max_bytes;       /* of constants that are computed; 0: any */
    const struct deit_observer *observer; /* or NULL: sees "folded", the passes, then "final" */
};

/* Makes '*out' a graph of fixed shapes whose outputs are the wanted ones. */
enum deit_status deit_specialise(const struct deit_graph *graph,
                                 const struct deit_specialise_options *options,
                                 struct deit_graph **out, struct deit_error *err);

#endif
