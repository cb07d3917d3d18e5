/*
 * loaders/onnx_build_node.c: adding nodes.
 *
 * Each is inferred as soon as it stands: operators ask for ranks and types of what they are
 * given, and an error is found at the node that makes it.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "loaders/onnx_build.h"
#include "runtime/error.h"
#include "runtime/kind.h"

/* Gives the runtime's message, which begins with its name of the node, the loader's form. */
static void infer(struct deit_build *b, size_t index)
{
    struct deit_error error = { .status = DEIT_OK };
    enum deit_status status = deit_node_infer(b->graph, index, &error);
    if (status == DEIT_OK)
        return;
    const char *message = error.message;
    size_t n = strlen(b->graph->nodes[index].name);
    if (!strncmp(message, b->graph->nodes[index].name, n) && !strncmp(message + n, ": ", 2))
        message += n + 2;
    deit_build_fail(b, status, "%s", message);
}

int deit_build_add(struct deit_build *b, enum deit_node_kind kind, const union deit_attrs *attrs,
                   size_t n_inputs, const int *inputs)
{
    char name[256];
    const char *const outputs[] = { name };
    if (b->status != DEIT_OK)
        return -1;
    snprintf(name, sizeof name, "%.220s/%zu", b->title, b->graph->n_values - b->first_value);
    int index = deit_graph_add_node(b->graph, kind, b->title, attrs, n_inputs, inputs, 1, outputs);
    if (index < 0 || b->graph->is_out_of_memory) {
        b->status = deit_fail(b->err, DEIT_ERR_MEMORY, "%s: out of memory for the graph",
                              b->onnx->name);
        return -1;
    }
    infer(b, (size_t)index);
    return b->status == DEIT_OK ? b->graph->nodes[index].outputs[0] : -1;
}

int deit_build_unary(struct deit_build *b, enum deit_unary function, int x)
{
    const union deit_attrs attrs = { .unary = function };
    return deit_build_add(b, DEIT_NODE_UNARY, &attrs, 1, &x);
}

int deit_build_binary(struct deit_build *b, enum deit_binary function, int x, int y)
{
    const union deit_attrs attrs = { .binary = function };
    return deit_build_add(b, DEIT_NODE_BINARY, &attrs, 2, (const int[]){ x, y });
}

int deit_build_where(struct deit_build *b, int condition, int x, int y)
{
    return deit_build_add(b, DEIT_NODE_WHERE, NULL, 3, (const int[]){ condition, x, y });
}

int deit_build_matmul(struct deit_build *b, int x, int y)
{
    return deit_build_add(b, DEIT_NODE_MATMUL, NULL, 2, (const int[]){ x, y });
}

int deit_build_softmax(struct deit_build *b, int x, int32_t axis)
{
    const union deit_attrs attrs = { .axis = { .axis = axis } };
    return deit_build_add(b, DEIT_NODE_SOFTMAX, &attrs, 1, &x);
}

int deit_build_reduce(struct deit_build *b, enum deit_reduce op, int x, int axes, bool keep_dims)
{
    const union deit_attrs attrs = { .reduce = { .op = op, .keep_dims = keep_dims } };
    return deit_build_add(b, DEIT_NODE_REDUCE, &attrs, 2, (const int[]){ x, axes });
}

int deit_build_concat(struct deit_build *b, int32_t axis, size_t n, const int *values)
{
    const union deit_attrs attrs = { .axis = { .axis = axis } };
    return deit_build_add(b, DEIT_NODE_CONCAT, &attrs, n, values);
}

int deit_build_transpose(struct deit_build *b, int x, size_t n, const int64_t *axes)
{
    union deit_attrs attrs = { .transpose = { .n = (uint32_t)n } };
    if (n > DEIT_MAX_RANK) {
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "%zu axes, ranks go up to %d", n, DEIT_MAX_RANK);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (axes[i] < -(int64_t)n || axes[i] >= (int64_t)n) {
            deit_build_fail(b, DEIT_ERR_FORMAT, "axis %lld of %zu", (long long)axes[i], n);
            return -1;
        }
        attrs.transpose.axis[i] = (int32_t)axes[i];
    }
    return deit_build_add(b, DEIT_NODE_TRANSPOSE, &attrs, 1, &x);
}

int deit_build_reshape(struct deit_build *b, int x, int shape)
{
    return deit_build_add(b, DEIT_NODE_RESHAPE, NULL, 2, (const int[]){ x, shape });
}

