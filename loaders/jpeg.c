/*
 * loaders/jpeg.c: JPEG by libjpeg-turbo, with the accurate DCT and smooth upsampling.
 *
 * The source never makes up data: at the end of the file it suspends the decoder, as Pillow's
 * does, so a file that lacks something is told from one that is merely untidy.  libjpeg fails
 * by longjmp(); everything that must survive it lives in struct decoder, nothing in locals.
 */
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "loaders/image.h"
#include "loaders/jpeg_header.h"
#include "runtime/error.h"

/* Progressive files may refine a picture for ever: scans x pixels is what they cost. */
#define MAX_SCAN_PIXELS UINT64_C(2000000000)
#define MAX_TOGETHER UINT64_C(480000000) /* bytes of such a picture and its coefficients */
#define MIN_SCAN_PIXELS UINT64_C(100000) /* a scan of a tiny picture is not free either */

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;

    const struct deit_image_file *file;
    struct deit_jpeg_header header;
    struct deit_error *err;
    enum deit_status status; /* why we jumped */
    deit_image image;
    uint8_t *row; /* of a picture that is not RGB */
};

/* ------------------------------------------------------------------ failure */

static size_t position(const struct decoder *d)
{
    return d->file->bytes - d->source.bytes_in_buffer;
}

static enum deit_status status_of(int message)
{
    switch (message) {
    case JERR_OUT_OF_MEMORY: return DEIT_ERR_MEMORY;
    case JERR_NO_BACKING_STORE: return DEIT_ERR_LIMIT;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_SOF_UNSUPPORTED: return DEIT_ERR_UNSUPPORTED;
    }
    return DEIT_ERR_FORMAT;
}

static void on_error(j_common_ptr common)
{
    struct decoder *d = common->client_data;
    int message = common->err->msg_code;
    d->status = status_of(message);
    if (d->status == DEIT_ERR_LIMIT) {
        deit_fail(d->err, d->status,
                  "%s: JPEG: %u x %u need more than the memory limit of %" PRIu64 " bytes",
                  d->file->name, d->header.width, d->header.height, d->file->max_memory);
    } else {
        char reason[JMSG_LENGTH_MAX];
        common->err->format_message(common, reason);
        deit_fail(d->err, d->status, "%s: JPEG: %s (at byte %zu of %zu)", d->file->name, reason,
                  position(d), d->file->bytes);
    }
    longjmp(d->failed, 1);
}

static void on_message(j_common_ptr common, int level)
{
    (void)common; /* warnings: Pillow does not hear them either */
    (void)level;
}

static void output_nothing(j_common_ptr common)
{
    (void)common;
}

/* Does not return. */
static void fail_truncated(struct decoder *d)
{
    d->status = deit_fail(d->err, DEIT_ERR_FORMAT,
                          "%s: JPEG: truncated: the picture goes on behind the file's %zu bytes",
                          d->file->name, d->file->bytes);
    longjmp(d->failed, 1);
}

static void on_progress(j_common_ptr common)
{
    struct decoder *d = common->client_data;
    uint64_t pixels = (uint64_t)d->header.width * d->header.height;
    uint64_t cost = pixels < MIN_SCAN_PIXELS ? MIN_SCAN_PIXELS : pixels;
    uint64_t scans = (uint64_t)d->jpeg.input_scan_number;
    if (scans <= MAX_SCAN_PIXELS / cost)
        return;
    d->status = deit_fail(d->err, DEIT_ERR_LIMIT,
                          "%s: JPEG: %" PRIu64 " scans of %" PRIu64 " pixels are above the limit "
                          "of %" PRIu64 " in all", d->file->name, scans, pixels,
                          MAX_SCAN_PIXELS);
    longjmp(d->failed, 1);
}

/* ------------------------------------------------------------------ source */

