/* loaders/shards.h: a model in several safetensors files, put together by an index. */
#ifndef DEIT_LOADERS_SHARDS_H
#define DEIT_LOADERS_SHARDS_H

#include "models/tensors.h"

/*
 * Adds the tensors of all files that the index at 'path' names.  Each file is opened once and
 * lies beside the index.  Every tensor of the index must be in its file; one that is in a file
 * and not in the index is added as well, but under a name that no model asks for.
 */
enum deit_status deit_shards_read(const char *path, struct deit_tensors *tensors,
                                  struct deit_error *err);

#endif
