/* loaders/onnx_external.h: tensors that lie in files beside the model. */
#ifndef DEIT_LOADERS_ONNX_EXTERNAL_H
#define DEIT_LOADERS_ONNX_EXTERNAL_H

#include "loaders/onnx_model.h"

/* The bytes of one tensor; 'source' belongs to the model. */
struct deit_onnx_range {
    struct deit_source *source;
    uint64_t offset;
};

/*
 * Opens, or finds among the open ones, the file that a tensor's external_data names, and checks
 * that it holds the tensor's 'bytes' bytes.  'name' is the tensor's.
 *
 * The file is a regular file inside the model's folder: no absolute path, no "..", no symbolic
 * link that leaves the folder, unless follow_links.
 */
enum deit_status deit_onnx_external(struct deit_onnx *onnx, const DeitOnnx__TensorProto *tensor,
                                    const char *name, uint64_t bytes,
                                    struct deit_onnx_range *out, struct deit_error *err);

void deit_onnx_externals_done(struct deit_onnx *onnx);

#endif
