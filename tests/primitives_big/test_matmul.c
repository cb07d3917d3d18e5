/*
 * tests/primitives_big/test_matmul.c: products against double precision, and the packing of
 * weights that are stored (k, n).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/kernels.h"
#include "ops/bf16.h"
#include "ops/linear.h"
#include "runtime/constant.h"
#include "runtime/plan.h"
#include "tests/primitives_big/run.h"

enum { A, B };

/* ------------------------------------------------------------------ reference */

/* Which matrix of an operand product 'index' of y's 'n_dims' batch dimensions reads. */
static size_t matrix_of(const int64_t *dims, uint32_t n_dims, const struct deit_shape *operand,
                        size_t index)
{
    size_t matrix = 0, step = 1;
    for (uint32_t i = 0; i + 2 < operand->rank; i++) {
        size_t at = index % (size_t)dims[n_dims - 1 - i];
        size_t dim = (size_t)operand->dims[operand->rank - 3 - i];
        index /= (size_t)dims[n_dims - 1 - i];
        matrix += (dim == 1 ? 0 : at) * step;
        step *= dim;
    }
    return matrix;
}

/* Every element against a sum in double precision, its bound from the terms' sizes. */
static void check_product(const struct run_case *run, const struct tensor *y, void *ctx)
{
    (void)ctx;
    const struct deit_shape *a = &run->inputs[A].shape, *b = &run->inputs[B].shape;
    size_t m = a->rank == 1 ? 1 : (size_t)a->dims[a->rank - 2];
    size_t k = (size_t)a->dims[a->rank - 1];
    size_t n = b->rank == 1 ? 1 : (size_t)b->dims[b->rank - 1];
    uint32_t n_dims = y->shape.rank - (a->rank > 1) - (b->rank > 1);
    size_t count = tensor_count(y);

    for (size_t e = 0; e < count; e++) {
        size_t product = e / (m * n), r = e / n % m, c = e % n;
        size_t ma = matrix_of(y->shape.dims, n_dims, a, product) * m * k + r * k;
        size_t mb = matrix_of(y->shape.dims, n_dims, b, product) * k * n + c;
        double sum = 0, size = 0;
        uint64_t whole = 0;
        for (size_t i = 0; i < k && y->dtype == DEIT_F32; i++) {
            double term = (double)((float *)run->inputs[A].data)[ma + i] *
                          (double)((float *)run->inputs[B].data)[mb + i * n];
            sum += term;
            size += fabs(term);
        }
        for (size_t i = 0; i < k && y->dtype == DEIT_I64; i++)
            whole += ((uint64_t *)run->inputs[A].data)[ma + i] *
                     ((uint64_t *)run->inputs[B].data)[mb + i * n];
        if (y->dtype == DEIT_I64)
            assert_int_equal(((uint64_t *)y->data)[e], whole);
        else if (!(fabs((double)((float *)y->data)[e] - sum) <=
                   size * (double)k * (double)FLT_EPSILON))
            fail_msg("element %zu of %zu is %g, not %g", e, count,
                     (double)((float *)y->data)[e], sum);
    }
}

/* ------------------------------------------------------------------ cases */

static struct run_case product_of(struct tensor a, struct tensor b, unsigned computed)
{
    return (struct run_case){ .kind = DEIT_NODE_MATMUL, .n_inputs = 2, .inputs = { a, b },
                              .computed = computed };
}

static void check_shapes(struct deit_shape a, struct deit_shape b, const char *y)
{
    for (unsigned computed = 0; computed < 4; computed++) {
        struct run_case run = product_of(draw_floats(a), draw_floats(b), computed);
        infers(&run, DEIT_F32, y);
        run_all(&run, check_product, NULL);
        run_case_free(&run);
        run = product_of(draw_ints(a, -9, 9), draw_ints(b, INT64_MAX - 9, INT64_MAX), computed);
        infers(&run, DEIT_I64, y);
        run_all(&run, check_product, NULL);
        run_case_free(&run);
    }
}

