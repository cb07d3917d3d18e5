/*
 * ops/scalar/softmax_f32_scalar.c: the exponentials of a row and their sum.
 *
 * The exponent is rounded to float as the contract writes it.  A NaN loses every comparison and
 * so never becomes the maximum, but it meets the maximum in the difference and makes the sum NaN.
 */
#include <math.h>

#include "ops/scalar/scalar.h"

float deit_softmax_f32_scalar(size_t n, float scale, float *x)
{
    float max = -INFINITY;
    for (size_t i = 0; i < n; i++)
        max = x[i] > max ? x[i] : max;

    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        x[i] = expf(scale * (x[i] - max));
        sum += (double)x[i];
    }
    return (float)sum;
}
