/*
 * bench/kernel_rows.c: every kernel of the table, at the sizes that DeiT has.
 *
 * Arrays fit the second level of the caches, and a kernel finds them there, as in a step of a
 * model that is cut into tiles.  Kernels that work in place get a fresh copy each time, because
 * their own results would soon be zeros; the copy is part of their time.
 */
#include <assert.h>
#include <string.h>

#include "bench/kernels.h"

#define MEMBER(name) .member = offsetof(struct deit_kernels, name)
#define SIZES(list) .sizes = (list), .n_sizes = sizeof (list) / sizeof *(list)

/* ------------------------------------------------------------------ products */

static void tile_gemm_f32(const struct deit_kernels *kernels, size_t *mr, size_t *nr)
{
    *mr = kernels->gemm_f32.mr;
    *nr = kernels->gemm_f32.nr;
}

static void call_gemm_f32(struct deit_bench_work *w)
{
    const struct deit_gemm_f32_args args = {
        .k = w->k, .n = w->n, .a = w->x, .a_stride = w->k, .b = w->w, .c = w->y,
        .c_stride = w->n, .bias = w->z,
    };
    w->kernels->gemm_f32.run(w->rows, &args);
}

static double product_ops(const struct deit_bench_work *w)
{
    return 2.0 * (double)w->rows * (double)w->n * (double)w->k;
}

/* Full tiles, tiles as 197 and 198 rows leave them, and the few rows of the heads. */
#define MR DEIT_BENCH_MR
#define MR_1 DEIT_BENCH_MR_LESS_1
#define NR DEIT_BENCH_NR
static const struct deit_bench_size gemm_sizes[] = {
    { MR, NR, 64 },    { MR_1, NR, 64 },  { MR, NR, 192 },    { MR_1, NR, 192 }, { 2, NR, 192 },
    { MR, NR, 197 },   { MR_1, NR, 197 }, { MR, NR, 384 },    { MR_1, NR, 384 }, { 2, NR, 384 },
    { MR, NR, 768 },   { MR_1, NR, 768 }, { 2, NR, 768 },     { MR, NR, 1536 },
    { MR_1, NR, 1536 }, { MR, NR, 3072 }, { MR_1, NR, 3072 },
};

static void call_pack_f32(struct deit_bench_work *w)
{
    w->kernels->pack_f32(w->n, w->k, w->x, w->k, w->n, w->y);
}

static double floats_twice(const struct deit_bench_work *w)
{
    return 2.0 * sizeof(float) * (double)w->n * (double)w->k;
}

static const struct deit_bench_size pack_sizes[] = {
    { 1, NR, 64 }, { 1, NR, 192 }, { 1, NR, 384 }, { 1, NR, 768 },
};

/* ------------------------------------------------------------------ products of bf16 */

static void tile_gemm_bf16(const struct deit_kernels *kernels, size_t *mr, size_t *nr)
{
    *mr = kernels->gemm_bf16.mr;
    *nr = kernels->gemm_bf16.nr;
}

static void call_gemm_bf16(struct deit_bench_work *w)
{
    const struct deit_gemm_bf16_args args = {
        .k = w->k, .n = w->n, .n_parts = (unsigned)w->parts, .a = w->bf16,
        .a_stride = w->parts * w->k, .b = w->bf16, .c = w->y, .c_stride = w->n, .bias = w->z,
    };
    assert(w->rows * args.a_stride <= DEIT_BENCH_BF16);
    w->kernels->gemm_bf16.run(w->rows, &args);
}

/* All products of parts: one, three or six. */
static double bf16_ops(const struct deit_bench_work *w)
{
    return product_ops(w) * (double)(w->parts * (w->parts + 1) / 2);
}

static const struct deit_bench_size gemm_bf16_sizes[] = {
    { MR, NR, 64, 1 },  { MR, NR, 192, 1 },  { MR_1, NR, 192, 1 }, { 2, NR, 192, 1 },
    { MR, NR, 384, 1 }, { MR, NR, 768, 1 },  { MR_1, NR, 768, 1 }, { 2, NR, 768, 1 },
    { MR, NR, 1536, 1 }, { MR, NR, 3072, 1 }, { MR, NR, 192, 2 },  { MR, NR, 768, 2 },
    { MR, NR, 192, 3 }, { MR, NR, 768, 3 },
};

static void call_split_bf16(struct deit_bench_work *w)
{
    const struct deit_split_bf16_args args = {
        .k = w->k, .k_padded = w->k, .n_parts = (unsigned)w->parts, .src = w->x,
        .src_stride = w->k, .dst = w->bf16_out, .dst_stride = w->parts * w->k,
        .part_stride = w->k,
    };
    w->kernels->split_bf16(w->rows, &args);
}

