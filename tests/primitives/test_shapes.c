/*
 * tests/primitives/test_shapes.c: what is known before a run: shapes that are open in part, shape,
 * range and nonzero, and what is refused in which words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "runtime/kind.h"
#include "tests/primitives/tensors.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define Q DEIT_DIM_UNKNOWN
#define NONE_SET { .unary = DEIT_NEG } /* attributes of a kind that has none */

/* An operand: a list of integers, or a shape of floats; 'computed' ones are no constants. */
struct operand {
    enum { NONE, LIST, COMPUTED_LIST, FLOATS } what;
    struct deit_shape shape;
    int64_t list[8];
};

#define ints(n, ...)                                                                              \
    { .what = LIST, .shape = { .rank = 1, .dims = { n } }, .list = { __VA_ARGS__ } }
#define computed_ints(n) { .what = COMPUTED_LIST, .shape = { .rank = 1, .dims = { n } } }
#define floats(...) { .what = FLOATS, .shape = deit_shape_of(__VA_ARGS__) }
#define unknown_floats { .what = FLOATS, .shape = { .rank = DEIT_RANK_UNKNOWN } }

static int add_operand(struct deit_graph *graph, const struct operand *operand)
{
    if (operand->what == NONE)
        return -1;
    if (operand->what != LIST)
        return deit_graph_add_input(graph, "x", operand->what == FLOATS ? DEIT_F32 : DEIT_I64,
                                    operand->shape);
    struct tensor list = tensor_of_ints((size_t)operand->shape.dims[0], operand->list);
    const struct trial trial = { .kind = DEIT_NODE_UNARY, .n_inputs = 1, .inputs = { &list } };
    struct deit_graph *alone = trial_graph(&trial, true);
    int value = deit_graph_add_constant(graph, "list", DEIT_I64, list.shape,
                                        &alone->values[0].constant);
    deit_graph_free(alone);
    tensor_free(&list);
    return value;
}

