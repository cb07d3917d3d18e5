/*
 * loaders/onnx_build.c: the node that is imported, and how its failures read.
 *
 * The runtime's messages begin with the runtime's name for a node; here they are given the
 * file, the node and the operator instead, so that all errors of a file read alike.
 */
#include "loaders/onnx_build.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_tensor.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/kind.h"

void deit_build_fail(struct deit_build *b, enum deit_status status, const char *format, ...)
{
    if (b->status != DEIT_OK)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    b->status = deit_onnx_node_fail(b->onnx, b->node, b->err, status, "%s", text);
}

/* A status of a function that has written the error itself. */
static bool is_ok(struct deit_build *b, enum deit_status status)
{
    if (b->status == DEIT_OK)
        b->status = status;
    return b->status == DEIT_OK;
}

static void check_memory(struct deit_build *b)
{
    if (b->status == DEIT_OK && b->graph->is_out_of_memory)
        b->status = deit_fail(b->err, DEIT_ERR_MEMORY, "%s: out of memory for the graph",
                              b->onnx->name);
}

/* ------------------------------------------------------------------ the node */

int deit_build_input(const struct deit_build *b, size_t slot)
{
    return slot < b->node->n_input ? b->inputs[slot] : -1;
}

bool deit_build_wants(const struct deit_build *b, size_t slot)
{
    return slot < b->node->n_output && *deit_onnx_text(b->node->output[slot]);
}

static bool is_bound(const struct deit_build *b, int value)
{
    for (size_t i = 0; i < b->node->n_output; i++)
        if (b->outputs[i] == value)
            return true;
    return false;
}

void deit_build_output(struct deit_build *b, size_t slot, int value)
{
    if (b->status != DEIT_OK || value < 0 || !deit_build_wants(b, slot))
        return;
    bool is_own = (size_t)value >= b->first_value &&
                  b->graph->values[value].origin != DEIT_FROM_INPUT && !is_bound(b, value);
    b->outputs[slot] = value;
    if (!is_own)
        return; /* another name for something that has one */
    char *name = strdup(b->node->output[slot]);
    if (!name) {
        b->graph->is_out_of_memory = true;
        check_memory(b);
        return;
    }
    free(b->graph->values[value].name);
    b->graph->values[value].name = name;
}

int64_t deit_build_attr_int(struct deit_build *b, const char *name, int64_t otherwise)
{
    int64_t value = otherwise;
    if (b->status == DEIT_OK)
        is_ok(b, deit_onnx_attr_int(b->onnx, b->node, name, otherwise, &value, b->err));
    return value;
}

float deit_build_attr_float(struct deit_build *b, const char *name, float otherwise)
{
    float value = otherwise;
    if (b->status == DEIT_OK)
        is_ok(b, deit_onnx_attr_float(b->onnx, b->node, name, otherwise, &value, b->err));
    return value;
}

const char *deit_build_attr_string(struct deit_build *b, const char *name, const char *otherwise)
{
    const char *value = otherwise;
    if (b->status == DEIT_OK)
        is_ok(b, deit_onnx_attr_string(b->onnx, b->node, name, otherwise, &value, b->err));
    return value;
}

const int64_t *deit_build_attr_ints(struct deit_build *b, const char *name, size_t *n)
{
    const int64_t *values = NULL;
    *n = 0;
    if (b->status == DEIT_OK)
        is_ok(b, deit_onnx_attr_ints(b->onnx, b->node, name, n, &values, b->err));
    return b->status == DEIT_OK ? values : NULL;
}

const float *deit_build_attr_floats(struct deit_build *b, const char *name, size_t *n)
{
    const float *values = NULL;
    *n = 0;
    if (b->status == DEIT_OK)
        is_ok(b, deit_onnx_attr_floats(b->onnx, b->node, name, n, &values, b->err));
    return b->status == DEIT_OK ? values : NULL;
}

bool deit_build_has_attr(const struct deit_build *b, const char *name)
{
    return deit_onnx_attr(b->node, name) != NULL;
}

void deit_build_need_attr(struct deit_build *b, const char *name)
{
    if (!deit_build_has_attr(b, name))
        deit_build_fail(b, DEIT_ERR_FORMAT, "attribute '%s' is missing", name);
}

