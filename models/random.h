/* models/random.h: weights of a named architecture without a file. */
#ifndef DEIT_MODELS_RANDOM_H
#define DEIT_MODELS_RANDOM_H

#include "models/tensors.h"

/*
 * Adds the tensors of a known architecture under timm's names, for 1000 classes.  The numbers
 * depend on the seed and on where they are, not on how they are read; none are held in memory.
 * DEIT_ERR_ARGUMENT lists the known names.
 */
enum deit_status deit_random_tensors(const char *architecture, uint64_t seed,
                                     struct deit_tensors *tensors, struct deit_error *err);

/*
 * A source of 'bytes' bytes of f32: roughly normal numbers of this mean and deviation, cut at
 * 3.5 deviations; a deviation of 0 gives the mean everywhere.
 */
enum deit_status deit_source_open_random(uint64_t seed, float mean, float deviation,
                                         uint64_t bytes, struct deit_source **out,
                                         struct deit_error *err);

#endif