/* Vectors, repeated batch dims, nothing at all, and tails of panels, rows and chunks. */
static void products_are_numpys(void **state)
{
    (void)state;
    check_shapes(deit_shape_of(1, 5), deit_shape_of(1, 5), "()");
    check_shapes(deit_shape_of(1, 5), deit_shape_of(2, 5, 3), "(3)");
    check_shapes(deit_shape_of(2, 3, 5), deit_shape_of(1, 5), "(3)");
    check_shapes(deit_shape_of(1, 5), deit_shape_of(3, 4, 5, 3), "(4, 3)");
    check_shapes(deit_shape_of(3, 4, 2, 5), deit_shape_of(1, 5), "(4, 2)");
    check_shapes(deit_shape_of(2, 1, 1), deit_shape_of(2, 1, 1), "(1, 1)");
    check_shapes(deit_shape_of(2, 57, 31), deit_shape_of(2, 31, 33), "(57, 33)");
    check_shapes(deit_shape_of(3, 2, 57, 7), deit_shape_of(2, 7, 65), "(2, 57, 65)");
    check_shapes(deit_shape_of(2, 9, 7), deit_shape_of(3, 3, 7, 4), "(3, 9, 4)");
    check_shapes(deit_shape_of(4, 2, 1, 3, 4), deit_shape_of(4, 1, 3, 4, 5), "(2, 3, 3, 5)");
    check_shapes(deit_shape_of(4, 2, 3, 3, 4), deit_shape_of(3, 3, 4, 5), "(2, 3, 3, 5)");
    check_shapes(deit_shape_of(4, 2, 3, 3, 4), deit_shape_of(3, 1, 4, 5), "(2, 3, 3, 5)");
    check_shapes(deit_shape_of(3, 3, 4, 5), deit_shape_of(4, 1, 1, 5, 6), "(1, 3, 4, 6)");
    check_shapes(deit_shape_of(8, 1, 2, 1, 1, 2, 1, 3, 2),
                 deit_shape_of(8, 2, 1, 1, 2, 1, 1, 2, 3), "(2, 2, 1, 2, 2, 1, 3, 3)");
    check_shapes(deit_shape_of(2, 0, 5), deit_shape_of(2, 5, 3), "(0, 3)");
    check_shapes(deit_shape_of(2, 4, 0), deit_shape_of(2, 0, 3), "(4, 3)");
    check_shapes(deit_shape_of(2, 4, 5), deit_shape_of(2, 5, 0), "(4, 0)");
    check_shapes(deit_shape_of(3, 0, 4, 5), deit_shape_of(3, 1, 5, 2), "(0, 4, 2)");
}

static void random_products(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        int64_t m = 1 + draw(130), k = 1 + draw(100), n = 1 + draw(140), batch = 1 + draw(3);
        bool is_repeated = draw(2);
        struct run_case run = product_of(
            draw_floats(deit_shape_of(3, batch, m, k)),
            draw_floats(deit_shape_of(3, is_repeated ? 1 : batch, k, n)), 1 + draw(3));
        run_all(&run, check_product, NULL);
        run_case_free(&run);
    }
}

/* A zero times infinity is NaN: skipping zeros would hide it. */
static void nothing_is_skipped(void **state)
{
    (void)state;
    const float zeros[] = { 0, 0 }, b[] = { INFINITY, 1, 1, NAN };
    for (unsigned computed = 0; computed < 4; computed++) {
        struct run_case run = product_of(tensor_floats(deit_shape_of(2, 1, 2), zeros),
                                         tensor_floats(deit_shape_of(2, 2, 2), b), computed);
        struct tensor y;
        assert_int_equal(run_planned(&run, &y, NULL), DEIT_OK);
        assert_true(isnan(((float *)y.data)[0]) && isnan(((float *)y.data)[1]));
        tensor_free(&y);
        run_case_free(&run);
    }
}

static void unknown_dims_stay_unknown(void **state)
{
    (void)state;
    const struct deit_shape nothing = { .rank = DEIT_RANK_UNKNOWN };
    struct run_case run = { .kind = DEIT_NODE_MATMUL, .n_inputs = 2, .computed = 3 };
    run.inputs[A] = (struct tensor){ DEIT_F32, nothing, NULL };
    run.inputs[B] = (struct tensor){ DEIT_F32, deit_shape_of(2, 3, 4), NULL };
    infers(&run, DEIT_F32, "(...)");
    run.inputs[A].shape = deit_shape_of(3, -1, 5, -1);
    infers(&run, DEIT_F32, "(?, 5, 4)");
    run.inputs[B].shape = deit_shape_of(4, 7, 1, -1, -1);
    infers(&run, DEIT_F32, "(7, ?, 5, ?)");
}

