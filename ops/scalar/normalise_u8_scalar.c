/*
 * ops/scalar/normalise_u8_scalar.c: bytes of a photo to what a model reads.
 *
 * Divisions are divisions: a product with the reciprocal differs in the last bit, and then two
 * instruction sets, or this and PyTorch, would start from different inputs.
 */
#include "ops/scalar/scalar.h"

void deit_normalise_u8_scalar(size_t n, const uint8_t *rgb, float divisor, const float *mean,
                              const float *std, size_t plane, float *y)
{
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            y[c * plane + i] = ((float)rgb[3 * i + c] / divisor - mean[c]) / std[c];
}
