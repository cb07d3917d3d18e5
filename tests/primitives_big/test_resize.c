/*
 * tests/primitives_big/test_resize.c: resampling against values worked out by hand, and against
 * a sum over all axes at once in double precision.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "tests/primitives_big/run.h"

enum { X, SCALES, SIZES, ROI };

/* ------------------------------------------------------------------ by hand */

struct line {
    struct deit_resize_attrs attrs;
    size_t n_in;
    float in[4];
    float scale;  /* or */
    int64_t size; /* if not 0 */
    float roi[2];
    size_t n_out;
    float out[8];
};

#define NEAREST .mode = DEIT_RESIZE_MODE_NEAREST
#define LINEAR .mode = DEIT_RESIZE_MODE_LINEAR
#define CUBIC .mode = DEIT_RESIZE_MODE_CUBIC, .cubic_a = -0.75f
#define AT(name) .coordinates = DEIT_COORDINATES_##name

static const struct line lines[] = {
    /* positions -1/4, 1/4, 3/4, 5/4 */
    { { LINEAR }, 2, { 1, 2 }, 2, 0, { 0 }, 4, { 1, 1.25f, 1.75f, 2 } },
    { { LINEAR, AT(ASYMMETRIC) }, 2, { 1, 2 }, 2, 0, { 0 }, 4, { 1, 1.5f, 2, 2 } },
    { { LINEAR, AT(ALIGN_CORNERS) }, 2, { 1, 4 }, 0, 4, { 0 }, 4, { 1, 2, 3, 4 } },
    /* 0.6 of 4 is 2.4 long: the second element is at 3 / 1.4 */
    { { LINEAR, AT(ALIGN_CORNERS) }, 4, { 1, 2, 3, 4 }, 0.6f, 0, { 0 }, 2, { 1, 3.142857f } },
    { { LINEAR, AT(ALIGN_CORNERS) }, 4, { 1, 2, 3, 4 }, 0, 1, { 0 }, 1, { 1 } },
    /* about the centre: 1.5 -+ 0.5 / 0.6 */
    { { LINEAR, AT(HALF_PIXEL_SYMMETRIC) }, 4, { 1, 2, 3, 4 }, 0.6f, 0, { 0 }, 2,
      { 1.666667f, 3.333333f } },
    { { LINEAR, AT(PYTORCH_HALF_PIXEL) }, 2, { 5, 7 }, 0, 1, { 0 }, 1, { 5 } },
    { { LINEAR, AT(HALF_PIXEL) }, 2, { 5, 7 }, 0, 1, { 0 }, 1, { 6 } },
    { { NEAREST }, 2, { 1, 2 }, 3, 0, { 0 }, 6, { 1, 1, 1, 2, 2, 2 } },
    /* positions 0, 1/2, 1, 3/2 */
    { { NEAREST, AT(ASYMMETRIC) }, 2, { 1, 2 }, 2, 0, { 0 }, 4, { 1, 1, 2, 2 } },
    { { NEAREST, AT(ASYMMETRIC), .nearest = DEIT_NEAREST_ROUND_PREFER_CEIL }, 2, { 1, 2 }, 2, 0,
      { 0 }, 4, { 1, 2, 2, 2 } },
    { { NEAREST, AT(ASYMMETRIC), .nearest = DEIT_NEAREST_FLOOR }, 2, { 1, 2 }, 2, 0, { 0 }, 4,
      { 1, 1, 2, 2 } },
    { { NEAREST, AT(ASYMMETRIC), .nearest = DEIT_NEAREST_CEIL }, 2, { 1, 2 }, 2, 0, { 0 }, 4,
      { 1, 2, 2, 2 } },
    /* at 1/2 the weights are -3/32, 19/32, 19/32, -3/32, and the first two are one element's */
    { { CUBIC, AT(ASYMMETRIC) }, 4, { 1, 0, 0, 0 }, 2, 0, { 0 }, 8,
      { 1, 0.5f, 0, -0.09375f, 0, 0, 0, 0 } },
    { { CUBIC, AT(ASYMMETRIC), .exclude_outside = true }, 4, { 1, 0, 0, 0 }, 2, 0, { 0 }, 8,
      { 1, 19.0f / 35, 0, -0.09375f, 0, 0, 0, 0 } },
    /* a triangle of 4 elements: weights 1, 3, 3, 1 of 8 around 1/2 and 5/2 */
    { { LINEAR, .antialias = true }, 4, { 1, 2, 3, 4 }, 0.5f, 0, { 0 }, 2, { 1.625f, 3.375f } },
    { { LINEAR, .antialias = true, .exclude_outside = true }, 4, { 1, 2, 3, 4 }, 0.5f, 0, { 0 },
      2, { 12.0f / 7, 23.0f / 7 } },
    { { LINEAR, .antialias = true }, 2, { 1, 2 }, 2, 0, { 0 }, 4, { 1, 1.25f, 1.75f, 2 } },
    /* positions 3/2, 3, 9/2 */
    { { LINEAR, AT(CROP_AND_RESIZE), .extrapolation = 9 }, 4, { 1, 2, 3, 4 }, 0, 3,
      { 0.5f, 1.5f }, 3, { 2.5f, 4, 9 } },
    { { LINEAR, AT(CROP_AND_RESIZE) }, 4, { 1, 2, 3, 4 }, 0, 1, { 0, 1 }, 1, { 2.5f } },
    /* the last element is the region's end, though 0.2 and 0.8 are not exact */
    { { NEAREST, AT(CROP_AND_RESIZE), .extrapolation = 9 }, 4, { 1, 2, 3, 4 }, 0, 2,
      { 0.2f, 1 }, 2, { 2, 4 } },
    { { LINEAR, AT(CROP_AND_RESIZE), .extrapolation = 9 }, 4, { 1, 2, 3, 4 }, 0, 2,
      { 1, -0.1f }, 2, { 4, 9 } },
    /* 0.7 of 10 would be 6 elements in double precision: see single_precision_sizes() */
};

