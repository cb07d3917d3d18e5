/*
 * tests/check/check_gemm.c: the product and the packing.
 *
 * The contract fixes the order of the sum, so beyond an error bound the bits are known too: a
 * chain of fused multiply-adds, or of products and sums where the machine does not fuse.
 */
#include "tests/check/check.h"

#include <math.h>
#include <string.h>

/* Depths: short ones, around unrolling steps, primes, DeiT's head, tokens and widths. */
static const size_t depths[] = { 1, 2, 3, 4, 5, 7, 8, 16, 17, 31, 64, 65, 192, 197, 198, 384, 769 };

enum { BIAS = 1, SCALE = 2, RESIDUAL = 4, IN_PLACE = 8, ACCUMULATE = 16, N_VARIANTS = 32 };

struct gemm_case {
    const struct deit_gemm_f32 *gemm;
    size_t rows;
    struct deit_gemm_f32_args args;
};

static void call_gemm(void *context)
{
    const struct gemm_case *g = context;
    g->gemm->run(g->rows, &g->args);
}

struct gemm_buffers {
    struct buffer a, b, c, bias, scale, residual;
};

/* Column strides leave a gap behind each row, which must survive. */
static void gemm_init(struct check *c, struct gemm_case *g, struct gemm_buffers *m, size_t rows,
                      size_t n, size_t k, unsigned variant, bool is_tight)
{
    const size_t nr = c->kernels->gemm_f32.nr;
    const size_t gap_a = random_below(c, 3), gap_c = random_below(c, 5);
    *g = (struct gemm_case){ .gemm = &c->kernels->gemm_f32, .rows = rows };
    g->args.k = k;
    g->args.n = n;
    g->args.a_stride = k + gap_a;
    g->args.a = buffer_init_random(c, &m->a, (rows - 1) * (k + gap_a) + k, 1.0f, is_tight);
    g->args.c_stride = n + gap_c;
    g->args.c = buffer_init_random(c, &m->c, (rows - 1) * (n + gap_c) + n, 1.0f, is_tight);

    /* A whole panel at the end of a page is aligned: its size is a multiple of 64 or 32 bytes. */
    const bool is_aligned = k * nr % 16 == 0;
    float *b = buffer_init_random(c, &m->b, k * nr, 1.0f, is_tight && is_aligned);
    for (size_t i = 0; i < k; i++)
        for (size_t j = n; j < nr; j++)
            b[i * nr + j] = 0.0f;
    g->args.b = b;

    float *bias = buffer_init_random(c, &m->bias, n, 2.0f, is_tight);
    float *scale = buffer_init_random(c, &m->scale, n, 1.0f, is_tight);
    float *residual = buffer_init_random(c, &m->residual, (rows - 1) * (n + 1) + n, 3.0f, is_tight);
    g->args.bias = variant & BIAS ? bias : NULL;
    g->args.scale = variant & SCALE ? scale : NULL;
    g->args.accumulate = variant & ACCUMULATE;
    if (variant & RESIDUAL) {
        const bool is_in_place = (variant & IN_PLACE) && !g->args.accumulate;
        g->args.residual = is_in_place ? g->args.c : residual;
        g->args.residual_stride = is_in_place ? g->args.c_stride : n + 1;
    }
    /* The hint is followed beyond what exists, at any address. */
    g->args.next = variant & BIAS ? (const char *)residual + random_below(c, 99) : NULL;
    g->args.next_bytes = g->args.next ? random_below(c, 9999) : 0;
}

static void gemm_done(struct gemm_buffers *m)
{
    buffer_done(&m->a);
    buffer_done(&m->b);
    buffer_done(&m->c);
    buffer_done(&m->bias);
    buffer_done(&m->scale);
    buffer_done(&m->residual);
}

struct expected {
    double value, error;    /* what it is, and how far rounding may take it */
    float fused, separated; /* the bits of either chain */
};

static struct expected epilogue(const struct gemm_case *g, size_t j, float residual,
                                struct expected e)
{
    const struct deit_gemm_f32_args *s = &g->args;
    if (s->bias) {
        e.value += (double)s->bias[j];
        e.error += ROUNDING * (fabs(e.value) + e.error);
        e.fused += s->bias[j];
        e.separated += s->bias[j];
    }
    if (s->scale) {
        e.value *= (double)s->scale[j];
        e.error *= fabs((double)s->scale[j]);
        e.error += ROUNDING * (fabs(e.value) + e.error);
        e.fused *= s->scale[j];
        e.separated *= s->scale[j];
    }
    if (s->residual) {
        e.value += (double)residual;
        e.error += ROUNDING * (fabs(e.value) + e.error);
        e.fused += residual;
        e.separated += residual;
    }
    return e;
}

