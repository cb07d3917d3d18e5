/*
 * loaders/safetensors.h: the tensors of one safetensors file.
 *
 * The format: eight bytes with the length of a header, the header, which is a JSON object of
 * name -> { dtype, shape, data_offsets } and an optional __metadata__, then the bytes of all
 * tensors without a gap.
 */
#ifndef DEIT_LOADERS_SAFETENSORS_H
#define DEIT_LOADERS_SAFETENSORS_H

#include "models/tensors.h"

/* Adds every tensor of 'source' to 'tensors', each holding a reference on 'source'. */
enum deit_status deit_safetensors_read(struct deit_source *source, struct deit_tensors *tensors,
                                       struct deit_error *err);

#endif
