/*
 * tests/primitives/test_elementwise.c: unary, binary, where and cast against formulas in double or
 * in Python's integers, and the corners that C leaves undefined.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/primitives/tensors.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static double unary_f64(enum deit_unary function, double x)
{
    switch (function) {
    case DEIT_NEG: return -x;
    case DEIT_ABS: return fabs(x);
    case DEIT_SQRT: return sqrt(x);
    case DEIT_EXP: return exp(x);
    case DEIT_LOG: return log(x);
    case DEIT_ERF: return erf(x);
    case DEIT_TANH: return tanh(x);
    case DEIT_SIGMOID: return 1 / (1 + exp(-x));
    case DEIT_RELU: return isnan(x) || x > 0 ? x : 0;
    case DEIT_RECIPROCAL: return 1 / x;
    case DEIT_FLOOR: return floor(x);
    case DEIT_CEIL: return ceil(x);
    case DEIT_ROUND: return rint(x);
    case DEIT_SIGN: return isnan(x) ? x : (x > 0) - (x < 0);
    case DEIT_NOT: return x == 0;
    case DEIT_IS_NAN: return isnan(x);
    case DEIT_GELU: return 0.5 * x * (1 + erf(x / sqrt(2.0)));
    default: return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
    }
}

static void set(struct tensor *y, size_t i, double value)
{
    if (y->dtype == DEIT_F32)
        y->f32[i] = (float)value;
    else if (y->dtype == DEIT_I64)
        y->i64[i] = (int64_t)value;
    else
        y->b8[i] = value != 0;
}

static void check_unary(enum deit_unary function, const struct tensor *x, double tolerance)
{
    const struct trial trial = { .kind = DEIT_NODE_UNARY, .attrs.unary = function, .n_inputs = 1,
                                 .inputs = { x } };
    struct tensor y = trial_run(&trial);
    struct tensor wanted =
        tensor_make(function == DEIT_IS_NAN ? DEIT_BOOL : x->dtype, x->shape);
    for (size_t i = 0; i < x->n; i++)
        set(&wanted, i, unary_f64(function, tensor_get(x, i)));
    expect_close(&y, &wanted, tolerance);
    tensor_free(&wanted);
    tensor_free(&y);
}

static void unary_functions_of_random_tensors(void **state)
{
    static const enum deit_unary of_ints[] = { DEIT_NEG, DEIT_ABS, DEIT_RELU, DEIT_SIGN };
    struct random random = { 1 };
    (void)state;
    for (unsigned round = 0; round < 6; round++)
        for (unsigned function = DEIT_NEG; function <= DEIT_GELU_TANH; function++) {
            enum deit_dtype dtype = function == DEIT_NOT ? DEIT_BOOL : DEIT_F32;
            struct tensor x = tensor_random(&random, dtype, random_shape(&random, round));
            check_unary((enum deit_unary)function, &x, 5e-7);
            tensor_free(&x);
        }
    for (unsigned round = 0; round < 6; round++)
        for (size_t i = 0; i < COUNT(of_ints); i++) {
            struct tensor x = tensor_random(&random, DEIT_I64, random_shape(&random, round));
            check_unary(of_ints[i], &x, 0);
            tensor_free(&x);
        }
}

/* Where formulas overflow, cancel or have no value. */
static void unary_functions_of_odd_numbers(void **state)
{
    static const float odd[] = { 0.0f, -0.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 100.0f, -100.0f,
                                 INFINITY, NAN, 8388609.0f, 1e-20f, 1e20f, -1e20f };
    (void)state;
    struct tensor x = tensor_of_floats(COUNT(odd), odd);
    /* the kernels of exact gelu are accurate against |x|, which says nothing of the last two */
    struct tensor moderate = tensor_of_floats(COUNT(odd) - 2, odd);
    for (unsigned function = DEIT_NEG; function <= DEIT_GELU_TANH; function++)
        if (function != DEIT_NOT)
            check_unary((enum deit_unary)function, function == DEIT_GELU ? &moderate : &x, 5e-7);
    tensor_free(&x);
    tensor_free(&moderate);
}

/* ------------------------------------------------------------------ binary */

