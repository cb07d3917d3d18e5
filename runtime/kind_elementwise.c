/*
 * runtime/kind_elementwise.c: unary, binary, where and cast: which function of ops serves which
 * types, and how operands are walked where shapes differ.
 *
 * A function that is not in a table here is not defined for that type.
 */
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/unary.h"
#include "ops/where.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/lower_walk.h"

enum { X };
enum { A, B };
enum { CONDITION, CHOSEN, OTHER };

static size_t count_of(const struct deit_shape *shape)
{
    size_t count = 0;
    deit_shape_count(shape, &count);
    return count;
}

static enum deit_dtype input_dtype(const struct deit_graph *graph, const struct deit_node *node,
                                   size_t slot)
{
    return graph->values[node->inputs[slot]].dtype;
}

/* ------------------------------------------------------------------ unary and cast */

static deit_unary_fn *unary_fn(enum deit_unary function, enum deit_dtype dtype)
{
    static const struct { deit_unary_fn *f32, *i64, *b8; } table[] = {
        [DEIT_NEG] = { deit_neg_f32, deit_neg_i64, NULL },
        [DEIT_ABS] = { deit_abs_f32, deit_abs_i64, NULL },
        [DEIT_SQRT] = { deit_sqrt_f32, NULL, NULL },
        [DEIT_EXP] = { deit_exp_f32, NULL, NULL },
        [DEIT_LOG] = { deit_log_f32, NULL, NULL },
        [DEIT_ERF] = { deit_erf_f32, NULL, NULL },
        [DEIT_TANH] = { deit_tanh_f32, NULL, NULL },
        [DEIT_SIGMOID] = { deit_sigmoid_f32, NULL, NULL },
        [DEIT_RELU] = { deit_relu_f32, deit_relu_i64, NULL },
        [DEIT_RECIPROCAL] = { deit_reciprocal_f32, NULL, NULL },
        [DEIT_FLOOR] = { deit_floor_f32, NULL, NULL },
        [DEIT_CEIL] = { deit_ceil_f32, NULL, NULL },
        [DEIT_ROUND] = { deit_round_f32, NULL, NULL },
        [DEIT_SIGN] = { deit_sign_f32, deit_sign_i64, NULL },
        [DEIT_NOT] = { NULL, NULL, deit_not_bool },
        [DEIT_IS_NAN] = { deit_is_nan_f32, NULL, NULL },
        [DEIT_GELU] = { deit_gelu_f32, NULL, NULL },
        [DEIT_GELU_TANH] = { deit_gelu_tanh_f32, NULL, NULL },
    };
    switch (dtype) {
    case DEIT_F32: return table[function].f32;
    case DEIT_I64: return table[function].i64;
    case DEIT_BOOL: return table[function].b8;
    default: return NULL;
    }
}

static enum deit_status infer_unary(struct deit_graph *graph, const struct deit_node *node,
                                    struct deit_error *err)
{
    enum deit_dtype dtype = input_dtype(graph, node, X);
    if (!unary_fn(node->attrs.unary, dtype))
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %s of %s is not defined", node->name,
                         deit_node_kind_name(node), deit_dtype_name(dtype));
    if (node->attrs.unary == DEIT_IS_NAN)
        dtype = DEIT_BOOL;
    deit_set_output(graph, node, 0, dtype, *deit_input_shape(graph, node, X));
    return DEIT_OK;
}

