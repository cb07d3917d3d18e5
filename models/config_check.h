/* models/config_check.h: what is written must agree with what is stored. */
#ifndef DEIT_MODELS_CONFIG_CHECK_H
#define DEIT_MODELS_CONFIG_CHECK_H

#include "models/detect.h"

/*
 * DEIT_ERR_FORMAT naming both sides if a fact of the config contradicts the architecture that
 * the tensors show.  The image size is not compared: a position table can be resized.
 */
enum deit_status deit_config_check(const struct deit_config *config,
                                   const struct deit_tensors *tensors,
                                   const struct deit_architecture *arch, struct deit_error *err);

#endif
