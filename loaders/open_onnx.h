/* loaders/open_onnx.h: an ONNX file, opened.  A build without protobuf-c refuses it. */
#ifndef DEIT_LOADERS_OPEN_ONNX_H
#define DEIT_LOADERS_OPEN_ONNX_H

#include "loaders/open.h"
#include "models/config.h"
#include "runtime/source.h"

/*
 * From the bytes of a model to a graph and its description.
 *
 * 'path' is where the file lies, NULL if it is in memory: then there is no external data.  Of
 * 'options', which may be NULL, only follow_links matters.  Labels go from 'config' into the
 * description.
 */
enum deit_status deit_load_onnx(struct deit_source *source, const char *path,
                                const struct deit_model_options *options,
                                struct deit_config *config, struct deit_loaded *out,
                                struct deit_error *err);

#endif
