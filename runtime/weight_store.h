/*
 * runtime/weight_store.h: packed weights, shared by all sessions of a model.
 *
 * A block is keyed by what it is made of (the constant's parts) and by its layout; it holds
 * plain elements without pointers.  Sessions acquire blocks, fill what is not yet filled, and
 * release them; the last release frees a block.
 */
#ifndef DEIT_RUNTIME_WEIGHT_STORE_H
#define DEIT_RUNTIME_WEIGHT_STORE_H

#include "runtime/graph.h"
#include "runtime/team.h"

struct deit_weight_store;
struct deit_weight; /* one block */

/* Which floats a block may hold: -inf is how a mask says no, and a comparison takes anything. */
enum deit_finite { DEIT_FINITE, DEIT_FINITE_OR_MASK, DEIT_ANY_FLOAT };

/*
 * rows x k elements of type 'dtype', in panels of nr rows (ops/kernels.h); nr 0: row by row.
 * With 'n_parts' the panels are of so many bf16 parts, and k is padded as those want it.
 * 'k_major': the constant is stored (k, rows).  A part that says so of itself
 * (struct deit_constant_part) holds its rows in that way.  The block has the same bytes,
 * however its elements were stored.
 */
struct deit_weight_layout {
    enum deit_dtype dtype; /* panels and what is stored (k, rows): DEIT_F32 */
    size_t rows, k, nr;
    unsigned n_parts; /* 0: elements of 'dtype' */
    bool k_major; /* then no part says it */
    enum deit_finite allows; /* else DEIT_ERR_NONFINITE, unless the model allows all */
};

enum deit_status deit_weight_store_create(const struct deit_model_options *options,
                                          struct deit_weight_store **out,
                                          struct deit_error *err);
void deit_weight_store_free(struct deit_weight_store *store);

/* Finds or makes a block; its memory exists from now on, its contents after the fill. */
enum deit_status deit_weight_acquire(struct deit_weight_store *store,
                                     const struct deit_value *value,
                                     struct deit_weight_layout layout, struct deit_weight **out,
                                     struct deit_error *err);
void deit_weight_release(struct deit_weight_store *store, struct deit_weight *weight);

const void *deit_weight_data(const struct deit_weight *weight);
size_t deit_weight_bytes(const struct deit_weight *weight);

/* Reads and packs those of 'weights' that are not filled yet, on the team's threads. */
enum deit_status deit_weights_fill(struct deit_weight_store *store, struct deit_weight **weights,
                                   size_t n, struct deit_team *team, struct deit_error *err);

/* Of all blocks that are alive. */
size_t deit_weight_store_bytes(struct deit_weight_store *store);

#endif
