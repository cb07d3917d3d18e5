/*
 * runtime/preprocess.h: an image becomes a model's input.
 */
#ifndef DEIT_RUNTIME_PREPROCESS_H
#define DEIT_RUNTIME_PREPROCESS_H

#include "ops/kernels.h"
#include "runtime/include/deit.h"
#include "runtime/team.h"

/* DEIT_ERR_ARGUMENT, naming the field, for a recipe that cannot be. */
enum deit_status deit_recipe_check(const struct deit_recipe *recipe, struct deit_error *err);

/* deit_preprocess() with the caller's kernels. */
enum deit_status deit_preprocess_with(const struct deit_kernels *kernels,
                                      const deit_image *image, const struct deit_recipe *recipe,
                                      float *input, struct deit_error *err);

/*
 * The same for several images, each by one thread of the team, one behind the other in 'input'.
 * Of images or a recipe that cannot be, the first is named and nothing is written.
 */
enum deit_status deit_preprocess_images(const struct deit_kernels *kernels,
                                        struct deit_team *team,
                                        const struct deit_recipe *recipe, size_t n_images,
                                        const deit_image *const *images, float *input,
                                        struct deit_error *err);

/*
 * The recipe up to the crop: 'crop' receives (height, width, 3) bytes.  Where the resized
 * picture is smaller than the crop, the rest is black.
 */
enum deit_status deit_preprocess_crop(const struct deit_kernels *kernels,
                                      const deit_image *image, const struct deit_recipe *recipe,
                                      uint8_t *crop, struct deit_error *err);

#endif
