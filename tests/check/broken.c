/*
 * tests/check/broken.c: kernels that are broken on purpose.
 *
 * Each has one of the faults that kernels have had elsewhere or that a bound set too loosely
 * would let pass.  The checks must catch every one; and they must accept the scalar table, or
 * catching would mean nothing.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/bf16.h"
#include "tests/check/check.h"

/* The scalar table, on which the broken ones build. */
static struct deit_kernels good;

static void gemm_skips_last_k(size_t rows, const struct deit_gemm_f32_args *args)
{
    struct deit_gemm_f32_args less = *args;
    less.k--;
    good.gemm_f32.run(rows, &less);
}

static void gemm_starts_from_zero(size_t rows, const struct deit_gemm_f32_args *args)
{
    struct deit_gemm_f32_args fresh = *args;
    fresh.accumulate = false;
    good.gemm_f32.run(rows, &fresh);
}

static void gemm_ignores_bias(size_t rows, const struct deit_gemm_f32_args *args)
{
    struct deit_gemm_f32_args less = *args;
    less.bias = NULL;
    good.gemm_f32.run(rows, &less);
}

static void gemm_adds_residual_before_scale(size_t rows, const struct deit_gemm_f32_args *args)
{
    struct deit_gemm_f32_args sum = *args, product = *args;
    sum.scale = NULL;
    good.gemm_f32.run(rows, &sum);
    if (!args->scale)
        return;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < args->n; j++)
            product.c[r * args->c_stride + j] *= args->scale[j];
}

static void gemm_repeats_row_of_full_tile(size_t rows, const struct deit_gemm_f32_args *args)
{
    good.gemm_f32.run(rows, args);
    if (rows == good.gemm_f32.mr)
        memcpy(args->c + (rows - 1) * args->c_stride, args->c, args->n * sizeof(float));
}

/* Even and odd k in two chains: as exact, but not the bits of one chain. */
static void gemm_splits_chain(size_t rows, const struct deit_gemm_f32_args *args)
{
    const size_t nr = good.gemm_f32.nr;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < args->n; j++) {
            float sum[2] = { 0.0f, 0.0f };
            for (size_t i = 0; i < args->k; i++)
                sum[i % 2] += args->a[r * args->a_stride + i] * args->b[i * nr + j];
            float y = sum[0] + sum[1];
            y += args->bias ? args->bias[j] : 0.0f;
            y *= args->scale ? args->scale[j] : 1.0f;
            y += args->residual ? args->residual[r * args->residual_stride + j] : 0.0f;
            args->c[r * args->c_stride + j] = y;
        }
}

static void gemm_writes_whole_panel(size_t rows, const struct deit_gemm_f32_args *args)
{
    good.gemm_f32.run(rows, args);
    for (size_t j = args->n; j < good.gemm_f32.nr; j++)
        args->c[(rows - 1) * args->c_stride + j] = 0.0f;
}

static void pack_leaves_padding(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                                float *panel)
{
    for (size_t i = 0; i < k; i++)
        for (size_t r = 0; r < rows; r++)
            panel[i * nr + r] = src[r * stride + i];
}

static void gemm_bf16_skips_odd_k(size_t rows, const struct deit_gemm_bf16_args *args)
{
    static uint16_t a[64 * 4096];
    struct deit_gemm_bf16_args less = *args;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < args->n_parts * args->k; i++)
            a[r * args->n_parts * args->k + i] = i % 2 ? 0 : args->a[r * args->a_stride + i];
    less.a = a;
    less.a_stride = args->n_parts * args->k;
    good.gemm_bf16.run(rows, &less);
}

/* As if a kernel for two parts ran for three: the last products are missing. */
static void gemm_bf16_forgets_a_part(size_t rows, const struct deit_gemm_bf16_args *args)
{
    static uint16_t a[64 * 4096];
    struct deit_gemm_bf16_args less = *args;
    const size_t last = (args->n_parts - 1) * args->k, width = args->n_parts * args->k;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            a[r * width + i] = args->n_parts > 1 && i >= last ? 0 : args->a[r * args->a_stride + i];
    less.a = a;
    less.a_stride = width;
    good.gemm_bf16.run(rows, &less);
}