static void what_cannot_be(void **state)
{
    (void)state;
    struct run_case run = { .kind = DEIT_NODE_MATMUL, .n_inputs = 2, .computed = 3 };
    run.inputs[A] = (struct tensor){ DEIT_F32, deit_shape_of(2, 3, 64), NULL };
    run.inputs[B] = (struct tensor){ DEIT_F32, deit_shape_of(2, 65, 3), NULL };
    refuses(&run, DEIT_ERR_FORMAT, "node: inner dimensions 64 and 65 differ");
    run.inputs[A].shape = deit_shape_of(3, 2, 3, 4);
    run.inputs[B].shape = deit_shape_of(3, 3, 4, 5);
    refuses(&run, DEIT_ERR_FORMAT, "node: shapes (2) and (3) do not broadcast");
    run.inputs[B].shape = deit_shape_of(0, 0);
    refuses(&run, DEIT_ERR_FORMAT, "node: a matmul of rank 3 by rank 0");
    run.inputs[B] = (struct tensor){ DEIT_I64, deit_shape_of(2, 4, 5), NULL };
    refuses(&run, DEIT_ERR_FORMAT, "node: input 'b' is i64, not f32");
    run.inputs[A].dtype = DEIT_BOOL;
    refuses(&run, DEIT_ERR_FORMAT, "node: input 'a' is bool, not f32");
}

static void multiply_adds_are_counted(void **state)
{
    (void)state;
    static const char *const names[] = { "y" };
    struct deit_graph *graph = deit_graph_create();
    int inputs[] = {
        deit_graph_add_input(graph, "a", DEIT_F32, deit_shape_of(3, 2, 3, 4)),
        deit_graph_add_input(graph, "b", DEIT_F32, deit_shape_of(2, 4, 5)),
    };
    deit_graph_add_node(graph, DEIT_NODE_MATMUL, "node", NULL, 2, inputs, 1, names);
    assert_int_equal(deit_graph_infer(graph, NULL), DEIT_OK);
    assert_true(deit_kind_of(&graph->nodes[0])->macs(graph, &graph->nodes[0]) == 2.0 * 3 * 4 * 5);
    deit_graph_free(graph);
}

/* ------------------------------------------------------------------ packing */

enum { MOST_PARTS = DEIT_CONSTANT_PARTS };

/* A weight of (rows, k) in parts of which some are stored (k, n). */
static struct deit_value make_weight(const float *weight, size_t k, size_t n_parts,
                                     const size_t *n_rows, const bool *is_k_major)
{
    static char name[] = "weight";
    struct deit_value value = { .name = name, .dtype = DEIT_F32, .origin = DEIT_FROM_CONSTANT };
    value.constant.n_parts = n_parts;
    for (size_t p = 0; p < n_parts; p++) {
        struct deit_constant part;
        void *data;
        float *to;
        assert_int_equal(deit_constant_create(DEIT_F32, n_rows[p] * k, &part, &data, NULL),
                         DEIT_OK);
        to = data;
        for (size_t r = 0; r < n_rows[p]; r++)
            for (size_t i = 0; i < k; i++)
                to[is_k_major[p] ? i * n_rows[p] + r : r * k + i] = weight[r * k + i];
        weight += n_rows[p] * k;
        value.constant.parts[p] = part.parts[0];
        value.constant.parts[p].is_k_major = is_k_major[p];
    }
    return value;
}

