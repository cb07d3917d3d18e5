/*
 * tests/primitives/test_moves.c: what only moves elements: each is a rule from an index of the
 * result to an index of an operand, and the rule is what is written here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "runtime/constant.h"
#include "tests/primitives/tensors.h"

enum { ROUNDS = 150 };

static void copy_element(struct tensor *to, size_t i, const struct tensor *from, size_t k)
{
    size_t bytes = deit_dtype_bytes(to->dtype);
    memcpy((char *)to->data + i * bytes, (const char *)from->data + k * bytes, bytes);
}

static size_t flat(const struct deit_shape *shape, const int64_t *index)
{
    size_t at = 0;
    for (uint32_t i = 0; i < shape->rank; i++)
        at = at * (size_t)shape->dims[i] + (size_t)index[i];
    return at;
}

static void expect_trial(const struct trial *trial, struct tensor *wanted)
{
    struct tensor y = trial_run(trial);
    expect_same(&y, wanted);
    tensor_free(&y);
    tensor_free(wanted);
}

static void shuffle(struct random *random, uint32_t n, uint32_t *order)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = random_below(random, i + 1);
        order[i] = order[k];
        order[k] = i;
    }
}

static struct tensor random_tensor(struct random *random)
{
    return tensor_random(random, random_dtype(random),
                         random_shape(random, random_below(random, 6)));
}

/* In a random order of axes, some of them counted from the end; or reversed, without a list. */
static void check_transpose(struct random *random, struct deit_shape shape, bool is_reversed)
{
    struct tensor x = tensor_random(random, random_dtype(random), shape);
    struct deit_shape y_shape = { .rank = shape.rank };
    struct trial trial = { .kind = DEIT_NODE_TRANSPOSE, .n_inputs = 1, .inputs = { &x } };
    uint32_t order[DEIT_MAX_RANK];
    shuffle(random, shape.rank, order);
    for (uint32_t i = 0; i < shape.rank; i++) {
        if (is_reversed)
            order[i] = shape.rank - 1 - i;
        else
            trial.attrs.transpose.n = shape.rank;
        trial.attrs.transpose.axis[i] =
            (int32_t)order[i] - (random_below(random, 2) ? (int32_t)shape.rank : 0);
        y_shape.dims[i] = shape.dims[order[i]];
    }
    struct tensor wanted = tensor_make(x.dtype, y_shape);
    int64_t index[DEIT_MAX_RANK] = { 0 }, from[DEIT_MAX_RANK];
    for (size_t i = 0; i < wanted.n; i++, index_next(&y_shape, index)) {
        for (uint32_t k = 0; k < y_shape.rank; k++)
            from[order[k]] = index[k];
        copy_element(&wanted, i, &x, flat(&shape, from));
    }
    expect_trial(&trial, &wanted);
    tensor_free(&x);
}

static void transposes(void **state)
{
    struct random random = { 10 };
    (void)state;
    for (int round = 0; round < ROUNDS; round++)
        check_transpose(&random, random_shape(&random, random_below(&random, 6)), round % 5 == 0);
}

/* Around the side of the squares that large matrices are moved by. */
static void transposes_of_matrices(void **state)
{
    static const int64_t dims[] = { 7, 8, 15, 16, 17, 31, 33, 64, 197 };
    struct random random = { 18 };
    (void)state;
    for (int round = 0; round < ROUNDS / 3; round++) {
        struct deit_shape shape = { .rank = 2 + random_below(&random, 3) };
        for (uint32_t i = 0; i < shape.rank; i++)
            shape.dims[i] = random_below(&random, 3) && i > 1 ? 1 + random_below(&random, 3)
                                                              : dims[random_below(&random, 9)];
        check_transpose(&random, shape, round % 5 == 0);
    }
}