static struct run_case case_of(const struct line *line)
{
    struct run_case run = { .kind = DEIT_NODE_RESIZE, .n_inputs = 4, .computed = 1,
                            .attrs.resize = line->attrs };
    run.inputs[X] = tensor_floats(deit_shape_of(1, (int64_t)line->n_in), line->in);
    if (line->size)
        run.inputs[SIZES] = tensor_ints(deit_shape_of(1, 1), &line->size);
    else
        run.inputs[SCALES] = tensor_floats(deit_shape_of(1, 1), &line->scale);
    run.inputs[ROI] = tensor_floats(deit_shape_of(1, 2), line->roi);
    return run;
}

static void check_line(const struct run_case *run, const struct tensor *y, void *line_)
{
    const struct line *line = line_;
    (void)run;
    assert_int_equal(tensor_count(y), line->n_out);
    for (size_t i = 0; i < line->n_out; i++)
        if (!(fabsf(((float *)y->data)[i] - line->out[i]) < 1e-5f))
            fail_msg("line %zu, element %zu: %g, not %g", (size_t)(line - lines), i,
                     (double)((float *)y->data)[i], (double)line->out[i]);
}

static void lines_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct run_case run = case_of(&lines[i]);
        run_all(&run, check_line, (void *)(uintptr_t)&lines[i]);
        run_case_free(&run);
    }
}

/* ------------------------------------------------------------------ all axes at once */

struct reference {
    const struct deit_resize_attrs *attrs;
    uint32_t rank;
    int64_t in[8], out[8];
    double scale[8], roi_start[8], roi_end[8];
};

