/*
 * ops/kernels.h: the contract of every kernel, and the table through which all are called.
 *
 * A kernel is a pure single-threaded function.  Scalar fills the whole table; each newer ISA
 * overwrites what it improves (deit_kernels_init()).  No kernel reads or writes past the
 * elements that its contract names; pointers need no alignment unless it says so.
 *
 * Every element of a product is one chain of multiply-adds over ascending k that starts at
 * zero, whatever the number of rows; reductions use an order fixed per ISA.  So answers do not
 * depend on how the work was cut.
 */
#ifndef DEIT_OPS_KERNELS_H
#define DEIT_OPS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/cpu.h"

/*
 * c[r][j] = epilogue(start + sum over i < k of a[r][i] * b[i][j]) for r < rows, j < n.
 *
 * 'start' is zero, or c[r][j] where 'accumulate' says so: a long k can be walked in blocks, and
 * stays one chain.  'b' is one packed panel: k rows of nr floats, 64-byte aligned, columns
 * n..nr-1 zero.  The epilogue adds bias[j], multiplies by scale[j], adds residual[r][j], in
 * this order and each rounded by itself; a NULL pointer leaves its part out.  'residual' may be
 * 'c' unless sums start there.  All strides are elements.
 *
 * 'next' is a hint: memory of 'next_bytes' that is better in the second-level cache when the
 * call is over.  It need not exist.
 */
struct deit_gemm_f32_args {
    size_t k, n; /* n <= nr */
    const float *a;
    size_t a_stride;
    const float *b;
    float *c;
    size_t c_stride;
    bool accumulate;
    const float *bias, *scale;
    const float *residual;
    size_t residual_stride;
    const void *next;
    size_t next_bytes;
};
typedef void deit_gemm_f32_fn(size_t rows, const struct deit_gemm_f32_args *args);

/* 'nr' is the packing contract; 'run' takes 1 to 'mr' rows. */
struct deit_gemm_f32 {
    size_t mr, nr;
    deit_gemm_f32_fn *run;
};

/*
 * One panel from rows: panel[i * nr + r] = src[r * stride + i] for r < rows, i < k, and 0 for
 * rows <= r < nr.  'panel' is 64-byte aligned.
 */
typedef void deit_pack_f32_fn(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                              float *panel);

/*
 * bf16 products.  A number is held as one, two or three bf16 parts whose sum is close to it:
 * part 0 is the number rounded to bf16 (to nearest, ties to even), part 1 what is left of it
 * rounded likewise, part 2 what is left then.  What is below the smallest normal f32 when it
 * is rounded or left may count as zero: the instructions flush it.
 *
 * With all parts of both operands x y is
 *   1 part:  x0 y0
 *   2 parts: x0 y1 + x1 y0 + x0 y0
 *   3 parts: x0 y2 + x1 y1 + x2 y0 + x0 y1 + x1 y0 + x0 y0
 * and each of these products is exact in f32.  An element's chain takes ascending blocks of k
 * and in a block the products in this order.  A block is all of k or a multiple of DEIT_BF16_K;
 * that, and the order of the terms of one product in a block, is fixed per ISA.  All of k is the
 * most accurate: the small products are then summed before the sum is large.
 */
enum {
    DEIT_BF16_K = 32,     /* k is padded with zeros to whole tiles of AMX */
    DEIT_BF16_PARTS = 3,  /* at most */
};

/*
 * As deit_gemm_f32_args.  Row r of 'a' has its part p at a + r * a_stride + p * k.  'b' is one
 * packed panel: for each part k / 2 rows of nr pairs (b[2 i][j], b[2 i + 1][j]), 64-byte
 * aligned, columns n..nr-1 zero.
 */
