/*
 * ops/patch_embed.h: patches of an image to tokens.
 *
 * Token n_prefix + p is the projection of patch p plus its position; tokens 0 to n_prefix - 1
 * are the prefix tokens, plus their positions where the table has them.
 */
#ifndef DEIT_OPS_PATCH_EMBED_H
#define DEIT_OPS_PATCH_EMBED_H

#include "ops/step.h"

struct deit_patch_embed {
    size_t images; /* for each unit of the batch */
    size_t channels, height, width;     /* of the image */
    size_t patch_height, patch_width;   /* do not need to divide the image: the rest is cut */
    size_t grid_height, grid_width;     /* patches */
    size_t d;
    size_t mr, nr;
    const float *image;  /* (batch, channels, height, width) */
    const float *panels; /* packed (d, channels * patch_height * patch_width) */
    const uint16_t *panels_bf16; /* the same of n_parts bf16 parts, and then no 'panels' */
    unsigned n_parts;
    const float *bias;   /* (d) or NULL */
    const float *positions;        /* (patches, d) or NULL */
    const float *prefix_positions; /* (n_prefix, d) or NULL */
    size_t n_prefix;
    const float *prefix[2]; /* (d) each */
    float *y;        /* (batch, n_prefix + patches, d) */
    float *patches;  /* (batch, patches, d), before positions, or NULL */
};

deit_n_tiles_fn deit_patch_embed_n_tiles;
deit_tile_fn deit_patch_embed_run;

/* Bytes of scratch for each thread: the pixels of a tile's patches; n_parts 0: as f32. */
size_t deit_patch_embed_scratch_bytes(size_t patch_elements, size_t mr, unsigned n_parts);

#endif