static double position(const struct reference *r, uint32_t axis, int64_t i)
{
    double scale = r->scale[axis], in = (double)r->in[axis], out = (double)r->out[axis];
    double half_pixel = ((double)i + 0.5) / scale - 0.5, last = in - 1;
    switch (r->attrs->coordinates) {
    case DEIT_COORDINATES_HALF_PIXEL_SYMMETRIC:
        return in / 2 * (1 - out / (scale * in)) + half_pixel;
    case DEIT_COORDINATES_PYTORCH_HALF_PIXEL: return out > 1 ? half_pixel : 0;
    case DEIT_COORDINATES_ALIGN_CORNERS:
        return out > 1 ? (double)i * last / (scale * in - 1) : 0;
    case DEIT_COORDINATES_ASYMMETRIC: return (double)i / scale;
    case DEIT_COORDINATES_CROP_AND_RESIZE: {
        double start = r->roi_start[axis], end = r->roi_end[axis];
        return out > 1 ? start * last + (double)i * (end - start) * last / (scale * in - 1)
                       : (start + end) / 2 * last;
    }
    default: return half_pixel;
    }
}

static double kernel(const struct deit_resize_attrs *attrs, double d)
{
    double a = (double)attrs->cubic_a;
    d = fabs(d);
    if (attrs->mode == DEIT_RESIZE_MODE_LINEAR)
        return d < 1 ? 1 - d : 0;
    if (d < 1)
        return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

/* The weight of input element k for an output at 'x': all elements are looked at. */
static double weight(const struct reference *r, uint32_t axis, double x, int64_t k)
{
    double narrow = r->attrs->antialias ? fmin(r->scale[axis], 1) : 1, sum = 0, own = 0;
    int64_t in = r->in[axis], reach = (int64_t)ceil(2 / narrow) + 1;
    for (int64_t t = (int64_t)floor(x) - reach; t <= (int64_t)ceil(x) + reach; t++) {
        double w = kernel(r->attrs, ((double)t - x) * narrow);
        int64_t at = t < 0 ? 0 : t >= in ? in - 1 : t;
        if (r->attrs->exclude_outside && at != t)
            continue;
        sum += w;
        own += at == k ? w : 0;
    }
    return own / sum;
}

/* Element of y at 'at'; axis after axis, outermost first. */
static double interpolate(const struct reference *r, uint32_t axis, const float *x, size_t from,
                          const int64_t *at)
{
    if (axis == r->rank)
        return (double)x[from];
    double sum = 0, place = position(r, axis, at[axis]);
    for (int64_t k = 0; k < r->in[axis]; k++) {
        double w = weight(r, axis, place, k);
        if (w != 0)
            sum += w * interpolate(r, axis + 1, x, from * (size_t)r->in[axis] + (size_t)k, at);
    }
    return sum;
}

static bool is_beyond(const struct reference *r, const int64_t *at)
{
    bool is = false;
    for (uint32_t axis = 0; axis < r->rank; axis++) {
        double place = position(r, axis, at[axis]);
        is |= place < 0 || place > (double)r->in[axis] - 1;
    }
    return is && r->attrs->coordinates == DEIT_COORDINATES_CROP_AND_RESIZE;
}

static void check_reference(const struct run_case *run, const struct tensor *y, void *r_)
{
    const struct reference *r = r_;
    size_t count = tensor_count(y);
    for (size_t e = 0; e < count; e++) {
        int64_t at[8];
        size_t rest = e;
        for (uint32_t d = r->rank; d-- > 0; rest /= (size_t)r->out[d])
            at[d] = (int64_t)(rest % (size_t)r->out[d]);
        double expected = is_beyond(r, at) ? (double)r->attrs->extrapolation
                                           : interpolate(r, 0, run->inputs[X].data, 0, at);
        double got = (double)((float *)y->data)[e];
        if (!(fabs(got - expected) <= 2e-5))
            fail_msg("element %zu of %zu is %g, not %g", e, count, got, expected);
    }
}

/* Sizes for some axes of a random tensor, or scales that make whole lengths or not. */
static struct run_case draw_case(struct reference *r)
{
    struct run_case run = { .kind = DEIT_NODE_RESIZE, .n_inputs = 4, .computed = draw(2) };
    struct deit_resize_attrs *attrs = &run.attrs.resize;
    struct deit_shape x = { .rank = 1 + draw(3) };
    float scales[8], roi[16];
    int64_t sizes[8];
    bool by_size = draw(2);
    *attrs = (struct deit_resize_attrs){
        .mode = draw(2) ? DEIT_RESIZE_MODE_LINEAR : DEIT_RESIZE_MODE_CUBIC,
        .coordinates = (enum deit_coordinates)draw(6), .antialias = draw(2),
        .exclude_outside = draw(2), .cubic_a = draw(2) ? -0.75f : -0.5f, .extrapolation = 3,
        .n_axes = draw(x.rank + 1),
    };
    *r = (struct reference){ .rank = x.rank };
    for (uint32_t d = 0; d < x.rank; d++) {
        x.dims[d] = r->in[d] = r->out[d] = 1 + draw(9);
        r->scale[d] = r->roi_end[d] = 1;
    }
    uint32_t first = attrs->n_axes ? draw(x.rank) : 0, n = attrs->n_axes ? attrs->n_axes : x.rank;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t d = (first + i) % x.rank;
        attrs->axes[i] = (int32_t)d - (draw(2) ? (int32_t)x.rank : 0);
        sizes[i] = 1 + draw(12);
        scales[i] = (float)(4 + draw(16)) / 8;
        r->out[d] = by_size ? sizes[i] : (int64_t)(scales[i] * (float)r->in[d]);
        r->scale[d] = by_size ? (double)sizes[i] / (double)r->in[d] : (double)scales[i];
        roi[i] = (float)draw(4) / 8;
        roi[n + i] = (float)(5 + draw(5)) / 8;
        r->roi_start[d] = (double)roi[i];
        r->roi_end[d] = (double)roi[n + i];
    }
    run.inputs[X] = draw_floats(x);
    if (by_size)
        run.inputs[SIZES] = tensor_ints(deit_shape_of(1, n), sizes);
    else
        run.inputs[SCALES] = tensor_floats(deit_shape_of(1, n), scales);
    run.inputs[ROI] = tensor_floats(deit_shape_of(1, 2 * n), roi);
    return run;
}