static void source_nothing(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

static boolean source_fill(j_decompress_ptr jpeg)
{
    (void)jpeg;
    return FALSE; /* there is no more */
}

static void source_skip(j_decompress_ptr jpeg, long n)
{
    struct jpeg_source_mgr *source = jpeg->src;
    size_t skip = n < 0 ? 0 : (size_t)n;
    if (skip > source->bytes_in_buffer)
        skip = source->bytes_in_buffer;
    source->next_input_byte += skip;
    source->bytes_in_buffer -= skip;
}

/* ------------------------------------------------------------------ decoding */

static void start(struct decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    jpeg->err = jpeg_std_error(&d->errors);
    d->errors.error_exit = on_error;
    d->errors.emit_message = on_message;
    d->errors.output_message = output_nothing;
    jpeg->client_data = d;
    jpeg_create_decompress(jpeg);
    d->progress.progress_monitor = on_progress;
    jpeg->progress = &d->progress;
    if (d->file->max_memory < LONG_MAX)
        jpeg->mem->max_memory_to_use = (long)d->file->max_memory;

    d->source = (struct jpeg_source_mgr){
        .next_input_byte = d->file->data, .bytes_in_buffer = d->file->bytes,
        .init_source = source_nothing, .fill_input_buffer = source_fill,
        .skip_input_data = source_skip, .resync_to_restart = jpeg_resync_to_restart,
        .term_source = source_nothing,
    };
    jpeg->src = &d->source;
}

static void read_header(struct decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    int found;
    do /* tables may come as a stream of their own, in front of the picture */
        found = jpeg_read_header(jpeg, FALSE);
    while (found == JPEG_HEADER_TABLES_ONLY);
    if (found == JPEG_SUSPENDED)
        fail_truncated(d);

    if (jpeg->image_width != d->header.width || jpeg->image_height != d->header.height
        || (unsigned)jpeg->num_components != d->header.n_components) {
        d->status = deit_fail(d->err, DEIT_ERR_FORMAT,
                              "%s: JPEG: two frame headers: %u x %u and %u x %u", d->file->name,
                              d->header.width, d->header.height, jpeg->image_width,
                              jpeg->image_height);
        longjmp(d->failed, 1);
    }
    switch (jpeg->num_components) {
    case 1: jpeg->out_color_space = JCS_GRAYSCALE; break;
    case 3: jpeg->out_color_space = JCS_RGB; break;
    case 4: jpeg->out_color_space = JCS_CMYK; break;
    }
}

/* A file of several scans keeps all coefficients; libjpeg would name no number. */
static void check_memory(struct decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    if (!jpeg_has_multiple_scans(jpeg))
        return;
    uint64_t blocks = 0;
    for (int i = 0; i < jpeg->num_components; i++)
        blocks += (uint64_t)jpeg->comp_info[i].width_in_blocks
                * jpeg->comp_info[i].height_in_blocks;
    uint64_t bytes = blocks * sizeof(JBLOCK), limit = d->file->max_memory;
    uint64_t picture = UINT64_C(3) * d->header.width * d->header.height;
    uint64_t together = limit > MAX_TOGETHER ? limit : MAX_TOGETHER;
    if (bytes <= limit && bytes + picture <= together)
        return;
    if (bytes <= limit) {
        bytes += picture;
        limit = together;
    }
    d->status = deit_fail(d->err, DEIT_ERR_LIMIT,
                          "%s: JPEG: several scans of %u x %u need %" PRIu64 " bytes, above the "
                          "memory limit of %" PRIu64, d->file->name, d->header.width,
                          d->header.height, bytes, limit);
    longjmp(d->failed, 1);
}

/* x * y / 255, rounded. */
static unsigned multiply_255(unsigned x, unsigned y)
{
    unsigned product = x * y + 128;
    return (product + (product >> 8)) >> 8;
}

/*
 * Files with four components store ink inverted, as Adobe's programs write them, and are taken
 * to do so whether or not they say it.  No profile is looked at.
 */
static void cmyk_to_rgb(size_t n, const uint8_t *cmyk, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++) {
        unsigned light = cmyk[4 * i + 3];
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(light - multiply_255(255u - cmyk[4 * i + c], light));
    }
}

static void grey_to_rgb(size_t n, const uint8_t *grey, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++)
        memset(rgb + 3 * i, grey[i], 3);
}

static void read_rows(struct decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    uint8_t *pixels = d->image.owned;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *rgb = pixels + jpeg->output_scanline * d->image.stride;
        JSAMPROW row = jpeg->num_components == 3 ? rgb : d->row;
        if (jpeg_read_scanlines(jpeg, &row, 1) != 1)
            fail_truncated(d);
        if (jpeg->num_components == 1)
            grey_to_rgb(jpeg->output_width, d->row, rgb);
        else if (jpeg->num_components == 4)
            cmyk_to_rgb(jpeg->output_width, d->row, rgb);
    }
}

/* libjpeg 3 refuses a second frame header at once, libjpeg 2 when it has read all of it. */
static int is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* The one function that libjpeg jumps back to. */
static enum deit_status decode(struct decoder *d)
{
    if (setjmp(d->failed))
        return d->status;

    start(d);
    read_header(d);
    check_memory(d);
    d->status = deit_image_create(d->file, d->header.width, d->header.height, &d->image, d->err);
    if (d->status != DEIT_OK)
        return d->status;
    d->row = malloc((size_t)d->header.width * 4);
    if (!d->row)
        return deit_fail(d->err, DEIT_ERR_MEMORY, "%s: out of memory", d->file->name);
    if (!jpeg_start_decompress(&d->jpeg))
        fail_truncated(d);
    read_rows(d);
    /* With all rows there, an end that is missing is not missed; one that is wrong is. */
    if (!jpeg_finish_decompress(&d->jpeg) && is_frame(d->jpeg.unread_marker))
        return deit_fail(d->err, DEIT_ERR_FORMAT, "%s: JPEG: a frame header behind the picture",
                         d->file->name);
    return DEIT_OK;
}

enum deit_status deit_jpeg_decode(const struct deit_image_file *file, deit_image *image,
                                  struct deit_error *err)
{
    struct deit_jpeg_header header;
    enum deit_status status = deit_jpeg_header_read(file, &header, err);
    if (status != DEIT_OK)
        return status;
    status = deit_image_file_check(file, header.width, header.height, err);
    if (status != DEIT_OK)
        return status;

    struct decoder *d = calloc(1, sizeof *d);
    if (!d)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", file->name);
    d->file = file;
    d->header = header;
    d->err = err;
    status = decode(d);
    if (status == DEIT_OK)
        *image = d->image;
    else
        deit_image_close(&d->image);
    jpeg_destroy_decompress(&d->jpeg);
    free(d->row);
    free(d);
    return status;
}
