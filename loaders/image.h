/*
 * loaders/image.h: what the decoders of single formats share.
 */
#ifndef DEIT_LOADERS_IMAGE_H
#define DEIT_LOADERS_IMAGE_H

#include "runtime/include/deit.h"

/* A whole file in memory, and what decoding it may cost. */
struct deit_image_file {
    const uint8_t *data;
    size_t bytes;
    const char *name; /* for messages */
    uint64_t max_pixels, max_memory;
};

/* DEIT_ERR_LIMIT, with both numbers, for a picture of more than max_pixels. */
enum deit_status deit_image_file_check(const struct deit_image_file *file, uint64_t width,
                                       uint64_t height, struct deit_error *err);

/*
 * Each decodes a file of its format into an opened RGB8 image, which is written on success
 * only.  A build without their library has one that returns DEIT_ERR_UNSUPPORTED.
 */
enum deit_status deit_jpeg_decode(const struct deit_image_file *file, deit_image *image,
                                  struct deit_error *err);
enum deit_status deit_png_decode(const struct deit_image_file *file, deit_image *image,
                                 struct deit_error *err);

/* Makes an RGB8 image of black pixels.  Returns DEIT_ERR_MEMORY. */
enum deit_status deit_image_create(const struct deit_image_file *file, uint32_t width,
                                   uint32_t height, deit_image *image, struct deit_error *err);

#endif