static void random_interpolations(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct reference r;
        struct run_case run = draw_case(&r);
        r.attrs = &run.attrs.resize;
        run_all(&run, check_reference, &r);
        run_case_free(&run);
    }
}

/* ------------------------------------------------------------------ elements of any type */

static void nearest_elements_of_any_type(void **state)
{
    (void)state;
    const int64_t ints[] = { 5, INT64_MIN, 7, INT64_MAX }, sizes[] = { 3, 2 };
    const int64_t expected[] = { 5, INT64_MIN, 5, INT64_MIN, 7, INT64_MAX };
    struct run_case run = {
        .kind = DEIT_NODE_RESIZE, .n_inputs = 3, .computed = 1,
        .inputs = { tensor_ints(deit_shape_of(2, 2, 2), ints), { 0 },
                    tensor_ints(deit_shape_of(1, 2), sizes) },
    };
    struct tensor y;
    assert_int_equal(run_planned(&run, &y, NULL), DEIT_OK);
    assert_memory_equal(y.data, expected, sizeof expected);
    tensor_free(&y);
    run_case_free(&run);

    const int64_t wide[] = { 5 };
    run.inputs[X] = tensor_zeros(DEIT_BOOL, deit_shape_of(1, 2));
    ((uint8_t *)run.inputs[X].data)[1] = 1;
    run.inputs[SIZES] = tensor_ints(deit_shape_of(1, 1), wide);
    assert_int_equal(run_planned(&run, &y, NULL), DEIT_OK);
    assert_memory_equal(y.data, ((uint8_t[]){ 0, 0, 0, 1, 1 }), 5);
    tensor_free(&y);
    run_case_free(&run);
}

/* Axes that stay are not copied in between, and no pass at all is a copy. */
static void nothing_to_do_is_a_copy(void **state)
{
    (void)state;
    const float ones[] = { 1, 1 };
    struct run_case run = {
        .kind = DEIT_NODE_RESIZE, .n_inputs = 2, .computed = 1,
        .attrs.resize = { CUBIC, .antialias = true },
        .inputs = { draw_floats(deit_shape_of(2, 130, 150)),
                    tensor_floats(deit_shape_of(1, 2), ones) },
    };
    struct tensor y;
    assert_int_equal(run_planned(&run, &y, NULL), DEIT_OK);
    assert_memory_equal(y.data, run.inputs[X].data, 130 * 150 * sizeof(float));
    tensor_free(&y);
    run_case_free(&run);
}

