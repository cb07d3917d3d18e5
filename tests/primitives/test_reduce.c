/*
 * tests/primitives/test_reduce.c: reductions and softmax against sums in double over every index.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/primitives/tensors.h"

static double join(enum deit_reduce op, double a, double b)
{
    switch (op) {
    case DEIT_REDUCE_MAX: return isnan(a) || isnan(b) ? (double)NAN : fmax(a, b);
    case DEIT_REDUCE_MIN: return isnan(a) || isnan(b) ? (double)NAN : fmin(a, b);
    case DEIT_REDUCE_PROD: return a * b;
    default: return a + b;
    }
}

static double start(enum deit_reduce op)
{
    return op == DEIT_REDUCE_MAX    ? -(double)INFINITY
           : op == DEIT_REDUCE_MIN  ? (double)INFINITY
           : op == DEIT_REDUCE_PROD ? 1
                                    : 0;
}

static void set(struct tensor *y, size_t i, double value)
{
    if (y->dtype == DEIT_F32)
        y->f32[i] = (float)value;
    else if (y->dtype == DEIT_BOOL)
        y->b8[i] = value > 0;
    else if (isinf(value))
        y->i64[i] = value > 0 ? INT64_MAX : INT64_MIN;
    else
        y->i64[i] = isnan(value) ? 0 : (int64_t)value;
}

/* With dims of one where axes were; 'goes' marks the axes. */
static struct tensor reduce(enum deit_reduce op, const struct tensor *x, const bool *goes)
{
    struct deit_shape shape = x->shape;
    for (uint32_t i = 0; i < shape.rank; i++)
        if (goes[i])
            shape.dims[i] = 1;
    struct tensor y = tensor_make(x->dtype, shape);
    double *sums = calloc(y.n + 1, sizeof *sums);
    for (size_t i = 0; i < y.n; i++)
        sums[i] = start(op);
    int64_t index[DEIT_MAX_RANK] = { 0 };
    for (size_t i = 0; i < x->n; i++, index_next(&x->shape, index)) {
        size_t at = index_broadcast(&shape, &x->shape, index);
        sums[at] = join(op, sums[at], tensor_get(x, i));
    }
    for (size_t i = 0; i < y.n; i++)
        set(&y, i, op == DEIT_REDUCE_MEAN ? sums[i] / (double)(x->n / y.n) : sums[i]);
    free(sums);
    return y;
}

static void drop_axes(struct deit_shape *shape, const bool *goes)
{
    uint32_t rank = 0;
    for (uint32_t i = 0; i < shape->rank; i++)
        if (!goes[i])
            shape->dims[rank++] = shape->dims[i];
    shape->rank = rank;
}

static void reductions(void **state)
{
    struct random random = { 20 };
    (void)state;
    for (int round = 0; round < 500; round++) {
        enum deit_reduce op = (enum deit_reduce)random_below(&random, 5);
        enum deit_dtype dtype = random_dtype(&random);
        if (dtype == DEIT_BOOL)
            op = round % 2 ? DEIT_REDUCE_MAX : DEIT_REDUCE_MIN;
        struct tensor x =
            tensor_random(&random, dtype, random_shape(&random, random_below(&random, 6)));
        for (size_t i = 0; op == DEIT_REDUCE_PROD && i < x.n; i++) /* keeps products small */
            set(&x, i, tensor_get(&x, i) > 0 ? 1 : -1);
        int64_t axes[DEIT_MAX_RANK];
        bool goes[DEIT_MAX_RANK] = { false };
        size_t n = 0;
        for (uint32_t i = 0; i < x.shape.rank; i++)
            if (random_below(&random, 2)) {
                goes[i] = true;
                axes[n++] = random_below(&random, 2) ? (int64_t)i : (int64_t)i - x.shape.rank;
            }
        struct tensor list = tensor_of_ints(n, axes);
        struct trial trial = { .kind = DEIT_NODE_REDUCE, .n_inputs = 2,
                               .inputs = { &x, n || round % 2 ? &list : NULL }, .constants = 2 };
        trial.attrs.reduce.op = op;
        trial.attrs.reduce.keep_dims = random_below(&random, 2);
        trial.attrs.reduce.noop_with_empty_axes = random_below(&random, 2);
        for (uint32_t i = 0; !n && i < x.shape.rank; i++)
            goes[i] = !trial.attrs.reduce.noop_with_empty_axes;
        struct tensor wanted = reduce(op, &x, goes);
        if (!trial.attrs.reduce.keep_dims)
            drop_axes(&wanted.shape, goes);
        struct tensor y = trial_run(&trial);
        expect_close(&y, &wanted, 1e-6);
        struct tensor *all[] = { &x, &list, &y, &wanted };
        for (size_t i = 0; i < 4; i++)
            tensor_free(all[i]);
    }
}

