/*
 * loaders/no_jpeg.c: stands in for jpeg.c in a build without its library, so that the answer to
 * such a file is a sentence and not a missing symbol.
 */
#include "loaders/image.h"

#include "runtime/error.h"

enum deit_status deit_jpeg_decode(const struct deit_image_file *file, deit_image *image,
                                  struct deit_error *err)
{
    (void)image;
    return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                     "%s: is JPEG, and this library was built without a decoder for it",
                     file->name);
}