/* Sums held in bf16, as some libraries store partial sums. */
static void gemm_bf16_rounds_result(size_t rows, const struct deit_gemm_bf16_args *args)
{
    good.gemm_bf16.run(rows, args);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < args->n; j++) {
            float *y = &args->c[r * args->c_stride + j];
            *y = deit_bf16_widen(deit_bf16_round(*y));
        }
}

static void gemm_bf16_repeats_row_of_full_tile(size_t rows, const struct deit_gemm_bf16_args *args)
{
    good.gemm_bf16.run(rows, args);
    if (rows == good.gemm_bf16.mr)
        memcpy(args->c + (rows - 1) * args->c_stride, args->c, args->n * sizeof(float));
}

/* Rows in company get another chain: the products of full tiles are summed from the end. */
static void gemm_bf16_depends_on_rows(size_t rows, const struct deit_gemm_bf16_args *args)
{
    static uint16_t a[64 * 4096], b[64 * 4096];
    if (rows < good.gemm_bf16.mr || args->n_parts > 1) {
        good.gemm_bf16.run(rows, args);
        return;
    }
    const size_t k = args->k, row = 2 * good.gemm_bf16.nr;
    for (size_t i = 0; i < k / 2; i++) {
        for (size_t r = 0; r < rows; r++)
            memcpy(a + r * k + k - 2 - 2 * i, args->a + r * args->a_stride + 2 * i, 2 * sizeof *a);
        memcpy(b + (k / 2 - 1 - i) * row, args->b + i * row, row * sizeof *b);
    }
    struct deit_gemm_bf16_args other = *args;
    other.a = a;
    other.a_stride = k;
    other.b = b;
    good.gemm_bf16.run(rows, &other);
}

static void split_bf16_truncates(size_t rows, const struct deit_split_bf16_args *args)
{
    good.split_bf16(rows, args);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < args->k; i++) {
            uint32_t bits;
            memcpy(&bits, &args->src[r * args->src_stride + i], sizeof bits);
            args->dst[r * args->dst_stride + i] = (uint16_t)(bits >> 16);
        }
}

/* Half a unit more before it is cut: right but for ties. */
static void split_bf16_rounds_ties_up(size_t rows, const struct deit_split_bf16_args *args)
{
    good.split_bf16(rows, args);
    for (size_t r = 0; args->n_parts == 1 && r < rows; r++)
        for (size_t i = 0; i < args->k; i++) {
            uint32_t bits;
            memcpy(&bits, &args->src[r * args->src_stride + i], sizeof bits);
            if ((bits & 0x7f800000u) != 0x7f800000u)
                args->dst[r * args->dst_stride + i] = (uint16_t)((bits + 0x8000u) >> 16);
        }
}

static void split_bf16_leaves_padding(size_t rows, const struct deit_split_bf16_args *args)
{
    struct deit_split_bf16_args less = *args;
    less.k_padded = args->k;
    good.split_bf16(rows, &less);
}

/* Rows and parts behind each other, whatever the strides are. */
static void split_bf16_ignores_strides(size_t rows, const struct deit_split_bf16_args *args)
{
    struct deit_split_bf16_args dense = *args;
    dense.part_stride = args->k_padded;
    dense.dst_stride = args->n_parts * args->k_padded;
    good.split_bf16(rows, &dense);
}

/* A NaN whose upper half says infinity. */
static void split_bf16_loses_nan(size_t rows, const struct deit_split_bf16_args *args)
{
    good.split_bf16(rows, args);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < args->k; i++)
            if (isnan(args->src[r * args->src_stride + i]))
                args->dst[r * args->dst_stride + i] &= 0xff80;
}

static void pack_bf16_without_pairs(size_t rows, size_t k, const float *src, size_t stride,
                                    size_t nr, unsigned n_parts, size_t k_padded, uint16_t *panel)
{
    for (size_t i = 0; i < k_padded; i++)
        for (size_t r = 0; r < nr; r++) {
            float x = r < rows && i < k ? src[r * stride + i] : 0.0f;
            for (size_t p = 0; p < n_parts; p++)
                panel[(p * k_padded + i) * nr + r] = deit_bf16_take(&x);
        }
}

