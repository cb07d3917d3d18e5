/*
 * ops/scalar/elementwise_f32_scalar.c: what touches each element once.
 */
#include "ops/scalar/scalar.h"

void deit_add_f32_scalar(size_t n, const float *a, const float *b, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

void deit_mul_f32_scalar(size_t n, const float *a, const float *b, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

void deit_scale_f32_scalar(size_t n, float s, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = s * x[i];
}
