/*
 * loaders/onnx_fields.c: the standard's field numbers.
 *
 * More than onnx.proto has: whatever can nest is here, so that its depth is bounded even where
 * nobody reads it.  Fields that are neither here nor there are skipped as bytes.
 */
#include "loaders/onnx_fields.h"

#define KEPT(number, name, kind) { number, #name, DEIT_ONNX_##kind, DEIT_ONNX_KEEP, 0 }
#define LIST(number, name, kind) \
    { number, #name, DEIT_ONNX_##kind, DEIT_ONNX_KEEP | DEIT_ONNX_REPEATED, 0 }
#define DATA(number, name, kind, rule) \
    { number, #name, DEIT_ONNX_##kind, DEIT_ONNX_KEEP | DEIT_ONNX_CUT | DEIT_ONNX_##rule, 0 }
/* Messages: one or many, kept or only looked through. */
#define ONE(number, name, id) \
    { number, #name, DEIT_ONNX_MESSAGE, DEIT_ONNX_KEEP | DEIT_ONNX_ONCE, DEIT_ONNX_##id }
#define MANY(number, name, id) \
    { number, #name, DEIT_ONNX_MESSAGE, DEIT_ONNX_KEEP | DEIT_ONNX_REPEATED, DEIT_ONNX_##id }
#define SKIP_ONE(number, name, id) \
    { number, #name, DEIT_ONNX_MESSAGE, DEIT_ONNX_ONCE, DEIT_ONNX_##id }
#define SKIP_MANY(number, name, id) \
    { number, #name, DEIT_ONNX_MESSAGE, DEIT_ONNX_REPEATED, DEIT_ONNX_##id }

static const struct deit_onnx_field model_fields[] = {
    KEPT(1, ir_version, VARINT), KEPT(2, producer_name, TEXT), KEPT(3, producer_version, TEXT),
    ONE(7, graph, GRAPH), MANY(8, opset_import, OPSET_ID), SKIP_MANY(20, training_info, TRAINING),
    MANY(25, functions, FUNCTION),
};
static const struct deit_onnx_field opset_id_fields[] = {
    KEPT(1, domain, TEXT), KEPT(2, version, VARINT),
};
static const struct deit_onnx_field graph_fields[] = {
    MANY(1, node, NODE), KEPT(2, name, TEXT), MANY(5, initializer, TENSOR),
    MANY(11, input, VALUE_INFO), MANY(12, output, VALUE_INFO),
    SKIP_MANY(13, value_info, VALUE_INFO), MANY(15, sparse_initializer, SPARSE_TENSOR),
};
static const struct deit_onnx_field node_fields[] = {
    LIST(1, input, TEXT), LIST(2, output, TEXT), KEPT(3, name, TEXT), KEPT(4, op_type, TEXT),
    MANY(5, attribute, ATTRIBUTE), KEPT(7, domain, TEXT), KEPT(8, overload, TEXT),
};
static const struct deit_onnx_field attribute_fields[] = {
    KEPT(1, name, TEXT), KEPT(2, f, FIXED32), KEPT(3, i, VARINT), KEPT(4, s, BYTES),
    ONE(5, t, TENSOR), ONE(6, g, GRAPH), LIST(7, floats, FIXED32), LIST(8, ints, VARINT),
    LIST(9, strings, BYTES), MANY(10, tensors, TENSOR), MANY(11, graphs, GRAPH),
    SKIP_ONE(14, tp, TYPE), SKIP_MANY(15, type_protos, TYPE), KEPT(20, type, VARINT),
    KEPT(21, ref_attr_name, TEXT), SKIP_ONE(22, sparse_tensor, SPARSE_TENSOR),
    SKIP_MANY(23, sparse_tensors, SPARSE_TENSOR),
};
static const struct deit_onnx_field tensor_fields[] = {
    LIST(1, dims, VARINT), KEPT(2, data_type, VARINT), DATA(4, float_data, FIXED32, REPEATED),
    DATA(5, int32_data, VARINT, REPEATED), DATA(7, int64_data, VARINT, REPEATED),
    KEPT(8, name, TEXT), DATA(9, raw_data, BYTES, ONCE), DATA(10, double_data, FIXED64, REPEATED),
    DATA(11, uint64_data, VARINT, REPEATED), MANY(13, external_data, ENTRY),
    KEPT(14, data_location, VARINT),
};
static const struct deit_onnx_field sparse_tensor_fields[] = {
    ONE(1, values, TENSOR), SKIP_ONE(2, indices, TENSOR),
};
static const struct deit_onnx_field entry_fields[] = { KEPT(1, key, TEXT), KEPT(2, value, TEXT) };
static const struct deit_onnx_field value_info_fields[] = {
    KEPT(1, name, TEXT), ONE(2, type, TYPE),
};
static const struct deit_onnx_field type_fields[] = {
    ONE(1, tensor_type, TENSOR_TYPE), SKIP_ONE(4, sequence_type, SEQUENCE_TYPE),
    SKIP_ONE(5, map_type, MAP_TYPE), SKIP_ONE(8, sparse_tensor_type, SPARSE_TENSOR_TYPE),
    SKIP_ONE(9, optional_type, OPTIONAL_TYPE),
};
static const struct deit_onnx_field tensor_type_fields[] = {
    KEPT(1, elem_type, VARINT), ONE(2, shape, SHAPE),
};
static const struct deit_onnx_field sequence_type_fields[] = { SKIP_ONE(1, elem_type, TYPE) };
static const struct deit_onnx_field map_type_fields[] = { SKIP_ONE(2, value_type, TYPE) };
static const struct deit_onnx_field shape_fields[] = { MANY(1, dim, DIMENSION) };
static const struct deit_onnx_field dimension_fields[] = {
    KEPT(1, dim_value, VARINT), KEPT(2, dim_param, TEXT),
};
static const struct deit_onnx_field function_fields[] = {
    KEPT(1, name, TEXT), LIST(4, input, TEXT), LIST(5, output, TEXT), LIST(6, attribute, TEXT),
    MANY(7, node, NODE), MANY(9, opset_import, OPSET_ID), KEPT(10, domain, TEXT),
    MANY(11, attribute_proto, ATTRIBUTE), SKIP_MANY(12, value_info, VALUE_INFO),
    KEPT(13, overload, TEXT),
};
static const struct deit_onnx_field training_fields[] = {
    SKIP_ONE(1, initialization, GRAPH), SKIP_ONE(2, algorithm, GRAPH),
};

#define TABLE(fields) fields, sizeof fields / sizeof *fields

const struct deit_onnx_message deit_onnx_messages[DEIT_ONNX_N_MESSAGES] = {
    [DEIT_ONNX_MODEL] = { "ModelProto", TABLE(model_fields) },
    [DEIT_ONNX_OPSET_ID] = { "OperatorSetIdProto", TABLE(opset_id_fields) },
    [DEIT_ONNX_GRAPH] = { "GraphProto", TABLE(graph_fields) },
    [DEIT_ONNX_NODE] = { "NodeProto", TABLE(node_fields) },
    [DEIT_ONNX_ATTRIBUTE] = { "AttributeProto", TABLE(attribute_fields) },
    [DEIT_ONNX_TENSOR] = { "TensorProto", TABLE(tensor_fields) },
    [DEIT_ONNX_SPARSE_TENSOR] = { "SparseTensorProto", TABLE(sparse_tensor_fields) },
    [DEIT_ONNX_ENTRY] = { "StringStringEntryProto", TABLE(entry_fields) },
    [DEIT_ONNX_VALUE_INFO] = { "ValueInfoProto", TABLE(value_info_fields) },
    [DEIT_ONNX_TYPE] = { "TypeProto", TABLE(type_fields) },
    [DEIT_ONNX_TENSOR_TYPE] = { "TypeProto.Tensor", TABLE(tensor_type_fields) },
    [DEIT_ONNX_SPARSE_TENSOR_TYPE] = { "TypeProto.SparseTensor", TABLE(tensor_type_fields) },
    [DEIT_ONNX_SEQUENCE_TYPE] = { "TypeProto.Sequence", TABLE(sequence_type_fields) },
    [DEIT_ONNX_MAP_TYPE] = { "TypeProto.Map", TABLE(map_type_fields) },
    [DEIT_ONNX_OPTIONAL_TYPE] = { "TypeProto.Optional", TABLE(sequence_type_fields) },
    [DEIT_ONNX_SHAPE] = { "TensorShapeProto", TABLE(shape_fields) },
    [DEIT_ONNX_DIMENSION] = { "TensorShapeProto.Dimension", TABLE(dimension_fields) },
    [DEIT_ONNX_FUNCTION] = { "FunctionProto", TABLE(function_fields) },
    [DEIT_ONNX_TRAINING] = { "TrainingInfoProto", TABLE(training_fields) },
};
