/*
 * loaders/png.c: PNG by libpng's row API.
 *
 * libpng does not read the file: it is fed a plain one, made of the header, the image data
 * and nothing else, after png_chunks.c has judged the rest.  It inflates and unfilters; rows
 * are turned into RGB here, because Pillow's rules for depths and interlaced rows are not
 * libpng's.  libpng fails by longjmp(); what must survive it lives in struct decoder.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "loaders/image.h"
#include "loaders/png_chunks.h"
#include "runtime/error.h"

enum { BLOCK_BYTES = 65536, N_PASSES = 7 }; /* the blocks in which Pillow reads image data */

/* Adam7, and the one pass of a plain picture. */
struct pass {
    uint32_t x, y, dx, dy;
};
static const struct pass adam7[N_PASSES] = {
    { 0, 0, 8, 8 }, { 4, 0, 8, 8 }, { 0, 4, 4, 8 }, { 2, 0, 4, 4 },
    { 0, 2, 2, 4 }, { 1, 0, 2, 2 }, { 0, 1, 1, 2 },
};
static const struct pass plain = { 0, 0, 1, 1 };

/* The file as libpng sees it: a front, then IDAT chunks, then IEND. */
struct feed {
    const uint8_t *next;
    size_t left;
    enum { FRONT, DATA_HEAD, DATA, DATA_TAIL, END, OVER } stage;
    uint8_t front[12 + 13 + 12 + 3], head[8];
    struct deit_png_chunk chunk; /* whose data is being read */
    size_t offset;               /* of the chunk behind it */
};

struct decoder {
    png_structp png;
    png_infop info;
    const struct deit_image_file *file;
    struct deit_error reason; /* why we jumped; the caller's stays clean if it was no reason */
    enum deit_status status;
    struct deit_png chunks;
    struct feed feed;
    deit_image image;
    uint8_t *rgb; /* one row, whose pixels are then spread */

    unsigned pass;
    uint32_t row;        /* of the pass: the next to come */
    bool is_complete;
};

/* ------------------------------------------------------------------ failure */

static void on_error(png_structp png, png_const_charp reason)
{
    struct decoder *d = png_get_error_ptr(png);
    if (d->status == DEIT_OK)
        d->status = deit_fail(&d->reason, DEIT_ERR_FORMAT,
                              "%s: PNG: %s (row %u of %u%s, chunk at byte %zu)", d->file->name,
                              reason, d->row, d->chunks.frame_height,
                              d->chunks.is_interlaced ? " at most, interlaced" : "",
                              d->feed.chunk.offset);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp reason)
{
    (void)png;
    (void)reason;
}

/* libpng has no word of its own for this failure. */
static png_voidp on_malloc(png_structp png, png_alloc_size_t bytes)
{
    struct decoder *d = png_get_mem_ptr(png);
    void *block = malloc(bytes);
    if (!block && d->status == DEIT_OK)
        d->status = deit_fail(&d->reason, DEIT_ERR_MEMORY, "%s: out of memory", d->file->name);
    return block;
}

static void on_free(png_structp png, png_voidp block)
{
    (void)png;
    free(block);
}

/* ------------------------------------------------------------------ feeding */

