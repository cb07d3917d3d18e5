/*
 * runtime/infer.c: the table of kinds, and what their shape inference shares.
 */
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/kind.h"

#define DEIT_KIND(id, name, ...) extern const struct deit_kind deit_kind_##name;
#include "runtime/node_kinds.inc"
#undef DEIT_KIND

const struct deit_kind *const deit_kinds[DEIT_N_NODE_KINDS] = {
#define DEIT_KIND(id, name, ...) [DEIT_NODE_##id] = &deit_kind_##name,
#include "runtime/node_kinds.inc"
#undef DEIT_KIND
};

static const size_t least_inputs[DEIT_N_NODE_KINDS] = {
#define DEIT_KIND(id, name, least, ...) [DEIT_NODE_##id] = least,
#include "runtime/node_kinds.inc"
#undef DEIT_KIND
};

enum deit_status deit_axis_of(const struct deit_node *node, int64_t axis, uint32_t rank,
                              uint32_t *from_front, struct deit_error *err)
{
    if (axis < -(int64_t)rank || axis >= (int64_t)rank)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: axis %lld of a tensor of rank %u", node->name,
                         (long long)axis, rank);
    *from_front = (uint32_t)(axis < 0 ? axis + rank : axis);
    return DEIT_OK;
}

enum deit_status deit_expect_dtype(const struct deit_graph *graph, const struct deit_node *node,
                                   size_t slot, enum deit_dtype wanted, struct deit_error *err)
{
    const struct deit_value *value = deit_input_value(graph, node, slot);
    if (!value || value->dtype == wanted)
        return DEIT_OK;
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: input '%s' is %s, not %s", node->name, value->name,
                     deit_dtype_name(value->dtype), deit_dtype_name(wanted));
}

enum deit_status deit_expect_shape(const struct deit_graph *graph, const struct deit_node *node,
                                   size_t slot, struct deit_shape wanted, struct deit_error *err)
{
    const struct deit_value *value = deit_input_value(graph, node, slot);
    if (!value || !deit_rank_is_known(&value->shape))
        return DEIT_OK;
    struct deit_shape is = value->shape;
    bool fits = is.rank == wanted.rank;
    for (uint32_t i = 0; fits && i < is.rank; i++)
        fits = is.dims[i] == wanted.dims[i] || wanted.dims[i] == DEIT_DIM_UNKNOWN ||
               is.dims[i] == DEIT_DIM_UNKNOWN;
    if (fits)
        return DEIT_OK;
    char is_text[128], wanted_text[128];
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: input '%s' is %s, not %s", node->name, value->name,
                     deit_shape_print(&is, is_text), deit_shape_print(&wanted, wanted_text));
}

/* One dim of two: a 1 gives way, an unknown one to what is known and not 1. */
static bool broadcast_dim(int64_t a, int64_t b, int64_t *out)
{
    if (a == b || b == 1)
        *out = a;
    else if (a == 1)
        *out = b;
    else if (a == DEIT_DIM_UNKNOWN || b == DEIT_DIM_UNKNOWN)
        *out = a == DEIT_DIM_UNKNOWN ? b : a;
    else
        return false;
    return true;
}

enum deit_status deit_broadcast(const struct deit_node *node, struct deit_shape a,
                                struct deit_shape b, struct deit_shape *out,
                                struct deit_error *err)
{
    struct deit_shape result = { .rank = a.rank > b.rank ? a.rank : b.rank };
    if (!deit_rank_is_known(&a) || !deit_rank_is_known(&b)) {
        *out = (struct deit_shape){ .rank = DEIT_RANK_UNKNOWN };
        return DEIT_OK;
    }
    for (uint32_t i = 1; i <= result.rank; i++) {
        int64_t x = i <= a.rank ? a.dims[a.rank - i] : 1;
        int64_t y = i <= b.rank ? b.dims[b.rank - i] : 1;
        if (!broadcast_dim(x, y, &result.dims[result.rank - i])) {
            char a_text[128], b_text[128];
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: shapes %s and %s do not broadcast",
                             node->name, deit_shape_print(&a, a_text),
                             deit_shape_print(&b, b_text));
        }
    }
    *out = result;
    return DEIT_OK;
}

