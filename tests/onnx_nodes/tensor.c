/*
 * tests/onnx_nodes/tensor.c: reading and comparing tensors.
 *
 * A file holds a bare TensorProto.  The library reads models, so a model is put around it: a graph
 * whose one initializer it is.
 */
#include "tests/onnx_nodes/tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_tensor.h"
#include "loaders/source_file.h"
#include "runtime/constant.h"
#include "runtime/error.h"

/* ------------------------------------------------------------------ files */

/* The elements of a model's first initializer. */
static enum deit_status read_model(const char *path, const void *bytes, size_t n,
                                   struct tensor *out, struct deit_error *err)
{
    char name[] = "a tensor";
    struct deit_source *source = NULL;
    struct deit_onnx *onnx = NULL;
    struct deit_onnx_tensor tensor;
    enum deit_status status = deit_source_open_memory(bytes, n, path, &source, err);
    if (status == DEIT_OK)
        status = deit_onnx_read(source, NULL, NULL, &onnx, err);
    if (status == DEIT_OK)
        status = deit_onnx_tensor(onnx, onnx->model->graph->initializer[0], name, &tensor, err);
    if (status == DEIT_OK) {
        const struct deit_value value = { .name = name, .constant = tensor.constant,
                                          .dtype = deit_memory_dtype(tensor.dtype),
                                          .shape = tensor.shape };
        status = tensor_of_constant(&value, out, err);
        deit_constant_done(&tensor.constant);
    }
    deit_onnx_free(onnx);
    deit_source_release(source);
    return status;
}

enum deit_status tensor_read(const DeitOnnx__TensorProto *proto, const char *path,
                             struct tensor *out, struct deit_error *err)
{
    char name[] = "it";
    DeitOnnx__TensorProto named = *proto, *list = &named;
    DeitOnnx__OperatorSetIdProto opset = DEIT_ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets = &opset;
    DeitOnnx__GraphProto graph = DEIT_ONNX__GRAPH_PROTO__INIT;
    DeitOnnx__ModelProto model = DEIT_ONNX__MODEL_PROTO__INIT;
    named.name = name;
    opset.has_version = model.has_ir_version = true;
    opset.version = 18;
    model.ir_version = 8;
    model.n_opset_import = graph.n_initializer = 1;
    model.opset_import = &opsets;
    graph.initializer = &list;
    model.graph = &graph;

    size_t n = deit_onnx__model_proto__get_packed_size(&model);
    unsigned char *bytes = malloc(n);
    if (!bytes)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    deit_onnx__model_proto__pack(&model, bytes);
    enum deit_status status = read_model(path, bytes, n, out, err);
    free(bytes);
    return status;
}

/* ------------------------------------------------------------------ graphs */

enum deit_status tensor_of_constant(const struct deit_value *value, struct tensor *out,
                                    struct deit_error *err)
{
    struct tensor tensor = { .dtype = value->dtype, .shape = value->shape };
    if (!tensor.dtype || !deit_shape_count(&tensor.shape, &tensor.n))
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: no type or an open shape", value->name);
    tensor.data = calloc(tensor.n + 1, deit_dtype_bytes(tensor.dtype));
    if (!tensor.data)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", value->name);
    enum deit_status status = deit_constant_read(&value->constant, value->name, tensor.dtype, 0,
                                                 tensor.n, tensor.data, err);
    if (status != DEIT_OK)
        tensor_done(&tensor);
    else
        *out = tensor;
    return status;
}

void tensor_done(struct tensor *tensor)
{
    free(tensor->data);
    tensor->data = NULL;
}

/* ------------------------------------------------------------------ comparison */

static bool close_enough(double is, double expected, struct tolerance tolerance)
{
    if (isnan(expected) || isinf(expected))
        return isnan(expected) ? isnan(is) : is == expected;
    return fabs(is - expected) <= tolerance.absolute + tolerance.relative * fabs(expected);
}

static bool floats_match(const struct tensor *is, const struct tensor *expected,
                         struct tolerance tolerance, char *text, size_t room)
{
    const float *a = is->data, *b = expected->data;
    for (size_t i = 0; i < is->n; i++)
        if (!close_enough((double)a[i], (double)b[i], tolerance)) {
            snprintf(text, room, "element %zu of %zu is %.9g, not %.9g", i, is->n, (double)a[i],
                     (double)b[i]);
            return false;
        }
    return true;
}

static bool others_match(const struct tensor *is, const struct tensor *expected, char *text,
                         size_t room)
{
    size_t bytes = deit_dtype_bytes(is->dtype);
    for (size_t i = 0; i < is->n; i++) {
        int64_t a = 0, b = 0; /* little-endian, and a bool is a byte */
        memcpy(&a, (const char *)is->data + i * bytes, bytes);
        memcpy(&b, (const char *)expected->data + i * bytes, bytes);
        if (a != b) {
            snprintf(text, room, "element %zu of %zu is %lld, not %lld", i, is->n, (long long)a,
                     (long long)b);
            return false;
        }
    }
    return true;
}

bool tensor_matches(const struct tensor *is, const struct tensor *expected,
                    struct tolerance tolerance, char *text, size_t room)
{
    char shape[128], wanted[128];
    if (is->dtype != expected->dtype || !deit_shape_equal(&is->shape, &expected->shape)) {
        snprintf(text, room, "%s %s, not %s %s", deit_dtype_name(is->dtype),
                 deit_shape_print(&is->shape, shape), deit_dtype_name(expected->dtype),
                 deit_shape_print(&expected->shape, wanted));
        return false;
    }
    return is->dtype == DEIT_F32 ? floats_match(is, expected, tolerance, text, room)
                                 : others_match(is, expected, text, room);
}