static void put_u32(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

static void feed_init(struct feed *feed, const struct deit_png *png)
{
    *feed = (struct feed){ .stage = FRONT, .offset = png->data_offset };
    uint8_t *p = feed->front; /* checksums stay zero: libpng is told not to look */
    put_u32(p, 13);
    memcpy(p + 4, "IHDR", 4);
    put_u32(p + 8, png->frame_width);
    put_u32(p + 12, png->frame_height);
    p[16] = png->depth;
    p[17] = png->colour;
    p[20] = png->is_interlaced;
    feed->next = p;
    feed->left = 12 + 13;
    if (png->colour == DEIT_PNG_PALETTE) { /* it insists on one; we look colours up ourselves */
        put_u32(p + 25, 3);
        memcpy(p + 29, "PLTE", 4);
        feed->left += 12 + 3;
    }
}

/* Enters the next chunk of image data; false if there is none. */
static bool feed_enter_chunk(struct decoder *d)
{
    struct feed *feed = &d->feed;
    struct deit_png_chunk chunk;
    if (!deit_png_chunk_at(d->file, feed->offset, &chunk) || !deit_png_is_data(chunk.name))
        return false;
    feed->offset = deit_png_next(d->file, &chunk);
    feed->chunk = chunk;
    d->status = deit_png_enter_data(&d->chunks, &feed->chunk, &d->reason);
    return d->status == DEIT_OK;
}

static void feed_advance(struct decoder *d)
{
    static const uint8_t end[12] = { 0, 0, 0, 0, 'I', 'E', 'N', 'D' };
    struct feed *feed = &d->feed;
    switch (feed->stage) {
    case FRONT:
    case DATA_TAIL:
        feed->stage = DATA_HEAD;
        if (feed_enter_chunk(d)) {
            put_u32(feed->head, (uint32_t)feed->chunk.bytes);
            memcpy(feed->head + 4, "IDAT", 4);
            feed->next = feed->head;
            feed->left = 8;
        } else {
            feed->stage = END;
            feed->next = end;
            feed->left = d->status == DEIT_OK ? sizeof end : 0;
        }
        break;
    case DATA_HEAD:
        feed->stage = DATA;
        feed->next = feed->chunk.data;
        feed->left = feed->chunk.bytes;
        break;
    case DATA:
        feed->stage = DATA_TAIL;
        feed->next = end;
        feed->left = 4;
        break;
    case END:
    case OVER:
        feed->stage = OVER;
        break;
    }
}

static void on_read(png_structp png, png_bytep dst, size_t n)
{
    struct decoder *d = png_get_io_ptr(png);
    while (n) {
        size_t some = n < d->feed.left ? n : d->feed.left;
        if (some)
            memcpy(dst, d->feed.next, some);
        dst += some;
        n -= some;
        d->feed.next += some;
        d->feed.left -= some;
        if (d->feed.left)
            continue;
        feed_advance(d);
        if (n && d->feed.stage == OVER)
            png_error(png, "not enough image data");
    }
}

/* ------------------------------------------------------------------ rows */

/* Sample i of a row whose samples are 1, 2, 4 or 8 bits wide. */
static unsigned sample(const uint8_t *row, size_t i, unsigned depth)
{
    size_t bit = i * depth;
    return row[bit / 8] >> (8 - depth - bit % 8) & ((1u << depth) - 1);
}

static void grey_to_rgb(size_t n, unsigned depth, const uint8_t *src, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++) {
        unsigned grey;
        if (depth == 16) /* clipped, not scaled: that is what Pillow makes of them */
            grey = src[2 * i] ? 255 : src[2 * i + 1];
        else if (depth == 8)
            grey = src[i];
        else
            grey = sample(src, i, depth) * (255 / ((1u << depth) - 1));
        memset(rgb + 3 * i, (int)grey, 3);
    }
}

static void row_to_rgb(const struct deit_png *png, size_t n, const uint8_t *src, uint8_t *rgb)
{
    size_t bytes = png->depth == 16 ? 2 : 1; /* of a sample; the first one counts */
    switch (png->colour) {
    case DEIT_PNG_GREY:
        grey_to_rgb(n, png->depth, src, rgb);
        break;
    case DEIT_PNG_PALETTE:
        for (size_t i = 0; i < n; i++)
            memcpy(rgb + 3 * i, png->palette[sample(src, i, png->depth)], 3);
        break;
    case DEIT_PNG_GREY_ALPHA:
        for (size_t i = 0; i < n; i++)
            memset(rgb + 3 * i, src[2 * bytes * i], 3);
        break;
    default: {
        size_t step = png->colour == DEIT_PNG_RGB ? 3 * bytes : 4 * bytes;
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < 3; c++)
                rgb[3 * i + c] = src[step * i + c * bytes];
    }
    }
}

static const struct pass *pass_of(const struct deit_png *png, unsigned pass)
{
    return png->is_interlaced ? &adam7[pass] : &plain;
}

/* How many of 'size' the grid of 'step' that starts at 'first' touches. */
static uint32_t count(uint32_t size, uint32_t first, uint32_t step)
{
    return size > first ? (size - first - 1) / step + 1 : 0;
}

/* Moves to the next row that exists; false behind the last. */
static bool next_row(const struct deit_png *png, unsigned *pass, uint32_t *row)
{
    unsigned n_passes = png->is_interlaced ? N_PASSES : 1;
    for (; *pass < n_passes; (*pass)++, *row = 0) {
        const struct pass *p = pass_of(png, *pass);
        if (count(png->frame_width, p->x, p->dx)
            && *row < count(png->frame_height, p->y, p->dy))
            return true;
    }
    return false;
}

