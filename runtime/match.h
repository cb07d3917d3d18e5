/* runtime/match.h: questions that passes ask about a graph. */
#ifndef DEIT_RUNTIME_MATCH_H
#define DEIT_RUNTIME_MATCH_H

#include "runtime/graph.h"

/* The live node that produces 'value', if it is of this kind and its value has one use. */
struct deit_node *deit_match_producer(const struct deit_graph *graph, int value,
                                      enum deit_node_kind kind);

/* The same without a word about uses. */
struct deit_node *deit_match_any_producer(const struct deit_graph *graph, int value,
                                          enum deit_node_kind kind);

/* The one node that reads 'value', which is no output of the graph; NULL: none or several. */
struct deit_node *deit_match_user(const struct deit_graph *graph, int value);

/* A constant float of one element. */
bool deit_match_scalar(const struct deit_graph *graph, int value, float *scalar);

/* 'node' is other * factor or other / constant, with a constant of one element. */
bool deit_match_factor(const struct deit_graph *graph, const struct deit_node *node, int *other,
                       float *factor);

/* 'node' is this function of 'other' and a constant of one element, in any order. */
bool deit_match_binary_scalar(const struct deit_graph *graph, const struct deit_node *node,
                              enum deit_binary function, int *other, float *scalar);

/* a and b differ by less than 'ulps' units in the last place of b. */
bool deit_match_close(double a, double b, int ulps);

/* A constant of one element that is 'wanted', as far as the type that it is stored in can say. */
bool deit_match_number(const struct deit_graph *graph, int value, double wanted);

/* A constant of n elements along its last dim, all others one: as (n), or -1. */
int deit_match_row(struct deit_graph *graph, int value, int64_t n);

/* A node of 'kind' put where node 'place' is, producing its value; marks 'place' dead. */
struct deit_node *deit_match_replace(struct deit_graph *graph, struct deit_node *place,
                                     enum deit_node_kind kind, const union deit_attrs *attrs,
                                     size_t n_inputs, const int *inputs);

#endif
