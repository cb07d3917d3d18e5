/*
 * tests/check/check_rows.c: GELU, softmax, LayerNorm, and what touches each element once.
 *
 * The yardstick is the formula in double.  Bounds in ulp are those that the kernels promise;
 * those of sums follow from the number of roundings.
 */
#include "tests/check/check.h"

#include <math.h>
#include <string.h>

/* 1, around the lanes of each instruction set, primes, DeiT's own. */
static const size_t widths[] = { 1,  2,  3,  5,  7,   8,   9,   13,  15,  16,  17,  31,  32,
                                 33, 47, 63, 64, 65, 127, 129, 192, 193, 197, 198, 384, 577, 769 };
enum { N_WIDTHS = sizeof widths / sizeof *widths };

/* Results below this may be flushed to zero. */
#define TINY 0x1p-126

/* GELU */

struct gelu_case {
    deit_gelu_f32_fn *run;
    size_t rows, n, stride;
    float *x;
};

static void call_gelu(void *context)
{
    const struct gelu_case *g = context;
    g->run(g->rows, g->n, g->x, g->stride);
}

/*
 * Two ulp, from -5 down 2^-17 of the result (it is 1e-6 and smaller there), and below -7.87,
 * where it is less than 2e-14, that much of x.
 */
static bool gelu_is_close(float x, float y)
{
    const double v = (double)x, sqrt_half = 0.70710678118654752440;
    const double want = 0.5 * v * erfc(-v * sqrt_half);
    double bound = 2.5 * ulp(want) + TINY;
    if (v < -5.0)
        bound += 0x1p-17 * fabs(want);
    if (v < -7.87 && v >= -14)
        bound += 2e-15 * -v; /* further down it is nothing, however large x is */
    return isnan(want) ? !isfinite(y) : fabs((double)y - want) <= bound || (double)y == want;
}

static void check_gelu_values(struct check *c, const float *values, size_t n)
{
    struct buffer x;
    buffer_init(&x, n * sizeof *values, false);
    memcpy(x.data, values, n * sizeof *values);
    struct gelu_case g = { c->kernels->gelu_f32, 1, n, n, x.data };
    if (survives(c, call_gelu, &g))
        for (size_t i = 0; i < n; i++)
            expect(c, gelu_is_close(values[i], g.x[i]), "x %.9g gives %.9g", (double)values[i],
                   (double)g.x[i]);
    buffer_done(&x);
}

static void check_gelu_shape(struct check *c, size_t rows, size_t n, bool is_tight)
{
    enum { MAX = 5 * 800 };
    struct buffer b;
    struct gelu_case g = { c->kernels->gelu_f32, rows, n, n + random_below(c, 3), NULL };
    const size_t size = (rows - 1) * g.stride + n;
    g.x = buffer_init_random(c, &b, size, 6.0f, is_tight);
    float before[MAX];
    memcpy(before, g.x, size * sizeof *before);
    if (survives(c, call_gelu, &g)) {
        for (size_t i = 0; i < size; i++) {
            if (i % g.stride < n)
                expect(c, gelu_is_close(before[i], g.x[i]), "n %zu: x %.9g gives %.9g", n,
                       (double)before[i], (double)g.x[i]);
            else
                expect(c, same_float(before[i], g.x[i]), "n %zu: writes between rows", n);
        }
        expect(c, buffer_is_intact(&b), "n %zu: writes outside", n);
    }
    buffer_done(&b);
}

void check_gelu_f32(struct check *c)
{
    enum { CHUNK = 1000 };
    float values[CHUNK];
    /* Evenly over where it bends, then every magnitude of both signs. */
    for (int turn = 0; turn < 200; turn++) {
        for (int i = 0; i < CHUNK; i++)
            values[i] = turn < 150 ? 14.0f * random_float(c)
                                   : ldexpf(random_float(c), (int)random_below(c, 250) - 126);
        check_gelu_values(c, values, CHUNK);
    }
    const float special[] = { 0.0f,   -0.0f, 0x1p-126f, -0x1p-126f, 1e30f, -1e30f, 7.87f,
                              -7.87f, 7.9f,  -7.9f,     14.0f,      -14.0f, INFINITY };
    check_gelu_values(c, special, sizeof special / sizeof *special);

    /* What is not finite must not look finite afterwards. */
    float bad[] = { NAN, -INFINITY, -NAN };
    struct gelu_case g = { c->kernels->gelu_f32, 1, 3, 3, bad };
    if (survives(c, call_gelu, &g))
        for (int i = 0; i < 3; i++)
            expect(c, !isfinite(bad[i]), "special %d becomes %g", i, (double)bad[i]);

    for (size_t w = 0; w < N_WIDTHS; w++) {
        check_gelu_shape(c, 1, widths[w], true);
        check_gelu_shape(c, 1 + random_below(c, 5), widths[w], false);
    }
}