static double binary_f64(enum deit_binary function, double a, double b)
{
    switch (function) {
    case DEIT_ADD: return a + b;
    case DEIT_SUB: return a - b;
    case DEIT_MUL: return a * b;
    case DEIT_DIV: return a / b;
    case DEIT_POW: return pow(a, b);
    case DEIT_MOD: {
        double rest = fmod(a, b);
        return rest != 0 && rest * b < 0 ? rest + b : rest;
    }
    case DEIT_FMOD: return fmod(a, b);
    case DEIT_MIN: return isnan(a) || isnan(b) ? (double)NAN : fmin(a, b);
    case DEIT_MAX: return isnan(a) || isnan(b) ? (double)NAN : fmax(a, b);
    case DEIT_AND: return a != 0 && b != 0;
    case DEIT_OR: return a != 0 || b != 0;
    case DEIT_XOR: return (a != 0) != (b != 0);
    case DEIT_EQUAL: return a == b;
    case DEIT_LESS: return a < b;
    case DEIT_LESS_OR_EQUAL: return a <= b;
    case DEIT_GREATER: return a > b;
    default: return a >= b;
    }
}

/* Small integers, where double is exact. */
static double binary_of_ints(enum deit_binary function, double a, double b)
{
    if (b == 0 && (function == DEIT_DIV || function == DEIT_MOD || function == DEIT_FMOD))
        return 0;
    if (function == DEIT_DIV)
        return trunc(a / b);
    if (function == DEIT_POW && a == 0 && b < 0)
        return 0;
    return binary_f64(function, a, b);
}

static bool is_comparison(enum deit_binary function)
{
    return function >= DEIT_EQUAL;
}

static struct tensor binary_reference(enum deit_binary function, const struct tensor *a,
                                      const struct tensor *b, struct deit_shape shape)
{
    struct tensor y = tensor_make(is_comparison(function) ? DEIT_BOOL : a->dtype, shape);
    int64_t index[DEIT_MAX_RANK] = { 0 };
    for (size_t i = 0; i < y.n; i++, index_next(&shape, index)) {
        double v = tensor_get(a, index_broadcast(&a->shape, &shape, index));
        double w = tensor_get(b, index_broadcast(&b->shape, &shape, index));
        set(&y, i, a->dtype == DEIT_I64 ? binary_of_ints(function, v, w)
                                        : binary_f64(function, v, w));
    }
    return y;
}

static void check_binary(enum deit_binary function, const struct tensor *a,
                         const struct tensor *b, struct deit_shape shape, double tolerance)
{
    const struct trial trial = { .kind = DEIT_NODE_BINARY, .attrs.binary = function,
                                 .n_inputs = 2, .inputs = { a, b } };
    struct tensor y = trial_run(&trial), wanted = binary_reference(function, a, b, shape);
    expect_close(&y, &wanted, tolerance);
    tensor_free(&wanted);
    tensor_free(&y);
}

static bool takes(enum deit_binary function, enum deit_dtype dtype)
{
    bool is_logic = function == DEIT_AND || function == DEIT_OR || function == DEIT_XOR;
    return dtype == DEIT_BOOL ? is_logic || function == DEIT_EQUAL : !is_logic;
}

static void binary_functions_broadcast(void **state)
{
    struct random random = { 2 };
    (void)state;
    for (unsigned round = 0; round < 600; round++) {
        enum deit_binary function = (enum deit_binary)random_below(&random, 17);
        enum deit_dtype dtype = random_dtype(&random);
        if (!takes(function, dtype))
            continue;
        struct deit_shape shape = random_shape(&random, random_below(&random, 6));
        struct deit_shape other = random_operand(&random, shape);
        struct tensor a = tensor_random(&random, dtype, shape);
        struct tensor b = tensor_random(&random, dtype, other);
        for (size_t i = 0; function == DEIT_POW && dtype == DEIT_I64 && i < a.n; i++)
            a.i64[i] %= 5;
        check_binary(function, &a, &b, shape, 1e-6);
        if (function != DEIT_POW)
            check_binary(function, &b, &a, shape, 1e-6);
        tensor_free(&a);
        tensor_free(&b);
    }
}

/* (3, 1, 5) and (4, 1): both operands are broadcast. */
static void both_operands_are_broadcast(void **state)
{
    struct random random = { 3 };
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        struct deit_shape shape = random_shape(&random, 1 + random_below(&random, 5));
        struct deit_shape a_shape = shape, b_shape = shape;
        for (uint32_t i = 0; i < shape.rank; i++)
            (random_below(&random, 2) ? &a_shape : &b_shape)->dims[i] = 1;
        struct tensor a = tensor_random(&random, DEIT_F32, a_shape);
        struct tensor b = tensor_random(&random, DEIT_F32, b_shape);
        check_binary(round % 2 ? DEIT_ADD : DEIT_MUL, &a, &b, shape, 1e-6);
        check_binary(DEIT_LESS, &a, &b, shape, 0);
        tensor_free(&a);
        tensor_free(&b);
    }
}

