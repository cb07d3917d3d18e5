/*
 * tests/check/check_bf16.c: products of bf16 parts, splitting and packing.
 *
 * The order of a sum is the instruction set's own, so its bits are not known, but a bound is:
 * products of two bf16 are exact and every sum is rounded at most once for each of them.  What
 * the instructions flush to zero is allowed for, where it can occur and no further.  Splitting
 * and packing have no such freedom: their bits are known.
 */
#include "tests/check/check.h"

#include <math.h>
#include <string.h>

#include "ops/bf16.h"

static const size_t depths[] = { 32, 64, 96, 192, 224, 384, 768 };

enum { BIAS = 1, SCALE = 2, RESIDUAL = 4, IN_PLACE = 8, N_EPILOGUES = 16 };

struct gemm_case {
    const struct deit_gemm_bf16 *gemm;
    size_t rows;
    struct deit_gemm_bf16_args args;
};

static void call_gemm(void *context)
{
    const struct gemm_case *g = context;
    g->gemm->run(g->rows, &g->args);
}

struct gemm_buffers {
    struct buffer a, b, c, bias, scale, residual;
};

static uint16_t *init_parts(struct buffer *b, size_t n, bool is_tight)
{
    buffer_init(b, n * sizeof(uint16_t), is_tight);
    return b->data;
}

static void gemm_init(struct check *c, struct gemm_case *g, struct gemm_buffers *m, size_t rows,
                      size_t n, size_t k, unsigned n_parts, unsigned epilogue, float size)
{
    const size_t nr = c->kernels->gemm_bf16.nr, gap_c = random_below(c, 5);
    const bool is_tight = random_below(c, 2);
    *g = (struct gemm_case){ .gemm = &c->kernels->gemm_bf16, .rows = rows };
    struct deit_gemm_bf16_args *s = &g->args;
    s->k = k;
    s->n = n;
    s->n_parts = n_parts;
    s->a_stride = n_parts * k + random_below(c, 3);
    uint16_t *a = init_parts(&m->a, (rows - 1) * s->a_stride + n_parts * k, is_tight);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < k; i++) {
            float x = size * random_float(c);
            for (size_t p = 0; p < n_parts; p++)
                a[r * s->a_stride + p * k + i] = deit_bf16_take(&x);
        }
    uint16_t *b = init_parts(&m->b, n_parts * k * nr, is_tight);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < nr; j++) {
            float x = j < n ? random_float(c) : 0.0f;
            for (size_t p = 0; p < n_parts; p++)
                b[(p * k + i - i % 2) * nr + 2 * j + i % 2] = deit_bf16_take(&x);
        }
    s->a = a;
    s->b = b;
    s->c_stride = n + gap_c;
    s->c = buffer_init_random(c, &m->c, (rows - 1) * s->c_stride + n, 1.0f, is_tight);

    float *bias = buffer_init_random(c, &m->bias, n, 2.0f, is_tight);
    float *scale = buffer_init_random(c, &m->scale, n, 1.0f, is_tight);
    float *residual = buffer_init_random(c, &m->residual, (rows - 1) * (n + 1) + n, 3.0f, is_tight);
    s->bias = epilogue & BIAS ? bias : NULL;
    s->scale = epilogue & SCALE ? scale : NULL;
    if (epilogue & RESIDUAL) {
        s->residual = epilogue & IN_PLACE ? s->c : residual;
        s->residual_stride = epilogue & IN_PLACE ? s->c_stride : n + 1;
    }
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
    double value, error; /* what it is, and how far rounding and flushing may take it */
};

static struct expected rounded(struct expected e)
{
    e.error += ROUNDING * (fabs(e.value) + e.error) + 0x1p-126;
    return e;
}