/*
 * Receives each row when it has been inflated and unfiltered.  Behind the last one libpng would
 * go on, looking for the stream's end by rules that are not Pillow's: we leave it there.
 */
static void on_row(png_structp png, png_row_infop info, png_bytep src)
{
    struct decoder *d = png_get_user_transform_ptr(png);
    const struct deit_png *chunks = &d->chunks;
    const struct pass *pass = pass_of(chunks, d->pass);
    uint8_t *pixels = d->image.owned;
    size_t y = pass->y + (size_t)d->row * pass->dy;
    if (chunks->is_interlaced) { /* Pillow puts such a frame into the corner */
        uint8_t *dst = pixels + y * d->image.stride + (size_t)pass->x * 3;
        row_to_rgb(chunks, info->width, src, d->rgb);
        for (size_t i = 0; i < info->width; i++)
            memcpy(dst + i * 3 * pass->dx, d->rgb + 3 * i, 3);
    } else {
        uint8_t *dst = pixels + (chunks->frame_y + y) * d->image.stride;
        row_to_rgb(chunks, info->width, src, dst + (size_t)chunks->frame_x * 3);
    }
    d->row++;
    d->is_complete = !next_row(chunks, &d->pass, &d->row);
    if (d->is_complete)
        png_longjmp(png, 1);
}

/* ------------------------------------------------------------------ decoding */

/* The image data inflated once more, row by row, to see how it ends. */
struct replay {
    const struct deit_png *png;
    z_stream z;
    uint8_t *row;
    size_t filled; /* bytes of the row so far */
    unsigned pass;
    uint32_t y;
    enum { GOES_ON, ENDS_BEHIND_ROW, IS_NO_END } verdict;
};

static unsigned bits_per_pixel(const struct deit_png *png)
{
    static const unsigned channels[] = { 1, 0, 3, 1, 2, 0, 4 }; /* by colour type */
    return channels[png->colour] * png->depth;
}

static void replay_block(struct replay *r, const uint8_t *data, size_t n)
{
    r->z.next_in = (Bytef *)(uintptr_t)data;
    r->z.avail_in = (uInt)n;
    while (r->z.avail_in && r->verdict == GOES_ON) {
        const struct pass *pass = pass_of(r->png, r->pass);
        uint64_t columns = count(r->png->frame_width, pass->x, pass->dx);
        size_t row_bytes = 1 + (size_t)((columns * bits_per_pixel(r->png) + 7) / 8);
        r->z.next_out = r->row + r->filled;
        r->z.avail_out = (uInt)(row_bytes - r->filled);
        int code = inflate(&r->z, Z_NO_FLUSH);
        r->filled = row_bytes - r->z.avail_out;
        if (code >= 0 && r->filled < row_bytes)
            return; /* and with an end of the stream inside a row none ever comes */
        r->filled = 0;
        r->y++;
        bool is_filter = r->row[0] <= 4;
        if (code < 0 || !is_filter || !next_row(r->png, &r->pass, &r->y))
            r->verdict = IS_NO_END;
        else if (code == Z_STREAM_END)
            r->verdict = ENDS_BEHIND_ROW;
    }
}

/*
 * A zlib stream that ends in good order right behind a row is not an error to Pillow: the rows
 * that are missing stay as they were.  libpng does not tell this end from others.
 */
static bool ends_behind_row(struct decoder *d)
{
    struct replay r = { .png = &d->chunks };
    r.row = malloc((size_t)((uint64_t)bits_per_pixel(r.png) * r.png->frame_width / 8 + 2));
    if (!r.row || inflateInit(&r.z) != Z_OK) {
        free(r.row);
        return false;
    }
    next_row(r.png, &r.pass, &r.y);
    feed_init(&d->feed, r.png);
    while (r.verdict == GOES_ON && feed_enter_chunk(d)) {
        const struct deit_png_chunk *chunk = &d->feed.chunk;
        for (size_t at = 0; at < chunk->bytes && r.verdict == GOES_ON; at += BLOCK_BYTES) {
            size_t left = chunk->bytes - at;
            replay_block(&r, chunk->data + at, left < BLOCK_BYTES ? left : BLOCK_BYTES);
        }
    }
    inflateEnd(&r.z);
    free(r.row);
    return r.verdict == ENDS_BEHIND_ROW;
}

