/*
 * loaders/jpeg_header.c: the markers before a JPEG's first scan.
 *
 * libjpeg reads them too, but Pillow looks at them first and turns files away that libjpeg
 * would take.  Of a colour profile or EXIF data nothing is looked at, though Pillow trips over
 * some.  The same walk gives the picture's size before anything is allocated.
 */
#include "loaders/jpeg_header.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/error.h"

enum { SOF0 = 0xc0, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, RST0 = 0xd0, EOI = 0xd9, SOS = 0xda,
       DQT = 0xdb, DHP = 0xde, APP0 = 0xe0, APP13 = 0xed, APP14 = 0xee,
       JPG0 = 0xf0, JPG13 = 0xfd };

struct segment {
    const uint8_t *data;
    size_t bytes;
    size_t offset; /* of the marker in the file */
};

static unsigned u16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static bool has_payload(unsigned marker)
{
    return !(marker == JPG || (marker >= RST0 && marker <= EOI)
             || (marker >= JPG0 && marker <= JPG13));
}

static bool is_frame(unsigned marker)
{
    return marker == DHP
        || (marker >= SOF0 && marker < RST0 && marker != DHT && marker != JPG && marker != DAC);
}

static enum deit_status bad(const struct deit_image_file *file, const struct segment *segment,
                            const char *what, struct deit_error *err)
{
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: JPEG: %s at byte %zu", file->name, what,
                     segment->offset);
}

/* What the walk has found so far. */
struct walk {
    const struct deit_image_file *file;
    struct deit_jpeg_header header;
};

static enum deit_status read_frame(struct walk *walk, const struct segment *segment,
                                   struct deit_error *err)
{
    const struct deit_image_file *file = walk->file;
    if (segment->bytes < 6 || segment->bytes % 3)
        return bad(file, segment, "frame header of a wrong length", err);
    const uint8_t *p = segment->data;
    if (p[0] != 8)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                         "%s: JPEG: %u bits per sample are not supported, only 8", file->name,
                         p[0]);
    if (p[5] != 1 && p[5] != 3 && p[5] != 4)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                         "%s: JPEG: %u components are not supported, only 1, 3 or 4",
                         file->name, p[5]);
    walk->header = (struct deit_jpeg_header){ .height = u16(p + 1), .width = u16(p + 3),
                                              .n_components = p[5] };
    return DEIT_OK;
}

static bool are_tables_whole(const struct segment *segment)
{
    size_t at = 0;
    while (at < segment->bytes) {
        at += segment->data[at] >> 4 ? 1 + 128 : 1 + 64;
        if (at > segment->bytes)
            return false;
    }
    return true;
}

static bool starts_with(const struct segment *segment, const char *text, size_t bytes)
{
    return segment->bytes >= bytes && !memcmp(segment->data, text, bytes);
}

/* An image resource that ends right behind its code: Pillow trips over nothing else in there. */
static bool are_resources_whole(const struct segment *segment)
{
    const uint8_t *p = segment->data;
    size_t n = segment->bytes, at = 14;
    while (at + 4 <= n && !memcmp(p + at, "8BIM", 4)) {
        at += 4;
        if (at + 2 > n)
            break;
        at += 2;
        if (at >= n)
            return false;
        at += 1 + (size_t)p[at];
        at += at & 1;
        if (at + 4 > n)
            break;
        at += 4 + ((size_t)u16(p + at) << 16 | u16(p + at + 2));
        at += at & 1;
    }
    return true;
}

static bool is_application_data_whole(unsigned marker, const struct segment *segment)
{
    switch (marker) {
    case APP0: return !starts_with(segment, "JFIF", 4) || segment->bytes >= 7;
    case APP13: return !starts_with(segment, "Photoshop 3.0", 14) || are_resources_whole(segment);
    case APP14: return !starts_with(segment, "Adobe", 5) || segment->bytes >= 7;
    }
    return true;
}

static enum deit_status read_segment(struct walk *walk, unsigned marker,
                                     const struct segment *segment, struct deit_error *err)
{
    if (is_frame(marker))
        return read_frame(walk, segment, err);
    if (marker == DQT && !are_tables_whole(segment))
        return bad(walk->file, segment, "quantisation table cut short", err);
    if (!is_application_data_whole(marker, segment))
        return bad(walk->file, segment, "application data cut short", err);
    return DEIT_OK;
}

/* Takes the payload of the marker that starts at 'offset'; 'at' is behind the marker. */
static enum deit_status take_payload(const struct deit_image_file *file, size_t offset,
                                     size_t *at, struct segment *segment,
                                     struct deit_error *err)
{
    *segment = (struct segment){ .offset = offset };
    size_t left = file->bytes - *at;
    if (left < 2)
        return bad(file, segment, "file ends inside a marker", err);
    size_t length = u16(file->data + *at);
    *at += 2;
    left -= 2;
    if (length <= 2)
        return DEIT_OK; /* too short is libjpeg's to judge */
    if (length - 2 > left)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: JPEG: marker at byte %zu has %zu bytes, but the file ends %zu "
                         "earlier", file->name, offset, length, length - 2 - left);
    segment->data = file->data + *at;
    segment->bytes = length - 2;
    *at += segment->bytes;
    return DEIT_OK;
}

enum deit_status deit_jpeg_header_read(const struct deit_image_file *file,
                                       struct deit_jpeg_header *header, struct deit_error *err)
{
    struct walk walk = { .file = file };
    const uint8_t *p = file->data;
    size_t at = 2;
    while (at + 1 < file->bytes) {
        unsigned marker = p[at + 1];
        if (p[at] != 0xff || marker == 0xff) {
            at++; /* bytes between markers, and padding before one */
            continue;
        }
        struct segment segment = { .offset = at };
        at += 2;
        if (marker == 0)
            continue;
        if (marker < SOF0)
            return bad(file, &segment, "no marker", err);
        if (!has_payload(marker))
            continue;
        enum deit_status status = take_payload(file, segment.offset, &at, &segment, err);
        if (status == DEIT_OK)
            status = read_segment(&walk, marker, &segment, err);
        if (status != DEIT_OK)
            return status;
        if (marker != SOS)
            continue;

        if (!walk.header.width || !walk.header.height)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: JPEG: %u x %u has no pixels",
                             file->name, walk.header.width, walk.header.height);
        *header = walk.header;
        return DEIT_OK;
    }
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: JPEG: truncated: no picture in %zu bytes",
                     file->name, file->bytes);
}
