/* tests/unit/test_runtime.c: the small parts of the runtime, each by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/step.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/labels.h"
#include "runtime/memory.h"
#include "runtime/passes.h"
#include "runtime/plan_memory.h"

static void pieces_cover_and_are_even(void **state)
{
    (void)state;
    for (size_t n = 1; n < 300; n += 7)
        for (size_t pieces = 1; pieces <= n; pieces++) {
            size_t at = 0;
            for (size_t i = 0; i < pieces; i++) {
                struct deit_range r = deit_piece(n, pieces, i);
                assert_int_equal(r.begin, at);
                assert_in_range(r.end - r.begin, n / pieces, n / pieces + 1);
                at = r.end;
            }
            assert_int_equal(at, n);
        }
}

static void shapes_count_without_overflow(void **state)
{
    size_t count;
    (void)state;
    struct deit_shape shape = deit_shape_of(3, 2, 3, 4);
    assert_true(deit_shape_count(&shape, &count));
    assert_int_equal(count, 24);
    shape = deit_shape_of(3, INT64_MAX, INT64_MAX, 4);
    assert_false(deit_shape_count(&shape, &count));
    shape = deit_shape_of(2, DEIT_DIM_UNKNOWN, 4);
    assert_false(deit_shape_count(&shape, &count));
    char text[128];
    assert_string_equal(deit_shape_print(&shape, text), "(?, 4)");
    shape = deit_shape_of(8, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN,
                          INT64_MIN, INT64_MIN);
    assert_in_range(strlen(deit_shape_print(&shape, text)), 1, 127);
}

/* Random life spans: whatever is alive together must not overlap. */
static void planned_ranges_do_not_overlap(void **state)
{
    uint32_t x = 42;
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct deit_memory_range ranges[40];
        struct deit_memory_plan plan = { .ranges = ranges, .n_ranges = 40 };
        for (int i = 0; i < 40; i++) {
            x = x * 1664525u + 1013904223u;
            ranges[i] = (struct deit_memory_range){ .bytes = (x >> 8) % 5000,
                                                    .first = (int)((x >> 3) % 20), .shares = -1 };
            ranges[i].last = ranges[i].first + (int)((x >> 24) % 10);
        }
        assert_int_equal(deit_plan_memory(&plan, SIZE_MAX, NULL), DEIT_OK);
        size_t sum = 0;
        for (int i = 0; i < 40; i++) {
            sum += deit_align(ranges[i].bytes) + DEIT_ALIGNMENT;
            assert_int_equal(ranges[i].offset % DEIT_ALIGNMENT, 0);
            assert_true(ranges[i].offset + ranges[i].bytes <= plan.total_bytes);
            for (int k = 0; k < i; k++) {
                bool together = ranges[i].first <= ranges[k].last &&
                                ranges[k].first <= ranges[i].last &&
                                ranges[i].bytes && ranges[k].bytes;
                bool apart = ranges[i].offset + ranges[i].bytes <= ranges[k].offset ||
                             ranges[k].offset + ranges[k].bytes <= ranges[i].offset;
                assert_true(!together || apart);
            }
        }
        assert_true(plan.total_bytes <= sum);
    }
}

static void shared_ranges_live_as_long_as_both(void **state)
{
    (void)state;
    struct deit_memory_range ranges[] = {
        { .bytes = 100, .first = 0, .last = 1, .shares = -1 },
        { .bytes = 100, .first = 1, .last = 5, .shares = 0 },
        { .bytes = 100, .first = 4, .last = 6, .shares = -1 },
    };
    struct deit_memory_plan plan = { .ranges = ranges, .n_ranges = 3 };
    assert_int_equal(deit_plan_memory(&plan, SIZE_MAX, NULL), DEIT_OK);
    assert_int_equal(ranges[0].offset, ranges[1].offset);
    assert_int_not_equal(ranges[2].offset, ranges[0].offset);
    struct deit_error err;
    assert_int_equal(deit_plan_memory(&plan, 200, &err), DEIT_ERR_LIMIT);
}

/* ------------------------------------------------------------------ graphs and passes */

static int constant(struct deit_graph *graph, const char *name, struct deit_shape shape)
{
    struct deit_constant zeros = { .n_parts = 1, .parts = { { .dtype = DEIT_F32 } } };
    deit_shape_count(&shape, &zeros.parts[0].n_elements);
    return deit_graph_add_constant(graph, name, DEIT_F32, shape, &zeros);
}

static int node(struct deit_graph *graph, enum deit_node_kind kind, const char *name,
                union deit_attrs attrs, int a, int b)
{
    const int inputs[] = { a, b };
    int index = deit_graph_add_node(graph, kind, name, &attrs, b < 0 ? 1 : 2, inputs, 1, &name);
    return graph->nodes[index].outputs[0];
}

