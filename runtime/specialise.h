/* runtime/specialise.h: a model's graph for one input size, one batch and the wanted outputs. */
#ifndef DEIT_RUNTIME_SPECIALISE_H
#define DEIT_RUNTIME_SPECIALISE_H

#include "runtime/graph.h"

/* Makes '*out' a graph of fixed shapes whose outputs are 'names'. */
enum deit_status deit_specialise(const struct deit_graph *graph, size_t batch, uint32_t height,
                                 uint32_t width, size_t n_names, const char *const *names,
                                 struct deit_graph **out, struct deit_error *err);

#endif
