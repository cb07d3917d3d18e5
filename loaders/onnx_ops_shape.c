/*
 * loaders/onnx_ops_shape.c: operators that move elements and that speak of shapes.
 *
 * What older opsets write as attributes becomes constant inputs, as the newest have it.
 */
#include <limits.h>
#include <string.h>

#include "loaders/onnx_ops.h"

static void refuse_inputs(struct deit_build *b, size_t from)
{
    for (size_t i = from; i < b->node->n_input; i++)
        if (b->inputs[i] >= 0)
            deit_build_fail(b, DEIT_ERR_FORMAT, "input %zu, which opset %lld has not", i,
                            (long long)b->opset);
}

/* A list that is an attribute; -1 if it is absent. */
static int list_attr(struct deit_build *b, const char *name)
{
    size_t n;
    const int64_t *values = deit_build_attr_ints(b, name, &n);
    return values ? deit_build_ints(b, n, values) : -1;
}

/* ------------------------------------------------------------------ views */

void deit_onnx_op_reshape(struct deit_build *b)
{
    union deit_attrs attrs = { 0 };
    attrs.reshape.zero_is_zero = deit_build_attr_int(b, "allowzero", 0) != 0;
    const int inputs[] = { deit_build_input(b, 0), deit_build_input(b, 1) };
    deit_build_output(b, 0, deit_build_add(b, DEIT_NODE_RESHAPE, &attrs, 2, inputs));
}

void deit_onnx_op_flatten(struct deit_build *b)
{
    int x = deit_build_input(b, 0);
    int32_t axis = deit_build_attr_axis(b, "axis", 1);
    uint32_t rank = deit_build_rank_if_known(b, x);
    if (rank != DEIT_RANK_UNKNOWN && (axis > (int64_t)rank || axis < -(int64_t)rank))
        deit_build_fail(b, DEIT_ERR_FORMAT, "axis %d of a tensor of rank %u", axis, rank);
    deit_build_output(b, 0, deit_build_flatten(b, x, axis));
}

/* The axes of Squeeze and Unsqueeze are an input since opset 13. */
static int axes_of(struct deit_build *b)
{
    if (b->opset >= 13)
        return deit_build_input(b, 1);
    refuse_inputs(b, 1);
    return list_attr(b, "axes");
}

void deit_onnx_op_squeeze(struct deit_build *b)
{
    int axes = axes_of(b);
    deit_build_output(b, 0, deit_build_squeeze(b, deit_build_input(b, 0), axes));
}

void deit_onnx_op_unsqueeze(struct deit_build *b)
{
    int axes = axes_of(b);
    if (axes < 0)
        deit_build_fail(b, DEIT_ERR_FORMAT, "axes are missing");
    deit_build_output(b, 0, deit_build_unsqueeze(b, deit_build_input(b, 0), axes));
}

void deit_onnx_op_transpose(struct deit_build *b)
{
    size_t n;
    int x = deit_build_input(b, 0);
    const int64_t *axes = deit_build_attr_ints(b, "perm", &n);
    uint32_t rank = deit_build_rank_if_known(b, x);
    if (axes && rank != DEIT_RANK_UNKNOWN && n != rank)
        deit_build_fail(b, DEIT_ERR_FORMAT, "perm has %zu axes, the tensor has %u", n, rank);
    deit_build_output(b, 0, deit_build_transpose(b, x, axes ? n : 0, axes));
}

void deit_onnx_op_expand(struct deit_build *b)
{
    int x = deit_build_expand(b, deit_build_input(b, 0), deit_build_input(b, 1));
    deit_build_output(b, 0, x);
}