static void call_pack_bf16(struct deit_bench_work *w)
{
    w->kernels->pack_bf16(w->n, w->k, w->x, w->k, w->n, (unsigned)w->parts, w->k, w->bf16_out);
}

static void call_interleave_bf16(struct deit_bench_work *w)
{
    w->kernels->interleave_bf16(w->k, w->n, w->x, w->n, w->n, (unsigned)w->parts, w->k * w->n,
                                w->bf16_out);
}

/* Floats read and parts written. */
static double parts_bytes(const struct deit_bench_work *w)
{
    return (sizeof(float) + sizeof(uint16_t) * (double)w->parts) * (double)(w->rows * w->k);
}

static double panel_bytes(const struct deit_bench_work *w)
{
    return (sizeof(float) + sizeof(uint16_t) * (double)w->parts) * (double)(w->n * w->k);
}

static const struct deit_bench_size split_sizes[] = {
    { 1, 192, 192, 1 }, { 1, 768, 768, 1 }, { 1, 768, 768, 2 }, { 1, 768, 768, 3 },
};
static const struct deit_bench_size pack_bf16_sizes[] = {
    { 1, NR, 64, 1 }, { 1, NR, 768, 1 }, { 1, NR, 768, 2 }, { 1, NR, 768, 3 },
};
static const struct deit_bench_size interleave_sizes[] = {
    { 1, NR, 198, 1 }, { 1, NR, 198, 2 }, { 1, NR, 198, 3 },
};

/* ------------------------------------------------------------------ rows of floats */

static void call_gelu(struct deit_bench_work *w)
{
    memcpy(w->y, w->x, w->n * sizeof *w->y);
    w->kernels->gelu_f32(1, w->n, w->y, w->n);
}

static void call_softmax(struct deit_bench_work *w)
{
    memcpy(w->y, w->x, w->n * sizeof *w->y);
    w->z[0] = w->kernels->softmax_f32(w->n, 0.125f, w->y);
}

static void call_layernorm(struct deit_bench_work *w)
{
    w->kernels->layernorm_f32(w->n, w->x, w->w, w->z, 1e-6f, w->y);
}

static void call_add(struct deit_bench_work *w)
{
    w->kernels->add_f32(w->n, w->x, w->z, w->y);
}

static void call_mul(struct deit_bench_work *w)
{
    w->kernels->mul_f32(w->n, w->x, w->z, w->y);
}

static void call_scale(struct deit_bench_work *w)
{
    w->kernels->scale_f32(w->n, 0.125f, w->x, w->y);
}

static void call_widen_f16(struct deit_bench_work *w)
{
    w->kernels->widen_f16(w->n, w->halves, w->y);
}

static void call_widen_bf16(struct deit_bench_work *w)
{
    w->kernels->widen_bf16(w->n, w->halves, w->y);
}

/* Read and written; in gelu and softmax the row itself. */
static double two_floats(const struct deit_bench_work *w)
{
    return 2.0 * sizeof(float) * (double)w->n;
}

static double three_floats(const struct deit_bench_work *w)
{
    return 3.0 * sizeof(float) * (double)w->n;
}

static double layernorm_bytes(const struct deit_bench_work *w)
{
    return 4.0 * sizeof(float) * (double)w->n;
}

static double widen_bytes(const struct deit_bench_work *w)
{
    return (sizeof(float) + sizeof(uint16_t)) * (double)w->n;
}

static const struct deit_bench_size width_sizes[] = {
    { 1, 192, 1 }, { 1, 384, 1 }, { 1, 768, 1 },
};
static const struct deit_bench_size gelu_sizes[] = {
    { 1, 768, 1 }, { 1, 1536, 1 }, { 1, 3072, 1 },
};
static const struct deit_bench_size token_sizes[] = { { 1, 197, 1 }, { 1, 198, 1 } };
static const struct deit_bench_size row_sizes[] = { { 1, 768, 1 } };

/* ------------------------------------------------------------------ photos */

enum { PHOTO_ROWS = 8 }; /* of an image that the horizontal pass takes together */

/* Rows of 500 pixels to 331, of 9 taps at most, and rows to one.  Most windows are shorter. */
static void call_resample_x(struct deit_bench_work *w)
{
    const struct deit_resample_x args = {
        .n = w->n, .fours = (w->k + 3) / 4, .start = w->start, .count = w->count,
        .coeff = w->coeff, .src_width = w->rows,
    };
    w->kernels->resample_x_u8(&args, PHOTO_ROWS, w->bytes, 3 * w->rows, w->bytes_out, 3 * w->n);
}

static double resample_x_bytes(const struct deit_bench_work *w)
{
    return 3.0 * PHOTO_ROWS * (double)(w->rows + w->n);
}