struct deit_gemm_bf16_args {
    size_t k, n;      /* k: a multiple of DEIT_BF16_K; n <= nr */
    unsigned n_parts; /* of both operands */
    const uint16_t *a;
    size_t a_stride; /* at least n_parts * k */
    const uint16_t *b;
    float *c;
    size_t c_stride;
    const float *bias, *scale;
    const float *residual;
    size_t residual_stride;
};
typedef void deit_gemm_bf16_fn(size_t rows, const struct deit_gemm_bf16_args *args);

struct deit_gemm_bf16 {
    size_t mr, nr;
    deit_gemm_bf16_fn *run;
};

/*
 * Rows to parts: part p of row r goes to dst + r * dst_stride + p * part_stride, k elements and
 * zeros up to k_padded.  So it makes whole rows of 'a' above, or columns of them.
 */
struct deit_split_bf16_args {
    size_t k, k_padded;
    unsigned n_parts;
    const float *src;
    size_t src_stride;
    uint16_t *dst;
    size_t dst_stride, part_stride;
};
typedef void deit_split_bf16_fn(size_t rows, const struct deit_split_bf16_args *args);

/*
 * One panel of deit_gemm_bf16_args from rows, which become its columns: n_parts x k_padded / 2
 * rows of nr pairs; zeros for rows <= r < nr and behind k.  'panel' is 64-byte aligned.
 */
typedef void deit_pack_bf16_fn(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                               unsigned n_parts, size_t k_padded, uint16_t *panel);

/*
 * Rows of a panel from k rows of n <= nr floats that lie as the panel wants them: ceil(k / 2)
 * rows of nr pairs of each part, part p at panel + p * part_stride; zeros for columns n..nr-1
 * and in place of the row behind an odd k.  'panel' is 64-byte aligned.
 */
typedef void deit_interleave_bf16_fn(size_t k, size_t n, const float *src, size_t stride,
                                     size_t nr, unsigned n_parts, size_t part_stride,
                                     uint16_t *panel);

/* x = x * Phi(x), the exact (erf) form, in place; rows x n at 'stride'. */
typedef void deit_gelu_f32_fn(size_t rows, size_t n, float *x, size_t stride);

/* y = (x - mean) / sqrt(var + eps) * gamma + beta over one row, var biased.  All (d). */
typedef void deit_layernorm_f32_fn(size_t d, const float *x, const float *gamma,
                                   const float *beta, float eps, float *y);

/*
 * x[i] = exp(scale * (x[i] - max x)) in place over one row; scale > 0.  Returns the sum of the
 * new row, which the caller divides by after the product with the values.
 */
typedef float deit_softmax_f32_fn(size_t n, float scale, float *x);

/* y = a + b, y = a * b; any two may be the same array. */
typedef void deit_binary_f32_fn(size_t n, const float *a, const float *b, float *y);

/* y = s * x; may be the same array. */
typedef void deit_scale_f32_fn(size_t n, float s, const float *x, float *y);

/*
 * The coefficients of four taps in a row, of 22 bits behind the point.  Each is cut in two,
 * high * 2^15 + low with 0 <= low < 2^15: two products of 16 bits and their sum cost one
 * instruction, a product of 32 bits two.  Where there are no four, the rest is zero.
 */
struct deit_coeff4 {
    int16_t low[4], high[4];
};

enum { DEIT_COEFF_BITS = 22, DEIT_COEFF_LOW_BITS = 15 };

/* Coefficient i of a row of fours. */
static inline void deit_coeff_set(struct deit_coeff4 *fours, size_t i, int32_t coeff)
{
    fours[i / 4].low[i % 4] = (int16_t)(coeff & ((1 << DEIT_COEFF_LOW_BITS) - 1));
    fours[i / 4].high[i % 4] = (int16_t)(coeff >> DEIT_COEFF_LOW_BITS);
}

static inline int32_t deit_coeff_get(const struct deit_coeff4 *fours, size_t i)
{
    return fours[i / 4].high[i % 4] * (1 << DEIT_COEFF_LOW_BITS) + fours[i / 4].low[i % 4];
}

