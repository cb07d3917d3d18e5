/*
 * loaders/png_chunks.c: the walk over a PNG file's chunks.
 *
 * libpng would skip a damaged ancillary chunk with a warning and stop at a damaged image data
 * checksum; Pillow does the opposite, and refuses a few things of its own.  So the chunks are
 * judged here, and libpng is handed only those that make the picture.
 */
#include "loaders/png_chunks.h"

#include <inttypes.h>
#include <string.h>

#include <zlib.h>

#include "runtime/error.h"

#define NAME DEIT_PNG_NAME
#define IHDR NAME('I', 'H', 'D', 'R')
#define PLTE NAME('P', 'L', 'T', 'E')
#define IDAT NAME('I', 'D', 'A', 'T')
#define DDAT NAME('D', 'D', 'A', 'T')
#define IEND NAME('I', 'E', 'N', 'D')
#define tRNS NAME('t', 'R', 'N', 'S')
#define iCCP NAME('i', 'C', 'C', 'P')
#define tEXt NAME('t', 'E', 'X', 't')
#define zTXt NAME('z', 'T', 'X', 't')
#define iTXt NAME('i', 'T', 'X', 't')
#define acTL NAME('a', 'c', 'T', 'L')
#define fcTL NAME('f', 'c', 'T', 'L')
#define fdAT NAME('f', 'd', 'A', 'T')

#define MAX_CHUNKS 100000
#define MAX_INFLATED UINT64_C(1048576)   /* of one compressed text or profile */
#define MAX_TEXT UINT64_C(67108864)      /* of all texts */
#define MAX_ALL_INFLATED UINT64_C(134217728) /* so that many small chunks cost no minutes */

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum deit_status bad(const struct deit_png *png, const struct deit_png_chunk *chunk,
                            const char *what, struct deit_error *err)
{
    uint32_t name = chunk->name;
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: PNG: %c%c%c%c chunk at byte %zu: %s",
                     png->file->name, (int)(name >> 24), (int)(name >> 16 & 255),
                     (int)(name >> 8 & 255), (int)(name & 255), chunk->offset, what);
}

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool deit_png_chunk_at(const struct deit_image_file *file, size_t offset,
                       struct deit_png_chunk *chunk)
{
    if (offset > file->bytes || file->bytes - offset < 8)
        return false;
    const uint8_t *p = file->data + offset;
    for (int i = 4; i < 8; i++)
        if (!is_name_byte(p[i]))
            return false;
    size_t left = file->bytes - offset - 8;
    uint32_t length = u32(p);
    *chunk = (struct deit_png_chunk){ .name = u32(p + 4), .offset = offset, .data = p + 8,
                                      .bytes = length < left ? length : left,
                                      .length = length };
    return true;
}

bool deit_png_is_data(uint32_t name)
{
    return name == IDAT || name == DDAT || name == fdAT;
}

size_t deit_png_next(const struct deit_image_file *file, const struct deit_png_chunk *chunk)
{
    uint64_t next = (uint64_t)chunk->offset + 8 + chunk->length + 4;
    return next < file->bytes ? (size_t)next : file->bytes;
}

/* ------------------------------------------------------------------ single kinds */

static bool is_mode(unsigned depth, unsigned colour)
{
    switch (colour) {
    case DEIT_PNG_GREY:
        return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    case DEIT_PNG_PALETTE: return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case DEIT_PNG_RGB:
    case DEIT_PNG_GREY_ALPHA:
    case DEIT_PNG_RGB_ALPHA: return depth == 8 || depth == 16;
    }
    return false;
}

static enum deit_status take_header(struct deit_png *png, const struct deit_png_chunk *chunk,
                                    struct deit_error *err)
{
    const uint8_t *p = chunk->data;
    if (chunk->length < 13)
        return bad(png, chunk, "shorter than 13 bytes", err);
    png->width = u32(p);
    png->height = u32(p + 4);
    if (is_mode(p[8], p[9])) {
        png->has_mode = true;
        png->depth = p[8];
        png->colour = p[9];
    }
    if (p[12])
        png->is_interlaced = true;
    if (p[11])
        return bad(png, chunk, "unknown filter method", err);
    return DEIT_OK;
}

/* The last one counts, and its length too, if it comes before the image data. */
static void take_palette(struct deit_png *png, const struct deit_png_chunk *chunk)
{
    if (!png->has_mode || png->colour != DEIT_PNG_PALETTE)
        return; /* a suggestion for other colour types */
    size_t n = chunk->bytes / 3;
    png->has_palette = true;
    png->n_colours = n;
    memset(png->palette, 0, sizeof png->palette);
    memcpy(png->palette, chunk->data, 3 * (n < 256 ? n : 256));
}

