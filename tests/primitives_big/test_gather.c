/* tests/primitives_big/test_gather.c: the four kinds that go by indices, against plain loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/constant.h"
#include "tests/primitives_big/run.h"

enum { X, INDICES, UPDATES };

static size_t strides(const struct deit_shape *shape, size_t *stride)
{
    size_t count = 1;
    for (uint32_t i = shape->rank; i-- > 0;) {
        stride[i] = count;
        count *= (size_t)shape->dims[i];
    }
    return count;
}

static void coordinates(const struct deit_shape *shape, size_t index, size_t *at)
{
    for (uint32_t i = shape->rank; i-- > 0; index /= (size_t)shape->dims[i])
        at[i] = index % (size_t)shape->dims[i];
}

/* An index from the front, or SIZE_MAX if it is outside. */
static size_t resolved(int64_t index, int64_t dim)
{
    index += index < 0 ? dim : 0;
    return index < 0 || index >= dim ? SIZE_MAX : (size_t)index;
}

/* Element e of y is element 'from' of x, or zero. */
static void check_element(const struct run_case *run, const struct tensor *y, size_t e,
                          size_t from)
{
    static const char zeros[8];
    size_t bytes = deit_dtype_bytes(y->dtype);
    const char *x = run->inputs[X].data;
    assert_memory_equal((char *)y->data + e * bytes, from == SIZE_MAX ? zeros : x + from * bytes,
                        bytes);
}

static struct tensor draw_any(struct deit_shape shape)
{
    switch (draw(3)) {
    case 0: return draw_floats(shape);
    case 1: return draw_ints(shape, -1000, 1000);
    default: return draw_bools(shape);
    }
}

static struct deit_shape draw_shape(uint32_t least_rank, uint32_t most_rank, uint32_t most_dim)
{
    struct deit_shape shape = { .rank = least_rank + draw(most_rank - least_rank + 1) };
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dims[i] = 1 + draw(most_dim);
    return shape;
}

/* ------------------------------------------------------------------ gather */

static void check_gather(const struct run_case *run, const struct tensor *y, void *ctx)
{
    (void)ctx;
    const struct deit_shape *x = &run->inputs[X].shape, *indices = &run->inputs[INDICES].shape;
    const int64_t *index = run->inputs[INDICES].data;
    size_t stride[8], at[8], count = tensor_count(y);
    uint32_t axis = (uint32_t)(run->attrs.axis.axis + (run->attrs.axis.axis < 0 ? x->rank : 0));
    strides(x, stride);
    for (size_t e = 0; e < count; e++) {
        size_t from = 0, i = 0;
        coordinates(&y->shape, e, at);
        for (uint32_t d = 0; d < axis; d++)
            from += at[d] * stride[d];
        for (uint32_t d = 0; d < indices->rank; d++)
            i = i * (size_t)indices->dims[d] + at[axis + d];
        for (uint32_t d = axis + 1; d < x->rank; d++)
            from += at[d + indices->rank - 1] * stride[d];
        size_t position = resolved(index[i], x->dims[axis]);
        check_element(run, y, e, position == SIZE_MAX ? position : from + position * stride[axis]);
    }
}

static void gathers(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct deit_shape x = draw_shape(1, 4, 6), indices = draw_shape(0, 3, 5);
        int32_t axis = (int32_t)draw(x.rank);
        int64_t dim = x.dims[axis];
        if (draw(20) == 0 && indices.rank)
            indices.dims[0] = 0;
        if (draw(8) == 0)
            x.dims[x.rank - 1] = (axis == (int32_t)x.rank - 1 ? 1 : 9000) * x.dims[x.rank - 1];
        struct run_case run = {
            .kind = DEIT_NODE_GATHER, .n_inputs = 2, .computed = draw(4),
            .attrs.axis.axis = draw(2) ? axis : axis - (int32_t)x.rank,
            .inputs = { draw_any(x), draw_ints(indices, -dim, dim - 1) },
        };
        run_all(&run, check_gather, NULL);
        run_case_free(&run);
    }
}

/* ------------------------------------------------------------------ gather_elements */

static void check_elements(const struct run_case *run, const struct tensor *y, void *ctx)
{
    (void)ctx;
    const struct deit_shape *x = &run->inputs[X].shape;
    const int64_t *index = run->inputs[INDICES].data;
    size_t stride[8], at[8], count = tensor_count(y);
    uint32_t axis = (uint32_t)(run->attrs.axis.axis + (run->attrs.axis.axis < 0 ? x->rank : 0));
    strides(x, stride);
    for (size_t e = 0; e < count; e++) {
        size_t from = 0;
        coordinates(&y->shape, e, at);
        at[axis] = resolved(index[e], x->dims[axis]);
        for (uint32_t d = 0; d < x->rank; d++)
            from += at[d] * stride[d];
        check_element(run, y, e, at[axis] == SIZE_MAX ? SIZE_MAX : from);
    }
}