static const union deit_attrs none;

/* x -> fc1 -> gelu -> fc2 -> scale -> add x, as DeiT III has it. */
static struct deit_graph *mlp(void)
{
    const union deit_attrs gelu_attrs = { .unary = DEIT_GELU };
    const union deit_attrs mul = { .binary = DEIT_MUL }, add = { .binary = DEIT_ADD };
    struct deit_graph *graph = deit_graph_create();
    int x = deit_graph_add_input(graph, "x", DEIT_F32, deit_shape_of(3, 2, 5, 8));
    int fc1 = node(graph, DEIT_NODE_LINEAR, "fc1", none, x,
                   constant(graph, "w1", deit_shape_of(2, 16, 8)));
    int gelu = node(graph, DEIT_NODE_UNARY, "gelu", gelu_attrs, fc1, -1);
    int fc2 = node(graph, DEIT_NODE_LINEAR, "fc2", none, gelu,
                   constant(graph, "w2", deit_shape_of(2, 8, 16)));
    int scale = node(graph, DEIT_NODE_BINARY, "ls", mul, fc2,
                     constant(graph, "g", deit_shape_of(1, 8)));
    int y = node(graph, DEIT_NODE_BINARY, "y", add, x, scale);
    deit_graph_add_output(graph, y);
    assert_int_equal(deit_graph_check(graph, NULL), DEIT_OK);
    assert_int_equal(deit_graph_infer(graph, NULL), DEIT_OK);
    return graph;
}

static void epilogues_are_fused(void **state)
{
    struct deit_graph *graph = mlp();
    (void)state;
    deit_passes_run(graph);
    assert_int_equal(graph->n_nodes, 2);
    const struct deit_node *fc1 = &graph->nodes[0], *fc2 = &graph->nodes[1];
    assert_int_equal(fc1->attrs.linear.activation, DEIT_ACTIVATION_GELU);
    assert_int_equal(fc2->inputs[DEIT_LINEAR_RESIDUAL], deit_graph_find(graph, "x"));
    assert_true(fc2->inputs[DEIT_LINEAR_SCALE] >= 0);
    assert_int_equal(fc2->outputs[0], deit_graph_find(graph, "y"));
    assert_int_equal(deit_graph_find(graph, "fc2"), -1);
    assert_int_equal(deit_graph_infer(graph, NULL), DEIT_OK);
    deit_graph_free(graph);
}

/* A value that something else reads must stay. */
static void a_value_with_two_readers_is_kept(void **state)
{
    struct deit_graph *graph = mlp();
    (void)state;
    deit_graph_add_output(graph, deit_graph_find(graph, "fc1"));
    deit_graph_add_output(graph, deit_graph_find(graph, "ls"));
    deit_passes_run(graph);
    assert_int_equal(graph->n_nodes, 4); /* fc1, gelu, fc2 with scale, add */
    assert_true(deit_graph_find(graph, "fc1") >= 0);
    assert_true(deit_graph_find(graph, "ls") >= 0);
    assert_int_equal(deit_graph_infer(graph, NULL), DEIT_OK);
    deit_graph_free(graph);
}

/* tokens -> without the first -> mean -> layernorm -> classifier, as average pooling is written. */
static void a_classifier_on_the_mean_is_raised(void **state)
{
    static int64_t bounds[] = { 1, 5, 1 }; /* start, end, axis */
    const union deit_attrs mean = { .reduce = { .op = DEIT_REDUCE_MEAN } };
    const union deit_attrs negate = { .unary = DEIT_NEG };
    struct deit_graph *graph = deit_graph_create();
    struct deit_source *source;
    (void)state;
    assert_int_equal(deit_source_open_memory(bounds, sizeof bounds, "bounds", &source, NULL),
                     DEIT_OK);
    int ints[3];
    for (size_t i = 0; i < 3; i++) {
        const struct deit_constant one = { .n_parts = 1, .parts = {
            { .source = source, .offset = 8 * i, .dtype = DEIT_I64, .n_elements = 1 } } };
        ints[i] = deit_graph_add_constant(graph, "i", DEIT_I64, deit_shape_of(1, 1), &one);
    }
    int x = deit_graph_add_input(graph, "x", DEIT_F32, deit_shape_of(3, 2, 5, 8));
    x = node(graph, DEIT_NODE_UNARY, "tokens", negate, x, -1);
    const char *const names[] = { "patches", "norm" };
    const int slice[] = { x, ints[0], ints[1], ints[2] };
    int index = deit_graph_add_node(graph, DEIT_NODE_SLICE, "patches", NULL, 4, slice, 1, names);
    x = node(graph, DEIT_NODE_REDUCE, "mean", mean, graph->nodes[index].outputs[0], ints[2]);
    const int norm[] = { x, constant(graph, "g", deit_shape_of(1, 8)),
                         constant(graph, "b", deit_shape_of(1, 8)) };
    index = deit_graph_add_node(graph, DEIT_NODE_LAYERNORM, "norm", NULL, 3, norm, 1, names + 1);
    x = node(graph, DEIT_NODE_LINEAR, "logits", none, graph->nodes[index].outputs[0],
             constant(graph, "w", deit_shape_of(2, 4, 8)));
    deit_graph_add_output(graph, x);
    assert_int_equal(deit_graph_infer(graph, NULL), DEIT_OK);
    deit_passes_run(graph);
    assert_int_equal(graph->n_nodes, 2);
    assert_int_equal(graph->nodes[1].kind, DEIT_NODE_HEADS);
    assert_true(graph->nodes[1].attrs.heads.pool_mean);
    assert_int_equal(graph->nodes[1].attrs.heads.n_prefix, 1);
    assert_int_equal(deit_graph_infer(graph, NULL), DEIT_OK);
    deit_graph_free(graph);
    deit_source_release(source);
}