/* One index that is transparent, all others opaque. */
static bool is_simple_alpha(const struct deit_png_chunk *chunk)
{
    size_t n_clear = 0;
    for (size_t i = 0; i < chunk->bytes; i++)
        if (chunk->data[i] == 0)
            n_clear++;
        else if (chunk->data[i] != 255)
            return false;
    return n_clear == 1;
}

/* Transparency is dropped. */
static void take_alpha(struct deit_png *png, const struct deit_png_chunk *chunk)
{
    if (!png->has_mode)
        return;
    bool is_colour = png->colour == DEIT_PNG_GREY || png->colour == DEIT_PNG_RGB;
    if (is_colour || png->colour == DEIT_PNG_PALETTE)
        png->has_simple_alpha = is_colour || is_simple_alpha(chunk);
}

static void take_frames(struct deit_png *png, const struct deit_png_chunk *chunk)
{
    if (chunk->length < 8)
        return; /* no animation */
    uint32_t n = u32(chunk->data);
    if (png->has_frames)
        png->has_frames = false; /* two contradict each other: no animation */
    else if (n && n <= 0x80000000u) {
        png->has_frames = true;
        png->n_frames = n;
    }
}

static enum deit_status check_sequence(struct deit_png *png, const struct deit_png_chunk *chunk,
                                       bool may_start, struct deit_error *err)
{
    uint32_t sequence = u32(chunk->data);
    bool is_next = png->has_sequence ? (uint64_t)png->sequence + 1 == sequence
                                     : may_start && sequence == 0;
    if (!is_next)
        return bad(png, chunk, "frames out of sequence", err);
    png->has_sequence = true;
    png->sequence = sequence;
    return DEIT_OK;
}