static void expands(void **state)
{
    struct random random = { 11 };
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct deit_shape y_shape = random_shape(&random, random_below(&random, 6));
        struct deit_shape asked = y_shape;
        struct tensor x =
            tensor_random(&random, random_dtype(&random), random_operand(&random, y_shape));
        /* a dim of one that is asked for leaves that of x */
        for (uint32_t i = 0; i < x.shape.rank; i++) {
            uint32_t k = y_shape.rank - x.shape.rank + i;
            if (x.shape.dims[i] == y_shape.dims[k] && random_below(&random, 2))
                asked.dims[k] = 1;
        }
        struct tensor to = tensor_of_ints(asked.rank, asked.dims);
        struct tensor wanted = tensor_make(x.dtype, y_shape);
        int64_t index[DEIT_MAX_RANK] = { 0 };
        for (size_t i = 0; i < wanted.n; i++, index_next(&y_shape, index))
            copy_element(&wanted, i, &x, index_broadcast(&x.shape, &y_shape, index));
        const struct trial trial = { .kind = DEIT_NODE_EXPAND, .n_inputs = 2,
                                     .inputs = { &x, &to }, .constants = 2 };
        expect_trial(&trial, &wanted);
        tensor_free(&x);
        tensor_free(&to);
    }
}

/* ------------------------------------------------------------------ slice */

struct cut {
    int64_t start, end, step, first, n;
};

/* Elements that are taken by hand, from the clamped start on; bounds are then moved out. */
static struct cut random_cut(struct random *random, int64_t dim)
{
    struct cut cut = { .step = (int64_t)random_below(random, 6) - 3 };
    if (cut.step >= 0)
        cut.step++;
    int64_t start = dim ? random_below(random, (uint32_t)dim) : 0;
    int64_t end = (int64_t)random_below(random, (uint32_t)dim + 2) - 1;
    if (cut.step > 0 && end < 0)
        end = 0;
    cut.first = start;
    for (int64_t i = start; i >= 0 && i < dim && (cut.step > 0 ? i < end : i > end); i += cut.step)
        cut.n++;
    cut.start = random_below(random, 2) && dim ? start - dim : start;
    cut.end = end < 0 ? (random_below(random, 2) ? INT64_MIN : -dim - 1)
              : end == dim && cut.step > 0 && random_below(random, 2) ? INT64_MAX
              : end < dim && random_below(random, 2)                  ? end - dim
                                                                      : end;
    return cut;
}

static void slices(void **state)
{
    struct random random = { 12 };
    (void)state;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        struct tensor x = random_tensor(&random);
        struct deit_shape y_shape = x.shape;
        int64_t lists[4][DEIT_MAX_RANK], first[DEIT_MAX_RANK] = { 0 }, step[DEIT_MAX_RANK];
        uint32_t order[DEIT_MAX_RANK], n_cut = random_below(&random, x.shape.rank + 1);
        bool plain = random_below(&random, 3) == 0; /* neither axes nor steps */
        shuffle(&random, x.shape.rank, order);
        for (uint32_t i = 0; i < x.shape.rank; i++)
            step[i] = 1;
        for (uint32_t i = 0; i < n_cut; i++) {
            uint32_t axis = plain ? i : order[i];
            struct cut cut = random_cut(&random, x.shape.dims[axis]);
            while (plain && cut.step != 1)
                cut = random_cut(&random, x.shape.dims[axis]);
            lists[0][i] = cut.start;
            lists[1][i] = cut.end;
            lists[2][i] = random_below(&random, 2) ? (int64_t)axis : (int64_t)axis - x.shape.rank;
            lists[3][i] = step[axis] = cut.step;
            first[axis] = cut.first;
            y_shape.dims[axis] = cut.n;
        }
        struct tensor tensors[4], wanted = tensor_make(x.dtype, y_shape);
        struct trial trial = { .kind = DEIT_NODE_SLICE, .n_inputs = plain ? 3 : 5,
                               .inputs = { &x }, .constants = 30 };
        for (size_t i = 0; i < 4; i++) {
            tensors[i] = tensor_of_ints(n_cut, lists[i]);
            trial.inputs[i + 1] = &tensors[i];
        }
        int64_t index[DEIT_MAX_RANK] = { 0 }, from[DEIT_MAX_RANK];
        for (size_t i = 0; i < wanted.n; i++, index_next(&y_shape, index)) {
            for (uint32_t k = 0; k < y_shape.rank; k++)
                from[k] = first[k] + index[k] * step[k];
            copy_element(&wanted, i, &x, flat(&x.shape, from));
        }
        expect_trial(&trial, &wanted);
        for (size_t i = 0; i < 4; i++)
            tensor_free(&tensors[i]);
        tensor_free(&x);
    }
}

