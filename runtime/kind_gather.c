/*
 * runtime/kind_gather.c: (x, indices) -> (y) in three forms, and scatter, the way back.
 *
 * Constant indices are checked with the shapes, and an index outside of its dimension is an
 * error.  Those that are computed in a run cannot fail any more: ops/gather.h says what they
 * give.
 */
#include "ops/gather.h"

#include "ops/copy.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/plan.h"

enum { X, INDICES, UPDATES };

static size_t product(const struct deit_shape *shape, uint32_t begin, uint32_t end)
{
    size_t n = 1;
    for (uint32_t i = begin; i < end; i++)
        n *= (size_t)shape->dims[i];
    return n;
}

static size_t element_bytes(const struct deit_graph *graph, const struct deit_node *node)
{
    return deit_dtype_bytes(deit_input_value(graph, node, X)->dtype);
}

/* Sets y to nothing but x's type, which is all that is known without both ranks. */
static bool ranks_are_known(struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_value *x = deit_input_value(graph, node, X);
    deit_set_output(graph, node, 0, x->dtype, (struct deit_shape){ .rank = DEIT_RANK_UNKNOWN });
    return deit_rank_is_known(&x->shape) &&
           deit_rank_is_known(deit_input_shape(graph, node, INDICES));
}

static enum deit_status append_dims(const struct deit_node *node, struct deit_shape *y,
                                    const struct deit_shape *from, uint32_t begin, uint32_t end,
                                    struct deit_error *err)
{
    if (y->rank + (end - begin) > DEIT_MAX_RANK)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                         "%s: a result of rank %u, at most %d is possible", node->name,
                         y->rank + (end - begin), DEIT_MAX_RANK);
    for (uint32_t i = begin; i < end; i++)
        y->dims[y->rank++] = from->dims[i];
    return DEIT_OK;
}

/* ------------------------------------------------------------------ constant indices */

/* Index i of them speaks of dimension dims[i % period]. */
static enum deit_status check_indices(const struct deit_graph *graph, const struct deit_node *node,
                                      const int64_t *dims, size_t period, struct deit_error *err)
{
    int64_t some[512];
    size_t count = 0, room = sizeof some / sizeof *some;
    const struct deit_value *value = deit_input_value(graph, node, INDICES);
    if (value->origin != DEIT_FROM_CONSTANT)
        return DEIT_OK;
    for (size_t i = 0; i < period; i++)
        if (dims[i] == DEIT_DIM_UNKNOWN)
            return DEIT_OK;
    if (period)
        deit_shape_count(&value->shape, &count);
    for (size_t first = 0; first < count; first += room) {
        size_t n = count - first < room ? count - first : room;
        enum deit_status status =
            deit_constant_read(&value->constant, value->name, DEIT_I64, first, n, some, err);
        if (status != DEIT_OK)
            return status;
        for (size_t i = 0; i < n; i++) {
            int64_t dim = dims[(first + i) % period];
            if (some[i] < -dim || some[i] >= dim)
                return deit_fail(err, DEIT_ERR_FORMAT, "%s: index %lld of a dimension of %lld",
                                 node->name, (long long)some[i], (long long)dim);
        }
    }
    return DEIT_OK;
}

/* Checks indices and fills in addresses. */
static enum deit_status lower_operands(struct deit_lowering *lowering,
                                       const struct deit_node *node, const int64_t *dims,
                                       size_t period, const int64_t **indices,
                                       const unsigned char **x, struct deit_error *err)
{
    const void *data = NULL;
    enum deit_status status = check_indices(lowering->graph, node, dims, period, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, INDICES, &data, err);
    *indices = data;
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, X, &data, err);
    *x = data;
    return status;
}

/* ------------------------------------------------------------------ gather */