static void call_resample_y(struct deit_bench_work *w)
{
    w->kernels->resample_y_u8(3 * w->n, w->k, w->coeff, w->bytes, 3 * w->n, w->bytes_out);
}

static double resample_y_bytes(const struct deit_bench_work *w)
{
    return 3.0 * (double)(w->k + 1) * (double)w->n;
}

static void call_normalise(struct deit_bench_work *w)
{
    w->kernels->normalise_u8(w->n, w->bytes, 255.0f, w->x, w->z, w->n, w->y);
}

static double normalise_bytes(const struct deit_bench_work *w)
{
    return 3.0 * (1 + sizeof(float)) * (double)w->n;
}

static const struct deit_bench_size resample_x_sizes[] = { { 500, 331, 9 } };
static const struct deit_bench_size resample_y_sizes[] = { { 1, 331, 9 } };
static const struct deit_bench_size crop_sizes[] = { { 1, 224, 1 } };

/* ------------------------------------------------------------------ all */

const struct deit_bench_kernel deit_bench_kernels[] = {
    { "gemm_f32", MEMBER(gemm_f32.run), .bound = "f32", .tile = tile_gemm_f32,
      .call = call_gemm_f32, .amount = product_ops, .shape = "%zu x %zu, k %zu",
      SIZES(gemm_sizes) },
    { "pack_f32", MEMBER(pack_f32), .tile = tile_gemm_f32, .call = call_pack_f32,
      .amount = floats_twice, .shape = "%zu panel of %zu, k %zu", SIZES(pack_sizes) },
    { "gemm_bf16", MEMBER(gemm_bf16.run), .bound = "bf16", .tile = tile_gemm_bf16,
      .call = call_gemm_bf16, .amount = bf16_ops, .shape = "%zu x %zu, k %zu, parts %zu",
      SIZES(gemm_bf16_sizes) },
    { "split_bf16", MEMBER(split_bf16), .call = call_split_bf16, .amount = parts_bytes,
      .shape = "%zu x %zu to k %zu, parts %zu", SIZES(split_sizes) },
    { "pack_bf16", MEMBER(pack_bf16), .tile = tile_gemm_bf16, .call = call_pack_bf16,
      .amount = panel_bytes, .shape = "%zu panel of %zu, k %zu, parts %zu",
      SIZES(pack_bf16_sizes) },
    { "interleave_bf16", MEMBER(interleave_bf16), .tile = tile_gemm_bf16,
      .call = call_interleave_bf16, .amount = panel_bytes,
      .shape = "%zu panel of %zu, k %zu, parts %zu", SIZES(interleave_sizes) },
    { "gelu_f32", MEMBER(gelu_f32), .call = call_gelu, .amount = two_floats,
      .shape = "%zu x %zu", SIZES(gelu_sizes) },
    { "layernorm_f32", MEMBER(layernorm_f32), .call = call_layernorm, .amount = layernorm_bytes,
      .shape = "%zu x %zu", SIZES(width_sizes) },
    { "softmax_f32", MEMBER(softmax_f32), .call = call_softmax, .amount = two_floats,
      .shape = "%zu x %zu", SIZES(token_sizes) },
    { "add_f32", MEMBER(add_f32), .call = call_add, .amount = three_floats,
      .shape = "%zu x %zu", SIZES(row_sizes) },
    { "mul_f32", MEMBER(mul_f32), .call = call_mul, .amount = three_floats,
      .shape = "%zu x %zu", SIZES(row_sizes) },
    { "scale_f32", MEMBER(scale_f32), .call = call_scale, .amount = two_floats,
      .shape = "%zu x %zu", SIZES(row_sizes) },
    { "widen_f16", MEMBER(widen_f16), .call = call_widen_f16, .amount = widen_bytes,
      .shape = "%zu x %zu", SIZES(row_sizes) },
    { "widen_bf16", MEMBER(widen_bf16), .call = call_widen_bf16, .amount = widen_bytes,
      .shape = "%zu x %zu", SIZES(row_sizes) },
    { "resample_x_u8", MEMBER(resample_x_u8), .call = call_resample_x,
      .amount = resample_x_bytes, .shape = "8 rows, %zu to %zu, %zu taps",
      SIZES(resample_x_sizes) },
    { "resample_y_u8", MEMBER(resample_y_u8), .call = call_resample_y,
      .amount = resample_y_bytes, .shape = "%zu row of %zu pixels, %zu taps",
      SIZES(resample_y_sizes) },
    { "normalise_u8", MEMBER(normalise_u8), .call = call_normalise, .amount = normalise_bytes,
      .shape = "%zu row of %zu pixels", SIZES(crop_sizes) },
};
const size_t deit_bench_n_kernels = sizeof deit_bench_kernels / sizeof *deit_bench_kernels;