/* NULL: the elements stay as they are. */
static deit_unary_fn *cast_fn(enum deit_dtype from, enum deit_dtype to)
{
    static deit_unary_fn *const of_f32[] = {
        [DEIT_F16] = deit_cast_f32_f16, [DEIT_BF16] = deit_cast_f32_bf16,
        [DEIT_I64] = deit_cast_f32_i64, [DEIT_I32] = deit_cast_f32_i32,
        [DEIT_U8] = deit_cast_f32_u8,   [DEIT_I8] = deit_cast_f32_i8,
        [DEIT_BOOL] = deit_cast_f32_bool,
    };
    static deit_unary_fn *const of_i64[] = {
        [DEIT_F32] = deit_cast_i64_f32, [DEIT_F64] = deit_cast_i64_f32,
        [DEIT_F16] = deit_cast_i64_f16, [DEIT_BF16] = deit_cast_i64_bf16,
        [DEIT_I32] = deit_cast_i64_i32, [DEIT_U8] = deit_cast_i64_u8,
        [DEIT_I8] = deit_cast_i64_i8,   [DEIT_BOOL] = deit_cast_i64_bool,
    };
    if (from == DEIT_F32)
        return of_f32[to];
    if (from == DEIT_I64)
        return of_i64[to];
    return to == DEIT_BOOL                       ? NULL
           : deit_memory_dtype(to) == DEIT_F32 ? deit_cast_bool_f32
                                               : deit_cast_bool_i64;
}

static enum deit_status infer_cast(struct deit_graph *graph, const struct deit_node *node,
                                   struct deit_error *err)
{
    enum deit_dtype to = deit_memory_dtype(node->attrs.cast.to);
    if (!to)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: a cast to type %d", node->name,
                         (int)node->attrs.cast.to);
    deit_set_output(graph, node, 0, to, *deit_input_shape(graph, node, X));
    return DEIT_OK;
}

static enum deit_status lower_map(struct deit_lowering *lowering, const struct deit_node *node,
                                  deit_unary_fn *fn, struct deit_error *err)
{
    struct deit_unary_op op = {
        .count_per_image =
            count_of(deit_output_shape(lowering->graph, node, 0)) / lowering->batch,
        .x_bytes = deit_dtype_bytes(input_dtype(lowering->graph, node, X)),
        .y_bytes = deit_dtype_bytes(lowering->graph->values[node->outputs[0]].dtype),
        .fn = fn,
        .y = deit_lower_output(lowering, node, 0),
    };
    if (!op.count_per_image)
        return DEIT_OK;
    enum deit_status status = deit_lower_operand(lowering, node, X, &op.x, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_unary_n_tiles, deit_unary_run, &op,
                                 sizeof op, err);
    return status;
}

static enum deit_status lower_unary(struct deit_lowering *lowering, const struct deit_node *node,
                                    struct deit_error *err)
{
    return lower_map(lowering, node,
                     unary_fn(node->attrs.unary, input_dtype(lowering->graph, node, X)), err);
}

static enum deit_status lower_cast(struct deit_lowering *lowering, const struct deit_node *node,
                                   struct deit_error *err)
{
    deit_unary_fn *fn = cast_fn(input_dtype(lowering->graph, node, X), node->attrs.cast.to);
    return fn ? lower_map(lowering, node, fn, err) : deit_lower_same(lowering, node, err);
}

static enum deit_status fold_cast(struct deit_graph *graph, int index, bool *done,
                                  struct deit_error *err)
{
    const struct deit_node *node = &graph->nodes[index];
    return cast_fn(input_dtype(graph, node, X), node->attrs.cast.to)
               ? DEIT_OK
               : deit_fold_same(graph, index, done, err);
}

/* Output 0 may take over an operand that has its type and each of its elements. */
static bool may_take_over(const struct deit_graph *graph, const struct deit_node *node,
                          size_t slot)
{
    return input_dtype(graph, node, slot) == graph->values[node->outputs[0]].dtype &&
           count_of(deit_input_shape(graph, node, slot)) ==
               count_of(deit_output_shape(graph, node, 0));
}

static void plan_map(const struct deit_lowering *lowering, const struct deit_node *node,
                     struct deit_node_memory *memory)
{
    if (may_take_over(lowering->graph, node, X))
        memory->in_place = X;
}

/* ------------------------------------------------------------------ binary */

