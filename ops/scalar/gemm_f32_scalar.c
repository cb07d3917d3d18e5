/*
 * ops/scalar/gemm_f32_scalar.c: the product of up to four rows and a panel of eight columns.
 *
 * The tile is small enough for the sixteen registers of any 64-bit machine.  'rows' is a constant
 * in each of the four bodies, so that the compiler keeps the sums in them.  Products and sums are
 * rounded apart: fmaf() without the instruction is a call that emulates it.
 */
#include <string.h>

#include "ops/scalar/scalar.h"

enum { MR = 4, NR = 8 };

static inline __attribute__((always_inline)) void tile(size_t rows,
                                                       const struct deit_gemm_f32_args *args)
{
    float sum[MR][NR] = { { 0 } };
    for (size_t r = 0; args->accumulate && r < rows; r++)
        memcpy(sum[r], args->c + r * args->c_stride, args->n * sizeof(float));
    for (size_t i = 0; i < args->k; i++)
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < NR; j++)
                sum[r][j] += args->a[r * args->a_stride + i] * args->b[i * NR + j];

    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < args->n; j++) {
            float y = sum[r][j];
            if (args->bias)
                y += args->bias[j];
            if (args->scale)
                y *= args->scale[j];
            if (args->residual)
                y += args->residual[r * args->residual_stride + j];
            args->c[r * args->c_stride + j] = y;
        }
}

void deit_gemm_f32_4x8_scalar(size_t rows, const struct deit_gemm_f32_args *args)
{
    switch (rows) {
    case 1: tile(1, args); break;
    case 2: tile(2, args); break;
    case 3: tile(3, args); break;
    case 4: tile(4, args); break;
    }
}