/* The one function that libpng jumps back to. */
static enum deit_status decode(struct decoder *d)
{
    d->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, d, on_error, on_warning, d,
                                      on_malloc, on_free);
    if (d->png)
        d->info = png_create_info_struct(d->png);
    if (!d->info)
        return deit_fail(&d->reason, DEIT_ERR_MEMORY, "%s: out of memory", d->file->name);
    if (setjmp(png_jmpbuf(d->png)))
        return d->is_complete ? DEIT_OK : d->status;

    png_set_read_fn(d->png, d, on_read);
    png_set_sig_bytes(d->png, 8);
    png_set_user_limits(d->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_crc_action(d->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_set_benign_errors(d->png, 1);
    png_set_check_for_invalid_index(d->png, 0);
    png_set_option(d->png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
    png_set_compression_buffer_size(d->png, BLOCK_BYTES);
    png_read_info(d->png, d->info);
    png_set_read_user_transform_fn(d->png, on_row);
    png_set_user_transform_info(d->png, d, 0, 0);
    png_read_update_info(d->png, d->info);
    for (;;) /* until on_row() has the last one */
        png_read_row(d->png, NULL, NULL);
}

static enum deit_status check_limits(const struct deit_image_file *file,
                                     const struct deit_png *png, struct deit_error *err)
{
    enum deit_status status = deit_image_file_check(file, png->width, png->height, err);
    if (status != DEIT_OK)
        return status;
    uint64_t row_bytes = ((uint64_t)bits_per_pixel(png) * png->frame_width + 7) / 8;
    uint64_t bytes = 3 * row_bytes; /* libpng's two, and its input buffer or ours */
    if (bytes > file->max_memory)
        return deit_fail(err, DEIT_ERR_LIMIT,
                         "%s: PNG: rows of %u pixels need %" PRIu64
                         " bytes, above the memory limit of %" PRIu64, file->name,
                         png->frame_width, bytes, file->max_memory);
    return DEIT_OK;
}

/* Pixels that no row reaches have index 0. */
static void fill(struct decoder *d)
{
    uint8_t *pixels = d->image.owned;
    size_t n = (size_t)d->image.width * d->image.height;
    static const uint8_t black[3];
    if (d->chunks.colour == DEIT_PNG_PALETTE && memcmp(d->chunks.palette[0], black, 3))
        for (size_t i = 0; i < n; i++)
            memcpy(pixels + 3 * i, d->chunks.palette[0], 3);
}

static enum deit_status decode_and_judge(struct decoder *d)
{
    struct deit_png opened = d->chunks; /* decoding moves the frame counter */
    if (d->chunks.is_interlaced && !(d->rgb = malloc((size_t)d->chunks.frame_width * 3)))
        return deit_fail(&d->reason, DEIT_ERR_MEMORY, "%s: out of memory", d->file->name);
    fill(d);
    feed_init(&d->feed, &d->chunks);
    enum deit_status status = decode(d);
    if (status != DEIT_OK) {
        struct deit_error reason = d->reason;
        d->chunks = opened;
        d->status = DEIT_OK;
        if (!ends_behind_row(d)) {
            d->reason = reason;
            return status;
        }
    }
    return deit_png_finish(&d->chunks, d->feed.offset, &d->reason);
}

enum deit_status deit_png_decode(const struct deit_image_file *file, deit_image *image,
                                 struct deit_error *err)
{
    struct decoder *d = calloc(1, sizeof *d);
    if (!d)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", file->name);
    d->file = file;
    enum deit_status status = deit_png_open(file, &d->chunks, &d->reason);
    if (status == DEIT_OK)
        status = check_limits(file, &d->chunks, &d->reason);
    if (status == DEIT_OK)
        status = deit_image_create(file, d->chunks.width, d->chunks.height, &d->image,
                                   &d->reason);
    if (status == DEIT_OK)
        status = decode_and_judge(d);
    if (status == DEIT_OK) {
        *image = d->image;
    } else {
        deit_image_close(&d->image);
        if (err)
            *err = d->reason;
    }
    png_destroy_read_struct(&d->png, &d->info, NULL);
    free(d->rgb);
    free(d);
    return status;
}