/* 'residual' is the value from before the call, which may overwrite it. */
static struct expected gemm_expected(const struct gemm_case *g, size_t r, size_t j, float residual)
{
    const struct deit_gemm_bf16_args *s = &g->args;
    const size_t nr = g->gemm->nr;
    struct expected e = { 0 };
    double magnitude = 0.0, terms = 0.0;
    for (size_t p = 0; p < s->n_parts; p++)
        for (size_t q = 0; p + q < s->n_parts; q++)
            for (size_t i = 0; i < s->k; i++, terms++) {
                const double a = (double)deit_bf16_widen(s->a[r * s->a_stride + p * s->k + i]);
                const size_t pair = (q * s->k + i - i % 2) * nr + 2 * j + i % 2;
                const double product = a * (double)deit_bf16_widen(s->b[pair]);
                e.value += product;
                magnitude += fabs(product);
            }
    const double roundings = terms * ROUNDING;
    /* No operand is above 1: flushing one, its product or the sum takes less than 2^-126 each. */
    e.error = roundings / (1.0 - roundings) * magnitude + terms * 3.0 * 0x1p-126;
    if (s->bias) {
        e.value += (double)s->bias[j];
        e = rounded(e);
    }
    if (s->scale) {
        e.value *= (double)s->scale[j];
        e.error *= fabs((double)s->scale[j]);
        e = rounded(e);
    }
    if (s->residual) {
        e.value += (double)residual;
        e = rounded(e);
    }
    return e;
}

static void check_values(struct check *c, const struct gemm_case *g, const float *before)
{
    const struct deit_gemm_bf16_args *s = &g->args;
    for (size_t r = 0; r < g->rows; r++) {
        for (size_t j = 0; j < s->n; j++) {
            float residual = 0.0f;
            if (s->residual)
                residual = s->residual == s->c ? before[r * s->c_stride + j]
                                               : s->residual[r * s->residual_stride + j];
            const struct expected e = gemm_expected(g, r, j, residual);
            const float y = s->c[r * s->c_stride + j];
            expect(c, fabs((double)y - e.value) <= e.error,
                   "rows %zu n %zu k %zu parts %u: c[%zu][%zu] is %.9g, not %.9g within %.2g",
                   g->rows, s->n, s->k, s->n_parts, r, j, (double)y, e.value, e.error);
        }
        const size_t end = r * s->c_stride + s->n;
        expect(c, r + 1 == g->rows || !memcmp(s->c + end, before + end,
                                              (s->c_stride - s->n) * sizeof(float)),
               "rows %zu n %zu k %zu: writes behind row %zu", g->rows, s->n, s->k, r);
    }
}

/* Each row alone gives the bits that it has in company. */
static void check_single_rows(struct check *c, const struct gemm_case *g, const float *before)
{
    const struct deit_gemm_bf16_args *s = &g->args;
    float line[64];
    for (size_t r = 0; r < g->rows; r++) {
        struct gemm_case one = *g;
        one.rows = 1;
        one.args.a = s->a + r * s->a_stride;
        one.args.c = line;
        if (s->residual)
            one.args.residual = s->residual == s->c ? before + r * s->c_stride
                                                    : s->residual + r * s->residual_stride;
        if (!survives(c, call_gemm, &one))
            return;
        expect(c, memcmp(line, s->c + r * s->c_stride, s->n * sizeof *line) == 0,
               "rows %zu n %zu k %zu parts %u: row %zu alone differs", g->rows, s->n, s->k,
               s->n_parts, r);
    }
}

static void check_case(struct check *c, size_t rows, size_t n, size_t k, unsigned n_parts,
                       unsigned epilogue, float size)
{
    struct gemm_case g;
    struct gemm_buffers m;
    gemm_init(c, &g, &m, rows, n, k, n_parts, epilogue, size);
    float before[64 * 70];
    memcpy(before, m.c.data, m.c.bytes);
    if (survives(c, call_gemm, &g)) {
        check_values(c, &g, before);
        check_single_rows(c, &g, before);
        expect(c, buffer_is_intact(&m.c), "rows %zu n %zu k %zu: writes outside c", rows, n, k);
    }
    gemm_done(&m);
}

/* A NaN in a row spoils that row, one in a column that column, and nothing else. */
static void check_nan(struct check *c, size_t k, unsigned n_parts)
{
    const size_t rows = c->kernels->gemm_bf16.mr, n = c->kernels->gemm_bf16.nr;
    const size_t bad_row = random_below(c, rows), bad_column = random_below(c, n);
    struct gemm_case g;
    struct gemm_buffers m;
    gemm_init(c, &g, &m, rows, n, k, n_parts, 0, 1.0f);
    const size_t i = random_below(c, k);
    ((uint16_t *)m.a.data)[bad_row * g.args.a_stride + random_below(c, k)] = 0x7fc0;
    ((uint16_t *)m.b.data)[(i - i % 2) * n + 2 * bad_column + i % 2] = 0x7fc0;
    if (survives(c, call_gemm, &g))
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++) {
                const bool is_bad = r == bad_row || j == bad_column;
                expect(c, !isnan(g.args.c[r * g.args.c_stride + j]) == !is_bad,
                       "k %zu: NaN is %s at [%zu][%zu]", k, is_bad ? "lost" : "made up", r, j);
            }
    gemm_done(&m);
}