static void gathers_elements(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct deit_shape x = draw_shape(1, 5, 6), indices = x;
        int32_t axis = (int32_t)draw(x.rank);
        for (uint32_t d = 0; d < x.rank; d++)
            indices.dims[d] = 1 + draw((uint32_t)x.dims[d]);
        indices.dims[axis] = draw(8) ? 1 + draw(9) : draw(2) ? 0 : 9000;
        struct run_case run = {
            .kind = DEIT_NODE_GATHER_ELEMENTS, .n_inputs = 2, .computed = draw(4),
            .attrs.axis.axis = draw(2) ? axis : axis - (int32_t)x.rank,
            .inputs = { draw_any(x), draw_ints(indices, -x.dims[axis], x.dims[axis] - 1) },
        };
        run_all(&run, check_elements, NULL);
        run_case_free(&run);
    }
}

/* ------------------------------------------------------------------ tuples */

/* Which element of x the first one of tuple t's run is; SIZE_MAX: none. */
static size_t run_of_tuple(const struct run_case *run, uint32_t batch_dims, size_t t)
{
    const struct deit_shape *x = &run->inputs[X].shape;
    struct deit_shape tuples = run->inputs[INDICES].shape;
    size_t depth = (size_t)tuples.dims[--tuples.rank], stride[8], at[8], from = 0;
    const int64_t *index = (const int64_t *)run->inputs[INDICES].data + t * depth;
    strides(x, stride);
    coordinates(&tuples, t, at);
    for (uint32_t d = 0; d < batch_dims; d++)
        from += at[d] * stride[d];
    for (size_t d = 0; d < depth; d++) {
        size_t position = resolved(index[d], x->dims[batch_dims + d]);
        if (position == SIZE_MAX)
            return SIZE_MAX;
        from += position * stride[batch_dims + d];
    }
    return from;
}

static size_t run_length(const struct run_case *run, uint32_t batch_dims)
{
    const struct deit_shape *x = &run->inputs[X].shape, *indices = &run->inputs[INDICES].shape;
    size_t length = 1;
    for (uint32_t d = batch_dims + (uint32_t)indices->dims[indices->rank - 1]; d < x->rank; d++)
        length *= (size_t)x->dims[d];
    return length;
}

static void check_tuples(const struct run_case *run, const struct tensor *y, void *ctx)
{
    (void)ctx;
    uint32_t batch_dims = (uint32_t)run->attrs.gather_nd.batch_dims;
    size_t length = run_length(run, batch_dims), count = tensor_count(y);
    for (size_t e = 0; e < count; e++) {
        size_t from = run_of_tuple(run, batch_dims, e / length);
        check_element(run, y, e, from == SIZE_MAX ? from : from + e % length);
    }
}

/* Tuples that are right for x. */
static struct tensor draw_tuples(const struct deit_shape *x, const struct deit_shape *indices,
                                 uint32_t batch_dims)
{
    struct tensor tensor = tensor_zeros(DEIT_I64, *indices);
    int64_t *index = tensor.data;
    size_t depth = (size_t)indices->dims[indices->rank - 1];
    for (size_t i = 0; i < tensor_count(&tensor); i++) {
        int64_t dim = x->dims[batch_dims + i % depth];
        index[i] = -dim + draw((uint32_t)(2 * dim));
    }
    return tensor;
}

static void gathers_tuples(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct deit_shape x = draw_shape(1, 5, 5), indices = draw_shape(1, 4, 4);
        uint32_t most = (x.rank < indices.rank ? x.rank : indices.rank) - 1;
        uint32_t batch_dims = draw(most + 1);
        for (uint32_t d = 0; d < batch_dims; d++)
            indices.dims[d] = x.dims[d];
        indices.dims[indices.rank - 1] = 1 + draw(x.rank - batch_dims);
        if (draw(10) == 0)
            x.dims[x.rank - 1] *= 3000;
        struct run_case run = {
            .kind = DEIT_NODE_GATHER_ND, .n_inputs = 2, .computed = draw(4),
            .attrs.gather_nd.batch_dims = (int32_t)batch_dims,
            .inputs = { draw_any(x), draw_tuples(&x, &indices, batch_dims) },
        };
        run_all(&run, check_tuples, NULL);
        run_case_free(&run);
    }
}