static enum deit_status gather_infer(struct deit_graph *graph, const struct deit_node *node,
                                     struct deit_error *err)
{
    enum deit_status status = deit_expect_dtype(graph, node, INDICES, DEIT_I64, err);
    if (status != DEIT_OK || !ranks_are_known(graph, node))
        return status;
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    const struct deit_shape *indices = deit_input_shape(graph, node, INDICES);
    struct deit_shape y = { .rank = 0 };
    uint32_t axis;
    status = deit_axis_of(node, node->attrs.axis.axis, x->rank, &axis, err);
    if (status == DEIT_OK)
        status = check_indices(graph, node, &x->dims[axis], 1, err);
    if (status == DEIT_OK)
        status = append_dims(node, &y, x, 0, axis, err);
    if (status == DEIT_OK)
        status = append_dims(node, &y, indices, 0, indices->rank, err);
    if (status == DEIT_OK)
        status = append_dims(node, &y, x, axis + 1, x->rank, err);
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, deit_input_value(graph, node, X)->dtype, y);
    return status;
}

static enum deit_status gather_lower(struct deit_lowering *lowering, const struct deit_node *node,
                                     struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, X);
    const struct deit_shape *indices = deit_input_shape(lowering->graph, node, INDICES);
    uint32_t axis = 0;
    deit_axis_of(node, node->attrs.axis.axis, x->rank, &axis, NULL);
    struct deit_gather op = {
        .outer = product(x, 0, axis),
        .dim = (size_t)x->dims[axis],
        .n_indices = product(indices, 0, indices->rank),
        .run_bytes = product(x, axis + 1, x->rank) * element_bytes(lowering->graph, node),
        .y = deit_lower_output(lowering, node, 0),
    };
    enum deit_status status =
        lower_operands(lowering, node, &x->dims[axis], 1, &op.indices, &op.x, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_gather_n_tiles, deit_gather_run, &op,
                                 sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_gather = { .infer = gather_infer, .lower = gather_lower };

/* ------------------------------------------------------------------ gather_elements */

static enum deit_status elements_infer(struct deit_graph *graph, const struct deit_node *node,
                                       struct deit_error *err)
{
    enum deit_status status = deit_expect_dtype(graph, node, INDICES, DEIT_I64, err);
    if (status != DEIT_OK || !ranks_are_known(graph, node))
        return status;
    const struct deit_value *x = deit_input_value(graph, node, X);
    const struct deit_shape *indices = deit_input_shape(graph, node, INDICES);
    uint32_t axis;
    if (x->shape.rank != indices->rank)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: indices of rank %u into a tensor of rank %u",
                         node->name, indices->rank, x->shape.rank);
    status = deit_axis_of(node, node->attrs.axis.axis, x->shape.rank, &axis, err);
    for (uint32_t i = 0; status == DEIT_OK && i < indices->rank; i++)
        if (i != axis && x->shape.dims[i] != DEIT_DIM_UNKNOWN &&
            indices->dims[i] > x->shape.dims[i])
            status = deit_fail(err, DEIT_ERR_FORMAT,
                               "%s: dimension %u of the indices is %lld, of the tensor %lld",
                               node->name, i, (long long)indices->dims[i],
                               (long long)x->shape.dims[i]);
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, x->dtype, *indices);
    return status;
}

