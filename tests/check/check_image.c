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

/* As the kernels read them: in fours, and each in two parts. */
static void to_fours(const int32_t *coeff, size_t taps, struct deit_coeff4 *fours)
{
    memset(fours, 0, (taps + 3) / 4 * sizeof *fours);
    for (size_t i = 0; i < taps; i++) {
        fours[i / 4].low[i % 4] = (int16_t)(coeff[i] & 0x7fff);
        fours[i / 4].high[i % 4] = (int16_t)(coeff[i] >> 15);
    }
}

static uint8_t reference(int64_t sum)
{
    const int64_t value = (sum + (1 << 21)) >> 22;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

struct resample_x_case {
    deit_resample_x_u8_fn *run;
    struct deit_resample_x args;
    const int32_t *coeff; /* (n, 4 * fours), whole */
    size_t rows, src_stride, dst_stride;
    const uint8_t *src;
    uint8_t *dst;
};

static void call_resample_x(void *context)
{
    const struct resample_x_case *r = context;
    r->run(&r->args, r->rows, r->src, r->src_stride, r->dst, r->dst_stride);
}

static void check_x_row(struct check *c, const struct resample_x_case *r, size_t row)
{
    const struct deit_resample_x *a = &r->args;
    const uint8_t *src = r->src + row * r->src_stride, *dst = r->dst + row * r->dst_stride;
    for (size_t x = 0; x < a->n; x++)
        for (size_t ch = 0; ch < 3; ch++) {
            int64_t sum = 0;
            for (int32_t i = 0; i < a->count[x]; i++)
                sum += (int64_t)src[(size_t)(a->start[x] + i) * 3 + ch] *
                       r->coeff[x * 4 * a->fours + (size_t)i];
            expect(c, dst[x * 3 + ch] == reference(sum),
                   "n %zu fours %zu width %zu: row %zu of %zu pixel %zu channel %zu is %d, not %d",
                   a->n, a->fours, a->src_width, row, r->rows, x, ch, dst[x * 3 + ch],
                   reference(sum));
        }
    /* Between rows lies what is not the kernel's to write. */
    for (size_t i = 3 * a->n; i < r->dst_stride && row + 1 < r->rows; i++)
        expect(c, dst[i] == 0xff, "n %zu: writes behind row %zu of %zu", a->n, row, r->rows);
}

/* Windows as in a resize: they move to the right and are cut at both ends. */
static void random_windows(struct check *c, struct resample_x_case *r, size_t taps,
                           int32_t *start, int32_t *count, int32_t *coeff,
                           struct deit_coeff4 *fours)
{
    const size_t n = r->args.n, width = r->args.src_width, most = taps < width ? taps : width;
    for (size_t x = 0; x < n; x++) {
        const size_t length = random_below(c, 3) ? most : 1 + random_below(c, most);
        const size_t places = width - length;
        start[x] = (int32_t)(n > 1 ? x * places / (n - 1) : places);
        count[x] = (int32_t)length;
        random_coefficients(c, coeff + x * 4 * r->args.fours, length, 4 * r->args.fours);
        to_fours(coeff + x * 4 * r->args.fours, 4 * r->args.fours, fours + x * r->args.fours);
    }
}

struct x_shape {
    size_t rows, n, taps, width;
    bool is_tight;
};

static void check_resample_x(struct check *c, struct x_shape s)
{
    const size_t fours = (s.taps + 3) / 4, gap = random_below(c, 3);
    struct buffer src, dst, start, count, coeff, whole;
    buffer_init(&start, s.n * sizeof(int32_t), s.is_tight);
    buffer_init(&count, s.n * sizeof(int32_t), s.is_tight);
    buffer_init(&coeff, s.n * fours * sizeof(struct deit_coeff4), s.is_tight);
    buffer_init(&whole, s.n * fours * 4 * sizeof(int32_t), false);
    struct resample_x_case r = {
        .run = c->kernels->resample_x_u8,
        .args = { s.n, fours, start.data, count.data, coeff.data, s.width },
        .coeff = whole.data,
        .rows = s.rows,
        .src_stride = s.width * 3 + gap,
        .dst_stride = s.n * 3 + gap,
    };
    buffer_init(&dst, (s.rows - 1) * r.dst_stride + s.n * 3, s.is_tight);
    r.dst = dst.data;
    r.src = random_bytes(c, &src, (s.rows - 1) * r.src_stride + s.width * 3, s.is_tight);
    random_windows(c, &r, s.taps, start.data, count.data, whole.data, coeff.data);
    if (survives(c, call_resample_x, &r)) {
        for (size_t row = 0; row < s.rows; row++)
            check_x_row(c, &r, row);
        expect(c, buffer_is_intact(&dst), "n %zu taps %zu: writes outside", s.n, s.taps);
    }
    buffer_done(&src);
    buffer_done(&dst);
    buffer_done(&start);
    buffer_done(&count);
    buffer_done(&coeff);
    buffer_done(&whole);
}

void check_resample_x_u8(struct check *c)
{
    static const size_t taps[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 71, 200 };
    static const size_t widths[] = { 1, 2, 5, 6, 17, 100, 331 };
    static const size_t rows[] = { 1, 2, 3, 4, 5, 7, 8, 9, 11, 17 };
    for (size_t t = 0; t < sizeof taps / sizeof *taps; t++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t n = 1; n <= 9; n++)
                check_resample_x(c, (struct x_shape){ .rows = 1 + random_below(c, 3), .n = n,
                                                      .taps = taps[t], .width = widths[w],
                                                      .is_tight = n % 2 });
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t t = 0; t < sizeof taps / sizeof *taps; t += 3)
            check_resample_x(c, (struct x_shape){ .rows = rows[i], .n = 57, .taps = taps[t],
                                                  .width = 100, .is_tight = t % 2 });
}

struct resample_y_case {
    deit_resample_y_u8_fn *run;
    size_t n, taps;
    const int32_t *coeff; /* (taps), whole */
    const struct deit_coeff4 *fours;
    const uint8_t *src;
    size_t stride;
    uint8_t *dst;
};

static void call_resample_y(void *context)
{
    const struct resample_y_case *r = context;
    r->run(r->n, r->taps, r->fours, r->src, r->stride, r->dst);
}

static void check_resample_y(struct check *c, size_t n, size_t taps, bool is_tight)
{
    struct buffer src, dst, coeff, fours;
    const size_t stride = n + random_below(c, 3);
    buffer_init(&coeff, taps * sizeof(int32_t), is_tight);
    buffer_init(&fours, (taps + 3) / 4 * sizeof(struct deit_coeff4), is_tight);
    random_coefficients(c, coeff.data, taps, taps);
    to_fours(coeff.data, taps, fours.data);
    buffer_init(&dst, n, is_tight);
    struct resample_y_case r = { c->kernels->resample_y_u8, n, taps, coeff.data, fours.data, NULL,
                                 stride, dst.data };
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
    buffer_done(&fours);
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