/* 'start' and 'residual' are values from before the call, which may overwrite them. */
static struct expected gemm_expected(const struct gemm_case *g, size_t r, size_t j, float start,
                                     float residual)
{
    const struct deit_gemm_f32_args *s = &g->args;
    const size_t nr = g->gemm->nr;
    struct expected e = { .value = (double)start, .fused = start, .separated = start };
    double magnitude = fabs((double)start);
    for (size_t i = 0; i < s->k; i++) {
        const float a = s->a[r * s->a_stride + i], b = s->b[i * nr + j];
        e.value += (double)a * (double)b;
        magnitude += fabs((double)a * (double)b);
        e.fused = fmaf(a, b, e.fused);
        const float product = a * b;
        e.separated += product;
    }
    /* k products and k sums, each rounded: (1 + u)^(k + 1) - 1. */
    const double roundings = (double)(s->k + 1) * ROUNDING;
    e.error = roundings / (1.0 - roundings) * magnitude + (double)s->k * 0x1p-126;
    return epilogue(g, j, residual, e);
}

static void check_values(struct check *c, const struct gemm_case *g, const float *before,
                         const char *what)
{
    const struct deit_gemm_f32_args *s = &g->args;
    for (size_t r = 0; r < g->rows; r++)
        for (size_t j = 0; j < s->n; j++) {
            float residual = 0.0f;
            if (s->residual)
                residual = s->residual == s->c ? before[r * s->c_stride + j]
                                               : s->residual[r * s->residual_stride + j];
            const float start = s->accumulate ? before[r * s->c_stride + j] : 0.0f;
            const struct expected e = gemm_expected(g, r, j, start, residual);
            const float y = s->c[r * s->c_stride + j];
            expect(c, fabs((double)y - e.value) <= e.error,
                   "%s rows %zu n %zu k %zu: c[%zu][%zu] is %.9g, not %.9g within %.2g", what,
                   g->rows, s->n, s->k, r, j, (double)y, e.value, e.error);
            expect(c, same_float(y, e.fused) || same_float(y, e.separated),
                   "%s rows %zu n %zu k %zu: c[%zu][%zu] is %.9g, a chain gives %.9g", what,
                   g->rows, s->n, s->k, r, j, (double)y, (double)e.fused);
        }
}

static void check_gaps(struct check *c, const struct gemm_case *g, const float *before)
{
    const struct deit_gemm_f32_args *s = &g->args;
    for (size_t r = 0; r + 1 < g->rows; r++)
        expect(c, memcmp(s->c + r * s->c_stride + s->n, before + r * s->c_stride + s->n,
                         (s->c_stride - s->n) * sizeof(float)) == 0,
               "rows %zu n %zu k %zu: writes behind row %zu", g->rows, s->n, s->k, r);
}

/* Each row alone gives the bits that it has in company. */
static void check_single_rows(struct check *c, const struct gemm_case *g, const float *before)
{
    const struct deit_gemm_f32_args *s = &g->args;
    float line[64];
    for (size_t r = 0; r < g->rows; r++) {
        struct gemm_case one = *g;
        one.rows = 1;
        one.args.a = s->a + r * s->a_stride;
        one.args.c = line;
        memcpy(line, before + r * s->c_stride, s->n * sizeof *line);
        if (s->residual)
            one.args.residual = s->residual == s->c ? before + r * s->c_stride
                                                    : s->residual + r * s->residual_stride;
        if (!survives(c, call_gemm, &one))
            return;
        expect(c, memcmp(line, s->c + r * s->c_stride, s->n * sizeof *line) == 0,
               "rows %zu n %zu k %zu: row %zu alone differs", g->rows, s->n, s->k, r);
    }
}

static void check_case(struct check *c, size_t rows, size_t n, size_t k, unsigned variant)
{
    struct gemm_case g;
    struct gemm_buffers m;
    gemm_init(c, &g, &m, rows, n, k, variant, variant & 1 ? k % 2 : n % 2);
    float before[64 * 64];
    memcpy(before, m.c.data, m.c.bytes);
    if (survives(c, call_gemm, &g)) {
        check_values(c, &g, before, "product");
        check_gaps(c, &g, before);
        check_single_rows(c, &g, before);
        expect(c, buffer_is_intact(&m.c), "rows %zu n %zu k %zu: writes outside c", rows, n, k);
    }
    gemm_done(&m);
}