static enum deit_status take_frame(struct deit_png *png, const struct deit_png_chunk *chunk,
                                   struct deit_error *err)
{
    if (chunk->length < 26)
        return bad(png, chunk, "cut short", err);
    enum deit_status status = check_sequence(png, chunk, true, err);
    if (status != DEIT_OK)
        return status;
    const uint8_t *p = chunk->data;
    uint32_t width = u32(p + 4), height = u32(p + 8), x = u32(p + 12), y = u32(p + 16);
    if ((uint64_t)x + width > png->width || (uint64_t)y + height > png->height)
        return bad(png, chunk, "frame reaches out of the picture", err);
    png->has_frame = true;
    png->frame_x = x;
    png->frame_y = y;
    png->frame_width = width;
    png->frame_height = height;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ texts and profiles */

/*
 * Inflates for the size alone.  Data that is no zlib stream counts as nothing; more than
 * MAX_INFLATED is an error.
 */
static enum deit_status inflate_size(struct deit_png *png, const struct deit_png_chunk *chunk,
                                     size_t skip, size_t *size, struct deit_error *err)
{
    uint8_t scratch[16384];
    z_stream z = { .next_in = (Bytef *)(uintptr_t)(chunk->data + skip),
                   .avail_in = (uInt)(chunk->bytes - skip) };
    if (inflateInit(&z) != Z_OK)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", png->file->name);
    int code = Z_OK;
    while (code == Z_OK && z.total_out < MAX_INFLATED) {
        size_t room = MAX_INFLATED - z.total_out;
        z.next_out = scratch;
        z.avail_out = (uInt)(room < sizeof scratch ? room : sizeof scratch);
        code = inflate(&z, Z_SYNC_FLUSH);
    }
    bool is_large = code == Z_OK && z.avail_in > 0;
    bool is_broken = code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR;
    *size = is_broken ? 0 : (size_t)z.total_out;
    png->inflated_bytes += z.total_out;
    inflateEnd(&z);
    if (is_large)
        return bad(png, chunk, "inflates to more than 1048576 bytes", err);
    if (png->inflated_bytes > MAX_ALL_INFLATED)
        return deit_fail(err, DEIT_ERR_LIMIT,
                         "%s: PNG: texts and profiles inflate to %" PRIu64
                         " bytes, above the limit of %" PRIu64, png->file->name,
                         png->inflated_bytes, MAX_ALL_INFLATED);
    return DEIT_OK;
}

static enum deit_status add_text(struct deit_png *png, size_t bytes, struct deit_error *err)
{
    png->text_bytes += bytes;
    if (png->text_bytes > MAX_TEXT)
        return deit_fail(err, DEIT_ERR_LIMIT,
                         "%s: PNG: texts of %" PRIu64 " bytes are above the limit of %" PRIu64,
                         png->file->name, png->text_bytes, MAX_TEXT);
    return DEIT_OK;
}

/* Behind the zero that ends the string at 'from'; 'none' if nothing ends it. */
static size_t behind_zero(const struct deit_png_chunk *chunk, size_t from, size_t none)
{
    const uint8_t *zero = from < chunk->bytes
                        ? memchr(chunk->data + from, 0, chunk->bytes - from) : NULL;
    return zero ? (size_t)(zero - chunk->data) + 1 : none;
}

static enum deit_status take_profile(struct deit_png *png, const struct deit_png_chunk *chunk,
                                     struct deit_error *err)
{
    size_t at = behind_zero(chunk, 0, 0), size;
    if (at >= chunk->bytes || chunk->data[at])
        return DEIT_OK;
    return inflate_size(png, chunk, at + 1, &size, err);
}

static enum deit_status take_compressed_text(struct deit_png *png,
                                             const struct deit_png_chunk *chunk,
                                             struct deit_error *err)
{
    size_t at = behind_zero(chunk, 0, chunk->bytes), size = 0;
    if (at >= chunk->bytes || chunk->data[at])
        return DEIT_OK;
    enum deit_status status = inflate_size(png, chunk, at + 1, &size, err);
    return status == DEIT_OK ? add_text(png, size, err) : status;
}

static enum deit_status take_international_text(struct deit_png *png,
                                                const struct deit_png_chunk *chunk,
                                                struct deit_error *err)
{
    size_t n = chunk->bytes, at = behind_zero(chunk, 0, n);
    if (n - at < 2)
        return DEIT_OK;
    bool is_compressed = chunk->data[at], is_known = !chunk->data[at + 1];
    size_t keyword = behind_zero(chunk, at + 2, n + 1);
    size_t text = behind_zero(chunk, keyword, n + 1);
    if (text > n || (is_compressed && !is_known))
        return DEIT_OK;
    size_t size = n - text;
    if (is_compressed) {
        enum deit_status status = inflate_size(png, chunk, text, &size, err);
        if (status != DEIT_OK)
            return status;
    }
    return add_text(png, size, err);
}

/* ------------------------------------------------------------------ the walk */

/*
 * A chunk that is all there, and no image data.  What is odd in one that changes no pixel, Pillow
 * refuses and we do not: its checksum says that it is what was written.
 */
static enum deit_status take(struct deit_png *png, const struct deit_png_chunk *chunk,
                             struct deit_error *err)
{
    if (++png->n_chunks > MAX_CHUNKS)
        return deit_fail(err, DEIT_ERR_LIMIT,
                         "%s: PNG: more than %d chunks beside the image data", png->file->name,
                         MAX_CHUNKS);
    switch (chunk->name) {
    case IHDR: return take_header(png, chunk, err);
    case PLTE: take_palette(png, chunk); break;
    case tRNS: take_alpha(png, chunk); break;
    case iCCP: return take_profile(png, chunk, err);
    case tEXt: return add_text(png, chunk->bytes - behind_zero(chunk, 0, chunk->bytes), err);
    case zTXt: return take_compressed_text(png, chunk, err);
    case iTXt: return take_international_text(png, chunk, err);
    case acTL: take_frames(png, chunk); break;
    case fcTL: return take_frame(png, chunk, err);
    }
    return DEIT_OK;
}

static enum deit_status check_whole(const struct deit_png *png,
                                    const struct deit_png_chunk *chunk, struct deit_error *err)
{
    if (chunk->bytes == chunk->length)
        return DEIT_OK;
    return deit_fail(err, DEIT_ERR_FORMAT,
                     "%s: PNG: truncated: the chunk at byte %zu has %" PRIu64
                     " bytes, the file has %zu", png->file->name, chunk->offset, chunk->length,
                     png->file->bytes);
}

static enum deit_status check_crc(const struct deit_png *png, const struct deit_png_chunk *chunk,
                                  struct deit_error *err)
{
    size_t end = chunk->offset + 8 + chunk->bytes;
    if (png->file->bytes - end < 4)
        return bad(png, chunk, "its checksum is cut off", err);
    uLong crc = crc32_z(0, png->file->data + chunk->offset + 4, chunk->bytes + 4);
    uint32_t written = u32(png->file->data + end);
    if (crc == written)
        return DEIT_OK;
    char what[64] = "checksum is 00000000, but its bytes give 00000000";
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 8; i++) {
        what[12 + i] = digits[written >> (28 - 4 * i) & 15];
        what[41 + i] = digits[crc >> (28 - 4 * i) & 15];
    }
    return bad(png, chunk, what, err);
}