static void check_scatter(const struct run_case *run, const struct tensor *y, void *ctx)
{
    (void)ctx;
    size_t count = tensor_count(y), bytes = deit_dtype_bytes(y->dtype);
    size_t length = run_length(run, 0), n = tensor_count(&run->inputs[UPDATES]);
    char *expected = malloc(count * bytes + 1);
    memcpy(expected, run->inputs[X].data, count * bytes);
    for (size_t t = 0; length && t < n / length; t++) {
        size_t to = run_of_tuple(run, 0, t);
        if (to != SIZE_MAX)
            memcpy(expected + to * bytes,
                   (char *)run->inputs[UPDATES].data + t * length * bytes, length * bytes);
    }
    assert_memory_equal(y->data, expected, count * bytes);
    free(expected);
}

/* Few places and many tuples: the last of those that name one place must win. */
static void scatters_tuples(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct deit_shape x = draw_shape(1, 4, 4), indices = draw_shape(1, 4, 4);
        uint32_t depth = 1 + draw(x.rank);
        indices.dims[indices.rank - 1] = depth;
        if (draw(10) == 0)
            x.dims[x.rank - 1] *= depth == x.rank ? 1 : 9000;
        struct deit_shape updates = indices;
        updates.rank--;
        for (uint32_t d = depth; d < x.rank; d++)
            updates.dims[updates.rank++] = x.dims[d];
        struct tensor target = draw_floats(x);
        struct run_case run = {
            .kind = DEIT_NODE_SCATTER_ND, .n_inputs = 3, .computed = draw(8),
            .inputs = { target, draw_tuples(&x, &indices, 0), draw_floats(updates) },
        };
        run_all(&run, check_scatter, NULL);
        run_case_free(&run);
    }
}

/* ------------------------------------------------------------------ indices that are wrong */

static void computed_indices_outside_give_zeros(void **state)
{
    (void)state;
    const int64_t wrong[] = { 2, 3, -4, INT64_MAX, INT64_MIN, -3 };
    const float data[] = { 1, 2, 3 };
    struct run_case run = {
        .kind = DEIT_NODE_GATHER, .n_inputs = 2, .computed = 2,
        .inputs = { tensor_floats(deit_shape_of(1, 3), data),
                    tensor_ints(deit_shape_of(1, 6), wrong) },
    };
    const float expected[] = { 3, 0, 0, 0, 0, 1 };
    for (int i = 0; i < 3; i++) {
        static const enum deit_node_kind kinds[] = { DEIT_NODE_GATHER, DEIT_NODE_GATHER_ELEMENTS,
                                                     DEIT_NODE_GATHER_ND };
        struct tensor y;
        run.kind = kinds[i];
        run.inputs[INDICES].shape = i == 2 ? deit_shape_of(2, 6, 1) : deit_shape_of(1, 6);
        assert_int_equal(run_planned(&run, &y, NULL), DEIT_OK);
        assert_memory_equal(y.data, expected, sizeof expected);
        tensor_free(&y);
    }
    run.computed = 1;
    refuses(&run, DEIT_ERR_FORMAT, "node: index 3 of a dimension of 3");
    run_case_free(&run);
}

static void computed_indices_outside_scatter_nothing(void **state)
{
    (void)state;
    const int64_t wrong[] = { 0, 3, -1, INT64_MIN };
    const float data[] = { 1, 2, 3 }, updates[] = { 4, 5, 6, 7 }, expected[] = { 4, 2, 6 };
    struct tensor y;
    struct run_case run = {
        .kind = DEIT_NODE_SCATTER_ND, .n_inputs = 3, .computed = 7,
        .inputs = { tensor_floats(deit_shape_of(1, 3), data),
                    tensor_ints(deit_shape_of(2, 4, 1), wrong),
                    tensor_floats(deit_shape_of(1, 4), updates) },
    };
    assert_int_equal(run_planned(&run, &y, NULL), DEIT_OK);
    assert_memory_equal(y.data, expected, sizeof expected);
    tensor_free(&y);
    run.computed = 5;
    refuses(&run, DEIT_ERR_FORMAT, "node: index 3 of a dimension of 3");
    run_case_free(&run);
}

/* ------------------------------------------------------------------ shapes */

