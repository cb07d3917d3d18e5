/*
 * ops/scalar/gelu_f32_scalar.c: x * Phi(x) by the C library.
 *
 * Phi(x) is erfc(-x / sqrt 2) / 2: erfc, unlike 1 + erf, keeps its digits where Phi is small.
 * In double, so that the result is the nearest float but for rare ties.
 */
#include <math.h>

#include "ops/scalar/scalar.h"

void deit_gelu_f32_scalar(size_t rows, size_t n, float *x, size_t stride)
{
    const double sqrt_half = 0.70710678118654752440;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++) {
            double v = (double)x[r * stride + j];
            x[r * stride + j] = (float)(0.5 * v * erfc(-v * sqrt_half));
        }
}
