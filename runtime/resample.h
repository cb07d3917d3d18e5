/*
 * runtime/resample.h: a part of a resized picture, byte for byte as Pillow resizes.
 */
#ifndef DEIT_RUNTIME_RESAMPLE_H
#define DEIT_RUNTIME_RESAMPLE_H

#include <stdbool.h>

#include "ops/kernels.h"
#include "runtime/include/deit.h"

/*
 * A resize to 'width' x 'height' of which only the part x ... x + crop_width - 1 by
 * y ... y + crop_height - 1 is wanted.  The part lies inside, and is not empty.
 */
struct deit_resample {
    uint64_t width, height;
    uint64_t x, y;
    size_t crop_width, crop_height;
    enum deit_filter filter;
    bool is_vertical_first; /* matters only if both sides change: each pass rounds to 8 bits */
};

/* Pillow's pass order for w x h -> width x height; 'pillow' is 12 or 13. */
bool deit_resample_is_vertical_first(int pillow, uint32_t w, uint32_t h, uint64_t width,
                                     uint64_t height);

/*
 * Writes the part as RGB8 to 'dst', rows 'dst_stride' bytes apart.  Work space is bounded by
 * the part and the source, whatever the size of the resized picture.
 *
 * Returns DEIT_ERR_MEMORY; what is in 'dst' then is undefined.
 */
enum deit_status deit_resample_run(const struct deit_kernels *kernels, const deit_image *image,
                                   const struct deit_resample *resample, uint8_t *dst,
                                   size_t dst_stride, struct deit_error *err);

#endif
