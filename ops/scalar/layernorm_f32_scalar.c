/*
 * ops/scalar/layernorm_f32_scalar.c: the formula in double, mean first and then the centred
 * squares, which lose nothing where the mean is large against the spread.
 */
#include <math.h>

#include "ops/scalar/scalar.h"

void deit_layernorm_f32_scalar(size_t d, const float *x, const float *gamma, const float *beta,
                               float eps, float *y)
{
    double sum = 0.0;
    for (size_t i = 0; i < d; i++)
        sum += (double)x[i];
    const double mean = sum / (double)d;

    double squares = 0.0;
    for (size_t i = 0; i < d; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    const double deviation = sqrt(squares / (double)d + (double)eps);

    for (size_t i = 0; i < d; i++)
        y[i] = (float)(((double)x[i] - mean) / deviation * (double)gamma[i] + (double)beta[i]);
}
