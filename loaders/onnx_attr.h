/*
 * loaders/onnx_attr.h: a node's attributes, by name and type.
 *
 * An attribute that is absent is the default; one of another type is DEIT_ERR_FORMAT, and the
 * message names node, operator and attribute.  What is returned lives as long as the model.
 */
#ifndef DEIT_LOADERS_ONNX_ATTR_H
#define DEIT_LOADERS_ONNX_ATTR_H

#include "loaders/onnx_model.h"

/* The standard's AttributeProto.AttributeType. */
enum deit_onnx_attr_type {
    DEIT_ONNX_ATTR_FLOAT = 1, DEIT_ONNX_ATTR_INT, DEIT_ONNX_ATTR_STRING, DEIT_ONNX_ATTR_TENSOR,
    DEIT_ONNX_ATTR_GRAPH, DEIT_ONNX_ATTR_FLOATS, DEIT_ONNX_ATTR_INTS, DEIT_ONNX_ATTR_STRINGS,
    DEIT_ONNX_ATTR_TENSORS, DEIT_ONNX_ATTR_GRAPHS
};

/* NULL if the node has no such attribute. */
const DeitOnnx__AttributeProto *deit_onnx_attr(const DeitOnnx__NodeProto *node,
                                               const char *name);

enum deit_status deit_onnx_attr_int(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                    const char *name, int64_t otherwise, int64_t *value,
                                    struct deit_error *err);
enum deit_status deit_onnx_attr_float(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                      const char *name, float otherwise, float *value,
                                      struct deit_error *err);

/* A list that is absent is NULL, one that is there is not, even if it has no elements. */
enum deit_status deit_onnx_attr_ints(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                     const char *name, size_t *n, const int64_t **values,
                                     struct deit_error *err);
enum deit_status deit_onnx_attr_floats(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                       const char *name, size_t *n, const float **values,
                                       struct deit_error *err);

/* Terminated, without a zero byte inside; 'otherwise' may be NULL. */
enum deit_status deit_onnx_attr_string(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                       const char *name, const char *otherwise,
                                       const char **value, struct deit_error *err);

/* NULL if absent. */
enum deit_status deit_onnx_attr_tensor(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                       const char *name, const DeitOnnx__TensorProto **value,
                                       struct deit_error *err);
enum deit_status deit_onnx_attr_graph(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                      const char *name, DeitOnnx__GraphProto **value,
                                      struct deit_error *err);

#endif
