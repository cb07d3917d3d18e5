/*
 * tests/check/bench.c: how long each kernel takes at DeiT's sizes.
 *
 * The best of many short runs: neighbours on the machine only ever make one slower.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/check/check.h"

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds of one call. */
static double best_ns(void (*call)(void *context), void *context)
{
    enum { RUNS = 40 };
    const double run_ns = 5e5;
    double start = now_ns();
    call(context);
    call(context);
    const double once = (now_ns() - start) / 2.0;
    const size_t n_calls = once < run_ns ? (size_t)(run_ns / (once + 1.0)) + 1 : 1;

    double best = HUGE_VAL;
    for (int run = 0; run < RUNS; run++) {
        start = now_ns();
        for (size_t i = 0; i < n_calls; i++)
            call(context);
        best = fmin(best, (now_ns() - start) / (double)n_calls);
    }
    return best;
}

struct work {
    const struct deit_kernels *kernels;
    size_t rows, n, k;
    float *x, *y, *z, *w;
    uint8_t *bytes, *bytes_out;
    uint16_t *halves;
    struct deit_resample_x resample;
    struct deit_coeff4 *coeff;
};

static void call_gemm(void *context)
{
    const struct work *w = context;
    const struct deit_gemm_f32_args args = {
        .k = w->k, .n = w->n, .a = w->x, .a_stride = w->k, .b = w->w, .c = w->y,
        .c_stride = w->n, .bias = w->z,
    };
    w->kernels->gemm_f32.run(w->rows, &args);
}

static void call_pack(void *context)
{
    const struct work *w = context;
    w->kernels->pack_f32(w->n, w->k, w->x, w->k, w->kernels->gemm_f32.nr, w->y);
}

/* In place: a fresh copy each time, since its own results would become denormal. */
static void call_gelu(void *context)
{
    const struct work *w = context;
    memcpy(w->y, w->x, w->n * sizeof *w->y);
    w->kernels->gelu_f32(1, w->n, w->y, w->n);
}

static void call_softmax(void *context)
{
    const struct work *w = context;
    memcpy(w->y, w->x, w->n * sizeof *w->y);
    w->z[0] = w->kernels->softmax_f32(w->n, 0.125f, w->y);
}

static void call_layernorm(void *context)
{
    const struct work *w = context;
    w->kernels->layernorm_f32(w->n, w->x, w->w, w->z, 1e-6f, w->y);
}

static void call_add(void *context)
{
    const struct work *w = context;
    w->kernels->add_f32(w->n, w->x, w->z, w->y);
}

static void call_widen_f16(void *context)
{
    const struct work *w = context;
    w->kernels->widen_f16(w->n, w->halves, w->y);
}

static void call_widen_bf16(void *context)
{
    const struct work *w = context;
    w->kernels->widen_bf16(w->n, w->halves, w->y);
}

enum { PHOTO_ROWS = 8, PHOTO_WIDTH = 500, SMALL_WIDTH = 341, TAPS = 9 };

static void call_resample_x(void *context)
{
    const struct work *w = context;
    w->kernels->resample_x_u8(&w->resample, PHOTO_ROWS, w->bytes, 3 * PHOTO_WIDTH, w->bytes_out,
                              3 * SMALL_WIDTH);
}

static void call_resample_y(void *context)
{
    const struct work *w = context;
    w->kernels->resample_y_u8(w->n, w->k, w->coeff, w->bytes, w->n, w->bytes_out);
}

static void call_normalise(void *context)
{
    const struct work *w = context;
    w->kernels->normalise_u8(w->n, w->bytes, 255.0f, w->x, w->w, w->n, w->y);
}

static void print(const char *level, const char *what, double ns)
{
    printf("%-7s %-36s %10.1f ns\n", level, what, ns);
}

static void bench_gemm(struct work *w, const char *level)
{
    static const size_t ks[] = { 64, 192, 197, 384, 768, 1536, 3072 };
    w->n = w->kernels->gemm_f32.nr;
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++)
        for (size_t less = 0; less < 2; less++) {
            w->k = ks[i];
            w->rows = w->kernels->gemm_f32.mr - less;
            const double ns = best_ns(call_gemm, w);
            char what[64];
            snprintf(what, sizeof what, "gemm_f32 %zu x %zu, k %zu", w->rows, w->n, w->k);
            const double flop = 2.0 * (double)(w->rows * w->n * w->k);
            printf("%-7s %-36s %10.1f ns %8.1f GFLOP/s\n", level, what, ns, flop / ns);
        }
}

static void bench_images(struct work *w, const char *level)
{
    /* Rows of a photo of 500 pixels to 341, and rows of it to one.  Most windows are shorter. */
    enum { OUT = SMALL_WIDTH, FOURS = (TAPS + 3) / 4 };
    int32_t *start = malloc(OUT * sizeof *start), *count = malloc(OUT * sizeof *count);
    if (!start || !count)
        exit(2);
    for (int x = 0; x < OUT; x++) {
        start[x] = x * (PHOTO_WIDTH - TAPS) / (OUT - 1);
        count[x] = TAPS - 2 - x % 2;
    }
    w->resample = (struct deit_resample_x){ OUT, FOURS, start, count, w->coeff, PHOTO_WIDTH };
    print(level, "resample_x_u8 500 to 341, 8 rows", best_ns(call_resample_x, w));
    w->n = OUT * 3;
    w->k = TAPS;
    print(level, "resample_y_u8 341 pixels, 9 taps", best_ns(call_resample_y, w));
    w->n = 224;
    print(level, "normalise_u8 224 pixels", best_ns(call_normalise, w));
    free(start);
    free(count);
}

void bench(const struct deit_kernels *kernels, const char *level)
{
    enum { FLOATS = 64 * 3072, COEFFS = SMALL_WIDTH * ((TAPS + 3) / 4) };
    struct check c = { .random = 1 };
    struct work w = { .kernels = kernels };
    float **floats[] = { &w.x, &w.y, &w.z, &w.w };
    for (size_t i = 0; i < 4; i++) {
        *floats[i] = aligned_alloc(64, FLOATS * sizeof(float));
        if (!*floats[i])
            exit(2);
        for (size_t j = 0; j < FLOATS; j++)
            (*floats[i])[j] = 3.0f * random_float(&c);
    }
    w.bytes = (uint8_t *)w.w;
    w.halves = (uint16_t *)w.w;
    w.bytes_out = (uint8_t *)w.y;
    w.coeff = calloc(COEFFS, sizeof *w.coeff);
    if (!w.coeff)
        exit(2);
    for (size_t i = 0; i < COEFFS; i++)
        for (size_t j = 0; j < 4; j++)
            w.coeff[i].high[j] = (1 << 7) / TAPS;

    bench_gemm(&w, level);
    w.n = kernels->gemm_f32.nr;
    w.k = 384;
    print(level, "pack_f32 one panel, k 384", best_ns(call_pack, &w));
    w.n = 768;
    print(level, "gelu_f32 768", best_ns(call_gelu, &w));
    w.n = 197;
    print(level, "softmax_f32 197", best_ns(call_softmax, &w));
    w.n = 192;
    print(level, "layernorm_f32 192", best_ns(call_layernorm, &w));
    w.n = 768;
    print(level, "layernorm_f32 768", best_ns(call_layernorm, &w));
    print(level, "add_f32 768", best_ns(call_add, &w));
    print(level, "widen_f16 768", best_ns(call_widen_f16, &w));
    print(level, "widen_bf16 768", best_ns(call_widen_bf16, &w));
    bench_images(&w, level);

    for (size_t i = 0; i < 4; i++)
        free(*floats[i]);
    free(w.coeff);
}