int deit_build_attr_choice(struct deit_build *b, const char *name, const char *otherwise,
                           const char *const *choices)
{
    const char *text = deit_build_attr_string(b, name, otherwise);
    if (b->status != DEIT_OK)
        return 0;
    for (int i = 0; choices[i]; i++)
        if (!strcmp(choices[i], text))
            return i;
    deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "%s '%s' is not supported", name, text);
    return 0;
}

int32_t deit_build_attr_axis(struct deit_build *b, const char *name, int64_t otherwise)
{
    int64_t axis = deit_build_attr_int(b, name, otherwise);
    if (axis < -DEIT_MAX_RANK || axis > DEIT_MAX_RANK) {
        deit_build_fail(b, DEIT_ERR_FORMAT, "%s %lld is beyond a rank of %d", name,
                        (long long)axis, DEIT_MAX_RANK);
        return 0;
    }
    return (int32_t)axis;
}

/* ------------------------------------------------------------------ values */

enum deit_dtype deit_build_dtype(const struct deit_build *b, int value)
{
    return value < 0 ? DEIT_F32 : b->graph->values[value].dtype;
}

uint32_t deit_build_rank_if_known(const struct deit_build *b, int value)
{
    return value < 0 ? DEIT_RANK_UNKNOWN : b->graph->values[value].shape.rank;
}

uint32_t deit_build_rank(struct deit_build *b, int value)
{
    uint32_t rank = deit_build_rank_if_known(b, value);
    if (rank != DEIT_RANK_UNKNOWN && b->status == DEIT_OK)
        return rank;
    if (value >= 0)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "the rank of '%s' is not known",
                        b->graph->values[value].name);
    return 0;
}

int64_t deit_build_dim(const struct deit_build *b, int value, int axis)
{
    uint32_t rank = deit_build_rank_if_known(b, value);
    if (rank == DEIT_RANK_UNKNOWN)
        return DEIT_DIM_UNKNOWN;
    int64_t index = axis < 0 ? (int64_t)rank + axis : axis;
    return index >= 0 && index < rank ? b->graph->values[value].shape.dims[index]
                                      : DEIT_DIM_UNKNOWN;
}

bool deit_build_is_constant(const struct deit_build *b, int value)
{
    return value >= 0 && b->graph->values[value].origin == DEIT_FROM_CONSTANT;
}

bool deit_build_const_ints(struct deit_build *b, int value, size_t room, int64_t *out, size_t *n)
{
    *n = 0;
    if (b->status != DEIT_OK || !deit_build_is_constant(b, value))
        return false;
    const struct deit_value *v = &b->graph->values[value];
    if (v->dtype != DEIT_I64 || !deit_shape_count(&v->shape, n) || *n > room) {
        char shape[128];
        deit_build_fail(b, DEIT_ERR_FORMAT, "'%s' is %s %s, not at most %zu integers", v->name,
                        deit_dtype_name(v->dtype), deit_shape_print(&v->shape, shape), room);
        return false;
    }
    return is_ok(b, deit_constant_read(&v->constant, v->name, DEIT_I64, 0, *n, out, b->err));
}

static enum deit_status read_number(const struct deit_value *v, double *number,
                                    struct deit_error *err)
{
    union {
        float f;
        int64_t i;
        uint8_t b;
    } element = { 0 };
    enum deit_status status =
        deit_constant_read(&v->constant, v->name, v->dtype, 0, 1, &element, err);
    if (v->dtype == DEIT_F32)
        *number = (double)element.f;
    else
        *number = v->dtype == DEIT_I64 ? (double)element.i : (double)element.b;
    return status;
}

/* A constant of one number, else '*is_known' is false. */
static enum deit_status read_if_one(const struct deit_value *v, bool *is_known, double *number,
                                    struct deit_error *err)
{
    size_t n = 0;
    *is_known = v->origin == DEIT_FROM_CONSTANT && deit_shape_count(&v->shape, &n) && n == 1;
    return *is_known ? read_number(v, number, err) : DEIT_OK;
}

/* Computes what the value depends on in a graph of its own, where nothing else is needed. */
static enum deit_status evaluate(const struct deit_graph *graph, int value, bool *is_known,
                                 double *number, struct deit_error *err)
{
    enum { SMALL_BYTES = 1 << 20 };
    struct deit_graph *own = deit_graph_clone(graph);
    if (!own)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the graph");
    own->n_outputs = 0;
    deit_graph_add_output(own, value);
    deit_graph_compact(own);
    enum deit_status status = deit_graph_check(own, err);
    if (status == DEIT_OK)
        status = deit_graph_fold(own, SMALL_BYTES, err);
    if (status == DEIT_OK)
        status = read_if_one(&own->values[own->outputs[0]], is_known, number, err);
    deit_graph_free(own);
    return status;
}