static enum deit_status constant_elements(const struct deit_graph *graph,
                                          const struct deit_node *node, size_t slot,
                                          enum deit_dtype dtype, void *out, size_t room, size_t *n,
                                          bool *is_known, struct deit_error *err)
{
    const struct deit_value *value = deit_input_value(graph, node, slot);
    *n = 0;
    *is_known = !value || value->origin == DEIT_FROM_CONSTANT;
    if (!value || !*is_known)
        return DEIT_OK;
    if (!deit_shape_count(&value->shape, n) || *n > room)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: input '%s' has more than %zu elements",
                         node->name, value->name, room);
    return deit_constant_read(&value->constant, value->name, dtype, 0, *n, out, err);
}

enum deit_status deit_constant_ints(const struct deit_graph *graph, const struct deit_node *node,
                                    size_t slot, int64_t *out, size_t room, size_t *n,
                                    bool *is_known, struct deit_error *err)
{
    return constant_elements(graph, node, slot, DEIT_I64, out, room, n, is_known, err);
}

enum deit_status deit_constant_floats(const struct deit_graph *graph,
                                      const struct deit_node *node, size_t slot, float *out,
                                      size_t room, size_t *n, bool *is_known,
                                      struct deit_error *err)
{
    return constant_elements(graph, node, slot, DEIT_F32, out, room, n, is_known, err);
}

static enum deit_status check_inputs(const struct deit_graph *graph, size_t index,
                                     struct deit_error *err)
{
    const struct deit_node *node = &graph->nodes[index];
    for (size_t i = 0; i < node->n_inputs; i++) {
        int input = node->inputs[i];
        if (input < 0 && i < least_inputs[node->kind])
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: input %zu of a %s is missing", node->name,
                             i, deit_node_kind_name(node));
        if (input >= 0 && graph->values[input].producer >= (int)index)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: uses '%s' before it is computed",
                             node->name, graph->values[input].name);
    }
    return DEIT_OK;
}

/*
 * What no machine holds is refused here, so that no kind has to think of it: dims beside a zero
 * or an unknown one must not overflow either, because kinds multiply some of them.
 */
static enum deit_status check_output(const struct deit_node *node, const struct deit_value *value,
                                     struct deit_error *err)
{
    const uint64_t most = UINT64_C(1) << 40;
    uint64_t bytes = deit_dtype_bytes(value->dtype);
    char text[128];
    if (!deit_rank_is_known(&value->shape))
        return DEIT_OK;
    for (uint32_t i = 0; i < value->shape.rank; i++) {
        int64_t dim = value->shape.dims[i];
        if (dim < 0 && dim != DEIT_DIM_UNKNOWN)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: a result with a dimension of %lld",
                             node->name, (long long)dim);
        if (dim > 0 && (__builtin_mul_overflow(bytes, (uint64_t)dim, &bytes) || bytes > most))
            return deit_fail(err, DEIT_ERR_FORMAT,
                             "%s: a result of shape %s is larger than 2^40 bytes", node->name,
                             deit_shape_print(&value->shape, text));
    }
    return DEIT_OK;
}

enum deit_status deit_node_infer(struct deit_graph *graph, size_t index, struct deit_error *err)
{
    const struct deit_node *node = &graph->nodes[index];
    enum deit_status status = check_inputs(graph, index, err);
    if (status == DEIT_OK)
        status = deit_kind_of(node)->infer(graph, node, err);
    for (size_t i = 0; status == DEIT_OK && i < node->n_outputs; i++)
        if (node->outputs[i] >= 0)
            status = check_output(node, &graph->values[node->outputs[i]], err);
    return status;
}

enum deit_status deit_graph_infer(struct deit_graph *graph, struct deit_error *err)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        enum deit_status status = deit_node_infer(graph, i, err);
        if (status != DEIT_OK)
            return status;
    }
    return DEIT_OK;
}