static void interleave_bf16_pairs_with_next(size_t k, size_t n, const float *src, size_t stride,
                                            size_t nr, unsigned n_parts, size_t part_stride,
                                            uint16_t *panel)
{
    good.interleave_bf16(k, n, src, stride, nr, n_parts, part_stride, panel);
    for (size_t j = 0; k % 2 && k > 1 && j < n; j++) /* an odd k's partner is the row before */
        panel[(k - 1) * nr + 2 * j + 1] = deit_bf16_round(src[(k - 2) * stride + j]);
}

static void gelu_by_tanh(size_t rows, size_t n, float *x, size_t stride)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++) {
            const float v = x[r * stride + j];
            const float t = tanhf(0.7978845608f * (v + 0.044715f * v * v * v));
            x[r * stride + j] = 0.5f * v * (1.0f + t);
        }
}

/* 1 + erf loses the digits of a small Phi. */
static void gelu_by_erf(size_t rows, size_t n, float *x, size_t stride)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++) {
            const float v = x[r * stride + j];
            x[r * stride + j] = 0.5f * v * (1.0f + erff(v * 0.70710678f));
        }
}

static void gelu_drops_nan(size_t rows, size_t n, float *x, size_t stride)
{
    good.gelu_f32(rows, n, x, stride);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++)
            if (isnan(x[r * stride + j]))
                x[r * stride + j] = 0.0f;
}

/* As if a vector of eight took in lanes that hold zero. */
static float softmax_with_unmasked_tail(size_t n, float scale, float *x)
{
    float max = n % 8 ? 0.0f : -INFINITY;
    for (size_t i = 0; i < n; i++)
        max = fmaxf(max, x[i]);
    float sum = 0.0f;
    for (size_t i = 0; i < n; i++)
        sum += x[i] = expf(scale * (x[i] - max));
    for (size_t i = n; i % 8; i++)
        sum += expf(scale * (0.0f - max));
    return sum;
}

static float softmax_without_maximum(size_t n, float scale, float *x)
{
    float sum = 0.0f;
    for (size_t i = 0; i < n; i++)
        sum += x[i] = expf(scale * x[i]);
    return sum;
}

static float softmax_by_short_exp2(size_t n, float scale, float *x)
{
    float max = -INFINITY, sum = 0.0f;
    for (size_t i = 0; i < n; i++)
        max = fmaxf(max, x[i]);
    for (size_t i = 0; i < n; i++)
        sum += x[i] = exp2f(scale * (x[i] - max) * 1.44269504f); /* rounded before it is split */
    return sum;
}

static void layernorm_of_other_eps(size_t d, const float *x, const float *gamma, const float *beta,
                                   float eps, float *y)
{
    good.layernorm_f32(d, x, gamma, beta, 10.0f * eps, y);
}

static void layernorm_unbiased(size_t d, const float *x, const float *gamma, const float *beta,
                               float eps, float *y)
{
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < d; i++)
        sum += (double)x[i];
    const double mean = sum / (double)d;
    for (size_t i = 0; i < d; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    const double n = d > 1 ? (double)d - 1.0 : 1.0, deviation = sqrt(squares / n + (double)eps);
    for (size_t i = 0; i < d; i++)
        y[i] = (float)(((double)x[i] - mean) / deviation * (double)gamma[i] + (double)beta[i]);
}