/* A NaN in any place, seen by a chain of its own or by a block. */
static void maxima_and_minima_keep_nan(void **state)
{
    struct random random = { 21 };
    (void)state;
    for (size_t place = 0; place < 24; place++)
        for (int axis = 0; axis < 2; axis++) {
            struct tensor x = tensor_random(&random, DEIT_F32, deit_shape_of(2, 4, 6));
            struct tensor list = tensor_of_ints(1, (const int64_t[]){ axis });
            struct trial trial = { .kind = DEIT_NODE_REDUCE, .n_inputs = 2,
                                   .inputs = { &x, &list }, .constants = 2 };
            x.f32[place] = NAN;
            trial.attrs.reduce.op = place % 2 ? DEIT_REDUCE_MAX : DEIT_REDUCE_MIN;
            struct tensor y = trial_run(&trial);
            size_t at = axis ? place / 6 : place % 6;
            for (size_t i = 0; i < y.n; i++)
                assert_int_equal(isnan(y.f32[i]) != 0, i == at);
            tensor_free(&x);
            tensor_free(&list);
            tensor_free(&y);
        }
}

/* In float, 1e8 swallows every 1 that is added to it. */
static void sums_are_wider_than_floats(void **state)
{
    (void)state;
    struct tensor x = tensor_make(DEIT_F32, deit_shape_of(2, 2, 20001));
    const struct trial trial = { .kind = DEIT_NODE_REDUCE, .n_inputs = 1, .inputs = { &x } };
    for (size_t i = 0; i < x.n; i++)
        x.f32[i] = 1;
    x.f32[0] = 1e8f;
    x.f32[20001] = -1e8f;
    struct tensor y = trial_run(&trial);
    assert_true(y.f32[0] == 40000.0f);
    tensor_free(&x);
    tensor_free(&y);
}

static void softmax_along_any_axis(void **state)
{
    struct random random = { 22 };
    (void)state;
    for (int round = 0; round < 120; round++) {
        struct deit_shape shape = random_shape(&random, 1 + random_below(&random, 4));
        uint32_t axis = random_below(&random, shape.rank);
        struct tensor x = tensor_random(&random, DEIT_F32, shape);
        bool goes[DEIT_MAX_RANK] = { false };
        goes[axis] = true;
        for (size_t i = 0; round % 3 == 0 && i < x.n; i++)
            x.f32[i] = x.f32[i] * 300.0f; /* exp alone would overflow */
        struct trial trial = { .kind = DEIT_NODE_SOFTMAX, .n_inputs = 1, .inputs = { &x } };
        trial.attrs.axis.axis = (int32_t)axis - (round % 2 ? (int32_t)shape.rank : 0);
        struct tensor most = reduce(DEIT_REDUCE_MAX, &x, goes);
        struct tensor wanted = tensor_make(DEIT_F32, shape);
        double *sums = calloc(most.n + 1, sizeof *sums);
        for (int pass = 0; pass < 2; pass++) {
            int64_t index[DEIT_MAX_RANK] = { 0 };
            for (size_t i = 0; i < x.n; i++, index_next(&shape, index)) {
                size_t at = index_broadcast(&most.shape, &shape, index);
                double e = exp(tensor_get(&x, i) - tensor_get(&most, at));
                sums[at] += pass ? 0 : e;
                wanted.f32[i] = (float)(e / sums[at]);
            }
        }
        struct tensor y = trial_run(&trial);
        expect_close(&y, &wanted, 1e-6);
        free(sums);
        tensor_free(&x);
        tensor_free(&y);
        tensor_free(&most);
        tensor_free(&wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reductions), cmocka_unit_test(maxima_and_minima_keep_nan),
        cmocka_unit_test(sums_are_wider_than_floats), cmocka_unit_test(softmax_along_any_axis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