/* Each dim with one of 1 in front, expanded to the repeats, and both merged: (r0 d0, r1 d1, ...) */
void deit_onnx_op_tile(struct deit_build *b)
{
    int64_t axes[DEIT_MAX_RANK / 2] = { 0 };
    int x = deit_build_input(b, 0), repeats = deit_build_input(b, 1);
    uint32_t rank = deit_build_rank(b, x);
    if (deit_build_ok(b) && rank > DEIT_MAX_RANK / 2)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "a tensor of rank %u, the limit is %d", rank,
                        DEIT_MAX_RANK / 2);
    for (uint32_t i = 0; deit_build_ok(b) && i < rank; i++)
        axes[i] = 2 * i;
    int dims = deit_build_shape(b, x, 0, INT32_MAX), behind = deit_build_list(b, 1, 1);
    int shape = deit_build_binary(b, DEIT_MUL, repeats, dims);
    const int pairs[] = { deit_build_unsqueeze(b, repeats, behind),
                          deit_build_unsqueeze(b, dims, behind) };
    int both = deit_build_concat(b, 1, 2, pairs);
    both = deit_build_reshape(b, both, deit_build_list(b, 1, -1));
    if (deit_build_ok(b) && rank)
        x = deit_build_unsqueeze(b, x, deit_build_ints(b, rank, axes));
    x = deit_build_expand(b, x, both);
    deit_build_output(b, 0, deit_build_reshape_exactly(b, x, shape));
}

/* ------------------------------------------------------------------ pieces */

void deit_onnx_op_slice(struct deit_build *b)
{
    int inputs[5];
    for (size_t i = 0; i < 5; i++)
        inputs[i] = deit_build_input(b, i);
    if (b->opset < 10) {
        refuse_inputs(b, 1);
        inputs[1] = list_attr(b, "starts");
        inputs[2] = list_attr(b, "ends");
        inputs[3] = list_attr(b, "axes");
    }
    if (inputs[1] < 0 || inputs[2] < 0)
        deit_build_fail(b, DEIT_ERR_FORMAT, "starts or ends are missing");
    deit_build_output(b, 0, deit_build_add(b, DEIT_NODE_SLICE, NULL, 5, inputs));
}

/* Pieces whose sizes are known: where each begins is too. */
static void split_known(struct deit_build *b, int x, int32_t axis, const int64_t *sizes)
{
    int64_t start = 0, dim = deit_build_dim(b, x, axis);
    size_t n = b->node->n_output;
    for (size_t i = 0; i < n; i++) {
        int64_t end;
        if (sizes[i] < 0 || __builtin_add_overflow(start, sizes[i], &end)) {
            deit_build_fail(b, DEIT_ERR_FORMAT, "piece %zu has size %lld", i,
                            (long long)sizes[i]);
            return;
        }
        deit_build_output(b, i, deit_build_slice(b, x, axis, start, end));
        start = end;
    }
    if (dim != DEIT_DIM_UNKNOWN && dim != start)
        deit_build_fail(b, DEIT_ERR_FORMAT, "the pieces have %lld, axis %d has %lld",
                        (long long)start, axis, (long long)dim);
}

/* Sizes that are computed: piece i begins where the sizes before it end. */
static void split_computed(struct deit_build *b, int x, int32_t axis, int sizes)
{
    int start = deit_build_list(b, 1, 0);
    int axes = deit_build_list(b, 1, axis);
    for (size_t i = 0; i < b->node->n_output; i++) {
        int size = deit_build_slice(b, sizes, 0, (int64_t)i, (int64_t)i + 1);
        int end = deit_build_binary(b, DEIT_ADD, start, size);
        const int inputs[] = { x, start, end, axes };
        deit_build_output(b, i, deit_build_add(b, DEIT_NODE_SLICE, NULL, 4, inputs));
        start = end;
    }
}