/* Among them steps that no stride can hold. */
static void slices_clamp_any_number(void **state)
{
    static const struct { int64_t start, end, step, n, first; } cases[] = {
        { 0, INT64_MAX, INT64_MAX, 1, 0 }, { INT64_MAX, INT64_MIN, INT64_MIN, 1, 4 },
        { INT64_MIN, INT64_MAX, 1, 5, 0 }, { INT64_MAX, INT64_MAX, 1, 0, 0 },
        { 3, 1, 1, 0, 0 }, { 1, 3, -1, 0, 0 }, { -1, -100, -2, 3, 4 }, { -100, 2, 1, 2, 0 },
    };
    struct random random = { 13 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tensor x = tensor_random(&random, DEIT_F32, deit_shape_of(2, 5, 3));
        struct tensor start = tensor_of_ints(1, &cases[i].start);
        struct tensor end = tensor_of_ints(1, &cases[i].end);
        struct tensor axis = tensor_of_ints(1, (const int64_t[]){ 0 });
        struct tensor step = tensor_of_ints(1, &cases[i].step);
        const struct trial trial = { .kind = DEIT_NODE_SLICE, .n_inputs = 5,
                                     .inputs = { &x, &start, &end, &axis, &step },
                                     .constants = 30 };
        struct tensor y = trial_run(&trial);
        assert_int_equal(y.shape.dims[0], cases[i].n);
        assert_int_equal(y.shape.dims[1], 3);
        if (y.n)
            assert_memory_equal(y.f32, x.f32 + 3 * cases[i].first, 3 * sizeof(float));
        struct tensor *all[] = { &x, &y, &start, &end, &axis, &step };
        for (size_t k = 0; k < 6; k++)
            tensor_free(all[k]);
    }
}

/* ------------------------------------------------------------------ concat */

static void concats(void **state)
{
    struct random random = { 14 };
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct deit_shape shape = random_shape(&random, 1 + random_below(&random, 5));
        uint32_t axis = random_below(&random, shape.rank), n = 1 + random_below(&random, 5);
        enum deit_dtype dtype = random_dtype(&random);
        struct tensor x[5];
        struct trial trial = { .kind = DEIT_NODE_CONCAT, .n_inputs = n };
        trial.attrs.axis.axis = (int32_t)axis - (round % 2 ? (int32_t)shape.rank : 0);
        struct deit_shape y_shape = shape;
        y_shape.dims[axis] = 0;
        for (uint32_t i = 0; i < n; i++) {
            shape.dims[axis] = random_below(&random, 5);
            y_shape.dims[axis] += shape.dims[axis];
            x[i] = tensor_random(&random, dtype, shape);
            trial.inputs[i] = &x[i];
        }
        struct tensor wanted = tensor_make(dtype, y_shape);
        int64_t index[DEIT_MAX_RANK] = { 0 }, from[DEIT_MAX_RANK];
        for (size_t i = 0; i < wanted.n; i++, index_next(&y_shape, index)) {
            uint32_t which = 0;
            memcpy(from, index, sizeof from);
            while (from[axis] >= x[which].shape.dims[axis])
                from[axis] -= x[which++].shape.dims[axis];
            copy_element(&wanted, i, &x[which], flat(&x[which].shape, from));
        }
        expect_trial(&trial, &wanted);
        for (uint32_t i = 0; i < n; i++)
            tensor_free(&x[i]);
    }
}

/* ------------------------------------------------------------------ pad */

/* The place of x that element i of n stands for, walking step by step; -1: the value. */
static int64_t pad_place(enum deit_pad_mode mode, int64_t i, int64_t n)
{
    int64_t at = 0, step = i < 0 ? -1 : 1, left = i < 0 ? -i : i;
    if (mode == DEIT_PAD_CONSTANT)
        return i < 0 || i >= n ? -1 : i;
    if (mode == DEIT_PAD_EDGE)
        return i < 0 ? 0 : i >= n ? n - 1 : i;
    for (; left; left--) {
        at += step;
        if (mode == DEIT_PAD_WRAP)
            at = (at + n) % n;
        else if (n == 1)
            at = 0;
        else if (at < 0 || at >= n) {
            step = -step;
            at += 2 * step;
        }
    }
    return at;
}