static void inference_names_what_cannot_be(void **state)
{
    struct deit_graph *graph = deit_graph_create();
    struct deit_error err;
    (void)state;
    int x = deit_graph_add_input(graph, "x", DEIT_F32, deit_shape_of(3, 1, 5, 8));
    node(graph, DEIT_NODE_LINEAR, "fc", none, x, constant(graph, "w", deit_shape_of(2, 16, 9)));
    assert_int_equal(deit_graph_infer(graph, &err), DEIT_ERR_FORMAT);
    assert_non_null(strstr(err.message, "fc: inner dimensions 8 and 9 differ"));
    deit_graph_free(graph);
}

static void constants_join_their_parts(void **state)
{
    static const uint16_t bf16[] = { 0x3f80, 0x4000 };
    static const float f32[] = { 3, 4, 5 };
    struct deit_source *a, *b;
    float got[7];
    (void)state;
    assert_int_equal(deit_source_open_memory(bf16, sizeof bf16, "a", &a, NULL), DEIT_OK);
    assert_int_equal(deit_source_open_memory(f32, sizeof f32, "b", &b, NULL), DEIT_OK);
    const struct deit_constant joined = { .n_parts = 3, .parts = {
        { .source = a, .dtype = DEIT_BF16, .n_elements = 2 },
        { .source = NULL, .dtype = DEIT_F32, .n_elements = 2 },
        { .source = b, .dtype = DEIT_F32, .n_elements = 3 } } };
    assert_int_equal(deit_constant_read(&joined, "x", DEIT_F32, 0, 7, got, NULL), DEIT_OK);
    const float wanted[] = { 1, 2, 0, 0, 3, 4, 5 };
    assert_memory_equal(got, wanted, sizeof wanted);
    assert_int_equal(deit_constant_read(&joined, "x", DEIT_F32, 3, 3, got, NULL), DEIT_OK);
    assert_memory_equal(got, wanted + 3, 3 * sizeof *got);
    struct deit_error err;
    assert_int_equal(deit_constant_read(&joined, "x", DEIT_F32, 5, 3, got, &err), DEIT_ERR_FORMAT);
    deit_source_release(a);
    deit_source_release(b);
}

/* ------------------------------------------------------------------ answers and errors */

static void top_k_breaks_ties_by_index(void **state)
{
    const float logits[] = { 1, 3, 3, NAN, 2, -INFINITY };
    size_t index[8];
    (void)state;
    assert_int_equal(deit_top_k(6, logits, 4, index), 4);
    const size_t wanted[] = { 1, 2, 4, 0 };
    assert_memory_equal(index, wanted, sizeof wanted);
    assert_int_equal(deit_top_k(6, logits, 8, index), 6);
    assert_int_equal(index[5], 3);
    assert_int_equal(deit_top_k(6, logits, 0, index), 0);
}

static void softmax_survives_large_logits(void **state)
{
    float x[] = { 1000, 1000, -1000 };
    (void)state;
    deit_softmax(3, x, x);
    assert_true(x[0] == 0.5f && x[1] == 0.5f && x[2] == 0.0f);
}