/* ------------------------------------------------------------------ shapes */

static void check_shape(struct run_case run, const char *shape)
{
    infers(&run, DEIT_F32, shape);
    run_case_free(&run);
}

static struct run_case by_sizes(struct deit_shape x, enum deit_aspect aspect, size_t n,
                                const int64_t *sizes)
{
    struct run_case run = { .kind = DEIT_NODE_RESIZE, .n_inputs = 3, .computed = 1,
                            .attrs.resize = { .aspect = aspect } };
    run.inputs[X] = (struct tensor){ DEIT_F32, x, NULL };
    run.inputs[SIZES] = tensor_ints(deit_shape_of(1, (int64_t)n), sizes);
    return run;
}

static struct run_case by_scales(struct deit_shape x, size_t n, const float *scales)
{
    struct run_case run = { .kind = DEIT_NODE_RESIZE, .n_inputs = 3, .computed = 1 };
    run.inputs[X] = (struct tensor){ DEIT_F32, x, NULL };
    run.inputs[SCALES] = tensor_floats(deit_shape_of(1, (int64_t)n), scales);
    return run;
}

static void shapes_are_inferred(void **state)
{
    (void)state;
    const struct deit_shape plane = deit_shape_of(2, 2, 4), half = deit_shape_of(2, -1, 4);
    const int64_t eight[] = { 8, 8 };
    check_shape(by_sizes(plane, DEIT_ASPECT_STRETCH, 2, eight), "(8, 8)");
    check_shape(by_sizes(plane, DEIT_ASPECT_NOT_LARGER, 2, eight), "(4, 8)");
    check_shape(by_sizes(plane, DEIT_ASPECT_NOT_SMALLER, 2, eight), "(8, 16)");
    check_shape(by_sizes(deit_shape_of(2, 3, 8), DEIT_ASPECT_NOT_LARGER, 2, (int64_t[]){ 4, 4 }),
                "(2, 4)"); /* 3 * 0.5 is rounded up */
    check_shape(by_sizes(half, DEIT_ASPECT_STRETCH, 2, eight), "(8, 8)");
    check_shape(by_sizes(half, DEIT_ASPECT_NOT_LARGER, 2, eight), "(?, ?)");
    check_shape(by_scales(half, 2, (float[]){ 2, 2 }), "(?, 8)");

    struct run_case run = by_sizes(plane, DEIT_ASPECT_STRETCH, 2, eight);
    run.computed = 1u << X | 1u << SIZES;
    infers(&run, DEIT_F32, "(?, ?)");
    run.attrs.resize.n_axes = 1;
    run.attrs.resize.axes[0] = -1;
    infers(&run, DEIT_F32, "(2, ?)");
    refuses(&run, DEIT_ERR_LIMIT, "y: the size of (2, ?) is not known or too large");
    run.inputs[X].shape.rank = DEIT_RANK_UNKNOWN;
    infers(&run, DEIT_F32, "(...)");
    run_case_free(&run);
}

/* 0.7 is a little less in single precision; ten of it are meant to be seven all the same. */
static void single_precision_sizes(void **state)
{
    (void)state;
    check_shape(by_scales(deit_shape_of(1, 10), 1, (float[]){ 0.7f }), "(7)");
}

static void check_refused(struct run_case run, enum deit_status status, const char *message)
{
    refuses(&run, status, message);
    run_case_free(&run);
}