/* A NaN in a row spoils that row, one in a column that column, and nothing else. */
static void check_nan(struct check *c, size_t k)
{
    const size_t rows = c->kernels->gemm_f32.mr, n = c->kernels->gemm_f32.nr;
    const size_t bad_row = random_below(c, rows), bad_column = random_below(c, n);
    struct gemm_case g;
    struct gemm_buffers m;
    gemm_init(c, &g, &m, rows, n, k, 0, false);
    ((float *)m.a.data)[bad_row * g.args.a_stride + random_below(c, k)] = NAN;
    ((float *)m.b.data)[random_below(c, k) * n + bad_column] = NAN;
    if (survives(c, call_gemm, &g))
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++) {
                const bool is_bad = r == bad_row || j == bad_column;
                expect(c, !isnan(g.args.c[r * g.args.c_stride + j]) == !is_bad,
                       "k %zu: NaN is %s at [%zu][%zu]", k, is_bad ? "lost" : "made up", r, j);
            }
    gemm_done(&m);
}

void check_gemm_f32(struct check *c)
{
    const size_t mr = c->kernels->gemm_f32.mr, nr = c->kernels->gemm_f32.nr;
    const size_t widths[] = { nr, 1, nr / 2 - 1, nr / 2, nr / 2 + 1, nr - 1 };
    const size_t n_widths = sizeof widths / sizeof *widths;
    expect(c, mr >= 1 && mr <= 64 && nr >= 4 && nr <= 64, "mr %zu, nr %zu", mr, nr);

    unsigned turn = (unsigned)random_below(c, N_VARIANTS);
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
        for (size_t rows = 1; rows <= mr; rows++) {
            check_case(c, rows, nr, depths[d], turn++ % N_VARIANTS);
            check_case(c, rows, widths[turn % n_widths], depths[d], turn * 7 % N_VARIANTS);
        }
    /* Every variant at every width. */
    for (unsigned e = 0; e < N_VARIANTS; e++)
        for (size_t w = 0; w < n_widths; w++)
            check_case(c, 1 + random_below(c, mr), widths[w], 1 + random_below(c, 20), e);
    for (size_t n = 1; n <= nr; n++)
        check_case(c, 1 + random_below(c, mr), n, 1 + random_below(c, 20), 0);
    check_nan(c, 1);
    check_nan(c, 197);
}

/* Packing */

struct pack_case {
    deit_pack_f32_fn *run;
    size_t rows, k, stride, nr;
    const float *src;
    float *panel;
};

static void call_pack(void *context)
{
    const struct pack_case *p = context;
    p->run(p->rows, p->k, p->src, p->stride, p->nr, p->panel);
}

static void check_pack(struct check *c, size_t rows, size_t k, size_t nr, bool is_tight)
{
    struct buffer src, panel;
    struct pack_case p = { .run = c->kernels->pack_f32, .rows = rows, .k = k, .nr = nr };
    p.stride = k + random_below(c, 3);
    p.src = buffer_init_random(c, &src, (rows - 1) * p.stride + k, 1.0f, is_tight);
    buffer_init(&panel, k * nr * sizeof(float), is_tight && k * nr % 16 == 0);
    p.panel = panel.data;
    if (survives(c, call_pack, &p)) {
        for (size_t i = 0; i < k; i++)
            for (size_t r = 0; r < nr; r++)
                expect(c,
                       same_float(p.panel[i * nr + r], r < rows ? p.src[r * p.stride + i] : 0.0f),
                       "rows %zu k %zu nr %zu: panel[%zu][%zu]", rows, k, nr, i, r);
        expect(c, buffer_is_intact(&panel), "rows %zu k %zu nr %zu: writes outside", rows, k, nr);
    }
    buffer_done(&src);
    buffer_done(&panel);
}

void check_pack_f32(struct check *c)
{
    static const size_t ks[] = { 1, 3, 7, 8, 9, 15, 16, 17, 33, 64, 197 };
    const size_t nr = c->kernels->gemm_f32.nr;
    for (size_t d = 0; d < sizeof ks / sizeof *ks; d++)
        for (size_t rows = 1; rows <= nr; rows++)
            check_pack(c, rows, ks[d], nr, rows % 2);
}