/* Softmax */

struct softmax_case {
    deit_softmax_f32_fn *run;
    size_t n;
    float scale;
    float *x;
    float sum;
};

static void call_softmax(void *context)
{
    struct softmax_case *s = context;
    s->sum = s->run(s->n, s->scale, s->x);
}

static void check_softmax_values(struct check *c, const struct softmax_case *s, const float *before)
{
    float max = -INFINITY;
    for (size_t i = 0; i < s->n; i++)
        max = fmaxf(max, before[i]);
    double sum = 0.0;
    for (size_t i = 0; i < s->n; i++) {
        const float difference = before[i] - max;
        const float exponent = s->scale * difference; /* rounded, as the contract has it */
        const double want = exp((double)exponent);
        expect(c, fabs((double)s->x[i] - want) <= 2.0 * ulp(want) + TINY,
               "n %zu: exp(%.9g) is %.9g, not %.9g", s->n, (double)exponent, (double)s->x[i], want);
        sum += (double)s->x[i];
    }
    expect(c, fabs((double)s->sum - sum) <= (double)s->n * ROUNDING * sum,
           "n %zu: the sum is %.9g, not %.9g", s->n, (double)s->sum, sum);
}

static void check_softmax(struct check *c, size_t n, float spread, float scale, bool is_tight)
{
    enum { MAX = 800 };
    struct buffer b;
    struct softmax_case s = { c->kernels->softmax_f32, n, scale, NULL, 0.0f };
    s.x = buffer_init_random(c, &b, n, spread, is_tight);
    if (random_below(c, 4) == 0)
        for (size_t i = 0; i < n; i++)
            s.x[i] -= 2.0f * spread; /* all below zero: lanes that are not there must not win */
    if (n > 1 && random_below(c, 3) == 0)
        s.x[random_below(c, n - 1)] = -INFINITY; /* masked */
    float before[MAX];
    memcpy(before, s.x, n * sizeof *before);
    if (survives(c, call_softmax, &s)) {
        check_softmax_values(c, &s, before);
        expect(c, buffer_is_intact(&b), "n %zu: writes outside", n);
    }

    /* A NaN anywhere reaches the sum. */
    memcpy(s.x, before, n * sizeof *before);
    s.x[random_below(c, n)] = NAN;
    if (survives(c, call_softmax, &s))
        expect(c, isnan(s.sum), "n %zu: a NaN is lost", n);
    buffer_done(&b);
}

void check_softmax_f32(struct check *c)
{
    for (size_t w = 0; w < N_WIDTHS; w++)
        for (int turn = 0; turn < 24; turn++)
            check_softmax(c, widths[w], turn % 3 ? 20.0f : 400.0f, turn % 4 ? 0.125f : 1.0f,
                          turn % 2);
    for (int turn = 0; turn < 200; turn++)
        check_softmax(c, 769, 0.5f * (float)turn, 1.0f, false);
}

/* LayerNorm */

struct layernorm_case {
    deit_layernorm_f32_fn *run;
    size_t d;
    const float *x, *gamma, *beta;
    float eps;
    float *y;
};

static void call_layernorm(void *context)
{
    const struct layernorm_case *l = context;
    l->run(l->d, l->x, l->gamma, l->beta, l->eps, l->y);
}

/*
 * The centre comes out within some roundings of the mean, and the sum of the centred values
 * repairs that.  What stays: each value and the repair are rounded once or twice, and the sums
 * over d values in at least 32 chains lose at most d / 32 + 16 roundings of their magnitude.
 */
