/* runtime/image.h: pixels of any of the four layouts, read as RGB. */
#ifndef DEIT_RUNTIME_IMAGE_H
#define DEIT_RUNTIME_IMAGE_H

#include "runtime/include/deit.h"

/* Bytes of one pixel; 0 for a number that is no format. */
size_t deit_pixel_bytes(enum deit_pixel_format format);

/* Turns 'n' pixels of 'format' at 'src' into RGB8 at 'dst', (n, 3).  The two do not overlap. */
void deit_pixels_to_rgb(enum deit_pixel_format format, size_t n, const uint8_t *src,
                        uint8_t *dst);

/* Where pixel (x, y) starts. */
const uint8_t *deit_image_at(const deit_image *image, uint32_t x, uint32_t y);

/*
 * RGB8 of pixels x ... x + n - 1 of row y.  Points into the image where it is RGB8 already,
 * else into 'scratch', which has room for 3 n bytes.
 */
const uint8_t *deit_image_row(const deit_image *image, uint32_t x, uint32_t y, size_t n,
                              uint8_t *scratch);

/* DEIT_ERR_ARGUMENT unless 'image' is one that open or wrap could have filled. */
enum deit_status deit_image_check(const deit_image *image, struct deit_error *err);

#endif