static enum deit_status no_data(const struct deit_png *png, size_t offset,
                                struct deit_error *err)
{
    if (png->file->bytes - offset < 8)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: PNG: truncated: no image data in %zu bytes", png->file->name,
                         png->file->bytes);
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: PNG: no chunk name at byte %zu",
                     png->file->name, offset + 4);
}

static enum deit_status check_picture(struct deit_png *png, struct deit_error *err)
{
    const char *name = png->file->name;
    if (!png->has_mode)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: PNG: no header with a known colour type and depth", name);
    if (!png->width || !png->height)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: PNG: %u x %u has no pixels", name,
                         png->width, png->height);
    if (!png->has_frame) {
        png->frame_width = png->width;
        png->frame_height = png->height;
    } else if (!png->frame_width || !png->frame_height
               || (uint64_t)png->frame_x + png->frame_width > png->width
               || (uint64_t)png->frame_y + png->frame_height > png->height) {
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: PNG: first frame of %u x %u in %u x %u",
                         name, png->frame_width, png->frame_height, png->width, png->height);
    }
    if (png->has_palette && png->colour != DEIT_PNG_PALETTE)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: PNG: two headers, and a palette for the first of them", name);
    if (png->n_colours > 256)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: PNG: a palette of %zu colours, 256 at most",
                         name, png->n_colours);
    return DEIT_OK;
}

enum deit_status deit_png_open(const struct deit_image_file *file, struct deit_png *png,
                               struct deit_error *err)
{
    *png = (struct deit_png){ .file = file };
    struct deit_png_chunk chunk;
    size_t offset = 8;
    for (;; offset = deit_png_next(file, &chunk)) {
        if (!deit_png_chunk_at(file, offset, &chunk))
            return no_data(png, offset, err);
        bool is_data = chunk.name == IDAT || chunk.name == fdAT;
        if (is_data && png->has_frames && !png->has_frame)
            png->has_default_image = true;
        if (is_data && png->has_mode)
            break;
        if (chunk.name == fdAT) /* an IDAT before the header is like any unknown chunk */
            return bad(png, &chunk, "comes before the header", err);
        if (chunk.name == IEND)
            return bad(png, &chunk, "ends the file before any image data", err);
        enum deit_status status = check_whole(png, &chunk, err);
        if (status == DEIT_OK)
            status = take(png, &chunk, err);
        if (status == DEIT_OK)
            status = check_crc(png, &chunk, err);
        if (status != DEIT_OK)
            return status;
    }
    png->data_offset = offset;
    return check_picture(png, err);
}

enum deit_status deit_png_enter_data(struct deit_png *png, struct deit_png_chunk *chunk,
                                     struct deit_error *err)
{
    if (chunk->name != fdAT)
        return DEIT_OK;
    if (chunk->length < 4 || chunk->bytes < 4)
        return bad(png, chunk, "cut short", err);
    enum deit_status status = check_sequence(png, chunk, false, err);
    chunk->data += 4;
    chunk->bytes -= 4;
    return status;
}

enum deit_status deit_png_finish(struct deit_png *png, size_t offset, struct deit_error *err)
{
    uint64_t n_frames = png->has_frames ? (uint64_t)png->n_frames + png->has_default_image : 1;
    /* A palette or a header that comes now is too late. */
    bool lacks_palette = png->colour == DEIT_PNG_PALETTE && !png->has_palette;
    struct deit_png_chunk chunk;
    for (; deit_png_chunk_at(png->file, offset, &chunk);
         offset = deit_png_next(png->file, &chunk)) {
        if (chunk.name == IEND || (chunk.name == fcTL && n_frames > 1))
            break;
        enum deit_status status = check_whole(png, &chunk, err);
        if (status == DEIT_OK)
            status = deit_png_enter_data(png, &chunk, err);
        if (status == DEIT_OK)
            status = take(png, &chunk, err);
        if (status != DEIT_OK)
            return status;
    }
    if (lacks_palette && png->has_simple_alpha)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: PNG: a transparent index without a palette",
                         png->file->name);
    return DEIT_OK;
}