static void check_layernorm_values(struct check *c, const struct layernorm_case *l)
{
    const double d = (double)l->d, chain = (d / 32.0 + 16.0) * ROUNDING;
    double mean = 0.0, variance = 0.0, largest = 0.0;
    for (size_t i = 0; i < l->d; i++)
        mean += (double)l->x[i] / d;
    for (size_t i = 0; i < l->d; i++) {
        const double v = (double)l->x[i] - mean;
        variance += v * v / d;
        largest = fmax(largest, fabs((double)l->x[i]));
    }
    const double deviation = sqrt(variance + (double)l->eps);
    /* How far the centre lies from the mean, and what its repair loses. */
    const double off = chain * largest, spread = sqrt(variance) + off;
    for (size_t i = 0; i < l->d; i++) {
        const double v = (double)l->x[i] - mean, g = (double)l->gamma[i];
        const double want = v / deviation * g + (double)l->beta[i];
        const double centred = chain * (fabs(v) + spread) + 4.0 * ROUNDING * off;
        const double error = fabs(g) * centred / deviation + 2.0 * ROUNDING * fabs(want) + TINY;
        expect(c, fabs((double)l->y[i] - want) <= error,
               "d %zu eps %g: y[%zu] is %.9g, not %.9g within %.2g", l->d, (double)l->eps, i,
               (double)l->y[i], want, error);
    }
}

enum { PLAIN, LARGE_MEAN, SMALL_SPREAD, CONSTANT, N_KINDS };

static void check_layernorm(struct check *c, size_t d, int kind, float eps, bool is_tight)
{
    struct buffer x, gamma, beta, y;
    float *values = buffer_init_random(c, &x, d, 1.0f, is_tight);
    for (size_t i = 0; i < d; i++)
        switch (kind) {
        case PLAIN: values[i] = 3.0f * random_normal(c); break;
        case LARGE_MEAN: values[i] = 1000.0f + random_normal(c); break;
        case SMALL_SPREAD: values[i] = 0.001f * random_normal(c); break;
        case CONSTANT: values[i] = 12.34f; break;
        }
    struct layernorm_case l = { .run = c->kernels->layernorm_f32, .d = d, .x = values };
    l.gamma = buffer_init_random(c, &gamma, d, 2.0f, is_tight);
    l.beta = buffer_init_random(c, &beta, d, 1.0f, is_tight);
    l.eps = eps;
    buffer_init(&y, d * sizeof(float), is_tight);
    l.y = y.data;
    if (survives(c, call_layernorm, &l)) {
        check_layernorm_values(c, &l);
        expect(c, buffer_is_intact(&y), "d %zu: writes outside", d);
    }

    values[random_below(c, d)] = NAN;
    if (survives(c, call_layernorm, &l))
        for (size_t i = 0; i < d; i++)
            expect(c, isnan(l.y[i]), "d %zu: a NaN is lost at %zu", d, i);
    buffer_done(&x);
    buffer_done(&gamma);
    buffer_done(&beta);
    buffer_done(&y);
}

void check_layernorm_f32(struct check *c)
{
    for (size_t w = 0; w < N_WIDTHS; w++)
        for (int kind = 0; kind < N_KINDS; kind++) {
            check_layernorm(c, widths[w], kind, 1e-6f, true);
            check_layernorm(c, widths[w], kind, 1e-6f, false);
            check_layernorm(c, widths[w], kind, 1e-12f, false);
        }
}

/* Sums, products and multiples, which are exact to the bit. */

struct binary_case {
    deit_binary_f32_fn *run;
    size_t n;
    const float *a, *b;
    float *y;
};

static void call_binary(void *context)
{
    const struct binary_case *k = context;
    k->run(k->n, k->a, k->b, k->y);
}

struct scale_case {
    deit_scale_f32_fn *run;
    size_t n;
    float s;
    float *x, *y;
};

static void call_scale(void *context)
{
    const struct scale_case *k = context;
    k->run(k->n, k->s, k->x, k->y);
}

