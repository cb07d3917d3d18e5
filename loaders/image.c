/*
 * loaders/image.c: opens an image file, and says by name what it cannot open.
 *
 * A file is read as a whole before anything is decoded: photos are small beside a model, and
 * decoders then cannot be surprised by a file that shrinks or a pipe that stalls.  The format
 * is told from the content; names lie.
 */
#include "loaders/image.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/source_file.h"
#include "runtime/error.h"

#define MAX_PIXELS UINT64_C(100000000)
#define MAX_MEMORY UINT64_C(400000000)

/* ------------------------------------------------------------------ what a file is */

/* Bytes that a format has at an offset; 'advice' completes "... is not supported". */
static const struct signature {
    const char *name;
    size_t offset, bytes;
    const char *magic;
    const char *advice;
} signatures[] = {
#define AS_JPEG_OR_PNG "; convert it to JPEG or PNG"
#define AS_SAFETENSORS "; a model is opened as one, from safetensors"
    { "GIF", 0, 4, "GIF8", AS_JPEG_OR_PNG },
    { "WebP", 8, 4, "WEBP", AS_JPEG_OR_PNG },
    { "BMP", 0, 2, "BM", AS_JPEG_OR_PNG },
    { "TIFF", 0, 4, "II*\0", AS_JPEG_OR_PNG },
    { "TIFF", 0, 4, "MM\0*", AS_JPEG_OR_PNG },
    { "TIFF", 0, 4, "II+\0", AS_JPEG_OR_PNG },
    { "TIFF", 0, 4, "MM\0+", AS_JPEG_OR_PNG },
    { "AVIF", 4, 8, "ftypavif", AS_JPEG_OR_PNG },
    { "AVIF", 4, 8, "ftypavis", AS_JPEG_OR_PNG },
    { "HEIC", 4, 7, "ftyphei", AS_JPEG_OR_PNG },
    { "HEIC", 4, 7, "ftyphev", AS_JPEG_OR_PNG },
    { "HEIF", 4, 8, "ftypmif1", AS_JPEG_OR_PNG },
    { "HEIF", 4, 8, "ftypmsf1", AS_JPEG_OR_PNG },
    { "ISO media (video)", 4, 4, "ftyp", AS_JPEG_OR_PNG },
    { "JPEG 2000", 0, 12, "\0\0\0\x0cjP  \r\n\x87\n", AS_JPEG_OR_PNG },
    { "JPEG 2000", 0, 4, "\xff\x4f\xff\x51", AS_JPEG_OR_PNG },
    { "JPEG XL", 0, 12, "\0\0\0\x0cJXL \r\n\x87\n", AS_JPEG_OR_PNG },
    { "JPEG XL", 0, 2, "\xff\x0a", AS_JPEG_OR_PNG },
    { "JPEG-LS", 0, 4, "\xff\xd8\xff\xf7", AS_JPEG_OR_PNG },
    { "Photoshop", 0, 4, "8BPS", AS_JPEG_OR_PNG },
    { "MNG", 0, 8, "\x8aMNG\r\n\x1a\n", AS_JPEG_OR_PNG },
    { "JNG", 0, 8, "\x8bJNG\r\n\x1a\n", AS_JPEG_OR_PNG },
    { "ICO", 0, 4, "\0\0\1\0", AS_JPEG_OR_PNG },
    { "CUR", 0, 4, "\0\0\2\0", AS_JPEG_OR_PNG },
    { "QOI", 0, 4, "qoif", AS_JPEG_OR_PNG },
    { "DDS", 0, 4, "DDS ", AS_JPEG_OR_PNG },
    { "OpenEXR", 0, 4, "\x76\x2f\x31\x01", AS_JPEG_OR_PNG },
    { "Radiance HDR", 0, 10, "#?RADIANCE", AS_JPEG_OR_PNG },
    { "PDF", 0, 5, "%PDF-", AS_JPEG_OR_PNG },
    { "PostScript", 0, 4, "%!PS", AS_JPEG_OR_PNG },
    { "SVG", 0, 4, "<svg", AS_JPEG_OR_PNG },
    { "XML", 0, 5, "<?xml", AS_JPEG_OR_PNG },
    { "HTML", 0, 9, "<!DOCTYPE", AS_JPEG_OR_PNG },
    { "HTML", 0, 9, "<!doctype", AS_JPEG_OR_PNG },
    { "HTML", 0, 5, "<html", AS_JPEG_OR_PNG },
    { "FITS", 0, 6, "SIMPLE", AS_JPEG_OR_PNG },
    { "NumPy", 0, 6, "\x93NUMPY", "; give it with --tensor" },
    { "HDF5", 0, 8, "\x89HDF\r\n\x1a\n", AS_SAFETENSORS },
    { "zip (PyTorch or NumPy)", 0, 4, "PK\3\4", AS_SAFETENSORS },
    { "pickle", 0, 2, "\x80\x02", AS_SAFETENSORS },
    { "pickle", 0, 2, "\x80\x03", AS_SAFETENSORS },
    { "pickle", 0, 2, "\x80\x04", AS_SAFETENSORS },
    { "pickle", 0, 2, "\x80\x05", AS_SAFETENSORS },
    { "gzip", 0, 2, "\x1f\x8b", "; unpack it" },
    { "zstd", 0, 4, "\x28\xb5\x2f\xfd", "; unpack it" },
    { "xz", 0, 6, "\xfd" "7zXZ\0", "; unpack it" },
    { "Git LFS pointer", 0, 16, "version https://", "; fetch the file with git lfs pull" },
};