bool deit_build_evaluate(struct deit_build *b, int value, double *number)
{
    enum { MOST_EVALUATIONS = 256 };
    bool is_known = false, is_given = deit_build_is_constant(b, value);
    *number = 0;
    if (!is_given && ++b->n_evaluations > MOST_EVALUATIONS)
        deit_build_fail(b, DEIT_ERR_LIMIT, "more than %d conditions are computed in this file",
                        MOST_EVALUATIONS);
    if (b->status != DEIT_OK || value < 0)
        return false;
    if (is_given)
        is_ok(b, read_if_one(&b->graph->values[value], &is_known, number, b->err));
    else
        is_ok(b, evaluate(b->graph, value, &is_known, number, b->err));
    return is_known && b->status == DEIT_OK;
}

/* ------------------------------------------------------------------ constants */

static int add_constant(struct deit_build *b, const char *name, enum deit_dtype dtype,
                        struct deit_shape shape, const struct deit_constant *constant)
{
    int value = deit_graph_add_constant(b->graph, name, dtype, shape, constant);
    check_memory(b);
    return value;
}

int deit_build_tensor(struct deit_build *b, const DeitOnnx__TensorProto *tensor,
                      const char *name)
{
    struct deit_onnx_tensor found;
    if (b->status != DEIT_OK || !is_ok(b, deit_onnx_tensor(b->onnx, tensor, name, &found, b->err)))
        return -1;
    enum deit_dtype dtype = deit_memory_dtype(found.dtype);
    int value = add_constant(b, name, dtype, found.shape, &found.constant);
    if (dtype == DEIT_F32 && found.shape.rank > 0) {
        b->n_parameters += found.n_elements;
        b->weight_bytes += found.n_elements * deit_dtype_bytes(found.dtype);
    }
    deit_constant_done(&found.constant);
    return value;
}

/* n elements that lie at 'data', as the runtime holds them in memory. */
static int small(struct deit_build *b, enum deit_dtype dtype, struct deit_shape shape, size_t n,
                 const void *data)
{
    struct deit_constant constant;
    void *copy;
    char name[256];
    if (b->status != DEIT_OK || !is_ok(b, deit_constant_create(dtype, n, &constant, &copy,
                                                               b->err)))
        return -1;
    if (n)
        memcpy(copy, data, n * deit_dtype_bytes(dtype));
    snprintf(name, sizeof name, "%.220s/constant", b->title);
    int value = add_constant(b, name, dtype, shape, &constant);
    deit_constant_done(&constant);
    return value;
}

int deit_build_ints(struct deit_build *b, size_t n, const int64_t *values)
{
    return small(b, DEIT_I64, deit_shape_of(1, (int64_t)n), n, values);
}

int deit_build_int(struct deit_build *b, int64_t value)
{
    return small(b, DEIT_I64, (struct deit_shape){ .rank = 0 }, 1, &value);
}

int deit_build_float(struct deit_build *b, float value)
{
    return small(b, DEIT_F32, (struct deit_shape){ .rank = 0 }, 1, &value);
}

int deit_build_bool(struct deit_build *b, bool value)
{
    const uint8_t byte = value;
    return small(b, DEIT_BOOL, (struct deit_shape){ .rank = 0 }, 1, &byte);
}

int deit_build_floats(struct deit_build *b, size_t n, const float *values)
{
    return small(b, DEIT_F32, deit_shape_of(1, (int64_t)n), n, values);
}

int deit_build_zeros(struct deit_build *b, size_t n)
{
    const struct deit_constant zeros = {
        .n_parts = 1, .parts = { { .dtype = DEIT_F32, .n_elements = n } }
    };
    char name[256];
    if (b->status != DEIT_OK)
        return -1;
    snprintf(name, sizeof name, "%.220s/zeros", b->title);
    return add_constant(b, name, DEIT_F32, deit_shape_of(1, (int64_t)n), &zeros);
}

int deit_build_number(struct deit_build *b, int like, double value)
{
    return deit_build_dtype(b, like) == DEIT_I64 ? deit_build_int(b, (int64_t)value)
                                                 : deit_build_float(b, (float)value);
}