void check_gemm_bf16(struct check *c)
{
    const size_t mr = c->kernels->gemm_bf16.mr, nr = c->kernels->gemm_bf16.nr;
    const size_t widths[] = { nr, 1, nr / 2 - 1, nr / 2, nr / 2 + 1, nr - 1 };
    const size_t n_widths = sizeof widths / sizeof *widths;
    expect(c, mr >= 1 && mr <= 64 && nr >= 4 && nr <= 64, "mr %zu, nr %zu", mr, nr);

    unsigned turn = (unsigned)random_below(c, N_EPILOGUES);
    for (unsigned n_parts = 1; n_parts <= DEIT_BF16_PARTS; n_parts++) {
        for (size_t rows = 1; rows <= mr; rows++, turn++) {
            const size_t k = depths[turn % (sizeof depths / sizeof *depths)];
            check_case(c, rows, nr, k, n_parts, turn % N_EPILOGUES, 1.0f);
            check_case(c, rows, widths[turn % n_widths], 32, n_parts, turn * 7 % N_EPILOGUES, 1.0f);
        }
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
            check_case(c, 1 + random_below(c, mr), nr, depths[d], n_parts, 0, 1.0f);
        /* Every epilogue at every width; then each width. */
        for (unsigned e = 0; e < N_EPILOGUES; e++)
            for (size_t w = 0; w < n_widths; w++)
                check_case(c, 1 + random_below(c, mr), widths[w], 32, n_parts, e, 1.0f);
        for (size_t n = 1; n <= nr; n++)
            check_case(c, 1 + random_below(c, mr), n, 64, n_parts, 0, 1.0f);
        /* Near what is flushed: parts, products. */
        check_case(c, mr, nr, 64, n_parts, 0, 0x1p-120f);
        check_case(c, mr, nr, 64, n_parts, 0, 0x1p-130f);
        check_nan(c, 32, n_parts);
        check_nan(c, 224, n_parts);
    }
}

/* Splitting and packing */

/* Whether 'part' is the next part of 'x', of which it is taken off. */
static bool is_part(uint16_t part, float *x)
{
    const float whole = *x;
    const uint16_t wanted = deit_bf16_take(x);
    if (isnan(whole))
        return isnan(deit_bf16_widen(part));
    if ((part & 0x7fff) == 0 && fabsf(whole) < 0x1p-126f) {
        *x = 0.0f; /* flushed, or zero, which is either zero */
        return true;
    }
    return part == wanted;
}