static bool starts_with(const struct deit_image_file *file, size_t offset, const char *magic,
                        size_t bytes)
{
    return file->bytes >= offset + bytes && !memcmp(file->data + offset, magic, bytes);
}

/* The portable anymaps say their kind in a digit or letter. */
static bool is_anymap(const struct deit_image_file *file)
{
    return file->bytes >= 3 && file->data[0] == 'P' && strchr("1234567fF", file->data[1])
        && strchr(" \t\r\n", file->data[2]);
}

static enum deit_status refuse(const struct deit_image_file *file, struct deit_error *err)
{
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const struct signature *s = &signatures[i];
        if (starts_with(file, s->offset, s->magic, s->bytes))
            return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: %s is not supported%s", file->name,
                             s->name, s->advice);
    }
    if (is_anymap(file))
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: PNM is not supported%s", file->name,
                         AS_JPEG_OR_PNG);
    if (!file->bytes)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: the file is empty", file->name);

    char start[3 * 8 + 1] = "";
    for (size_t i = 0; i < file->bytes && i < 8; i++) {
        static const char digits[] = "0123456789abcdef";
        start[3 * i + 0] = ' ';
        start[3 * i + 1] = digits[file->data[i] >> 4];
        start[3 * i + 2] = digits[file->data[i] & 15];
        start[3 * i + 3] = '\0';
    }
    return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                     "%s: neither JPEG nor PNG, its %zu bytes start with%s", file->name,
                     file->bytes, start);
}

static enum deit_status decode(const struct deit_image_file *file, deit_image *image,
                               struct deit_error *err)
{
    if (starts_with(file, 0, "\xff\xd8\xff", 3)
        && !(file->bytes > 3 && file->data[3] == 0xf7))
        return deit_jpeg_decode(file, image, err);
    if (starts_with(file, 0, "\x89PNG\r\n\x1a\n", 8))
        return deit_png_decode(file, image, err);
    return refuse(file, err);
}

/* ------------------------------------------------------------------ for the decoders */

enum deit_status deit_image_file_check(const struct deit_image_file *file, uint64_t width,
                                       uint64_t height, struct deit_error *err)
{
    if (height && width > file->max_pixels / height)
        return deit_fail(err, DEIT_ERR_LIMIT,
                         "%s: %" PRIu64 " x %" PRIu64 " pixels are above the limit of %" PRIu64,
                         file->name, width, height, file->max_pixels);
    return DEIT_OK;
}

enum deit_status deit_image_create(const struct deit_image_file *file, uint32_t width,
                                   uint32_t height, deit_image *image, struct deit_error *err)
{
    size_t stride = (size_t)width * 3;
    uint8_t *pixels = calloc(height, stride);
    if (!pixels)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory for %u x %u pixels",
                         file->name, width, height);
    *image = (deit_image){ .format = DEIT_RGB8, .width = width, .height = height,
                           .stride = stride, .pixels = pixels, .owned = pixels };
    return DEIT_OK;
}

/* ------------------------------------------------------------------ reading */

/* A field that an older caller's struct does not have is zero, which means the default. */
static void set_limits(struct deit_image_file *file, const struct deit_image_options *options)
{
    struct deit_image_options given = { 0 };
    if (options)
        memcpy(&given, options,
               options->size < sizeof given ? options->size : sizeof given);
    file->max_pixels = given.max_pixels ? given.max_pixels : MAX_PIXELS;
    file->max_memory = given.max_memory ? given.max_memory : MAX_MEMORY;
}

enum deit_status deit_image_open(const char *path, const struct deit_image_options *options,
                                 deit_image *image, struct deit_error *err)
{
    if (!path || !image)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "image: %s is NULL", path ? "image" : "path");

    struct deit_image_file file = { .name = path };
    set_limits(&file, options);
    size_t most = file.max_memory < SIZE_MAX ? (size_t)file.max_memory : SIZE_MAX;
    char *data = NULL;
    enum deit_status status = deit_file_read(path, most, &data, &file.bytes, err);
    if (status != DEIT_OK)
        return status;
    file.data = (const uint8_t *)data;
    status = decode(&file, image, err);
    free(data);
    return status;
}

enum deit_status deit_image_open_memory(const void *data, size_t bytes, const char *name,
                                        const struct deit_image_options *options,
                                        deit_image *image, struct deit_error *err)
{
    if ((!data && bytes) || !image)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "image: %s is NULL", image ? "data" : "image");

    struct deit_image_file file = { .data = data, .bytes = bytes,
                                    .name = name ? name : "image" };
    set_limits(&file, options);
    return decode(&file, image, err);
}