static enum deit_status elements_lower(struct deit_lowering *lowering,
                                       const struct deit_node *node, struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, X);
    const struct deit_shape *indices = deit_input_shape(lowering->graph, node, INDICES);
    uint32_t axis = 0;
    deit_axis_of(node, node->attrs.axis.axis, x->rank, &axis, NULL);
    struct deit_gather_elements op = {
        .rank = x->rank,
        .axis = axis,
        .dim = (size_t)x->dims[axis],
        .count = product(indices, 0, indices->rank),
        .element_bytes = element_bytes(lowering->graph, node),
        .y = deit_lower_output(lowering, node, 0),
    };
    for (uint32_t i = 0; i < x->rank; i++) {
        op.dims[i] = (size_t)indices->dims[i];
        op.x_step[i] = product(x, i + 1, x->rank);
    }
    enum deit_status status =
        lower_operands(lowering, node, &x->dims[axis], 1, &op.indices, &op.x, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_gather_elements_n_tiles,
                                 deit_gather_elements_run, &op, sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_gather_elements = { .infer = elements_infer,
                                                     .lower = elements_lower };

/* ------------------------------------------------------------------ gather_nd, scatter_nd */

/* Batch dims of both agree, and a tuple has no more indices than x has dims behind them. */
static enum deit_status check_tuples(const struct deit_graph *graph, const struct deit_node *node,
                                     int64_t batch_dims, struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    const struct deit_shape *indices = deit_input_shape(graph, node, INDICES);
    if (x->rank == 0 || indices->rank == 0)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: indices of rank %u into a tensor of rank %u",
                         node->name, indices->rank, x->rank);
    if (batch_dims < 0 || batch_dims >= x->rank || batch_dims >= indices->rank)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %lld batch dimensions of ranks %u and %u",
                         node->name, (long long)batch_dims, x->rank, indices->rank);
    for (uint32_t i = 0; i < batch_dims; i++)
        if (x->dims[i] != indices->dims[i] && x->dims[i] != DEIT_DIM_UNKNOWN &&
            indices->dims[i] != DEIT_DIM_UNKNOWN)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: batch dimensions %lld and %lld differ",
                             node->name, (long long)x->dims[i], (long long)indices->dims[i]);
    int64_t depth = indices->dims[indices->rank - 1];
    if (depth != DEIT_DIM_UNKNOWN && (depth < 1 || depth > x->rank - batch_dims))
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: tuples of %lld indices for %lld dimensions",
                         node->name, (long long)depth, (long long)(x->rank - batch_dims));
    return DEIT_OK;
}

static enum deit_status gather_nd_infer(struct deit_graph *graph, const struct deit_node *node,
                                        struct deit_error *err)
{
    int64_t batch_dims = node->attrs.gather_nd.batch_dims;
    enum deit_status status = deit_expect_dtype(graph, node, INDICES, DEIT_I64, err);
    if (status != DEIT_OK || !ranks_are_known(graph, node))
        return status;
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    const struct deit_shape *indices = deit_input_shape(graph, node, INDICES);
    status = check_tuples(graph, node, batch_dims, err);
    if (status != DEIT_OK || indices->dims[indices->rank - 1] == DEIT_DIM_UNKNOWN)
        return status;
    struct deit_shape y = { .rank = 0 };
    uint32_t end = (uint32_t)(batch_dims + indices->dims[indices->rank - 1]);
    status = check_indices(graph, node, &x->dims[batch_dims], end - batch_dims, err);
    if (status != DEIT_OK)
        return status;
    status = append_dims(node, &y, indices, 0, indices->rank - 1, err);
    if (status == DEIT_OK)
        status = append_dims(node, &y, x, end, x->rank, err);
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, deit_input_value(graph, node, X)->dtype, y);
    return status;
}

static struct deit_gather_nd describe_tuples(const struct deit_graph *graph,
                                             const struct deit_node *node, uint32_t batch_dims)
{
    const struct deit_shape *x = deit_input_shape(graph, node, X);
    const struct deit_shape *indices = deit_input_shape(graph, node, INDICES);
    uint32_t depth = (uint32_t)indices->dims[indices->rank - 1], end = batch_dims + depth;
    struct deit_gather_nd op = {
        .n_tuples = product(indices, 0, indices->rank - 1),
        .per_batch = product(indices, batch_dims, indices->rank - 1),
        .depth = depth,
        .runs_per_batch = product(x, batch_dims, end),
        .run_bytes = product(x, end, x->rank) * element_bytes(graph, node),
    };
    for (uint32_t i = 0; i < depth; i++)
        op.dims[i] = (size_t)x->dims[batch_dims + i];
    return op;
}