static void fill(struct deit_value *value, struct deit_weight_layout layout, size_t bytes,
                 void *out)
{
    const struct deit_model_options options = { 0 };
    struct deit_weight_store *store;
    struct deit_weight *weight;
    struct deit_team team;
    struct deit_error err = { 0 };
    deit_team_init(&team, 1, NULL, NULL, NULL);
    assert_int_equal(deit_weight_store_create(&options, &store, NULL), DEIT_OK);
    assert_int_equal(deit_weight_acquire(store, value, layout, &weight, NULL), DEIT_OK);
    memset((void *)(uintptr_t)deit_weight_data(weight), 0xa5, bytes);
    if (deit_weights_fill(store, &weight, 1, &team, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    memcpy(out, deit_weight_data(weight), bytes);
    deit_weight_release(store, weight);
    deit_weight_store_free(store);
}

/* The same weight as it is, as one block (k, n), and in parts stored either way. */
static void check_packing(size_t n, size_t k, size_t nr, unsigned n_parts)
{
    size_t count = nr ? deit_linear_packed_count(n, k, nr) : n * k, bytes = count * sizeof(float);
    if (n_parts)
        bytes = deit_bf16_packed_count(n, k, nr, n_parts) * sizeof(uint16_t);
    struct tensor weight = draw_floats(deit_shape_of(2, (int64_t)n, (int64_t)k));
    struct deit_weight_layout layout = { .dtype = DEIT_F32, .rows = n, .k = k, .nr = nr,
                                         .n_parts = n_parts };
    char *expected = malloc(bytes + 1), *packed = malloc(bytes + 1);
    struct deit_value value = make_weight(weight.data, k, 1, &n, &(bool){ false });
    fill(&value, layout, bytes, expected);
    deit_constant_done(&value.constant);

    value = make_weight(weight.data, k, 1, &n, &(bool){ true });
    fill(&value, layout, bytes, packed);
    assert_memory_equal(packed, expected, bytes);
    value.constant.parts[0].is_k_major = false;
    layout.k_major = true;
    fill(&value, layout, bytes, packed);
    assert_memory_equal(packed, expected, bytes);
    layout.k_major = false;
    deit_constant_done(&value.constant);

    for (unsigned mask = 0; mask < 8; mask++) {
        size_t first = n / 3, second = n - first > 1 ? (n - first) / 2 : 0;
        const size_t n_rows[] = { first, second, n - first - second };
        const bool is_k_major[] = { mask & 1, mask >> 1 & 1, mask >> 2 & 1 };
        value = make_weight(weight.data, k, 3, n_rows, is_k_major);
        fill(&value, layout, bytes, packed);
        assert_memory_equal(packed, expected, bytes);
        deit_constant_done(&value.constant);
    }
    free(expected);
    free(packed);
    tensor_free(&weight);
}

/* Rows [first, first + n_rows) of a weight in parts stored either way, against those rows alone. */
static void check_some_rows(size_t n, size_t k, size_t first, size_t n_rows, unsigned mask)
{
    enum { NR = 16 };
    size_t bytes = deit_linear_packed_count(n_rows, k, NR) * sizeof(float);
    struct tensor weight = draw_floats(deit_shape_of(2, (int64_t)n, (int64_t)k));
    struct deit_weight_layout layout = { .dtype = DEIT_F32, .rows = n_rows, .k = k, .nr = NR };
    char *expected = malloc(bytes), *packed = malloc(bytes);
    struct deit_value alone = make_weight((const float *)weight.data + first * k, k, 1, &n_rows,
                                          &(bool){ false });
    fill(&alone, layout, bytes, expected);
    deit_constant_done(&alone.constant);

    const size_t parts[] = { n / 3, n / 3, n - n / 3 - n / 3 };
    const bool is_k_major[] = { mask & 1, mask >> 1 & 1, mask >> 2 & 1 };
    struct deit_value all = make_weight(weight.data, k, 3, parts, is_k_major), some = all;
    assert_false(deit_constant_rows(&all.constant, k, first, n - first + 1, &some.constant));
    assert_true(deit_constant_rows(&all.constant, k, first, n_rows, &some.constant));
    fill(&some, layout, bytes, packed);
    assert_memory_equal(packed, expected, bytes);

    /* Rows of those rows. */
    struct deit_value fewer = some;
    assert_true(deit_constant_rows(&some.constant, k, 1, n_rows - 1, &fewer.constant));
    assert_true(deit_constant_rows(&all.constant, k, first + 1, n_rows - 1, &some.constant));
    layout.rows = n_rows - 1;
    bytes = deit_linear_packed_count(layout.rows, k, NR) * sizeof(float);
    fill(&fewer, layout, bytes, packed);
    fill(&some, layout, bytes, expected);
    assert_memory_equal(packed, expected, bytes);
    deit_constant_done(&all.constant);
    free(expected);
    free(packed);
    tensor_free(&weight);
}

static void some_rows_of_a_weight(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask < 8; mask++) {
        check_some_rows(60, 33, 0, 20, mask);  /* a part */
        check_some_rows(60, 33, 20, 40, mask); /* two */
        check_some_rows(61, 7, 13, 30, mask);  /* across parts */
        check_some_rows(900, 517, 299, 411, mask);
    }
}

/* Several pieces, ragged panels, parts that end inside a panel. */
static void packed_bytes_are_the_same(void **state)
{
    (void)state;
    static const size_t panels[] = { 0, 8, 16, 32, 48 };
    for (size_t i = 0; i < sizeof panels / sizeof *panels; i++) {
        check_packing(1, 1, panels[i], 0);
        check_packing(33, 7, panels[i], 0);
        check_packing(96, 32, panels[i], 0);
        check_packing(100, 65, panels[i], 0);
        check_packing(577, 1031, panels[i], 0);
        check_packing(3, 300000, panels[i], 0);
        check_packing(300001, 3, panels[i], 0);
    }
}

/* The same of bf16 parts, whose pairs of k must not be cut by pieces. */
static void packed_parts_are_the_same(void **state)
{
    (void)state;
    for (unsigned n_parts = 1; n_parts <= DEIT_BF16_PARTS; n_parts++)
        for (size_t nr = 8; nr <= 32; nr += 24) {
            check_packing(1, 1, nr, n_parts);
            check_packing(33, 7, nr, n_parts);
            check_packing(96, 32, nr, n_parts);
            check_packing(100, 65, nr, n_parts);
            check_packing(577, 1031, nr, n_parts);
            check_packing(300001, 3, nr, n_parts);
        }
}

/* What is packed is the weight: the parts of each element, found where the kernels look. */
static void packed_parts_are_of_the_weight(void **state)
{
    (void)state;
    enum { N = 70, K = 41, NR = 32, PARTS = 3 };
    const size_t n = N, depth = deit_bf16_padded(K);
    const size_t bytes = deit_bf16_packed_count(N, K, NR, PARTS) * sizeof(uint16_t);
    struct tensor weight = draw_floats(deit_shape_of(2, N, K));
    const float *x = weight.data;
    uint16_t *packed = malloc(bytes);
    const struct deit_weight_layout layout = { .dtype = DEIT_F32, .rows = N, .k = K, .nr = NR,
                                               .n_parts = PARTS };
    struct deit_value value = make_weight(x, K, 1, &n, &(bool){ false });
    fill(&value, layout, bytes, packed);
    for (size_t r = 0; r < N; r++)
        for (size_t i = 0; i < K; i++) {
            double sum = 0;
            for (size_t p = 0; p < PARTS; p++)
                sum += (double)deit_bf16_widen(
                    packed[(r / NR * PARTS + p) * depth * NR + (i - i % 2) * NR + r % NR * 2 +
                           i % 2]);
            /* Three parts hold 24 bits. */
            assert_true(fabs(sum - (double)x[r * K + i]) <= 0x1p-24 * fabs((double)x[r * K + i]));
        }
    deit_constant_done(&value.constant);
    free(packed);
    tensor_free(&weight);
}

/* Reading such a part in the order of its shape is not possible; it must not go unnoticed. */
static void a_part_stored_otherwise_is_not_read_plainly(void **state)
{
    (void)state;
    const float data[6] = { 0 };
    struct deit_error err;
    float read[6];
    struct deit_value value = make_weight(data, 3, 1, &(size_t){ 2 }, &(bool){ true });
    assert_int_equal(
        deit_constant_read(&value.constant, value.name, DEIT_F32, 0, 6, read, &err),
        DEIT_ERR_UNSUPPORTED);
    assert_string_equal(err.message, "weight: is stored with its dimensions exchanged");
    deit_constant_done(&value.constant);
}

int main(void)
{
    draw_seed(5);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_numpys),
        cmocka_unit_test(random_products),
        cmocka_unit_test(nothing_is_skipped),
        cmocka_unit_test(unknown_dims_stay_unknown),
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(multiply_adds_are_counted),
        cmocka_unit_test(packed_bytes_are_the_same),
        cmocka_unit_test(packed_parts_are_the_same),
        cmocka_unit_test(packed_parts_are_of_the_weight),
        cmocka_unit_test(some_rows_of_a_weight),
        cmocka_unit_test(a_part_stored_otherwise_is_not_read_plainly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