/* The same for all but the last, which may be smaller: ceil(dim / n) for each. */
static void split_equally(struct deit_build *b, int x, int32_t axis)
{
    int64_t n = (int64_t)b->node->n_output, dim = deit_build_dim(b, x, axis);
    bool may_differ = b->opset >= 18;
    if (dim != DEIT_DIM_UNKNOWN && dim % n && !may_differ)
        deit_build_fail(b, DEIT_ERR_FORMAT, "axis %d has %lld, which is no multiple of %lld",
                        axis, (long long)dim, (long long)n);
    int axes = deit_build_list(b, 1, axis), size = -1;
    if (dim == DEIT_DIM_UNKNOWN) {
        size = deit_build_shape(b, x, axis, axis == -1 ? INT32_MAX : axis + 1);
        size = deit_build_binary(b, DEIT_ADD, size, deit_build_list(b, 1, n - 1));
        size = deit_build_binary(b, DEIT_DIV, size, deit_build_list(b, 1, n));
    } else {
        size = deit_build_list(b, 1, (dim + n - 1) / n);
    }
    int start = deit_build_list(b, 1, 0);
    for (int64_t i = 0; deit_build_ok(b) && i < n; i++) {
        int end = deit_build_binary(b, DEIT_ADD, start, size);
        const int inputs[] = { x, start, end, axes };
        deit_build_output(b, (size_t)i, deit_build_add(b, DEIT_NODE_SLICE, NULL, 4, inputs));
        start = end;
    }
}

/* Sizes are an attribute before opset 13, then an input; 'num_outputs' came with 18. */
void deit_onnx_op_split(struct deit_build *b)
{
    enum { MOST = 256 };
    int64_t known[MOST];
    const int64_t *sizes = known;
    int x = deit_build_input(b, 0), computed = deit_build_input(b, 1);
    int32_t axis = deit_build_attr_axis(b, "axis", 0);
    size_t n_outputs = b->node->n_output, n = 0;
    int64_t asked = deit_build_attr_int(b, "num_outputs", (int64_t)n_outputs);
    if (b->opset < 13) {
        refuse_inputs(b, 1);
        sizes = deit_build_attr_ints(b, "split", &n);
    } else if (!deit_build_const_ints(b, computed, MOST, known, &n)) {
        sizes = NULL;
    }
    if (asked != (int64_t)n_outputs || (sizes && n != n_outputs))
        deit_build_fail(b, DEIT_ERR_FORMAT, "%lld pieces, but %zu outputs",
                        sizes ? (long long)n : (long long)asked, n_outputs);
    if (!deit_build_ok(b))
        return;
    if (sizes)
        split_known(b, x, axis, sizes);
    else if (b->opset >= 13 && computed >= 0)
        split_computed(b, x, axis, computed);
    else
        split_equally(b, x, axis);
}

void deit_onnx_op_concat(struct deit_build *b)
{
    deit_build_need_attr(b, "axis");
    int32_t axis = deit_build_attr_axis(b, "axis", 0);
    for (size_t i = 0; i < b->node->n_input; i++)
        if (b->inputs[i] < 0)
            deit_build_fail(b, DEIT_ERR_FORMAT, "input %zu of %zu is absent", i,
                            b->node->n_input);
    deit_build_output(b, 0, deit_build_concat(b, axis, b->node->n_input, b->inputs));
}

/* Pads and value are attributes before opset 11; axes came with 18. */
void deit_onnx_op_pad(struct deit_build *b)
{
    static const char *const modes[] = { "constant", "reflect", "edge", "wrap", NULL };
    union deit_attrs attrs = { 0 };
    attrs.pad.mode = (enum deit_pad_mode)deit_build_attr_choice(b, "mode", "constant", modes);
    int inputs[4];
    for (size_t i = 0; i < 4; i++)
        inputs[i] = deit_build_input(b, i);
    if (b->opset < 11) {
        refuse_inputs(b, 1);
        inputs[1] = list_attr(b, "pads");
        inputs[2] = deit_build_float(b, deit_build_attr_float(b, "value", 0.0F));
    }
    if (inputs[1] < 0)
        deit_build_fail(b, DEIT_ERR_FORMAT, "pads are missing");
    deit_build_output(b, 0, deit_build_add(b, DEIT_NODE_PAD, &attrs, 4, inputs));
}

/* ------------------------------------------------------------------ by index */

