/*
 * ops/scalar/gemm_bf16_scalar.c: bf16 products of up to four rows and a panel of eight columns.
 *
 * A block is all of k.  Products are exact, so every sum has one rounding, fused or not.  Rows
 * go one after the other: with several in the inner loops gcc 12 at -O3 reads one too many.
 */
#include "ops/bf16.h"
#include "ops/scalar/scalar.h"

enum { NR = 8 };

/* Sums go on by the product of a pair of one part of the row with one of a part of the panel. */
static inline void add_pair(const uint16_t *a, const uint16_t *b, float sum[NR])
{
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < NR; j++)
            sum[j] += deit_bf16_widen(a[i]) * deit_bf16_widen(b[2 * j + i]);
}

void deit_gemm_bf16_4x8_scalar(size_t rows, const struct deit_gemm_bf16_args *args)
{
    const size_t k = args->k, n_parts = args->n_parts;
    for (size_t r = 0; r < rows; r++) {
        const uint16_t *a = args->a + r * args->a_stride;
        float sum[NR] = { 0 };
        for (size_t order = n_parts; order-- > 0;) /* p + q, of part p of a and q of b */
            for (size_t p = 0; p <= order; p++)
                for (size_t i = 0; i < k; i += 2)
                    add_pair(a + p * k + i, args->b + ((order - p) * k + i) * NR, sum);

        for (size_t j = 0; j < args->n; j++) {
            float y = sum[j];
            if (args->bias)
                y += args->bias[j];
            if (args->scale)
                y *= args->scale[j];
            if (args->residual)
                y += args->residual[r * args->residual_stride + j];
            args->c[r * args->c_stride + j] = y;
        }
    }
}
