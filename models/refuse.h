/* models/refuse.h: families that would be computed wrongly if a tensor were ignored. */
#ifndef DEIT_MODELS_REFUSE_H
#define DEIT_MODELS_REFUSE_H

#include "models/tensors.h"

/* DEIT_ERR_UNSUPPORTED if a tensor's name tells of a part that no graph here has. */
enum deit_status deit_refuse_other_families(const struct deit_tensors *tensors,
                                            struct deit_error *err);

/*
 * After the graph was built: DEIT_ERR_FORMAT if a tensor that was left over is of a kind that
 * changes the answer, such as a layer scale that only some blocks have.
 */
enum deit_status deit_refuse_leftovers(const struct deit_tensors *tensors,
                                       struct deit_error *err);

#endif
