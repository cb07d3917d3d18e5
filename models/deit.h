/* models/deit.h: DeiT, DeiT III and plain vision transformers as a graph. */
#ifndef DEIT_MODELS_DEIT_H
#define DEIT_MODELS_DEIT_H

#include "models/detect.h"

/*
 * Builds the graph of 'arch' over the weights in 'tensors', and marks those as used.
 *
 * Values are named as the parts of the model: "pos_embed", "blocks.0.attn.qkv", "blocks.0",
 * "norm", "logits", ...; a headless model's output is "features".  The caller owns *out.
 *
 * DEIT_ERR_FORMAT names a tensor that is missing or misshapen, with both shapes;
 * DEIT_ERR_UNSUPPORTED one of a type that weights cannot have.
 */
enum deit_status deit_model_graph(const struct deit_architecture *arch,
                                  struct deit_tensors *tensors, struct deit_graph **out,
                                  struct deit_error *err);

#endif