static void expect_inferred(enum deit_node_kind kind, union deit_attrs attrs,
                            const struct operand *operands, struct deit_shape wanted)
{
    struct deit_graph *graph = deit_graph_create();
    struct deit_error err = { 0 };
    int inputs[5];
    size_t n = kind == DEIT_NODE_CONCAT ? 2 : 5;
    char is_text[128], wanted_text[128];
    for (size_t i = 0; i < n; i++)
        inputs[i] = add_operand(graph, &operands[i]);
    int node = deit_graph_add_node(graph, kind, "node", &attrs, n, inputs, 1,
                                   (const char *const[]){ "y" });
    if (deit_graph_infer(graph, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    const struct deit_shape *is = &graph->values[graph->nodes[node].outputs[0]].shape;
    assert_string_equal(deit_shape_print(is, is_text), deit_shape_print(&wanted, wanted_text));
    deit_graph_free(graph);
}

static void open_dims_are_passed_on(void **state)
{
    static const struct {
        enum deit_node_kind kind;
        union deit_attrs attrs;
        struct operand operands[5];
        struct deit_shape wanted;
    } cases[] = {
        { DEIT_NODE_UNARY, NONE_SET, { floats(2, Q, 3) }, { 2, { Q, 3 } } },
        { DEIT_NODE_UNARY, NONE_SET, { unknown_floats }, { .rank = DEIT_RANK_UNKNOWN } },
        { DEIT_NODE_BINARY, NONE_SET, { floats(2, Q, 3), floats(1, 3) }, { 2, { Q, 3 } } },
        { DEIT_NODE_BINARY, NONE_SET, { floats(2, Q, 1), floats(2, 5, 4) }, { 2, { 5, 4 } } },
        { DEIT_NODE_TRANSPOSE, { .transpose = { 3, { 2, 0, 1 } } }, { floats(3, Q, 3, 4) },
          { 3, { 4, Q, 3 } } },
        { DEIT_NODE_TRANSPOSE, { .transpose = { 2, { 1, 0 } } }, { unknown_floats },
          { 2, { Q, Q } } },
        /* dims that are copied cancel out, so the rest is known */
        { DEIT_NODE_RESHAPE, NONE_SET, { floats(4, Q, 197, 3, 64), ints(3, 0, 197, -1) },
          { 3, { Q, 197, 192 } } },
        { DEIT_NODE_RESHAPE, NONE_SET, { floats(2, Q, 4), ints(2, -1, 2) }, { 2, { Q, 2 } } },
        { DEIT_NODE_RESHAPE, NONE_SET, { floats(2, Q, 4), computed_ints(3) }, { 3, { Q, Q, Q } } },
        { DEIT_NODE_RESHAPE, NONE_SET, { floats(2, Q, 4), computed_ints(Q) },
          { .rank = DEIT_RANK_UNKNOWN } },
        { DEIT_NODE_UNSQUEEZE, NONE_SET, { floats(2, Q, 4), ints(1, 1) }, { 3, { Q, 1, 4 } } },
        { DEIT_NODE_UNSQUEEZE, NONE_SET, { floats(2, Q, 4), computed_ints(2) },
          { 4, { Q, Q, Q, Q } } },
        { DEIT_NODE_SQUEEZE, NONE_SET, { floats(2, Q, 4), ints(1, 0) }, { 1, { 4 } } },
        { DEIT_NODE_SQUEEZE, NONE_SET, { floats(2, Q, 1) }, { .rank = DEIT_RANK_UNKNOWN } },
        { DEIT_NODE_SQUEEZE, NONE_SET, { floats(3, Q, 1, 4), computed_ints(1) }, { 2, { Q, Q } } },
        { DEIT_NODE_SLICE, NONE_SET, { floats(2, Q, 9), ints(1, 2), ints(1, 5), ints(1, 1) },
          { 2, { Q, 3 } } },
        { DEIT_NODE_SLICE, NONE_SET, { floats(2, 4, 9), computed_ints(1), ints(1, 5), ints(1, 1) },
          { 2, { 4, Q } } },
        { DEIT_NODE_SLICE, NONE_SET, { floats(2, 4, 9), ints(1, 0), computed_ints(1) },
          { 2, { Q, 9 } } },
        { DEIT_NODE_CONCAT, { .axis = { 1 } }, { floats(2, Q, 9), floats(2, 4, 1) },
          { 2, { 4, 10 } } },
        { DEIT_NODE_CONCAT, { .axis = { -1 } }, { unknown_floats, floats(2, 4, 1) },
          { 2, { 4, Q } } },
        { DEIT_NODE_EXPAND, NONE_SET, { floats(2, Q, 1), ints(3, 2, 1, 6) }, { 3, { 2, Q, 6 } } },
        { DEIT_NODE_EXPAND, NONE_SET, { floats(2, Q, 1), computed_ints(3) }, { 3, { Q, Q, Q } } },
        { DEIT_NODE_PAD, NONE_SET, { floats(2, Q, 5), ints(4, 1, 1, 0, 2) }, { 2, { Q, 8 } } },
        { DEIT_NODE_PAD, NONE_SET, { floats(2, Q, 5), computed_ints(4) }, { 2, { Q, Q } } },
        { DEIT_NODE_REDUCE, { .reduce = { DEIT_REDUCE_SUM, true, false } },
          { floats(3, Q, 5, 6), ints(1, -1) }, { 3, { Q, 5, 1 } } },
        { DEIT_NODE_REDUCE, { .reduce = { DEIT_REDUCE_SUM, false, false } },
          { floats(3, Q, 5, 6), computed_ints(2) }, { 1, { Q } } },
        { DEIT_NODE_REDUCE, { .reduce = { DEIT_REDUCE_SUM, false, false } },
          { floats(3, Q, 5, 6), computed_ints(0) }, { .rank = DEIT_RANK_UNKNOWN } },
        { DEIT_NODE_SOFTMAX, { .axis = { -1 } }, { floats(2, Q, 5) }, { 2, { Q, 5 } } },
        { DEIT_NODE_SHAPE, { .shape = { 0, INT32_MAX } }, { floats(3, Q, 5, 6) }, { 1, { 3 } } },
        { DEIT_NODE_SHAPE, { .shape = { -2, -1 } }, { floats(3, Q, 5, 6) }, { 1, { 1 } } },
        { DEIT_NODE_SHAPE, { .shape = { 2, 1 } }, { floats(3, Q, 5, 6) }, { 1, { 0 } } },
        { DEIT_NODE_SHAPE, NONE_SET, { unknown_floats }, { 1, { Q } } },
        { DEIT_NODE_RANGE, NONE_SET, { ints(1, 2), computed_ints(1), ints(1, 1) }, { 1, { Q } } },
        { DEIT_NODE_NONZERO, NONE_SET, { floats(3, Q, 5, 6) }, { 2, { 3, Q } } },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_inferred(cases[i].kind, cases[i].attrs, cases[i].operands, cases[i].wanted);
}

/* ------------------------------------------------------------------ shape, range, nonzero */

/* Only the dims that are asked for need be known, and the input may be computed. */
static void shapes_fold_without_elements(void **state)
{
    const union deit_attrs attrs = { .shape = { 1, 3 } };
    struct deit_graph *graph = deit_graph_create();
    int x = deit_graph_add_input(graph, "x", DEIT_F32, deit_shape_of(4, Q, 5, 6, Q));
    (void)state;
    int node = deit_graph_add_node(graph, DEIT_NODE_SHAPE, "shape", &attrs, 1, &x, 1,
                                   (const char *const[]){ "dims" });
    deit_graph_add_output(graph, graph->nodes[node].outputs[0]);
    assert_int_equal(deit_graph_fold(graph, 64, NULL), DEIT_OK);
    assert_int_equal(graph->n_nodes, 0);
    union deit_attrs same = { .cast.to = DEIT_I64 };
    node = deit_graph_add_node(graph, DEIT_NODE_CAST, "cast", &same, 1, graph->outputs, 1,
                               (const char *const[]){ "copy" });
    int64_t dims[2];
    size_t n;
    bool is_known;
    assert_int_equal(deit_constant_ints(graph, &graph->nodes[node], 0, dims, 2, &n, &is_known,
                                        NULL), DEIT_OK);
    assert_true(is_known && n == 2 && dims[0] == 5 && dims[1] == 6);
    deit_graph_free(graph);
}

/* For kinds that have no steps. */
static struct tensor folded(enum deit_node_kind kind, size_t n, struct tensor *const *inputs)
{
    struct trial trial = { .kind = kind, .n_inputs = n };
    for (size_t i = 0; i < n; i++)
        trial.inputs[i] = inputs[i];
    return trial_fold(&trial);
}

static void ranges(void **state)
{
    static const struct { int64_t start, limit, delta, n; } cases[] = {
        { 0, 5, 1, 5 }, { 3, 9, 3, 2 }, { 3, 10, 3, 3 }, { 10, 4, -2, 3 }, { 5, 5, 1, 0 },
        { 5, 4, 1, 0 }, { 4, 5, -1, 0 }, { INT64_MIN, INT64_MAX, INT64_MAX, 3 },
        { INT64_MAX, INT64_MIN, INT64_MIN, 2 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tensor start = tensor_of_ints(1, &cases[i].start);
        struct tensor limit = tensor_of_ints(1, &cases[i].limit);
        struct tensor delta = tensor_of_ints(1, &cases[i].delta);
        struct tensor y = folded(DEIT_NODE_RANGE, 3,
                                 (struct tensor *[]){ &start, &limit, &delta });
        assert_int_equal(y.n, cases[i].n);
        for (size_t k = 0; k < y.n; k++)
            assert_int_equal(y.i64[k], (uint64_t)cases[i].start + k * (uint64_t)cases[i].delta);
        struct tensor *all[] = { &start, &limit, &delta, &y };
        for (size_t k = 0; k < 4; k++)
            tensor_free(all[k]);
    }
}

static void ranges_of_floats(void **state)
{
    static const float bounds[] = { 1, 2.05f, 0.25f }, wanted[] = { 1, 1.25f, 1.5f, 1.75f, 2 };
    (void)state;
    struct tensor start = tensor_of_floats(1, bounds), limit = tensor_of_floats(1, bounds + 1);
    struct tensor delta = tensor_of_floats(1, bounds + 2), all = tensor_of_floats(5, wanted);
    struct tensor y = folded(DEIT_NODE_RANGE, 3, (struct tensor *[]){ &start, &limit, &delta });
    expect_same(&y, &all);
    struct tensor *made[] = { &start, &limit, &delta, &all, &y };
    for (size_t k = 0; k < 5; k++)
        tensor_free(made[k]);
}

static void nonzeros(void **state)
{
    struct random random = { 30 };
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct tensor x = tensor_random(&random, random_dtype(&random),
                                        random_shape(&random, random_below(&random, 5)));
        struct tensor y = folded(DEIT_NODE_NONZERO, 1, (struct tensor *[]){ &x });
        int64_t index[DEIT_MAX_RANK] = { 0 };
        uint32_t rows = x.shape.rank ? x.shape.rank : 1;
        size_t n = (size_t)y.shape.dims[1], at = 0;
        assert_int_equal(y.shape.dims[0], rows);
        for (size_t i = 0; i < x.n; i++, index_next(&x.shape, index)) {
            if (tensor_get(&x, i) == 0)
                continue;
            assert_true(at < n);
            for (uint32_t r = 0; r < rows; r++)
                assert_int_equal(y.i64[r * n + at], index[r]);
            at++;
        }
        assert_int_equal(at, n);
        tensor_free(&x);
        tensor_free(&y);
    }
}

/* ------------------------------------------------------------------ steps, refusals */

static void what_keeps_its_place_has_no_step(void **state)
{
    struct random random = { 31 };
    struct tensor x = tensor_random(&random, DEIT_F32, deit_shape_of(3, 1, 4, 6));
    struct tensor list = tensor_of_ints(2, (const int64_t[]){ 6, 4 });
    struct tensor axis = tensor_of_ints(1, (const int64_t[]){ 0 });
    struct trial trial = { .kind = DEIT_NODE_RESHAPE, .n_inputs = 2, .inputs = { &x, &list },
                           .constants = 2 };
    (void)state;
    assert_int_equal(trial_n_steps(&trial), 0);
    trial.inputs[1] = &axis;
    trial.kind = DEIT_NODE_SQUEEZE;
    assert_int_equal(trial_n_steps(&trial), 0);
    trial.kind = DEIT_NODE_UNSQUEEZE;
    assert_int_equal(trial_n_steps(&trial), 0);
    trial = (struct trial){ .kind = DEIT_NODE_TRANSPOSE, .n_inputs = 1, .inputs = { &x },
                            .attrs.transpose = { 3, { 1, 0, 2 } } };
    assert_int_equal(trial_n_steps(&trial), 0);
    trial.attrs.transpose = (struct deit_axes_attrs){ 3, { 0, 2, 1 } };
    assert_int_equal(trial_n_steps(&trial), 1);
    trial = (struct trial){ .kind = DEIT_NODE_CAST, .n_inputs = 1, .inputs = { &x },
                            .attrs.cast.to = DEIT_F64 };
    assert_int_equal(trial_n_steps(&trial), 0);
    tensor_free(&x);
    tensor_free(&list);
    tensor_free(&axis);
}

struct refusal {
    enum deit_node_kind kind;
    union deit_attrs attrs;
    const struct tensor *inputs[5];
    const char *message;
};

static void wrong_nodes_are_named(void **state)
{
    struct tensor x = tensor_make(DEIT_F32, deit_shape_of(2, 3, 4));
    struct tensor i = tensor_make(DEIT_I64, deit_shape_of(2, 3, 4));
    struct tensor w = tensor_make(DEIT_F32, deit_shape_of(2, 3, 5));
    struct tensor v = tensor_make(DEIT_F32, deit_shape_of(1, 4)), e = tensor_make(
        DEIT_F32, deit_shape_of(2, 0, 4));
    const int64_t large = INT64_C(1) << 40;
    struct tensor zero = tensor_of_ints(1, (const int64_t[]){ 0 });
    struct tensor one = tensor_of_ints(1, (const int64_t[]){ 1 });
    struct tensor five = tensor_of_ints(1, (const int64_t[]){ 5 });
    struct tensor minus = tensor_of_ints(1, (const int64_t[]){ -2 });
    struct tensor wild = tensor_of_ints(2, (const int64_t[]){ -1, -1 });
    struct tensor twice = tensor_of_ints(2, (const int64_t[]){ 0, -2 });
    struct tensor huge = tensor_of_ints(2, (const int64_t[]){ large, large });
    struct tensor pads = tensor_of_ints(4, (const int64_t[]){ -2, 0, -2, 0 });
    struct tensor grow = tensor_of_ints(4, (const int64_t[]){ 1, 0, 0, 0 });
    struct tensor far = tensor_of_ints(1, &large);
    const struct refusal refusals[] = {
        { DEIT_NODE_UNARY, { .unary = DEIT_ERF }, { &i }, "node: erf of i64 is not defined" },
        { DEIT_NODE_BINARY, { .binary = DEIT_ADD }, { &x, &i },
          "node: add of f32 and i64 is not defined" },
        { DEIT_NODE_BINARY, { .binary = DEIT_ADD }, { &x, &w },
          "node: shapes (3, 4) and (3, 5) do not broadcast" },
        { DEIT_NODE_WHERE, NONE_SET, { &x, &x, &x }, "node: input 'in0' is f32, not bool" },
        { DEIT_NODE_CAST, NONE_SET, { &x }, "node: a cast to type 0" },
        { DEIT_NODE_REDUCE, NONE_SET, { &x, &five }, "node: axis 5 of a tensor of rank 2" },
        { DEIT_NODE_REDUCE, NONE_SET, { &x, &twice }, "node: axis 0 is listed twice" },
        { DEIT_NODE_SOFTMAX, { .axis = { 2 } }, { &x }, "node: axis 2 of a tensor of rank 2" },
        { DEIT_NODE_SOFTMAX, NONE_SET, { &i }, "node: input 'in0' is i64, not f32" },
        { DEIT_NODE_TRANSPOSE, { .transpose = { 3, { 0, 1, 2 } } }, { &x },
          "node: a permutation of 3 axes of rank 2" },
        { DEIT_NODE_TRANSPOSE, { .transpose = { 2, { 1, 1 } } }, { &x },
          "node: axis 1 is listed twice" },
        { DEIT_NODE_RESHAPE, NONE_SET, { &x, &wild }, "node: dims 0 and 1 of a shape are both -1" },
        { DEIT_NODE_RESHAPE, NONE_SET, { &x, &five },
          "node: (3, 4) cannot be reshaped to (5), where ? is -1" },
        { DEIT_NODE_RESHAPE, NONE_SET, { &x, &minus }, "node: dim 0 of a shape is -2" },
        { DEIT_NODE_RESHAPE, NONE_SET, { &x, &huge },
          "node: a result of (1099511627776, 1099511627776) is too large" },
        { DEIT_NODE_UNSQUEEZE, NONE_SET, { &x, &five }, "node: axis 5 of a tensor of rank 3" },
        { DEIT_NODE_SQUEEZE, NONE_SET, { &x, &one }, "node: dim 1 to squeeze is 4, not 1" },
        { DEIT_NODE_SLICE, NONE_SET, { &x, &zero, &one, &zero, &zero },
          "node: the step of axis 0 is 0" },
        { DEIT_NODE_SLICE, NONE_SET, { &x, &zero, &twice },
          "node: 'in1' has 1 elements, 'in2' has 2" },
        { DEIT_NODE_SLICE, NONE_SET, { &x, &twice, &twice, &twice },
          "node: axis 0 is listed twice" },
        { DEIT_NODE_CONCAT, { .axis = { 0 } }, { &x, &w }, "node: dims 4 and 5 of axis 1 differ" },
        { DEIT_NODE_CONCAT, { .axis = { 0 } }, { &x, &v }, "node: operands of rank 1 and 2" },
        { DEIT_NODE_CONCAT, { .axis = { 0 } }, { &x, &i }, "node: input 'in1' is i64, not f32" },
        { DEIT_NODE_EXPAND, NONE_SET, { &x, &minus }, "node: dim 0 to expand to is -2" },
        { DEIT_NODE_EXPAND, NONE_SET, { &x, &five },
          "node: shapes (3, 4) and (5) do not broadcast" },
        { DEIT_NODE_PAD, NONE_SET, { &x, &pads }, "node: pads of -2 and -2 of a dim of 3" },
        { DEIT_NODE_PAD, NONE_SET, { &x, &one }, "node: 1 pads of 2 axes" },
        { DEIT_NODE_PAD, { .pad = { DEIT_PAD_EDGE } }, { &e, &grow },
          "node: axis 0 has no elements to pad with" },
        { DEIT_NODE_RANGE, NONE_SET, { &zero, &one, &zero }, "node: the delta of a range is 0" },
        { DEIT_NODE_RANGE, NONE_SET, { &zero, &far, &one },
          "node: a range of 1099511627776 elements, at most 16777216" },
    };
    (void)state;
    for (size_t k = 0; k < COUNT(refusals); k++) {
        struct trial trial = { .kind = refusals[k].kind, .attrs = refusals[k].attrs };
        while (trial.n_inputs < 5 && refusals[k].inputs[trial.n_inputs]) {
            trial.inputs[trial.n_inputs] = refusals[k].inputs[trial.n_inputs];
            trial.n_inputs++;
        }
        trial_refused(&trial, refusals[k].message);
    }
    struct tensor *all[] = { &x, &i, &w, &v, &e, &zero, &one, &five, &minus, &wild, &twice,
                             &huge, &pads, &grow, &far };
    for (size_t k = 0; k < COUNT(all); k++)
        tensor_free(all[k]);
}

/* An axis that is out of range was used as an index while the starts were not constant yet. */
static void axes_are_checked_before_bounds_are_known(void **state)
{
    static const struct operand operands[] = { floats(2, 4, 9), computed_ints(1), ints(1, 5),
                                               ints(1, 7) };
    const union deit_attrs attrs = NONE_SET;
    struct deit_graph *graph = deit_graph_create();
    struct deit_error err;
    int inputs[4];
    (void)state;
    for (size_t i = 0; i < 4; i++)
        inputs[i] = add_operand(graph, &operands[i]);
    deit_graph_add_node(graph, DEIT_NODE_SLICE, "node", &attrs, 4, inputs, 1,
                        (const char *const[]){ "y" });
    assert_int_equal(deit_graph_infer(graph, &err), DEIT_ERR_FORMAT);
    assert_string_equal(err.message, "node: axis 7 of a tensor of rank 2");
    deit_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_dims_are_passed_on),
        cmocka_unit_test(shapes_fold_without_elements),
        cmocka_unit_test(ranges),
        cmocka_unit_test(ranges_of_floats),
        cmocka_unit_test(nonzeros),
        cmocka_unit_test(what_keeps_its_place_has_no_step),
        cmocka_unit_test(wrong_nodes_are_named),
        cmocka_unit_test(axes_are_checked_before_bounds_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