/* Pads of some axes of x, which may take one element away where at least three are. */
struct padding {
    uint32_t n;
    bool has_axes;
    int64_t axes[DEIT_MAX_RANK], list[2 * DEIT_MAX_RANK];
    int64_t before[DEIT_MAX_RANK], middle[DEIT_MAX_RANK]; /* of all dims of x */
    struct deit_shape shape; /* of the result */
};

static struct padding random_padding(struct random *random, enum deit_pad_mode mode,
                                     const struct deit_shape *x)
{
    struct padding padding = { .n = random_below(random, x->rank + 1), .shape = *x };
    uint32_t order[DEIT_MAX_RANK];
    padding.has_axes = padding.n < x->rank || random_below(random, 2);
    shuffle(random, x->rank, order);
    memcpy(padding.middle, x->dims, sizeof padding.middle);
    for (uint32_t i = 0; i < padding.n; i++) {
        uint32_t axis = padding.has_axes ? order[i] : i;
        int64_t ends[2];
        for (int end = 0; end < 2; end++) {
            ends[end] = (int64_t)random_below(random, 6) - 1;
            if (x->dims[axis] < 3 && ends[end] < 0)
                ends[end] = 0;
            if (x->dims[axis] == 0 && mode != DEIT_PAD_CONSTANT)
                ends[end] = 0;
            padding.middle[axis] += ends[end] < 0 ? ends[end] : 0;
            padding.shape.dims[axis] += ends[end];
        }
        padding.axes[i] = (int64_t)axis - (random_below(random, 2) ? (int64_t)x->rank : 0);
        padding.before[axis] = padding.list[i] = ends[0];
        padding.list[padding.n + i] = ends[1];
    }
    return padding;
}

static struct tensor pad(const struct tensor *x, const struct padding *padding,
                         enum deit_pad_mode mode, const struct tensor *value)
{
    struct tensor y = tensor_make(x->dtype, padding->shape);
    int64_t index[DEIT_MAX_RANK] = { 0 }, from[DEIT_MAX_RANK];
    for (size_t i = 0; i < y.n; i++, index_next(&y.shape, index)) {
        bool inside = true;
        for (uint32_t k = 0; k < y.shape.rank; k++) {
            int64_t before = padding->before[k];
            from[k] = pad_place(mode, index[k] - (before > 0 ? before : 0), padding->middle[k]);
            inside = inside && from[k] >= 0;
            from[k] += before < 0 ? -before : 0;
        }
        if (inside)
            copy_element(&y, i, x, flat(&x->shape, from));
        else if (value)
            copy_element(&y, i, value, 0);
    }
    return y;
}

static void pads(void **state)
{
    struct random random = { 15 };
    (void)state;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        enum deit_pad_mode mode = (enum deit_pad_mode)random_below(&random, 4);
        struct tensor x = random_tensor(&random);
        struct tensor value = tensor_random(&random, x.dtype, deit_shape_of(0, 0));
        struct padding padding = random_padding(&random, mode, &x.shape);
        struct tensor list = tensor_of_ints(2 * padding.n, padding.list);
        struct tensor axes = tensor_of_ints(padding.n, padding.axes);
        bool has_value = mode == DEIT_PAD_CONSTANT && random_below(&random, 2);
        const struct trial trial = { .kind = DEIT_NODE_PAD, .attrs.pad.mode = mode, .n_inputs = 4,
                                     .inputs = { &x, &list, has_value ? &value : NULL,
                                                 padding.has_axes ? &axes : NULL },
                                     .constants = 10 };
        struct tensor wanted = pad(&x, &padding, mode, has_value ? &value : NULL);
        expect_trial(&trial, &wanted);
        struct tensor *all[] = { &x, &value, &list, &axes };
        for (size_t k = 0; k < 4; k++)
            tensor_free(all[k]);
    }
}

/* ------------------------------------------------------------------ other dims */

static void expect_dims(const struct trial *trial, uint32_t rank, const int64_t *dims)
{
    struct tensor wanted = tensor_make(trial->inputs[0]->dtype, (struct deit_shape){ .rank = 0 });
    wanted.shape.rank = rank;
    for (uint32_t i = 0; i < rank; i++)
        wanted.shape.dims[i] = dims[i];
    struct tensor whole = tensor_make(wanted.dtype, wanted.shape);
    memcpy(whole.data, trial->inputs[0]->data, whole.n * deit_dtype_bytes(whole.dtype));
    expect_trial(trial, &whole);
    tensor_free(&wanted);
}

