/*
 * loaders/no_png.c: stands in for png.c in a build without its library, so that the answer to
 * such a file is a sentence and not a missing symbol.
 */
#include "loaders/image.h"

#include "runtime/error.h"

enum deit_status deit_png_decode(const struct deit_image_file *file, deit_image *image,
                                 struct deit_error *err)
{
    (void)image;
    return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                     "%s: is PNG, and this library was built without a decoder for it",
                     file->name);
}
