/*
 * runtime/view.h: what a value is a strided view of.
 *
 * Exporters take q, k and v out of one projection by any order of Reshape, Transpose, Split,
 * Gather and Slice.  All of these only rename elements, so each chain is followed back to the
 * value that was computed, with a stride for each dimension, and passes compare strides instead
 * of spellings.
 */
#ifndef DEIT_RUNTIME_VIEW_H
#define DEIT_RUNTIME_VIEW_H

#include "runtime/graph.h"

#define DEIT_VIEW_ATOMS 16

/*
 * A dim of a view is a group of atoms, slowest first: a reshape may join dims that do not lie
 * densely (batch and heads), and a later one takes them apart again.
 */
struct deit_view {
    int base; /* the value that holds the elements, densely */
    uint32_t n_atoms;
    int64_t sizes[DEIT_VIEW_ATOMS], strides[DEIT_VIEW_ATOMS]; /* in elements of the base */
    uint32_t rank;
    uint32_t ends[DEIT_MAX_RANK]; /* dim i is atoms ends[i - 1] to ends[i] - 1 */
    int64_t offset;
    double scale; /* scalar factors on the way commute with renaming */
};

/* Follows 'value' back as far as it is a view; shapes must be known.  At worst a view of itself. */
void deit_view_of(const struct deit_graph *graph, int value, struct deit_view *view);

/* Whether dims and strides are these, from 'offset' on; strides of dims of one do not matter. */
bool deit_view_is(const struct deit_view *view, uint32_t rank, const int64_t *dims,
                  const int64_t *strides, int64_t offset);

#endif