static void reshapes(void **state)
{
    static const struct { bool zero_is_zero; uint32_t from, to, rank; int64_t x[4], list[4], y[4]; }
    cases[] = {
        { 0, 3, 2, 2, { 2, 3, 4 }, { 6, 4 }, { 6, 4 } },
        { 0, 3, 2, 2, { 2, 3, 4 }, { -1, 8 }, { 3, 8 } },
        { 0, 3, 3, 3, { 2, 3, 4 }, { 0, -1, 2 }, { 2, 6, 2 } },
        { 0, 3, 4, 4, { 2, 3, 4 }, { 0, 0, 2, -1 }, { 2, 3, 2, 2 } },
        { 0, 3, 2, 2, { 0, 3, 4 }, { 0, -1 }, { 0, 12 } },
        { 1, 3, 3, 3, { 0, 3, 4 }, { 3, 4, 0 }, { 3, 4, 0 } },
        { 0, 2, 0, 0, { 1, 1 }, { 0 }, { 0 } },
        { 0, 0, 2, 2, { 0 }, { 1, -1 }, { 1, 1 } },
    };
    struct random random = { 16 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct deit_shape shape = { .rank = cases[i].from };
        memcpy(shape.dims, cases[i].x, sizeof cases[i].x);
        struct tensor x = tensor_random(&random, random_dtype(&random), shape);
        struct tensor list = tensor_of_ints(cases[i].to, cases[i].list);
        const struct trial trial = { .kind = DEIT_NODE_RESHAPE, .n_inputs = 2,
                                     .attrs.reshape.zero_is_zero = cases[i].zero_is_zero,
                                     .inputs = { &x, &list }, .constants = 2 };
        expect_dims(&trial, cases[i].rank, cases[i].y);
        tensor_free(&x);
        tensor_free(&list);
    }
}

static void dims_of_one_come_and_go(void **state)
{
    static const struct { enum deit_node_kind kind; uint32_t from, n, rank;
                          int64_t x[4], axes[3], y[5]; } cases[] = {
        { DEIT_NODE_UNSQUEEZE, 2, 1, 3, { 3, 4 }, { 0 }, { 1, 3, 4 } },
        { DEIT_NODE_UNSQUEEZE, 2, 1, 3, { 3, 4 }, { -1 }, { 3, 4, 1 } },
        { DEIT_NODE_UNSQUEEZE, 2, 3, 5, { 3, 4 }, { 4, 0, 2 }, { 1, 3, 1, 4, 1 } },
        { DEIT_NODE_UNSQUEEZE, 0, 2, 2, { 0 }, { 0, 1 }, { 1, 1 } },
        { DEIT_NODE_SQUEEZE, 4, 0, 2, { 1, 3, 1, 4 }, { 0 }, { 3, 4 } },
        { DEIT_NODE_SQUEEZE, 4, 1, 3, { 1, 3, 1, 4 }, { -2 }, { 1, 3, 4 } },
        { DEIT_NODE_SQUEEZE, 3, 2, 1, { 1, 0, 1 }, { 2, 0 }, { 0 } },
    };
    struct random random = { 17 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct deit_shape shape = { .rank = cases[i].from };
        memcpy(shape.dims, cases[i].x, sizeof cases[i].x);
        struct tensor x = tensor_random(&random, random_dtype(&random), shape);
        struct tensor axes = tensor_of_ints(cases[i].n, cases[i].axes);
        const struct trial trial = { .kind = cases[i].kind, .n_inputs = 2,
                                     .inputs = { &x, cases[i].n ? &axes : NULL },
                                     .constants = 2 };
        expect_dims(&trial, cases[i].rank, cases[i].y);
        tensor_free(&x);
        tensor_free(&axes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transposes), cmocka_unit_test(transposes_of_matrices),
        cmocka_unit_test(expands), cmocka_unit_test(slices),
        cmocka_unit_test(slices_clamp_any_number), cmocka_unit_test(concats),
        cmocka_unit_test(pads), cmocka_unit_test(reshapes),
        cmocka_unit_test(dims_of_one_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