static void check_binary(struct check *c, size_t n, bool is_sum, bool is_in_place, bool is_tight)
{
    enum { MAX = 800 };
    struct buffer a, b, y;
    struct binary_case k = { .run = is_sum ? c->kernels->add_f32 : c->kernels->mul_f32, .n = n };
    float *first = buffer_init_random(c, &a, n, 9.0f, is_tight), before[MAX];
    memcpy(before, first, n * sizeof *before);
    k.a = first;
    k.b = buffer_init_random(c, &b, n, 9.0f, is_tight);
    buffer_init(&y, n * sizeof(float), is_tight);
    k.y = is_in_place ? first : y.data;
    if (survives(c, call_binary, &k)) {
        for (size_t i = 0; i < n; i++) {
            const float want = is_sum ? before[i] + k.b[i] : before[i] * k.b[i];
            expect(c, same_float(k.y[i], want), "n %zu: y[%zu] is %.9g, not %.9g", n, i,
                   (double)k.y[i], (double)want);
        }
        expect(c, buffer_is_intact(&a) && buffer_is_intact(&y), "n %zu: writes outside", n);
    }
    buffer_done(&a);
    buffer_done(&b);
    buffer_done(&y);
}

static void check_scale(struct check *c, size_t n, bool is_tight)
{
    struct buffer x, y;
    struct scale_case k = { c->kernels->scale_f32, n, random_float(c), NULL, NULL };
    k.x = buffer_init_random(c, &x, n, 9.0f, is_tight);
    buffer_init(&y, n * sizeof(float), is_tight);
    k.y = y.data;
    if (survives(c, call_scale, &k)) {
        for (size_t i = 0; i < n; i++)
            expect(c, same_float(k.y[i], k.s * k.x[i]), "n %zu: y[%zu]", n, i);
        expect(c, buffer_is_intact(&y), "n %zu: writes outside", n);
    }
    buffer_done(&x);
    buffer_done(&y);
}

void check_elementwise_f32(struct check *c)
{
    for (size_t w = 0; w < N_WIDTHS; w++)
        for (int tight = 0; tight < 2; tight++) {
            check_binary(c, widths[w], true, false, tight);
            check_binary(c, widths[w], true, true, tight);
            check_binary(c, widths[w], false, false, tight);
            check_binary(c, widths[w], false, true, tight);
            check_scale(c, widths[w], tight);
        }
}

/* Widening: there are only 65536 inputs. */

struct widen_case {
    deit_widen_f32_fn *run;
    size_t n;
    const uint16_t *src;
    float *dst;
};

static void call_widen(void *context)
{
    const struct widen_case *w = context;
    w->run(w->n, w->src, w->dst);
}

static float f16_value(uint16_t half)
{
    const int exponent = half >> 10 & 31, mantissa = half & 1023;
    float value;
    if (exponent == 31)
        value = mantissa ? NAN : INFINITY;
    else
        value = (float)ldexp(exponent ? mantissa + 1024 : mantissa, (exponent ? exponent : 1) - 25);
    return half & 0x8000 ? -value : value;
}

static float bf16_value(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void check_widen(struct check *c, bool is_f16, size_t n, size_t first, bool is_tight)
{
    struct buffer src, dst;
    buffer_init(&src, n * sizeof(uint16_t), is_tight);
    buffer_init(&dst, n * sizeof(float), is_tight);
    uint16_t *halves = src.data;
    for (size_t i = 0; i < n; i++)
        halves[i] = (uint16_t)(first + i);
    struct widen_case w = { is_f16 ? c->kernels->widen_f16 : c->kernels->widen_bf16, n, halves,
                            dst.data };
    if (survives(c, call_widen, &w)) {
        for (size_t i = 0; i < n; i++) {
            const float want = is_f16 ? f16_value(halves[i]) : bf16_value(halves[i]);
            expect(c, same_float(w.dst[i], want), "%s %04x is %.9g, not %.9g",
                   is_f16 ? "f16" : "bf16", halves[i], (double)w.dst[i], (double)want);
        }
        expect(c, buffer_is_intact(&dst), "n %zu: writes outside", n);
    }
    buffer_done(&src);
    buffer_done(&dst);
}

void check_widen_f32(struct check *c)
{
    for (int is_f16 = 0; is_f16 < 2; is_f16++) {
        check_widen(c, is_f16, 65536, 0, false);
        for (size_t w = 0; w < N_WIDTHS; w++)
            check_widen(c, is_f16, widths[w], random_below(c, 65536), w % 2);
    }
}
