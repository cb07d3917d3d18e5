/*
 * runtime/lower_walk.c: most primitives only move elements, so they become one kind of step whose
 * loops and strides are worked out here.
 */
#include "runtime/lower_walk.h"

#include "ops/copy.h"
#include "ops/transpose.h"
#include "runtime/constant.h"
#include "runtime/error.h"

struct deit_shape deit_shape_unknown(uint32_t rank)
{
    struct deit_shape shape = { .rank = rank };
    for (uint32_t i = 0; i < DEIT_MAX_RANK; i++)
        shape.dims[i] = DEIT_DIM_UNKNOWN;
    return shape;
}

bool deit_list_length(const struct deit_graph *graph, const struct deit_node *node, size_t slot,
                      size_t *n)
{
    const struct deit_value *value = deit_input_value(graph, node, slot);
    *n = 0;
    return !value || deit_shape_count(&value->shape, n);
}

enum deit_status deit_expect_size(const struct deit_node *node, const struct deit_shape *shape,
                                  struct deit_error *err)
{
    size_t count;
    char text[128];
    if (!deit_rank_is_known(shape))
        return DEIT_OK;
    if (shape->rank > DEIT_MAX_RANK)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a result of rank %u, at most %d is possible",
                         node->name, shape->rank, DEIT_MAX_RANK);
    for (uint32_t i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            return DEIT_OK;
    if (deit_shape_count(shape, &count) && count <= SIZE_MAX / 16)
        return DEIT_OK;
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: a result of %s is too large", node->name,
                     deit_shape_print(shape, text));
}

void deit_dense_strides(const struct deit_shape *shape, ptrdiff_t *stride)
{
    ptrdiff_t next = 1;
    for (uint32_t i = shape->rank; i-- > 0;) {
        stride[i] = next;
        next *= (ptrdiff_t)shape->dims[i];
    }
}

void deit_broadcast_strides(const struct deit_shape *shape, const struct deit_shape *to,
                            ptrdiff_t *stride)
{
    ptrdiff_t dense[DEIT_MAX_RANK];
    uint32_t missing = to->rank - shape->rank;
    deit_dense_strides(shape, dense);
    for (uint32_t i = 0; i < to->rank; i++)
        stride[i] = i < missing || shape->dims[i - missing] == 1 ? 0 : dense[i - missing];
}

void deit_walk_over(const struct deit_shape *shape, const ptrdiff_t *const *strides,
                    struct deit_walk *walk)
{
    *walk = (struct deit_walk){ .rank = shape->rank };
    for (uint32_t i = 0; i < shape->rank; i++) {
        walk->n[i] = (size_t)shape->dims[i];
        for (size_t k = 0; k < DEIT_WALK_OPERANDS; k++)
            walk->stride[i][k] = strides[k] ? strides[k][i] : 0;
    }
    deit_walk_join(walk);
}

enum deit_status deit_lower_copy(struct deit_lowering *lowering, const struct deit_node *node,
                                 const struct deit_shape *shape, enum deit_dtype dtype,
                                 const void *from, const ptrdiff_t *from_stride, void *to,
                                 const ptrdiff_t *to_stride, struct deit_error *err)
{
    const ptrdiff_t *strides[DEIT_WALK_OPERANDS] = { from_stride, to_stride };
    struct deit_copy op = { .element_bytes = deit_dtype_bytes(dtype), .from = from, .to = to };
    size_t count = 0;
    deit_shape_count(shape, &count);
    if (!count || from == to)
        return DEIT_OK;
    op.count_per_image = count / lowering->batch;
    deit_walk_over(shape, strides, &op.walk);
    struct deit_transpose crossed = { .element_bytes = op.element_bytes, .from = from, .to = to };
    if (lowering->batch == 1 && deit_transpose_of(&op.walk, &crossed))
        return deit_lower_step(lowering, node, "", deit_transpose_n_tiles, deit_transpose_run,
                               &crossed, sizeof crossed, err);
    return deit_lower_step(lowering, node, "", deit_copy_n_tiles, deit_copy_run, &op, sizeof op,
                           err);
}

enum deit_status deit_lower_same(struct deit_lowering *lowering, const struct deit_node *node,
                                 struct deit_error *err)
{
    const struct deit_shape *y = deit_output_shape(lowering->graph, node, 0);
    const void *from;
    ptrdiff_t stride[DEIT_MAX_RANK];
    enum deit_status status = deit_lower_operand(lowering, node, 0, &from, err);
    if (status != DEIT_OK)
        return status;
    deit_dense_strides(y, stride);
    return deit_lower_copy(lowering, node, y, deit_input_value(lowering->graph, node, 0)->dtype,
                           from, stride, deit_lower_output(lowering, node, 0), stride, err);
}

enum deit_status deit_constant_axes(const struct deit_graph *graph, const struct deit_node *node,
                                    size_t slot, uint32_t rank, uint32_t *axes, size_t *n,
                                    bool *is_known, struct deit_error *err)
{
    int64_t list[DEIT_MAX_RANK];
    bool seen[DEIT_MAX_RANK] = { false };
    enum deit_status status =
        deit_constant_ints(graph, node, slot, list, DEIT_MAX_RANK, n, is_known, err);
    for (size_t i = 0; status == DEIT_OK && *is_known && i < *n; i++) {
        status = deit_axis_of(node, list[i], rank, &axes[i], err);
        if (status == DEIT_OK && seen[axes[i]])
            status = deit_fail(err, DEIT_ERR_FORMAT, "%s: axis %u is listed twice", node->name,
                               axes[i]);
        if (status == DEIT_OK)
            seen[axes[i]] = true;
    }
    return status;
}

enum deit_status deit_fail_not_constant(const struct deit_graph *graph,
                                        const struct deit_node *node, size_t slot,
                                        struct deit_error *err)
{
    return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: '%s' depends on values of the run", node->name,
                     deit_input_value(graph, node, slot)->name);
}

void deit_plan_same(const struct deit_lowering *lowering, const struct deit_node *node,
                    struct deit_node_memory *memory)
{
    (void)lowering;
    (void)node;
    memory->in_place = 0;
}

enum deit_status deit_fold_same(struct deit_graph *graph, int node, bool *done,
                                struct deit_error *err)
{
    const struct deit_value from = *deit_input_value(graph, &graph->nodes[node], 0);
    int output = graph->nodes[node].outputs[0];
    struct deit_value *to = &graph->values[output];
    if (from.origin != DEIT_FROM_CONSTANT || !deit_shape_is_known(&to->shape))
        return DEIT_OK;
    to->dtype = from.dtype;
    *done = true;
    return deit_fold_output(graph, node, 0, &from.constant, from.is_folded, err);
}