void deit_onnx_op_gather(struct deit_build *b)
{
    union deit_attrs attrs = { .axis = { .axis = deit_build_attr_axis(b, "axis", 0) } };
    const int inputs[] = { deit_build_input(b, 0), deit_build_input(b, 1) };
    enum deit_node_kind kind = (enum deit_node_kind)b->argument;
    deit_build_output(b, 0, deit_build_add(b, kind, &attrs, 2, inputs));
}

void deit_onnx_op_gather_nd(struct deit_build *b)
{
    union deit_attrs attrs = { 0 };
    attrs.gather_nd.batch_dims = deit_build_attr_axis(b, "batch_dims", 0);
    const int inputs[] = { deit_build_input(b, 0), deit_build_input(b, 1) };
    deit_build_output(b, 0, deit_build_add(b, DEIT_NODE_GATHER_ND, &attrs, 2, inputs));
}

void deit_onnx_op_scatter_nd(struct deit_build *b)
{
    static const char *const reductions[] = { "none", "add", "mul", "min", "max", NULL };
    union deit_attrs attrs = { 0 };
    attrs.scatter_nd.reduction =
        (enum deit_scatter)deit_build_attr_choice(b, "reduction", "none", reductions);
    const int inputs[] = { deit_build_input(b, 0), deit_build_input(b, 1),
                           deit_build_input(b, 2) };
    deit_build_output(b, 0, deit_build_add(b, DEIT_NODE_SCATTER_ND, &attrs, 3, inputs));
}

void deit_onnx_op_nonzero(struct deit_build *b)
{
    int x = deit_build_input(b, 0);
    deit_build_output(b, 0, deit_build_add(b, DEIT_NODE_NONZERO, NULL, 1, &x));
}

/* ------------------------------------------------------------------ of shapes */

/* Beyond the largest rank all numbers mean the same. */
static int32_t clamp_axis(int64_t axis)
{
    if (axis < -DEIT_MAX_RANK)
        return -DEIT_MAX_RANK;
    return axis > DEIT_MAX_RANK ? INT32_MAX : (int32_t)axis;
}

void deit_onnx_op_shape(struct deit_build *b)
{
    int32_t start = 0, end = INT32_MAX;
    if (b->opset >= 15) {
        start = clamp_axis(deit_build_attr_int(b, "start", 0));
        end = clamp_axis(deit_build_attr_int(b, "end", INT32_MAX));
    }
    deit_build_output(b, 0, deit_build_shape(b, deit_build_input(b, 0), start, end));
}

void deit_onnx_op_size(struct deit_build *b)
{
    int dims = deit_build_shape(b, deit_build_input(b, 0), 0, INT32_MAX);
    deit_build_output(b, 0, deit_build_reduce(b, DEIT_REDUCE_PROD, dims, -1, false));
}

void deit_onnx_op_range(struct deit_build *b)
{
    const int inputs[] = { deit_build_input(b, 0), deit_build_input(b, 1),
                           deit_build_input(b, 2) };
    deit_build_output(b, 0, deit_build_add(b, DEIT_NODE_RANGE, NULL, 3, inputs));
}

/* A tensor of one element, as a number of rank 0; f32 zero if there is none. */
static int fill_value(struct deit_build *b)
{
    const DeitOnnx__TensorProto *tensor = NULL;
    if (!deit_build_ok(b))
        return -1;
    b->status = deit_onnx_attr_tensor(b->onnx, b->node, "value", &tensor, b->err);
    if (!tensor)
        return deit_build_float(b, 0.0F);
    int value = deit_build_tensor(b, tensor, b->title);
    size_t n = 0;
    if (deit_build_ok(b) && (!deit_shape_count(&b->graph->values[value].shape, &n) || n != 1))
        deit_build_fail(b, DEIT_ERR_FORMAT, "the value has %zu elements instead of 1", n);
    if (deit_build_ok(b))
        b->graph->values[value].shape.rank = 0;
    return value;
}

void deit_onnx_op_constant_of_shape(struct deit_build *b)
{
    int value = fill_value(b);
    deit_build_output(b, 0, deit_build_expand(b, value, deit_build_input(b, 0)));
}