static deit_binary_fn *binary_fn(enum deit_binary function, enum deit_dtype a, enum deit_dtype b)
{
    static const struct { deit_binary_fn *f32, *i64, *b8; } table[] = {
        [DEIT_ADD] = { deit_add_f32, deit_add_i64, NULL },
        [DEIT_SUB] = { deit_sub_f32, deit_sub_i64, NULL },
        [DEIT_MUL] = { deit_mul_f32, deit_mul_i64, NULL },
        [DEIT_DIV] = { deit_div_f32, deit_div_i64, NULL },
        [DEIT_POW] = { deit_pow_f32, deit_pow_i64, NULL },
        [DEIT_MOD] = { deit_mod_f32, deit_mod_i64, NULL },
        [DEIT_FMOD] = { deit_fmod_f32, deit_fmod_i64, NULL },
        [DEIT_MIN] = { deit_min_f32, deit_min_i64, NULL },
        [DEIT_MAX] = { deit_max_f32, deit_max_i64, NULL },
        [DEIT_AND] = { NULL, NULL, deit_and_bool },
        [DEIT_OR] = { NULL, NULL, deit_or_bool },
        [DEIT_XOR] = { NULL, NULL, deit_xor_bool },
        [DEIT_EQUAL] = { deit_equal_f32, deit_equal_i64, deit_equal_bool },
        [DEIT_LESS] = { deit_less_f32, deit_less_i64, NULL },
        [DEIT_LESS_OR_EQUAL] = { deit_less_or_equal_f32, deit_less_or_equal_i64, NULL },
        [DEIT_GREATER] = { deit_greater_f32, deit_greater_i64, NULL },
        [DEIT_GREATER_OR_EQUAL] = { deit_greater_or_equal_f32, deit_greater_or_equal_i64, NULL },
    };
    if (function == DEIT_POW && a == DEIT_F32 && b == DEIT_I64)
        return deit_pow_f32_i64;
    if (function == DEIT_POW && a == DEIT_I64 && b == DEIT_F32)
        return deit_pow_i64_f32;
    if (a != b)
        return NULL;
    switch (a) {
    case DEIT_F32: return table[function].f32;
    case DEIT_I64: return table[function].i64;
    case DEIT_BOOL: return table[function].b8;
    default: return NULL;
    }
}

static bool is_comparison(enum deit_binary function)
{
    return function == DEIT_EQUAL || function == DEIT_LESS || function == DEIT_LESS_OR_EQUAL ||
           function == DEIT_GREATER || function == DEIT_GREATER_OR_EQUAL;
}

static enum deit_status infer_binary(struct deit_graph *graph, const struct deit_node *node,
                                     struct deit_error *err)
{
    enum deit_dtype a = input_dtype(graph, node, A), b = input_dtype(graph, node, B);
    struct deit_shape y;
    if (!binary_fn(node->attrs.binary, a, b))
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: %s of %s and %s is not defined",
                         node->name, deit_node_kind_name(node), deit_dtype_name(a),
                         deit_dtype_name(b));
    enum deit_status status = deit_broadcast(node, *deit_input_shape(graph, node, A),
                                             *deit_input_shape(graph, node, B), &y, err);
    if (status == DEIT_OK)
        status = deit_expect_size(node, &y, err);
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, is_comparison(node->attrs.binary) ? DEIT_BOOL : a, y);
    return status;
}

static void plan_binary(const struct deit_lowering *lowering, const struct deit_node *node,
                        struct deit_node_memory *memory)
{
    if (may_take_over(lowering->graph, node, A))
        memory->in_place = A;
    else if (may_take_over(lowering->graph, node, B))
        memory->in_place = B;
}