/* What traps or is undefined in C, such as INT64_MIN / -1. */
static void integers_never_trap(void **state)
{
    static const struct { enum deit_binary function; int64_t a, b, y; } cases[] = {
        { DEIT_DIV, INT64_MIN, -1, INT64_MIN }, { DEIT_DIV, 7, 0, 0 }, { DEIT_DIV, -7, 2, -3 },
        { DEIT_MOD, INT64_MIN, -1, 0 }, { DEIT_MOD, 7, 0, 0 }, { DEIT_MOD, -7, 3, 2 },
        { DEIT_MOD, 7, -3, -2 }, { DEIT_FMOD, -7, 3, -1 }, { DEIT_FMOD, 7, -3, 1 },
        { DEIT_FMOD, 5, 0, 0 }, { DEIT_ADD, INT64_MAX, 1, INT64_MIN },
        { DEIT_SUB, INT64_MIN, 1, INT64_MAX }, { DEIT_MUL, INT64_MAX, 2, -2 },
        { DEIT_POW, 3, 4, 81 }, { DEIT_POW, 2, -1, 0 }, { DEIT_POW, -1, -3, -1 },
        { DEIT_POW, -1, -2, 1 }, { DEIT_POW, 1, -5, 1 }, { DEIT_POW, 0, 0, 1 },
        { DEIT_POW, 2, 64, 0 }, { DEIT_POW, 0, -1, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tensor a = tensor_of_ints(1, &cases[i].a), b = tensor_of_ints(1, &cases[i].b);
        const struct trial trial = { .kind = DEIT_NODE_BINARY,
                                     .attrs.binary = cases[i].function, .n_inputs = 2,
                                     .inputs = { &a, &b } };
        struct tensor y = trial_run(&trial);
        assert_int_equal(y.i64[0], cases[i].y);
        tensor_free(&a);
        tensor_free(&b);
        tensor_free(&y);
    }
}

static void floats_in_corners(void **state)
{
    static const struct { enum deit_binary function; float a, b, y; } cases[] = {
        { DEIT_MIN, NAN, 1, NAN }, { DEIT_MIN, 1, NAN, NAN }, { DEIT_MAX, NAN, 1, NAN },
        { DEIT_MAX, 1, NAN, NAN }, { DEIT_MOD, -7.5f, 2, 0.5f }, { DEIT_MOD, 7.5f, -2, -0.5f },
        { DEIT_FMOD, -7.5f, 2, -1.5f }, { DEIT_DIV, 1, 0, INFINITY }, { DEIT_POW, -2, 3, -8 },
        { DEIT_POW, 9, 0.5f, 3 }, { DEIT_POW, -3, 2, 9 }, { DEIT_MOD, 6, 3, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tensor a = tensor_of_floats(1, &cases[i].a), b = tensor_of_floats(1, &cases[i].b);
        struct tensor wanted = tensor_of_floats(1, &cases[i].y);
        const struct trial trial = { .kind = DEIT_NODE_BINARY,
                                     .attrs.binary = cases[i].function, .n_inputs = 2,
                                     .inputs = { &a, &b } };
        struct tensor y = trial_run(&trial);
        expect_close(&y, &wanted, 0);
        tensor_free(&a);
        tensor_free(&b);
        tensor_free(&y);
        tensor_free(&wanted);
    }
}

static void powers_mix_types(void **state)
{
    static const float bases[] = { 1.5f, -2, 3 }, halves[] = { 2, 0.5f, 1.5f };
    static const int64_t exponents[] = { 2, 3, -1 }, ints[] = { 3, 9, 4 };
    static const float of_floats[] = { 2.25f, -8, 1.0f / 3 };
    static const int64_t of_ints[] = { 9, 3, 8 };
    (void)state;
    struct tensor a = tensor_of_floats(3, bases), b = tensor_of_ints(3, exponents);
    struct tensor c = tensor_of_ints(3, ints), d = tensor_of_floats(3, halves);
    struct tensor wanted = tensor_of_floats(3, of_floats), wanted_ints = tensor_of_ints(3, of_ints);
    struct trial trial = { .kind = DEIT_NODE_BINARY, .attrs.binary = DEIT_POW, .n_inputs = 2,
                           .inputs = { &a, &b } };
    struct tensor y = trial_run(&trial);
    expect_close(&y, &wanted, 1e-7);
    tensor_free(&y);
    trial.inputs[0] = &c;
    trial.inputs[1] = &d;
    y = trial_run(&trial);
    expect_same(&y, &wanted_ints);
    struct tensor *all[] = { &a, &b, &c, &d, &y, &wanted, &wanted_ints };
    for (size_t i = 0; i < COUNT(all); i++)
        tensor_free(all[i]);
}

/* A run on fewer images gives the rows of a run on all, also where an operand has no batch. */
static void batches_may_be_smaller(void **state)
{
    struct random random = { 4 };
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        struct deit_shape shape = random_shape(&random, 1 + random_below(&random, 4));
        shape.dims[0] = 5;
        struct deit_shape other = random_operand(&random, shape);
        bool is_constant = random_below(&random, 2);
        if (!is_constant)
            other = shape;
        struct tensor a = tensor_random(&random, DEIT_F32, shape);
        struct tensor b = tensor_random(&random, DEIT_F32, other);
        const struct trial trial = { .kind = DEIT_NODE_BINARY, .attrs.binary = DEIT_SUB,
                                     .n_inputs = 2, .inputs = { &a, &b },
                                     .constants = is_constant ? 2 : 0 };
        struct tensor all = trial_run(&trial);
        for (size_t batch = 1; batch <= 5; batch++) {
            struct plan_run how = { DEIT_LEVEL_AVX512, 2, 7, 5, batch };
            struct deit_graph *graph = trial_graph(&trial, false);
            struct tensor y = graph_run(graph, &trial, &how);
            if (y.n)
                assert_memory_equal(y.data, all.data, y.n / 5 * batch * sizeof(float));
            tensor_free(&y);
            deit_graph_free(graph);
        }
        tensor_free(&a);
        tensor_free(&b);
        tensor_free(&all);
    }
}

/* ------------------------------------------------------------------ where, cast */

static void where_broadcasts_three(void **state)
{
    struct random random = { 5 };
    (void)state;
    for (unsigned round = 0; round < 150; round++) {
        struct deit_shape shape = random_shape(&random, random_below(&random, 6));
        enum deit_dtype dtype = random_dtype(&random);
        struct tensor condition =
            tensor_random(&random, DEIT_BOOL, random_operand(&random, shape));
        struct tensor a = tensor_random(&random, dtype, random_operand(&random, shape));
        struct tensor b = tensor_random(&random, dtype, shape);
        struct tensor wanted = tensor_make(dtype, shape);
        int64_t index[DEIT_MAX_RANK] = { 0 };
        for (size_t i = 0; i < wanted.n; i++, index_next(&shape, index)) {
            bool first = condition.b8[index_broadcast(&condition.shape, &shape, index)];
            const struct tensor *from = first ? &a : &b;
            set(&wanted, i, tensor_get(from, index_broadcast(&from->shape, &shape, index)));
        }
        const struct trial trial = { .kind = DEIT_NODE_WHERE, .n_inputs = 3,
                                     .inputs = { &condition, &a, &b } };
        struct tensor y = trial_run(&trial);
        expect_same(&y, &wanted);
        tensor_free(&condition);
        tensor_free(&a);
        tensor_free(&b);
        tensor_free(&y);
        tensor_free(&wanted);
    }
}

static void casts_are_defined_everywhere(void **state)
{
    static const struct { enum deit_dtype to; float x; double y; } of_floats[] = {
        { DEIT_I64, 2.9f, 2 }, { DEIT_I64, -2.9f, -2 }, { DEIT_I64, NAN, 0 },
        { DEIT_I64, INFINITY, 9223372036854775807.0 }, { DEIT_I64, -1e30f, -9223372036854775808.0 },
        { DEIT_I32, 3e9f, 2147483647 }, { DEIT_I32, -3e9f, -2147483648.0 },
        { DEIT_U8, 300, 44 }, { DEIT_U8, -1, 255 }, { DEIT_I8, 200, -56 }, { DEIT_I8, -129, 127 },
        { DEIT_BOOL, 0.5f, 1 }, { DEIT_BOOL, -0.0f, 0 }, { DEIT_BOOL, NAN, 1 },
        { DEIT_F32, 1.1f, (double)1.1f }, { DEIT_F64, 1.1f, (double)1.1f },
        { DEIT_F16, 65519, 65504 }, { DEIT_F16, 65520, (double)INFINITY },
        { DEIT_F16, -1e9f, -(double)INFINITY },
        { DEIT_F16, 2049, 2048 }, { DEIT_F16, 2051, 2052 }, { DEIT_F16, NAN, (double)NAN },
        { DEIT_F16, 0x1p-24f, 0x1p-24 }, { DEIT_F16, 0x1p-25f, 0 },
        { DEIT_F16, 0x1.000002p-25f, 0x1p-24 }, { DEIT_F16, 0x1.8p-24f, 0x1p-23 },
        { DEIT_F16, 0x1.4p-23f, 0x1p-23 }, { DEIT_F16, -0x1.cp-23f, -0x1p-22 },
        { DEIT_F16, 0x1.ff8p-15f, 0x1.ff8p-15 }, { DEIT_F16, 0x1.ffcp-15f, 0x1p-14 },
        { DEIT_BF16, 257, 256 }, { DEIT_BF16, 259, 260 }, { DEIT_BF16, 3.4e38f, (double)INFINITY },
        { DEIT_BF16, NAN, (double)NAN },
    };
    static const struct { enum deit_dtype to; int64_t x; double y; } of_ints[] = {
        { DEIT_U8, 256, 0 }, { DEIT_U8, -1, 255 }, { DEIT_I8, 128, -128 }, { DEIT_I8, -129, 127 },
        { DEIT_I32, 2147483648, -2147483648.0 }, { DEIT_I32, -5, -5 }, { DEIT_BOOL, 256, 1 },
        { DEIT_BOOL, 0, 0 }, { DEIT_F32, 16777217, 16777216 }, { DEIT_F16, 2049, 2048 },
        { DEIT_F64, -3, -3 }, { DEIT_I64, INT64_MAX, 9223372036854775807.0 },
        { DEIT_BF16, 257, 256 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(of_floats) + COUNT(of_ints); i++) {
        bool is_float = i < COUNT(of_floats);
        size_t k = is_float ? i : i - COUNT(of_floats);
        struct tensor x = is_float ? tensor_of_floats(1, &of_floats[k].x)
                                   : tensor_of_ints(1, &of_ints[k].x);
        const struct trial trial = {
            .kind = DEIT_NODE_CAST, .n_inputs = 1, .inputs = { &x },
            .attrs.cast.to = is_float ? of_floats[k].to : of_ints[k].to,
        };
        double wanted = is_float ? of_floats[k].y : of_ints[k].y;
        struct tensor y = trial_run(&trial);
        double is = tensor_get(&y, 0);
        if (is != wanted && !(isnan(is) && isnan(wanted)))
            fail_msg("case %zu: %.9g instead of %.9g", i, is, wanted);
        tensor_free(&x);
        tensor_free(&y);
    }
}

static void casts_of_random_tensors(void **state)
{
    static const enum deit_dtype to[] = { DEIT_F32, DEIT_I64, DEIT_BOOL };
    struct random random = { 6 };
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct tensor x = tensor_random(&random, random_dtype(&random),
                                        random_shape(&random, random_below(&random, 6)));
        const struct trial trial = { .kind = DEIT_NODE_CAST, .attrs.cast.to = to[round % 3],
                                     .n_inputs = 1, .inputs = { &x } };
        struct tensor y = trial_run(&trial), wanted = tensor_make(to[round % 3], x.shape);
        for (size_t i = 0; i < x.n; i++)
            set(&wanted, i, tensor_get(&x, i));
        expect_same(&y, &wanted);
        tensor_free(&x);
        tensor_free(&y);
        tensor_free(&wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary_functions_of_random_tensors),
        cmocka_unit_test(unary_functions_of_odd_numbers),
        cmocka_unit_test(binary_functions_broadcast),
        cmocka_unit_test(both_operands_are_broadcast),
        cmocka_unit_test(integers_never_trap),
        cmocka_unit_test(floats_in_corners),
        cmocka_unit_test(powers_mix_types),
        cmocka_unit_test(batches_may_be_smaller),
        cmocka_unit_test(where_broadcasts_three),
        cmocka_unit_test(casts_are_defined_everywhere),
        cmocka_unit_test(casts_of_random_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