static void messages_are_one_line(void **state)
{
    struct deit_error err;
    (void)state;
    assert_int_equal(deit_fail(&err, DEIT_ERR_IO, "%s", "a\nb\x1b[2Jc\x7f"), DEIT_ERR_IO);
    assert_string_equal(err.message, "a?b?[2Jc?");
    assert_int_equal(err.status, DEIT_ERR_IO);
    assert_int_equal(deit_fail(NULL, DEIT_ERR_IO, "x"), DEIT_ERR_IO);
    assert_string_equal(deit_status_name(DEIT_ERR_FORMAT), "format");
    assert_string_equal(deit_status_name((enum deit_status)99), "unknown");
}

static void labels_have_gaps_and_a_limit(void **state)
{
    deit_labels *labels = deit_labels_create();
    (void)state;
    assert_int_equal(deit_labels_set(labels, 3, "three", NULL), DEIT_OK);
    assert_int_equal(deit_labels_count(labels), 4);
    assert_null(deit_labels_get(labels, 0));
    assert_string_equal(deit_labels_get(labels, 3), "three");
    assert_null(deit_labels_get(labels, 4));
    assert_int_equal(deit_labels_set(labels, 4000000000u, "far", NULL), DEIT_ERR_LIMIT);
    deit_labels_close(labels);
}

/*
 * A pass made a constant of another one: the list of values grew and moved, and the constant was
 * read from where it had been.
 */
static void constants_are_made_of_constants(void **state)
{
    struct deit_constant first;
    struct deit_graph *graph = deit_graph_create();
    void *data;
    (void)state;
    assert_int_equal(deit_constant_create(DEIT_F32, 1, &first, &data, NULL), DEIT_OK);
    int value = deit_graph_add_constant(graph, "c", DEIT_F32, deit_shape_of(1, 1), &first);
    struct deit_source *source = first.parts[0].source;
    for (int i = 0; i < 300; i++) {
        value = deit_graph_add_constant(graph, "c", DEIT_F32, deit_shape_of(1, 1),
                                        &graph->values[value].constant);
        assert_ptr_equal(graph->values[value].constant.parts[0].source, source);
    }
    deit_constant_done(&first);
    deit_graph_free(graph);
}

/* A pad that cuts one element off in front and adds one behind was dropped: its shape is x's. */
static void a_pad_that_shifts_is_kept(void **state)
{
    static const int64_t pads[2][2] = { { -1, 1 }, { 0, 0 } };
    (void)state;
    for (int i = 0; i < 2; i++) {
        const union deit_attrs attrs = { .pad = { .mode = DEIT_PAD_CONSTANT } };
        const char *const names[] = { "pad", "y" };
        struct deit_graph *graph = deit_graph_create();
        struct deit_constant constant;
        void *data;
        assert_int_equal(deit_constant_create(DEIT_I64, 2, &constant, &data, NULL), DEIT_OK);
        memcpy(data, pads[i], sizeof pads[i]);
        int x = deit_graph_add_input(graph, "x", DEIT_F32, deit_shape_of(1, 4));
        const int inputs[] = { x, deit_graph_add_constant(graph, "pads", DEIT_I64,
                                                          deit_shape_of(1, 2), &constant) };
        deit_constant_done(&constant);
        int pad = deit_graph_add_node(graph, DEIT_NODE_PAD, "pad", &attrs, 2, inputs, 1, names);
        const union deit_attrs relu = { .unary = DEIT_RELU };
        int last = deit_graph_add_node(graph, DEIT_NODE_UNARY, "relu", &relu, 1,
                                       &graph->nodes[pad].outputs[0], 1, names + 1);
        deit_graph_add_output(graph, graph->nodes[last].outputs[0]);
        assert_int_equal(deit_graph_infer(graph, NULL), DEIT_OK);
        assert_int_equal(deit_pass_drop_identities(graph), i);
        deit_graph_free(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_cover_and_are_even),
        cmocka_unit_test(shapes_count_without_overflow),
        cmocka_unit_test(planned_ranges_do_not_overlap),
        cmocka_unit_test(shared_ranges_live_as_long_as_both),
        cmocka_unit_test(epilogues_are_fused),
        cmocka_unit_test(a_value_with_two_readers_is_kept),
        cmocka_unit_test(a_classifier_on_the_mean_is_raised),
        cmocka_unit_test(inference_names_what_cannot_be),
        cmocka_unit_test(constants_join_their_parts),
        cmocka_unit_test(top_k_breaks_ties_by_index),
        cmocka_unit_test(softmax_survives_large_logits),
        cmocka_unit_test(messages_are_one_line),
        cmocka_unit_test(labels_have_gaps_and_a_limit),
        cmocka_unit_test(constants_are_made_of_constants),
        cmocka_unit_test(a_pad_that_shifts_is_kept),
    };
    return cmocka_run_group_tests_name("runtime", tests, NULL, NULL);
}
