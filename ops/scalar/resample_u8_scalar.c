/*
 * ops/scalar/resample_u8_scalar.c: the two passes of a resize, in 22-bit fixed point.
 *
 * Sums are whole numbers, so other kernels may add in any order and must still agree in every
 * byte.  Negative sums round by an arithmetic shift, which all supported compilers give.
 */
#include "ops/scalar/scalar.h"

static uint8_t clip8(int32_t sum)
{
    int32_t value = (sum + (1 << (DEIT_COEFF_BITS - 1))) >> DEIT_COEFF_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

void deit_resample_x_u8_scalar(const struct deit_resample_x *args, size_t rows,
                               const uint8_t *src, size_t src_stride, uint8_t *dst,
                               size_t dst_stride)
{
    for (; rows > 0; rows--, src += src_stride, dst += dst_stride)
        for (size_t x = 0; x < args->n; x++) {
            const struct deit_coeff4 *coeff = args->coeff + x * args->fours;
            const uint8_t *pixel = src + (size_t)args->start[x] * 3;
            int32_t sum[3] = { 0, 0, 0 };
            for (size_t i = 0; i < (size_t)args->count[x]; i++)
                for (size_t c = 0; c < 3; c++)
                    sum[c] += pixel[i * 3 + c] * deit_coeff_get(coeff, i);
            for (size_t c = 0; c < 3; c++)
                dst[x * 3 + c] = clip8(sum[c]);
        }
}

void deit_resample_y_u8_scalar(size_t n, size_t taps, const struct deit_coeff4 *coeff,
                               const uint8_t *src, size_t stride, uint8_t *dst)
{
    for (size_t i = 0; i < n; i++) {
        int32_t sum = 0;
        for (size_t t = 0; t < taps; t++)
            sum += src[t * stride + i] * deit_coeff_get(coeff, t);
        dst[i] = clip8(sum);
    }
}
