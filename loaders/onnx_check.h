/* loaders/onnx_check.h: what holds for every model that deit_onnx_read() returns. */
#ifndef DEIT_LOADERS_ONNX_CHECK_H
#define DEIT_LOADERS_ONNX_CHECK_H

#include "loaders/onnx_model.h"

/* The graph, its subgraphs and the functions: see deit_onnx_read(). */
enum deit_status deit_onnx_check(const struct deit_onnx *onnx, struct deit_error *err);

/* Operator sets that 'who' imports: each domain once, the default one of a version we know. */
enum deit_status deit_onnx_check_imports(const struct deit_onnx *onnx, size_t n,
                                         DeitOnnx__OperatorSetIdProto *const *imports,
                                         const char *who, struct deit_error *err);

#endif
