/*
 * runtime/image.c: borrowed pixels in four layouts, and how they are read.
 *
 * Nothing converts a whole picture: resampling asks for a row, or a part of one, and gets it
 * as RGB.  So a caller's BGRA-like buffer costs one row of memory and not a second picture.
 */
#include "runtime/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

size_t deit_pixel_bytes(enum deit_pixel_format format)
{
    switch (format) {
    case DEIT_RGB8:
    case DEIT_BGR8: return 3;
    case DEIT_RGBA8: return 4;
    case DEIT_GREY8: return 1;
    }
    return 0;
}

void deit_pixels_to_rgb(enum deit_pixel_format format, size_t n, const uint8_t *src,
                        uint8_t *dst)
{
    switch (format) {
    case DEIT_RGB8:
        memcpy(dst, src, 3 * n);
        return;
    case DEIT_BGR8:
        for (size_t i = 0; i < n; i++) {
            dst[3 * i + 0] = src[3 * i + 2];
            dst[3 * i + 1] = src[3 * i + 1];
            dst[3 * i + 2] = src[3 * i + 0];
        }
        return;
    case DEIT_RGBA8:
        for (size_t i = 0; i < n; i++)
            memcpy(dst + 3 * i, src + 4 * i, 3);
        return;
    case DEIT_GREY8:
        for (size_t i = 0; i < n; i++)
            memset(dst + 3 * i, src[i], 3);
        return;
    }
    assert(!"an image's format has been checked");
}

const uint8_t *deit_image_at(const deit_image *image, uint32_t x, uint32_t y)
{
    return image->pixels + y * image->stride + x * deit_pixel_bytes(image->format);
}

const uint8_t *deit_image_row(const deit_image *image, uint32_t x, uint32_t y, size_t n,
                              uint8_t *scratch)
{
    const uint8_t *src = deit_image_at(image, x, y);
    if (image->format == DEIT_RGB8)
        return src;
    deit_pixels_to_rgb(image->format, n, src, scratch);
    return scratch;
}

static enum deit_status check(enum deit_pixel_format format, uint32_t width, uint32_t height,
                              size_t stride, const void *pixels, struct deit_error *err)
{
    size_t pixel_bytes = deit_pixel_bytes(format);
    if (!pixel_bytes)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "image: %d is no pixel format", (int)format);
    if (!width || !height)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "image: %u x %u has no pixels", width, height);
    if (!pixels)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "image: pixels are NULL");
    if (stride < width * pixel_bytes)
        return deit_fail(err, DEIT_ERR_ARGUMENT,
                         "image: stride %zu is shorter than a row of %zu bytes", stride,
                         width * pixel_bytes);
    if (stride > PTRDIFF_MAX / height)
        return deit_fail(err, DEIT_ERR_ARGUMENT,
                         "image: %u rows with stride %zu do not fit into memory", height,
                         stride);
    return DEIT_OK;
}

enum deit_status deit_image_check(const deit_image *image, struct deit_error *err)
{
    if (!image)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "image: is NULL");
    return check(image->format, image->width, image->height, image->stride, image->pixels, err);
}

enum deit_status deit_image_wrap(deit_image *image, enum deit_pixel_format format,
                                 uint32_t width, uint32_t height, size_t stride,
                                 const void *pixels, struct deit_error *err)
{
    if (!image)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "image: is NULL");
    if (!stride)
        stride = width * deit_pixel_bytes(format);
    enum deit_status status = check(format, width, height, stride, pixels, err);
    if (status != DEIT_OK)
        return status;

    *image = (deit_image){ .format = format, .width = width, .height = height,
                           .stride = stride, .pixels = pixels };
    return DEIT_OK;
}

void deit_image_close(deit_image *image)
{
    if (!image)
        return;
    free(image->owned);
    *image = (deit_image){ 0 };
}
