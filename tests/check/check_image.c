/*
 * tests/check/check_image.c: resampling and normalising, which must agree in every bit.
 */
#include "tests/check/check.h"

#include <string.h>

static uint8_t *random_bytes(struct check *c, struct buffer *b, size_t n, bool is_tight)
{
    buffer_init(b, n, is_tight);
    uint8_t *bytes = b->data;
    /* Edges of black and white make sums leave 0..255 on both sides. */
    const bool is_extreme = random_below(c, 2);
    for (size_t i = 0; i < n; i++) {
        const uint64_t bits = random_bits(c);
        bytes[i] = is_extreme ? (bits >> 20 & 1 ? 255 : 0) : (uint8_t)(bits >> 20);
    }
    return bytes;
}

/* 'count' coefficients that sum to 2^22, some negative, and zeros up to 'taps'. */
static void random_coefficients(struct check *c, int32_t *coeff, size_t count, size_t taps)
{
    const int32_t one = 1 << 22;
    int32_t left = one;
    memset(coeff, 0, taps * sizeof *coeff);
    for (size_t i = 0; i < count; i++)
        coeff[i] = (int32_t)((float)one / (float)count * 1.7f * random_float(c));
    for (size_t i = 0; i < count; i++)
        left -= coeff[i];
    /* The rest is spread, so that no single one grows past what a 32-bit sum can bear. */
    for (size_t i = 0; i < count; i++)
        coeff[i] += left / (int32_t)count;
}

