/*
 * ops/scalar/pack_bf16_scalar.c: f32 to bf16 parts, in rows and in panels of pairs.
 */
#include "ops/bf16.h"
#include "ops/scalar/scalar.h"

void deit_split_bf16_scalar(size_t rows, const struct deit_split_bf16_args *args)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < args->k_padded; i++) {
            float x = i < args->k ? args->src[r * args->src_stride + i] : 0.0f;
            for (size_t p = 0; p < args->n_parts; p++)
                args->dst[r * args->dst_stride + p * args->part_stride + i] = deit_bf16_take(&x);
        }
}

void deit_pack_bf16_scalar(size_t rows, size_t k, const float *src, size_t stride, size_t nr,
                           unsigned n_parts, size_t k_padded, uint16_t *panel)
{
    for (size_t i = 0; i < k_padded; i++)
        for (size_t r = 0; r < nr; r++) {
            float x = r < rows && i < k ? src[r * stride + i] : 0.0f;
            for (size_t p = 0; p < n_parts; p++)
                panel[(p * k_padded + i - i % 2) * nr + 2 * r + i % 2] = deit_bf16_take(&x);
        }
}

void deit_interleave_bf16_scalar(size_t k, size_t n, const float *src, size_t stride, size_t nr,
                                 unsigned n_parts, size_t part_stride, uint16_t *panel)
{
    for (size_t i = 0; i < k + k % 2; i++)
        for (size_t j = 0; j < nr; j++) {
            float x = i < k && j < n ? src[i * stride + j] : 0.0f;
            for (size_t p = 0; p < n_parts; p++)
                panel[p * part_stride + (i - i % 2) * nr + 2 * j + i % 2] = deit_bf16_take(&x);
        }
}
