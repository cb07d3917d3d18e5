/* loaders/jpeg_header.h: what stands before a JPEG file's first scan. */
#ifndef DEIT_LOADERS_JPEG_HEADER_H
#define DEIT_LOADERS_JPEG_HEADER_H

#include "loaders/image.h"

struct deit_jpeg_header {
    uint32_t width, height;
    unsigned n_components; /* 1, 3 or 4 */
};

/*
 * Walks the markers up to the first scan.  Returns DEIT_ERR_FORMAT, or DEIT_ERR_UNSUPPORTED for
 * a precision or a number of components that is legal JPEG but that we do not decode.
 */
enum deit_status deit_jpeg_header_read(const struct deit_image_file *file,
                                       struct deit_jpeg_header *header, struct deit_error *err);

#endif