static uint8_t reference(int64_t sum)
{
    const int64_t value = (sum + (1 << 21)) >> 22;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

struct resample_x_case {
    deit_resample_x_u8_fn *run;
    struct deit_resample_x args;
    const uint8_t *src;
    uint8_t *dst;
};

static void call_resample_x(void *context)
{
    const struct resample_x_case *r = context;
    r->run(&r->args, r->src, r->dst);
}

static void check_x_values(struct check *c, const struct resample_x_case *r)
{
    const struct deit_resample_x *a = &r->args;
    for (size_t x = 0; x < a->n; x++)
        for (size_t ch = 0; ch < 3; ch++) {
            int64_t sum = 0;
            for (int32_t i = 0; i < a->count[x]; i++)
                sum += (int64_t)r->src[(size_t)(a->start[x] + i) * 3 + ch] *
                       a->coeff[x * a->taps + (size_t)i];
            expect(c, r->dst[x * 3 + ch] == reference(sum),
                   "n %zu taps %zu width %zu: pixel %zu channel %zu is %d, not %d", a->n, a->taps,
                   a->src_width, x, ch, r->dst[x * 3 + ch], reference(sum));
        }
}

static void check_resample_x(struct check *c, size_t n, size_t taps, size_t width, bool is_tight)
{
    struct buffer src, dst, start, count, coeff;
    buffer_init(&start, n * sizeof(int32_t), is_tight);
    buffer_init(&count, n * sizeof(int32_t), is_tight);
    buffer_init(&coeff, n * taps * sizeof(int32_t), is_tight);
    buffer_init(&dst, n * 3, is_tight);
    struct resample_x_case r = {
        c->kernels->resample_x_u8,
        { n, taps, start.data, count.data, coeff.data, width },
        random_bytes(c, &src, width * 3, is_tight),
        dst.data,
    };
    for (size_t x = 0; x < n; x++) {
        /* As in a resize: windows move to the right and are cut at both ends. */
        const size_t most = taps < width ? taps : width;
        const size_t length = random_below(c, 3) ? most : 1 + random_below(c, most);
        const size_t places = width - length;
        ((int32_t *)start.data)[x] = (int32_t)(n > 1 ? x * places / (n - 1) : places);
        ((int32_t *)count.data)[x] = (int32_t)length;
        random_coefficients(c, (int32_t *)coeff.data + x * taps, length, taps);
    }
    if (survives(c, call_resample_x, &r)) {
        check_x_values(c, &r);
        expect(c, buffer_is_intact(&dst), "n %zu taps %zu: writes outside", n, taps);
    }
    buffer_done(&src);
    buffer_done(&dst);
    buffer_done(&start);
    buffer_done(&count);
    buffer_done(&coeff);
}

void check_resample_x_u8(struct check *c)
{
    static const size_t taps[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 71 };
    static const size_t widths[] = { 1, 2, 5, 6, 17, 100, 331 };
    for (size_t t = 0; t < sizeof taps / sizeof *taps; t++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t n = 1; n <= 9; n++)
                check_resample_x(c, n == 9 ? 57 : n, taps[t], widths[w], n % 2);
}

struct resample_y_case {
    deit_resample_y_u8_fn *run;
    size_t n, taps;
    const int32_t *coeff;
    const uint8_t *src;
    size_t stride;
    uint8_t *dst;
};

static void call_resample_y(void *context)
{
    const struct resample_y_case *r = context;
    r->run(r->n, r->taps, r->coeff, r->src, r->stride, r->dst);
}

static void check_resample_y(struct check *c, size_t n, size_t taps, bool is_tight)
{
    struct buffer src, dst, coeff;
    const size_t stride = n + random_below(c, 3);
    buffer_init(&coeff, taps * sizeof(int32_t), is_tight);
    random_coefficients(c, coeff.data, taps, taps);
    buffer_init(&dst, n, is_tight);
    struct resample_y_case r = { c->kernels->resample_y_u8, n, taps, coeff.data, NULL, stride,
                                 dst.data };
    r.src = random_bytes(c, &src, (taps - 1) * stride + n, is_tight);
    if (survives(c, call_resample_y, &r)) {
        for (size_t i = 0; i < n; i++) {
            int64_t sum = 0;
            for (size_t t = 0; t < taps; t++)
                sum += (int64_t)r.src[t * stride + i] * r.coeff[t];
            expect(c, r.dst[i] == reference(sum), "n %zu taps %zu: byte %zu is %d, not %d", n, taps,
                   i, r.dst[i], reference(sum));
        }
        expect(c, buffer_is_intact(&dst), "n %zu taps %zu: writes outside", n, taps);
    }
    buffer_done(&src);
    buffer_done(&dst);
    buffer_done(&coeff);
}

void check_resample_y_u8(struct check *c)
{
    static const size_t taps[] = { 1, 2, 3, 4, 5, 8, 11, 70, 301 };
    static const size_t widths[] = { 1,  3,  15, 16, 17,  31,  32,  33,
                                     63, 64, 65, 97, 127, 129, 672, 768 };
    for (size_t t = 0; t < sizeof taps / sizeof *taps; t++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            check_resample_y(c, widths[w], taps[t], false);
            check_resample_y(c, widths[w], taps[t], true);
        }
}

struct normalise_case {
    deit_normalise_u8_fn *run;
    size_t n;
    const uint8_t *rgb;
    float divisor;
    const float *mean, *std;
    size_t plane;
    float *y;
};

static void call_normalise(void *context)
{
    const struct normalise_case *n = context;
    n->run(n->n, n->rgb, n->divisor, n->mean, n->std, n->plane, n->y);
}

static void check_normalise(struct check *c, size_t n, bool is_tight)
{
    static const float means[2][3] = { { 0.485f, 0.456f, 0.406f }, { 0.5f, 0.5f, 0.5f } };
    static const float stds[2][3] = { { 0.229f, 0.224f, 0.225f }, { 0.5f, 0.5f, 0.5f } };
    const size_t which = random_below(c, 2), plane = n + random_below(c, 3);
    struct buffer rgb, y;
    buffer_init(&y, (2 * plane + n) * sizeof(float), is_tight);
    struct normalise_case k = { c->kernels->normalise_u8, n, NULL, 255.0f, means[which],
                                stds[which], plane, y.data };
    uint8_t *bytes = random_bytes(c, &rgb, n * 3, is_tight);
    for (size_t i = 0; i < n * 3; i++)
        bytes[i] = (uint8_t)(n > 256 ? i / 3 : bytes[i]); /* a wide row has every value */
    k.rgb = bytes;
    if (survives(c, call_normalise, &k)) {
        for (size_t ch = 0; ch < 3; ch++) {
            for (size_t i = 0; i < n; i++) {
                const float unit = (float)bytes[3 * i + ch] / k.divisor;
                const float centred = unit - k.mean[ch];
                const float want = centred / k.std[ch];
                expect(c, same_float(k.y[ch * plane + i], want),
                       "n %zu: [%zu][%zu] is %.9g, not %.9g", n, ch, i,
                       (double)k.y[ch * plane + i], (double)want);
            }
            for (size_t i = n; i < plane && ch < 2; i++) {
                uint32_t bits;
                memcpy(&bits, &k.y[ch * plane + i], sizeof bits);
                expect(c, bits == UINT32_MAX, "n %zu: writes behind channel %zu", n, ch);
            }
        }
        expect(c, buffer_is_intact(&y), "n %zu: writes outside", n);
    }
    buffer_done(&rgb);
    buffer_done(&y);
}

void check_normalise_u8(struct check *c)
{
    static const size_t widths[] = { 1, 2, 5, 7, 8, 9, 13, 15, 16, 17, 31, 33, 224, 257, 384 };
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        check_normalise(c, widths[w], false);
        check_normalise(c, widths[w], true);
    }
}