/*
 * Horizontal resampling of rows of RGB8 pixels, Pillow's arithmetic: for each row r < rows,
 * x < n, channel c: dst[r * dst_stride + x * 3 + c] = clip8((2^21 + sum over i < count[x] of
 * src[r * src_stride + (start[x] + i) * 3 + c] * coefficient i of coeff[x]) >> 22).
 *
 * The sums fit int32 (Pillow's coefficients sum to about 2^22).  'src_width' pixels of a row may
 * be read.  Rows share the coefficients, so many at once take less time than one by one.
 */
struct deit_resample_x {
    size_t n, fours;
    const int32_t *start, *count;    /* (n), 1 <= count <= 4 * fours */
    const struct deit_coeff4 *coeff; /* (n, fours) */
    size_t src_width;
};
typedef void deit_resample_x_u8_fn(const struct deit_resample_x *args, size_t rows,
                                   const uint8_t *src, size_t src_stride, uint8_t *dst,
                                   size_t dst_stride);

/*
 * Vertical: dst[i] = clip8((2^21 + sum over t < taps of src[t * stride + i] * coefficient t)
 * >> 22).  'coeff' has as many fours as 'taps' need.
 */
typedef void deit_resample_y_u8_fn(size_t n, size_t taps, const struct deit_coeff4 *coeff,
                                   const uint8_t *src, size_t stride, uint8_t *dst);

/*
 * One row of interleaved RGB8 to three planes:
 * y[c * plane + i] = (rgb[3 * i + c] / divisor - mean[c]) / std[c], each step rounded to f32.
 */
typedef void deit_normalise_u8_fn(size_t n, const uint8_t *rgb, float divisor, const float *mean,
                                  const float *std, size_t plane, float *y);

/* Widening of stored weights to f32, exact. */
typedef void deit_widen_f32_fn(size_t n, const uint16_t *src, float *dst);

struct deit_kernels {
    enum deit_level level;
    struct deit_gemm_f32 gemm_f32;
    deit_pack_f32_fn *pack_f32;
    enum deit_level bf16_level; /* of the four that follow */
    struct deit_gemm_bf16 gemm_bf16;
    deit_split_bf16_fn *split_bf16;
    deit_pack_bf16_fn *pack_bf16;
    deit_interleave_bf16_fn *interleave_bf16;
    deit_gelu_f32_fn *gelu_f32;
    deit_layernorm_f32_fn *layernorm_f32;
    deit_softmax_f32_fn *softmax_f32;
    deit_binary_f32_fn *add_f32, *mul_f32;
    deit_scale_f32_fn *scale_f32;
    deit_resample_x_u8_fn *resample_x_u8;
    deit_resample_y_u8_fn *resample_y_u8;
    deit_normalise_u8_fn *normalise_u8;
    deit_widen_f32_fn *widen_f16, *widen_bf16;
};

/* The highest level of kernels that take f32 alone: what is above has none of its own. */
static inline enum deit_level deit_kernels_f32_level(const struct deit_kernels *kernels)
{
    const bool is_bf16 =
        kernels->level == DEIT_LEVEL_AVX512_BF16 || kernels->level == DEIT_LEVEL_AMX;
    return is_bf16 ? DEIT_LEVEL_AVX512 : kernels->level;
}

/* The highest level of kernels that run where products are of bf16, or where all is f32. */
static inline enum deit_level deit_kernels_used_level(const struct deit_kernels *kernels,
                                                      bool is_bf16)
{
    const enum deit_level f32 = deit_kernels_f32_level(kernels);
    return is_bf16 && kernels->bf16_level > f32 ? kernels->bf16_level : f32;
}

/*
 * Fills the table with kernels of 'max_level' and below, as far as the CPU and this build have
 * them.  'level' says the highest one that was used.
 */
void deit_kernels_init(struct deit_kernels *kernels, enum deit_level max_level);

#endif