static struct run_case shapes_of(enum deit_node_kind kind, struct deit_shape x,
                                 struct deit_shape indices)
{
    return (struct run_case){ .kind = kind, .n_inputs = 2, .computed = 7,
                              .inputs = { { DEIT_F32, x, NULL }, { DEIT_I64, indices, NULL } } };
}

static void unknown_dims_stay_unknown(void **state)
{
    (void)state;
    const struct deit_shape nothing = { .rank = DEIT_RANK_UNKNOWN };
    struct run_case run = shapes_of(DEIT_NODE_GATHER, nothing, deit_shape_of(1, 3));
    infers(&run, DEIT_F32, "(...)");
    run = shapes_of(DEIT_NODE_GATHER, deit_shape_of(2, -1, 4), deit_shape_of(2, 3, -1));
    infers(&run, DEIT_F32, "(3, ?, 4)");
    run = shapes_of(DEIT_NODE_GATHER_ELEMENTS, deit_shape_of(2, -1, 4), deit_shape_of(2, 3, -1));
    infers(&run, DEIT_F32, "(3, ?)");
    run = shapes_of(DEIT_NODE_GATHER_ND, deit_shape_of(3, -1, 4, -1), deit_shape_of(2, -1, 2));
    infers(&run, DEIT_F32, "(?, ?)");
    run.inputs[INDICES].shape.dims[1] = -1;
    infers(&run, DEIT_F32, "(...)");
    run.kind = DEIT_NODE_SCATTER_ND;
    run.n_inputs = 3;
    run.inputs[UPDATES] = (struct tensor){ DEIT_F32, nothing, NULL };
    infers(&run, DEIT_F32, "(?, 4, ?)");
}

static void what_cannot_be(void **state)
{
    (void)state;
    struct run_case run =
        shapes_of(DEIT_NODE_GATHER, deit_shape_of(2, 3, 4), deit_shape_of(1, 3));
    run.attrs.axis.axis = 2;
    refuses(&run, DEIT_ERR_FORMAT, "node: axis 2 of a tensor of rank 2");
    run.inputs[INDICES].dtype = DEIT_F32;
    refuses(&run, DEIT_ERR_FORMAT, "node: input 'b' is f32, not i64");
    run = shapes_of(DEIT_NODE_GATHER, deit_shape_of(5, 1, 1, 1, 1, 1),
                    deit_shape_of(5, 1, 1, 1, 1, 1));
    refuses(&run, DEIT_ERR_UNSUPPORTED, "node: a result of rank 9, at most 8 is possible");

    run = shapes_of(DEIT_NODE_GATHER_ELEMENTS, deit_shape_of(2, 3, 4), deit_shape_of(1, 3));
    refuses(&run, DEIT_ERR_FORMAT, "node: indices of rank 1 into a tensor of rank 2");
    run.inputs[INDICES].shape = deit_shape_of(2, 9, 5);
    refuses(&run, DEIT_ERR_FORMAT, "node: dimension 1 of the indices is 5, of the tensor 4");

    run = shapes_of(DEIT_NODE_GATHER_ND, deit_shape_of(2, 3, 4), deit_shape_of(2, 5, 3));
    refuses(&run, DEIT_ERR_FORMAT, "node: tuples of 3 indices for 2 dimensions");
    run.attrs.gather_nd.batch_dims = 1;
    refuses(&run, DEIT_ERR_FORMAT, "node: batch dimensions 3 and 5 differ");
    run.attrs.gather_nd.batch_dims = 2;
    refuses(&run, DEIT_ERR_FORMAT, "node: 2 batch dimensions of ranks 2 and 2");

    run = shapes_of(DEIT_NODE_SCATTER_ND, deit_shape_of(2, 3, 4), deit_shape_of(2, 5, 1));
    run.n_inputs = 3;
    run.inputs[UPDATES] = (struct tensor){ DEIT_F32, deit_shape_of(2, 5, 3), NULL };
    refuses(&run, DEIT_ERR_FORMAT, "node: input 'c' is (5, 3), not (5, 4)");
    run.inputs[UPDATES].dtype = DEIT_I64;
    refuses(&run, DEIT_ERR_FORMAT, "node: input 'c' is i64, not f32");
}

int main(void)
{
    draw_seed(6);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathers),
        cmocka_unit_test(gathers_elements),
        cmocka_unit_test(gathers_tuples),
        cmocka_unit_test(scatters_tuples),
        cmocka_unit_test(computed_indices_outside_give_zeros),
        cmocka_unit_test(computed_indices_outside_scatter_nothing),
        cmocka_unit_test(unknown_dims_stay_unknown),
        cmocka_unit_test(what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