/* Of all sizes: zeros, ties, denormals, the largest; no NaN, for which parts differ. */
static float any_float(struct check *c)
{
    uint32_t bits = (uint32_t)random_bits(c);
    switch (random_below(c, 8)) {
    case 0:
        bits &= 0x80000000u;
        break;
    case 1:
        bits = (bits & 0xbfff0000u) | 0x8000u; /* a tie */
        break;
    case 2:
        bits &= 0x807fffffu; /* denormal */
        break;
    case 3:
        bits &= 0x83ffffffu; /* leaves a rest that is */
        break;
    default:
        return random_float(c);
    }
    if ((bits & 0x7f800000u) == 0x7f800000u)
        bits &= 0xbfffffffu;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

struct convert_case {
    const struct deit_kernels *kernels;
    size_t rows, k, stride, nr, k_padded;
    unsigned n_parts;
    const float *src;
    uint16_t *dst;
};

static void convert_init(struct check *c, struct convert_case *v, struct buffer *src, size_t rows,
                         size_t k, unsigned n_parts, bool is_tight)
{
    *v = (struct convert_case){ .kernels = c->kernels, .rows = rows, .k = k, .n_parts = n_parts,
                                .nr = c->kernels->gemm_bf16.nr };
    v->k_padded = deit_bf16_padded(k);
    v->stride = k + random_below(c, 3);
    float *data = buffer_init_random(c, src, (rows - 1) * v->stride + k, 1.0f, is_tight);
    for (size_t i = 0; i < (rows - 1) * v->stride + k; i++)
        data[i] = any_float(c);
    v->src = data;
}

struct split_case {
    const struct deit_kernels *kernels;
    size_t rows;
    struct deit_split_bf16_args args;
};

static void call_split(void *context)
{
    const struct split_case *v = context;
    v->kernels->split_bf16(v->rows, &v->args);
}

/* Gaps between parts and rows must survive. */
static void check_gaps(struct check *c, const struct split_case *v, size_t n)
{
    const struct deit_split_bf16_args *s = &v->args;
    for (size_t i = 0; i < n; i++) {
        const size_t in_row = i % s->dst_stride, p = in_row / s->part_stride;
        if (p >= s->n_parts || in_row % s->part_stride >= s->k_padded)
            expect(c, s->dst[i] == 0xffff, "rows %zu k %zu parts %u: writes between parts",
                   v->rows, s->k, s->n_parts);
    }
}

static void check_parts(struct check *c, const struct split_case *v)
{
    const struct deit_split_bf16_args *s = &v->args;
    for (size_t r = 0; r < v->rows; r++)
        for (size_t i = 0; i < s->k_padded; i++) {
            const float whole = i < s->k ? s->src[r * s->src_stride + i] : 0.0f;
            float x = whole;
            for (size_t p = 0; p < s->n_parts; p++) {
                const uint16_t part = s->dst[r * s->dst_stride + p * s->part_stride + i];
                expect(c, is_part(part, &x),
                       "rows %zu k %zu parts %u: part %zu of [%zu][%zu], %a, is %04x", v->rows,
                       s->k, s->n_parts, p, r, i, (double)whole, part);
            }
        }
}

static void check_split(struct check *c, size_t rows, size_t k, unsigned n_parts, bool is_tight)
{
    struct convert_case v;
    struct buffer src, dst;
    convert_init(c, &v, &src, rows, k, n_parts, is_tight);
    struct split_case split = { .kernels = c->kernels, .rows = rows };
    struct deit_split_bf16_args *s = &split.args;
    *s = (struct deit_split_bf16_args){ .k = k, .n_parts = n_parts, .src = v.src,
                                        .src_stride = v.stride };
    s->k_padded = random_below(c, 2) ? v.k_padded : k + random_below(c, 3);
    s->part_stride = s->k_padded + random_below(c, 3);
    s->dst_stride = n_parts * s->part_stride + random_below(c, 3);
    const size_t n = (rows - 1) * s->dst_stride + (n_parts - 1) * s->part_stride + s->k_padded;
    s->dst = init_parts(&dst, n, is_tight);
    if (survives(c, call_split, &split)) {
        check_parts(c, &split);
        check_gaps(c, &split, n);
        expect(c, buffer_is_intact(&dst), "rows %zu k %zu: writes outside", rows, k);
    }
    buffer_done(&src);
    buffer_done(&dst);
}

static const size_t widths_of_rows[] = { 1, 3, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 197 };
enum { N_WIDTHS = sizeof widths_of_rows / sizeof *widths_of_rows };

/* NaN and infinity: part 0 says it, whatever the others are. */
static void check_split_nonfinite(struct check *c)
{
    float x[48];
    uint16_t parts[3 * 64];
    for (size_t i = 0; i < 48; i++)
        x[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
    const uint32_t small_nan = 0x7f800001u; /* its upper half alone is infinity */
    memcpy(&x[0], &small_nan, sizeof small_nan);
    for (unsigned n_parts = 1; n_parts <= DEIT_BF16_PARTS; n_parts++) {
        const struct deit_split_bf16_args args = {
            .k = 48, .k_padded = 64, .n_parts = n_parts, .src = x, .src_stride = 48,
            .dst = parts, .dst_stride = 3 * 64, .part_stride = 64,
        };
        c->kernels->split_bf16(1, &args);
        for (size_t i = 0; i < 48; i++)
            expect(c, same_float(deit_bf16_widen(parts[i]), x[i]), "parts %u: %g becomes %g",
                   n_parts, (double)x[i], (double)deit_bf16_widen(parts[i]));
    }
}

void check_split_bf16(struct check *c)
{
    for (unsigned n_parts = 1; n_parts <= DEIT_BF16_PARTS; n_parts++)
        for (size_t i = 0; i < N_WIDTHS; i++)
            for (size_t rows = 1; rows <= 3; rows++) {
                check_split(c, rows, widths_of_rows[i], n_parts, false);
                check_split(c, rows, widths_of_rows[i], n_parts, true);
            }
    check_split_nonfinite(c);
}

static void call_pack(void *context)
{
    const struct convert_case *v = context;
    v->kernels->pack_bf16(v->rows, v->k, v->src, v->stride, v->nr, v->n_parts, v->k_padded,
                          v->dst);
}

static void call_interleave(void *context)
{
    const struct convert_case *v = context;
    v->kernels->interleave_bf16(v->rows, v->k, v->src, v->stride, v->nr, v->n_parts,
                                v->k_padded * v->nr, v->dst);
}

/* 'n' columns of the panel and 'k' rows of it are given, 'depth' are written. */
static void check_panel(struct check *c, const struct convert_case *v, size_t n, size_t k,
                        size_t depth, bool is_transposed)
{
    for (size_t i = 0; i < depth; i++)
        for (size_t j = 0; j < v->nr; j++) {
            float x = 0.0f;
            if (i < k && j < n)
                x = is_transposed ? v->src[j * v->stride + i] : v->src[i * v->stride + j];
            for (size_t p = 0; p < v->n_parts; p++)
                expect(c,
                       is_part(v->dst[(p * v->k_padded + i - i % 2) * v->nr + 2 * j + i % 2], &x),
                       "n %zu k %zu parts %u: part %zu of [%zu][%zu]", n, k, v->n_parts, p, i, j);
        }
}

static void check_pack(struct check *c, size_t rows, size_t k, unsigned n_parts, bool is_tight)
{
    struct convert_case v;
    struct buffer src, panel;
    convert_init(c, &v, &src, rows, k, n_parts, is_tight);
    v.dst = init_parts(&panel, n_parts * v.k_padded * v.nr, is_tight);
    if (survives(c, call_pack, &v)) {
        check_panel(c, &v, rows, k, v.k_padded, true);
        expect(c, buffer_is_intact(&panel), "rows %zu k %zu: writes outside", rows, k);
    }
    buffer_done(&src);
    buffer_done(&panel);
}

void check_pack_bf16(struct check *c)
{
    unsigned n_parts = 0;
    for (size_t d = 0; d < N_WIDTHS; d++)
        for (size_t rows = 1; rows <= c->kernels->gemm_bf16.nr; rows++, n_parts++)
            check_pack(c, rows, widths_of_rows[d], 1 + n_parts % 3, rows % 2);
}

/* Pairs of rows that it must not write keep what they held. */
static void check_interleave(struct check *c, size_t k, size_t n, unsigned n_parts, bool is_tight)
{
    struct convert_case v;
    struct buffer src, panel;
    convert_init(c, &v, &src, k, n, n_parts, is_tight);
    v.k_padded = k + k % 2 + 2;
    v.dst = init_parts(&panel, n_parts * v.k_padded * v.nr, is_tight);
    if (survives(c, call_interleave, &v)) {
        check_panel(c, &v, n, k, k + k % 2, false);
        for (size_t p = 0; p < n_parts; p++)
            for (size_t i = 0; i < 2 * v.nr; i++)
                expect(c, v.dst[((p + 1) * v.k_padded - 2) * v.nr + i] == 0xffff,
                       "n %zu k %zu: writes behind part %zu", n, k, p);
        expect(c, buffer_is_intact(&panel), "n %zu k %zu: writes outside", n, k);
    }
    buffer_done(&src);
    buffer_done(&panel);
}

void check_interleave_bf16(struct check *c)
{
    for (size_t k = 1; k <= 9; k++)
        for (size_t n = 1; n <= c->kernels->gemm_bf16.nr; n++)
            check_interleave(c, k, n, 1 + (unsigned)(k + n) % 3, n % 2);
}
