/*
 * loaders/png_chunks.h: a PNG file's chunks, judged as Pillow judges them.
 */
#ifndef DEIT_LOADERS_PNG_CHUNKS_H
#define DEIT_LOADERS_PNG_CHUNKS_H

#include <stdbool.h>

#include "loaders/image.h"

enum { DEIT_PNG_GREY = 0, DEIT_PNG_RGB = 2, DEIT_PNG_PALETTE = 3, DEIT_PNG_GREY_ALPHA = 4,
       DEIT_PNG_RGB_ALPHA = 6 };

/* A chunk whose payload may reach beyond the file; 'bytes' is what is there. */
struct deit_png_chunk {
    uint32_t name; /* DEIT_PNG_NAME() */
    size_t offset; /* of its length field */
    const uint8_t *data;
    size_t bytes;
    uint64_t length; /* as written */
};

#define DEIT_PNG_NAME(a, b, c, d) \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

struct deit_png {
    const struct deit_image_file *file;
    uint32_t width, height; /* of the picture */
    uint8_t depth, colour;
    bool is_interlaced;
    bool has_frame; /* an animation's first frame may cover a part only */
    uint32_t frame_x, frame_y, frame_width, frame_height;
    bool has_palette;
    size_t n_colours;
    uint8_t palette[256][3]; /* black behind the last one, and without any */

    size_t data_offset; /* of the first chunk with image data */

    /* What later chunks are judged by. */
    bool has_mode, has_frames, has_default_image, has_sequence;
    bool has_simple_alpha; /* one colour or index is transparent */
    uint32_t n_frames, sequence;
    uint64_t text_bytes, inflated_bytes;
    size_t n_chunks; /* beside the image data */
};

/*
 * Walks the chunks up to the first one with image data.  Their checksums must be right, those
 * of ancillary chunks too.  Returns DEIT_ERR_FORMAT, DEIT_ERR_LIMIT.
 */
enum deit_status deit_png_open(const struct deit_image_file *file, struct deit_png *png,
                               struct deit_error *err);

/* The chunk at 'offset'; false if there is no whole header or its name is none. */
bool deit_png_chunk_at(const struct deit_image_file *file, size_t offset,
                       struct deit_png_chunk *chunk);

/* Whether the chunk continues image data, as its next piece. */
bool deit_png_is_data(uint32_t name);

/* Where the chunk behind 'chunk' starts; the end of the file if there is none. */
size_t deit_png_next(const struct deit_image_file *file, const struct deit_png_chunk *chunk);

/*
 * Takes the sequence number off a fdAT chunk's front and checks it; other chunks are left
 * alone.
 */
enum deit_status deit_png_enter_data(struct deit_png *png, struct deit_png_chunk *chunk,
                                     struct deit_error *err);

/*
 * Walks what follows image data, from the chunk at 'offset'.  Here checksums do not count and
 * the file may stop between chunks, but not inside one.
 */
enum deit_status deit_png_finish(struct deit_png *png, size_t offset, struct deit_error *err);

#endif