int deit_build_reshape_exactly(struct deit_build *b, int x, int shape)
{
    const union deit_attrs attrs = { .reshape = { .zero_is_zero = true } };
    return deit_build_add(b, DEIT_NODE_RESHAPE, &attrs, 2, (const int[]){ x, shape });
}

int deit_build_expand(struct deit_build *b, int x, int shape)
{
    return deit_build_add(b, DEIT_NODE_EXPAND, NULL, 2, (const int[]){ x, shape });
}

int deit_build_unsqueeze(struct deit_build *b, int x, int axes)
{
    return deit_build_add(b, DEIT_NODE_UNSQUEEZE, NULL, 2, (const int[]){ x, axes });
}

int deit_build_squeeze(struct deit_build *b, int x, int axes)
{
    return deit_build_add(b, DEIT_NODE_SQUEEZE, NULL, 2, (const int[]){ x, axes });
}

int deit_build_shape(struct deit_build *b, int x, int32_t start, int32_t end)
{
    const union deit_attrs attrs = { .shape = { .start = start, .end = end } };
    return deit_build_add(b, DEIT_NODE_SHAPE, &attrs, 1, &x);
}

int deit_build_scale(struct deit_build *b, int x, float value)
{
    if (value == 1.0F || b->status != DEIT_OK)
        return x;
    return deit_build_binary(b, DEIT_MUL, x, deit_build_number(b, x, (double)value));
}

int deit_build_offset(struct deit_build *b, int x, float value)
{
    if (value == 0.0F || b->status != DEIT_OK)
        return x;
    return deit_build_binary(b, DEIT_ADD, x, deit_build_number(b, x, (double)value));
}

int deit_build_slice(struct deit_build *b, int x, int64_t axis, int64_t start, int64_t end)
{
    const int inputs[] = { x, deit_build_list(b, 1, start), deit_build_list(b, 1, end),
                           deit_build_list(b, 1, axis) };
    return deit_build_add(b, DEIT_NODE_SLICE, NULL, 4, inputs);
}

int deit_build_swap(struct deit_build *b, int x)
{
    int64_t axes[DEIT_MAX_RANK];
    uint32_t rank = deit_build_rank(b, x);
    if (b->status != DEIT_OK)
        return -1;
    if (rank < 2) {
        deit_build_fail(b, DEIT_ERR_FORMAT, "'%s' has rank %u, a matrix has 2",
                        b->graph->values[x].name, rank);
        return -1;
    }
    for (uint32_t i = 0; i < rank; i++)
        axes[i] = i;
    axes[rank - 2] = rank - 1;
    axes[rank - 1] = rank - 2;
    return deit_build_transpose(b, x, rank, axes);
}

int deit_build_cast(struct deit_build *b, int x, enum deit_dtype to)
{
    enum deit_dtype from = deit_build_dtype(b, x);
    bool is_float = to == DEIT_F32 || to == DEIT_F16 || to == DEIT_BF16 || to == DEIT_F64;
    if (is_float)
        to = DEIT_F32;
    if (b->status != DEIT_OK || from == to)
        return x;
    const union deit_attrs attrs = { .cast = { .to = to } };
    return deit_build_add(b, DEIT_NODE_CAST, &attrs, 1, &x);
}

int deit_build_copy(struct deit_build *b, int x)
{
    const union deit_attrs attrs = { .cast = { .to = deit_build_dtype(b, x) } };
    return deit_build_add(b, DEIT_NODE_CAST, &attrs, 1, &x);
}

/* Reshape reads 0 as "as it was" and -1 as "the rest", which is all that the usual axes need. */
int deit_build_flatten(struct deit_build *b, int x, int64_t axis)
{
    uint32_t rank = deit_build_rank_if_known(b, x);
    if (rank != DEIT_RANK_UNKNOWN && axis >= 0 && axis == (int64_t)rank)
        return deit_build_reshape(b, x, deit_build_list(b, 2, -1, 1));
    if (axis == 0)
        return deit_build_reshape(b, x, deit_build_list(b, 2, 1, -1));
    if (axis == 1)
        return deit_build_reshape(b, x, deit_build_list(b, 2, 0, -1));

    int outer = deit_build_shape(b, x, 0, (int32_t)axis);
    outer = deit_build_reduce(b, DEIT_REDUCE_PROD, outer, -1, true);
    const int dims[] = { outer, deit_build_list(b, 1, -1) };
    return deit_build_reshape(b, x, deit_build_concat(b, 0, 2, dims));
}