static void what_cannot_be(void **state)
{
    (void)state;
    const struct deit_shape x = deit_shape_of(1, 4);
    check_refused(by_scales(x, 1, (float[]){ 0 }), DEIT_ERR_FORMAT, "node: a scale of 0");
    check_refused(by_scales(x, 1, (float[]){ -2 }), DEIT_ERR_FORMAT, "node: a scale of -2");
    check_refused(by_scales(x, 1, (float[]){ NAN }), DEIT_ERR_FORMAT, "node: a scale of nan");
    check_refused(by_scales(x, 1, (float[]){ INFINITY }), DEIT_ERR_FORMAT,
                  "node: a scale of inf");
    check_refused(by_scales(x, 1, (float[]){ 1e30f }), DEIT_ERR_FORMAT,
                  "node: a size of 4e+30 along axis 0");
    check_refused(by_scales(x, 2, (float[]){ 1, 1 }), DEIT_ERR_FORMAT, "node: 2 scales, not 1");
    check_refused(by_sizes(x, DEIT_ASPECT_STRETCH, 1, (int64_t[]){ -1 }), DEIT_ERR_FORMAT,
                  "node: a size of -1 along axis 0");
    check_refused(by_sizes(x, DEIT_ASPECT_STRETCH, 1, (int64_t[]){ INT64_MAX }), DEIT_ERR_FORMAT,
                  "node: a size of 9.22337e+18 along axis 0");
    check_refused(by_sizes(deit_shape_of(1, 0), DEIT_ASPECT_NOT_LARGER, 1, (int64_t[]){ 3 }),
                  DEIT_ERR_FORMAT, "node: a size of 3 from none along axis 0");
    check_refused(by_sizes(deit_shape_of(1, 0), DEIT_ASPECT_STRETCH, 1, (int64_t[]){ 3 }),
                  DEIT_ERR_FORMAT, "node: a size of 3 from none along axis 0");
    check_refused(by_sizes(x, DEIT_ASPECT_STRETCH, 2, (int64_t[]){ 3, 3 }), DEIT_ERR_FORMAT,
                  "node: 2 sizes, not 1");

    struct run_case run = by_sizes(x, DEIT_ASPECT_STRETCH, 1, (int64_t[]){ 3 });
    run.attrs.resize.n_axes = 2;
    refuses(&run, DEIT_ERR_FORMAT, "node: 2 axes of a tensor of rank 1");
    run.attrs.resize.n_axes = 1;
    run.attrs.resize.axes[0] = 1;
    refuses(&run, DEIT_ERR_FORMAT, "node: axis 1 of a tensor of rank 1");
    run.attrs.resize.n_axes = 0;
    run.attrs.resize.antialias = true;
    refuses(&run, DEIT_ERR_FORMAT, "node: antialiasing of nearest elements");
    run.attrs.resize.mode = DEIT_RESIZE_MODE_LINEAR;
    run.attrs.resize.coordinates = DEIT_COORDINATES_CROP_AND_RESIZE;
    refuses(&run, DEIT_ERR_FORMAT, "node: a crop without its region");
    run.inputs[X].dtype = DEIT_I64;
    refuses(&run, DEIT_ERR_UNSUPPORTED, "node: interpolation of i64 elements");
    tensor_free(&run.inputs[SIZES]);
    run.inputs[SIZES].dtype = (enum deit_dtype)0;
    refuses(&run, DEIT_ERR_FORMAT, "node: a resize without scales and without sizes");
}

static void regions_of_the_run_are_refused(void **state)
{
    (void)state;
    const int64_t size = 3;
    const float region[] = { 0, 1 };
    struct run_case run = by_sizes(deit_shape_of(1, 4), DEIT_ASPECT_STRETCH, 1, &size);
    run.attrs.resize = (struct deit_resize_attrs){ LINEAR, AT(CROP_AND_RESIZE) };
    run.n_inputs = 4;
    run.inputs[ROI] = tensor_floats(deit_shape_of(1, 2), region);
    run.computed = 1u << X | 1u << ROI;
    infers(&run, DEIT_F32, "(3)");
    refuses(&run, DEIT_ERR_UNSUPPORTED, "node: 'd' depends on values of the run");
    run_case_free(&run);
}

int main(void)
{
    draw_seed(8);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_by_hand),
        cmocka_unit_test(random_interpolations),
        cmocka_unit_test(nearest_elements_of_any_type),
        cmocka_unit_test(nothing_to_do_is_a_copy),
        cmocka_unit_test(shapes_are_inferred),
        cmocka_unit_test(single_precision_sizes),
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(regions_of_the_run_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