static enum deit_status gather_nd_lower(struct deit_lowering *lowering,
                                        const struct deit_node *node, struct deit_error *err)
{
    const struct deit_shape *x = deit_input_shape(lowering->graph, node, X);
    uint32_t batch_dims = (uint32_t)node->attrs.gather_nd.batch_dims;
    struct deit_gather_nd op = describe_tuples(lowering->graph, node, batch_dims);
    op.y = deit_lower_output(lowering, node, 0);
    enum deit_status status = lower_operands(lowering, node, &x->dims[batch_dims], op.depth,
                                             &op.indices, &op.x, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_gather_nd_n_tiles, deit_gather_nd_run,
                                 &op, sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_gather_nd = { .infer = gather_nd_infer,
                                               .lower = gather_nd_lower };

/* NULL: copies; '*is_there' is false for a type that cannot be combined so. */
static deit_binary_fn *find_combine(enum deit_scatter reduction, enum deit_dtype dtype,
                                    bool *is_there)
{
    static deit_binary_fn *const floats[] = { NULL, deit_add_f32, deit_mul_f32, deit_min_f32,
                                              deit_max_f32 };
    static deit_binary_fn *const ints[] = { NULL, deit_add_i64, deit_mul_i64, deit_min_i64,
                                            deit_max_i64 };
    *is_there = reduction == DEIT_SCATTER_NONE || dtype == DEIT_F32 || dtype == DEIT_I64;
    return dtype == DEIT_F32 ? floats[reduction] : dtype == DEIT_I64 ? ints[reduction] : NULL;
}

static enum deit_status scatter_nd_infer(struct deit_graph *graph, const struct deit_node *node,
                                         struct deit_error *err)
{
    bool is_there;
    const struct deit_value *x = deit_input_value(graph, node, X);
    enum deit_status status = deit_expect_dtype(graph, node, INDICES, DEIT_I64, err);
    if (status == DEIT_OK)
        status = deit_expect_dtype(graph, node, UPDATES, x->dtype, err);
    find_combine(node->attrs.scatter_nd.reduction, x->dtype, &is_there);
    if (status == DEIT_OK && !is_there)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: a reduction of type %s", node->name,
                         deit_dtype_name(x->dtype));
    if (status != DEIT_OK || !ranks_are_known(graph, node))
        return status;
    const struct deit_shape *indices = deit_input_shape(graph, node, INDICES);
    status = check_tuples(graph, node, 0, err);
    if (status == DEIT_OK && indices->dims[indices->rank - 1] != DEIT_DIM_UNKNOWN) {
        struct deit_shape updates = { .rank = 0 };
        uint32_t depth = (uint32_t)indices->dims[indices->rank - 1];
        status = append_dims(node, &updates, indices, 0, indices->rank - 1, err);
        if (status == DEIT_OK)
            status = append_dims(node, &updates, &x->shape, depth, x->shape.rank, err);
        if (status == DEIT_OK)
            status = deit_expect_shape(graph, node, UPDATES, updates, err);
    }
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, x->dtype, x->shape);
    return status;
}

static void scatter_nd_plan(const struct deit_lowering *lowering, const struct deit_node *node,
                            struct deit_node_memory *memory)
{
    (void)lowering, (void)node;
    memory->in_place = X;
}

static enum deit_status scatter_nd_lower(struct deit_lowering *lowering,
                                         const struct deit_node *node, struct deit_error *err)
{
    const struct deit_shape *x_shape = deit_input_shape(lowering->graph, node, X);
    struct deit_gather_nd op = describe_tuples(lowering->graph, node, 0);
    const unsigned char *x = NULL;
    const void *updates = NULL;
    bool is_there;
    op.y = deit_lower_output(lowering, node, 0);
    op.element_bytes = element_bytes(lowering->graph, node);
    op.combine = find_combine(node->attrs.scatter_nd.reduction,
                              deit_input_value(lowering->graph, node, X)->dtype, &is_there);
    enum deit_status status =
        lower_operands(lowering, node, x_shape->dims, op.depth, &op.indices, &x, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, UPDATES, &updates, err);
    op.x = updates;
    size_t count = product(x_shape, 0, x_shape->rank);
    const struct deit_copy copy = {
        .walk = { .rank = 1, .n = { count }, .stride = { { 1, 1 } } },
        .count_per_image = count, .element_bytes = op.element_bytes,
        .from = x, .to = op.y,
    };
    if (status == DEIT_OK && x != op.y)
        status = deit_lower_step(lowering, node, ".copy", deit_copy_n_tiles, deit_copy_run, &copy,
                                 sizeof copy, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_scatter_nd_n_tiles, deit_scatter_nd_run,
                                 &op, sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_scatter_nd = { .infer = scatter_nd_infer,
                                                .plan = scatter_nd_plan,
                                                .lower = scatter_nd_lower };