static enum deit_status lower_binary(struct deit_lowering *lowering, const struct deit_node *node,
                                     struct deit_error *err)
{
    const struct deit_graph *graph = lowering->graph;
    const struct deit_shape *y = deit_output_shape(graph, node, 0);
    ptrdiff_t a[DEIT_MAX_RANK], b[DEIT_MAX_RANK];
    const ptrdiff_t *const strides[DEIT_WALK_OPERANDS] = { a, b };
    enum deit_dtype a_dtype = input_dtype(graph, node, A), b_dtype = input_dtype(graph, node, B);
    struct deit_binary_op op = {
        .count_per_image = count_of(y) / lowering->batch,
        .a_bytes = deit_dtype_bytes(a_dtype),
        .b_bytes = deit_dtype_bytes(b_dtype),
        .y_bytes = deit_dtype_bytes(graph->values[node->outputs[0]].dtype),
        .fn = binary_fn(node->attrs.binary, a_dtype, b_dtype),
        .y = deit_lower_output(lowering, node, 0),
    };
    if (!op.count_per_image)
        return DEIT_OK;
    deit_broadcast_strides(deit_input_shape(graph, node, A), y, a);
    deit_broadcast_strides(deit_input_shape(graph, node, B), y, b);
    deit_walk_over(y, strides, &op.walk);
    enum deit_status status = deit_lower_operand(lowering, node, A, &op.a, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, B, &op.b, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_binary_n_tiles, deit_binary_run, &op,
                                 sizeof op, err);
    return status;
}

/* ------------------------------------------------------------------ where */

static enum deit_status infer_where(struct deit_graph *graph, const struct deit_node *node,
                                    struct deit_error *err)
{
    enum deit_dtype dtype = input_dtype(graph, node, CHOSEN);
    struct deit_shape y;
    enum deit_status status = deit_expect_dtype(graph, node, CONDITION, DEIT_BOOL, err);
    if (status == DEIT_OK)
        status = deit_expect_dtype(graph, node, OTHER, dtype, err);
    if (status == DEIT_OK)
        status = deit_broadcast(node, *deit_input_shape(graph, node, CHOSEN),
                                *deit_input_shape(graph, node, OTHER), &y, err);
    if (status == DEIT_OK)
        status = deit_broadcast(node, *deit_input_shape(graph, node, CONDITION), y, &y, err);
    if (status == DEIT_OK)
        status = deit_expect_size(node, &y, err);
    if (status == DEIT_OK)
        deit_set_output(graph, node, 0, dtype, y);
    return status;
}

static enum deit_status lower_where(struct deit_lowering *lowering, const struct deit_node *node,
                                    struct deit_error *err)
{
    const struct deit_graph *graph = lowering->graph;
    const struct deit_shape *y = deit_output_shape(graph, node, 0);
    ptrdiff_t condition[DEIT_MAX_RANK], a[DEIT_MAX_RANK], b[DEIT_MAX_RANK];
    const ptrdiff_t *const strides[DEIT_WALK_OPERANDS] = { condition, a, b };
    struct deit_where op = {
        .count = count_of(y),
        .element_bytes = deit_dtype_bytes(input_dtype(graph, node, CHOSEN)),
        .y = deit_lower_output(lowering, node, 0),
    };
    if (!op.count)
        return DEIT_OK;
    deit_broadcast_strides(deit_input_shape(graph, node, CONDITION), y, condition);
    deit_broadcast_strides(deit_input_shape(graph, node, CHOSEN), y, a);
    deit_broadcast_strides(deit_input_shape(graph, node, OTHER), y, b);
    deit_walk_over(y, strides, &op.walk);
    enum deit_status status = deit_lower_operand(lowering, node, CONDITION, &op.condition, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, CHOSEN, &op.a, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, OTHER, &op.b, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, "", deit_where_n_tiles, deit_where_run, &op,
                                 sizeof op, err);
    return status;
}

const struct deit_kind deit_kind_unary = {
    .is_batched = true, .infer = infer_unary, .plan = plan_map, .lower = lower_unary
};
const struct deit_kind deit_kind_binary = {
    .is_batched = true, .infer = infer_binary, .plan = plan_binary, .lower = lower_binary
};
const struct deit_kind deit_kind_where = { .infer = infer_where, .lower = lower_where };
const struct deit_kind deit_kind_cast = {
    .is_batched = true, .infer = infer_cast, .plan = plan_map, .lower = lower_cast,
    .fold = fold_cast
};