/* The variance as mean of squares minus square of mean. */
static void layernorm_in_one_pass(size_t d, const float *x, const float *gamma, const float *beta,
                                  float eps, float *y)
{
    float sum = 0.0f, squares = 0.0f;
    for (size_t i = 0; i < d; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    const float mean = sum / (float)d;
    const float variance = squares / (float)d - mean * mean;
    const float factor = 1.0f / sqrtf((variance > 0.0f ? variance : 0.0f) + eps);
    for (size_t i = 0; i < d; i++)
        y[i] = (x[i] - mean) * factor * gamma[i] + beta[i];
}

static void add_writes_past_end(size_t n, const float *a, const float *b, float *y)
{
    good.add_f32(n, a, b, y);
    y[n] = 0.0f;
}

static void mul_reads_past_end(size_t n, const float *a, const float *b, float *y)
{
    good.mul_f32(n, a, b, y);
    (void)*(const volatile float *)(a + n);
}

static void widen_f16_flushes(size_t n, const uint16_t *src, float *dst)
{
    good.widen_f16(n, src, dst);
    for (size_t i = 0; i < n; i++)
        if ((src[i] & 0x7c00) == 0)
            dst[i] = src[i] & 0x8000 ? -0.0f : 0.0f;
}

static void resample_x_rounds_down(const struct deit_resample_x *args, size_t rows,
                                   const uint8_t *src, size_t src_stride, uint8_t *dst,
                                   size_t dst_stride)
{
    for (size_t y = 0; y < rows; y++, src += src_stride, dst += dst_stride)
        for (size_t x = 0; x < args->n; x++)
            for (size_t c = 0; c < 3; c++) {
                int32_t sum = 0;
                for (int32_t i = 0; i < args->count[x]; i++)
                    sum += src[(size_t)(args->start[x] + i) * 3 + c] *
                           deit_coeff_get(args->coeff + x * args->fours, (size_t)i);
                const int32_t value = sum >> 22;
                dst[x * 3 + c] = value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
            }
}

/* The row that stands in for those missing in the last block is one too early. */
static void resample_x_repeats_row(const struct deit_resample_x *args, size_t rows,
                                   const uint8_t *src, size_t src_stride, uint8_t *dst,
                                   size_t dst_stride)
{
    good.resample_x_u8(args, rows, src, src_stride, dst, dst_stride);
    if (rows % 4 == 3)
        memcpy(dst + (rows - 1) * dst_stride, dst + (rows - 2) * dst_stride, 3 * args->n);
}

/* The window of four pixels as a load of sixteen bytes, at the end of a row too. */
static void resample_x_reads_past_end(const struct deit_resample_x *args, size_t rows,
                                      const uint8_t *src, size_t src_stride, uint8_t *dst,
                                      size_t dst_stride)
{
    good.resample_x_u8(args, rows, src, src_stride, dst, dst_stride);
    (void)*(const volatile uint8_t *)(src + (rows - 1) * src_stride + args->src_width * 3);
}

/* Whole vectors to the end: the zeros behind the last pixels land in the next row. */
static void resample_x_writes_past_row(const struct deit_resample_x *args, size_t rows,
                                       const uint8_t *src, size_t src_stride, uint8_t *dst,
                                       size_t dst_stride)
{
    good.resample_x_u8(args, rows, src, src_stride, dst, dst_stride);
    for (size_t i = 3 * args->n; i < dst_stride && rows > 1; i++)
        dst[i] = 0;
}

static void resample_y_cuts_coefficients(size_t n, size_t taps, const struct deit_coeff4 *coeff,
                                         const uint8_t *src, size_t stride, uint8_t *dst)
{
    for (size_t i = 0; i < n; i++) {
        int32_t sum = 1 << 13;
        for (size_t t = 0; t < taps; t++) /* sixteen bits, as others keep */
            sum += src[t * stride + i] * (deit_coeff_get(coeff, t) >> 8);
        const int32_t value = sum >> 14;
        dst[i] = value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
    }
}

/* Taps go in pairs, and the last one has no partner. */
static void resample_y_drops_odd_tap(size_t n, size_t taps, const struct deit_coeff4 *coeff,
                                     const uint8_t *src, size_t stride, uint8_t *dst)
{
    good.resample_y_u8(n, taps > 1 ? taps / 2 * 2 : 1, coeff, src, stride, dst);
}

static void normalise_by_reciprocal(size_t n, const uint8_t *rgb, float divisor, const float *mean,
                                    const float *std, size_t plane, float *y)
{
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            y[c * plane + i] =
                ((float)rgb[3 * i + c] * (1.0f / divisor) - mean[c]) * (1.0f / std[c]);
}

/* One entry of the good table replaced. */
struct broken {
    const char *what, *check;
    struct deit_kernels kernels;
};

static bool is_caught(const struct broken *b, uint64_t seed)
{
    for (size_t i = 0; i < n_all_checks; i++)
        if (!strcmp(all_checks[i].name, b->check)) {
            struct check c = { .kernels = &b->kernels, .level = "broken", .is_quiet = true };
            run_check(&c, &all_checks[i], seed);
            printf("%-36s %s (%zu of %zu checks)\n", b->what,
                   c.n_failed ? "caught" : "NOT CAUGHT", c.n_failed, c.n_checks);
            return c.n_failed > 0;
        }
    return false;
}

static bool good_passes(uint64_t seed)
{
    struct check c = { .kernels = &good, .level = "scalar" };
    for (size_t i = 0; i < n_all_checks; i++)
        run_check(&c, &all_checks[i], seed);
    return c.n_failed == 0;
}

bool every_broken_kernel_is_caught(uint64_t seed)
{
    deit_kernels_init(&good, DEIT_LEVEL_SCALAR);
    size_t n_caught = 0, n_broken = 0;

#define BREAK(name, entry, kernel)                                                                 \
    do {                                                                                           \
        struct broken b = { #kernel, name, good };                                                 \
        b.kernels.entry = kernel;                                                                  \
        n_broken++;                                                                                \
        n_caught += is_caught(&b, seed);                                                           \
    } while (0)

    BREAK("gemm_f32", gemm_f32.run, gemm_skips_last_k);
    BREAK("gemm_f32", gemm_f32.run, gemm_starts_from_zero);
    BREAK("gemm_f32", gemm_f32.run, gemm_ignores_bias);
    BREAK("gemm_f32", gemm_f32.run, gemm_adds_residual_before_scale);
    BREAK("gemm_f32", gemm_f32.run, gemm_repeats_row_of_full_tile);
    BREAK("gemm_f32", gemm_f32.run, gemm_splits_chain);
    BREAK("gemm_f32", gemm_f32.run, gemm_writes_whole_panel);
    BREAK("pack_f32", pack_f32, pack_leaves_padding);
    BREAK("gemm_bf16", gemm_bf16.run, gemm_bf16_skips_odd_k);
    BREAK("gemm_bf16", gemm_bf16.run, gemm_bf16_forgets_a_part);
    BREAK("gemm_bf16", gemm_bf16.run, gemm_bf16_rounds_result);
    BREAK("gemm_bf16", gemm_bf16.run, gemm_bf16_repeats_row_of_full_tile);
    BREAK("gemm_bf16", gemm_bf16.run, gemm_bf16_depends_on_rows);
    BREAK("split_bf16", split_bf16, split_bf16_truncates);
    BREAK("split_bf16", split_bf16, split_bf16_rounds_ties_up);
    BREAK("split_bf16", split_bf16, split_bf16_leaves_padding);
    BREAK("split_bf16", split_bf16, split_bf16_ignores_strides);
    BREAK("split_bf16", split_bf16, split_bf16_loses_nan);
    BREAK("pack_bf16", pack_bf16, pack_bf16_without_pairs);
    BREAK("interleave_bf16", interleave_bf16, interleave_bf16_pairs_with_next);
    BREAK("gelu_f32", gelu_f32, gelu_by_tanh);
    BREAK("gelu_f32", gelu_f32, gelu_by_erf);
    BREAK("gelu_f32", gelu_f32, gelu_drops_nan);
    BREAK("softmax_f32", softmax_f32, softmax_with_unmasked_tail);
    BREAK("softmax_f32", softmax_f32, softmax_without_maximum);
    BREAK("softmax_f32", softmax_f32, softmax_by_short_exp2);
    BREAK("layernorm_f32", layernorm_f32, layernorm_of_other_eps);
    BREAK("layernorm_f32", layernorm_f32, layernorm_unbiased);
    BREAK("layernorm_f32", layernorm_f32, layernorm_in_one_pass);
    BREAK("elementwise_f32", add_f32, add_writes_past_end);
    BREAK("elementwise_f32", mul_f32, mul_reads_past_end);
    BREAK("widen_f32", widen_f16, widen_f16_flushes);
    BREAK("resample_x_u8", resample_x_u8, resample_x_rounds_down);
    BREAK("resample_x_u8", resample_x_u8, resample_x_repeats_row);
    BREAK("resample_x_u8", resample_x_u8, resample_x_reads_past_end);
    BREAK("resample_x_u8", resample_x_u8, resample_x_writes_past_row);
    BREAK("resample_y_u8", resample_y_u8, resample_y_cuts_coefficients);
    BREAK("resample_y_u8", resample_y_u8, resample_y_drops_odd_tap);
    BREAK("normalise_u8", normalise_u8, normalise_by_reciprocal);

    const bool is_good_accepted = good_passes(seed);
    printf("kernel_check: %zu of %zu broken kernels caught, the good ones are %s\n", n_caught,
           n_broken, is_good_accepted ? "accepted" : "REFUSED");
    return n_caught == n_broken && is_good_accepted;
}
