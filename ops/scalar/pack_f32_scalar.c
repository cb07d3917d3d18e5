/*
 * ops/scalar/pack_f32_scalar.c: rows of a matrix become the columns of one panel.
 *
 * It writes in order and reads 'rows' streams, which caches like better than the reverse.
 */
#include "ops/scalar/scalar.h"

void deit_pack_f32_scalar(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                          float *panel)
{
    for (size_t i = 0; i < k; i++)
        for (size_t r = 0; r < nr; r++)
            panel[i * nr + r] = r < rows ? src[r * stride + i] : 0.0f;
}
