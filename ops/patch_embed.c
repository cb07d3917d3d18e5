/*
 * ops/patch_embed.c: the patch convolution as a matrix product.
 *
 * Kernel and stride are equal, so every pixel belongs to one patch: a tile copies the pixels of
 * its patches into rows and multiplies them with all panels.
 */
#include "ops/patch_embed.h"

#include <string.h>

#include "ops/linear.h"
#include "ops/linear_bf16.h"

enum { TILE_BLOCKS = 2 }; /* register tiles of patches in a tile */

static size_t n_patches(const struct deit_patch_embed *op)
{
    return op->grid_height * op->grid_width;
}

static size_t tiles_per_image(const struct deit_patch_embed *op)
{
    return deit_ceil_div(n_patches(op), TILE_BLOCKS * op->mr);
}

size_t deit_patch_embed_scratch_bytes(size_t patch_elements, size_t mr, unsigned n_parts)
{
    size_t rows = TILE_BLOCKS * mr;
    if (!n_parts)
        return rows * patch_elements * sizeof(float);
    return rows * n_parts * deit_bf16_padded(patch_elements) * sizeof(uint16_t) +
           patch_elements * sizeof(float);
}

size_t deit_patch_embed_n_tiles(const void *op_, size_t batch)
{
    const struct deit_patch_embed *op = op_;
    return batch * op->images * tiles_per_image(op);
}

/* One patch in the order of the weight: channel, row, column. */
static void gather_patch(const struct deit_patch_embed *op, const float *image, size_t patch,
                         float *row)
{
    size_t top = patch / op->grid_width * op->patch_height;
    size_t left = patch % op->grid_width * op->patch_width;

    for (size_t c = 0; c < op->channels; c++)
        for (size_t y = 0; y < op->patch_height; y++, row += op->patch_width)
            memcpy(row, image + (c * op->height + top + y) * op->width + left,
                   op->patch_width * sizeof *row);
}

static void write_prefix(const struct deit_patch_embed *op, const struct deit_kernels *kernels,
                         float *y)
{
    for (size_t t = 0; t < op->n_prefix; t++, y += op->d) {
        if (op->prefix_positions)
            kernels->add_f32(op->d, op->prefix[t], op->prefix_positions + t * op->d, y);
        else
            memcpy(y, op->prefix[t], op->d * sizeof *y);
    }
}

/* Patches of an image, where their tokens go, and what is added to them or NULL. */
struct projection {
    const float *pixels;
    struct deit_range patches;
    const float *positions;
    float *y;
};

static void project_f32(const struct deit_patch_embed *op, const struct deit_tile *tile,
                        const struct projection *p)
{
    size_t k = op->channels * op->patch_height * op->patch_width;
    size_t n = p->patches.end - p->patches.begin;
    float *rows = tile->scratch;

    for (size_t i = 0; i < n; i++)
        gather_patch(op, p->pixels, p->patches.begin + i, rows + i * k);
    const struct deit_linear linear = {
        .rows_per_image = n, .k = k, .n = op->d, .nr = op->nr, .k_block = { 0, k },
        .x = rows, .x_row = k, .panels = op->panels, .bias = op->bias,
        .residual = p->positions,
        .y = p->y,
    };
    for (size_t panel = 0; panel * op->nr < op->d; panel++)
        deit_linear_panel(tile->kernels, &linear, (struct deit_range){ 0, n }, panel,
                          deit_linear_panel_at(&linear, panel + 1));
}

/* Patches go through one row of f32. */
static void project_bf16(const struct deit_patch_embed *op, const struct deit_tile *tile,
                         const struct projection *p)
{
    size_t k = op->channels * op->patch_height * op->patch_width;
    size_t n = p->patches.end - p->patches.begin;
    size_t n_blocks = deit_ceil_div(n, op->mr);
    const struct deit_linear_bf16 linear = {
        .rows_per_image = n, .n = op->d, .mr = op->mr, .nr = op->nr,
        .x = deit_parts_of(tile->scratch, k, op->n_parts), .panels = op->panels_bf16,
        .bias = op->bias, .residual = p->positions,
        .y = p->y,
    };
    float *row = (void *)deit_parts_row(&linear.x, TILE_BLOCKS * op->mr);

    for (size_t i = 0; i < n; i++) {
        gather_patch(op, p->pixels, p->patches.begin + i, row);
        deit_parts_write(&linear.x, tile->kernels, i, 1, 0, k, row, k);
    }
    for (size_t panel = 0; panel * op->nr < op->d; panel++)
        for (size_t i = 0; i < n_blocks; i++) {
            struct deit_range block = deit_piece(n, n_blocks, i);
            deit_linear_bf16_block(tile->kernels, &linear, block.begin, block.end - block.begin,
                                   panel, NULL);
        }
}

void deit_patch_embed_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_patch_embed *op = op_;
    size_t tiles = tiles_per_image(op);
    size_t image = tile->index / tiles;
    struct deit_range patches = deit_piece(n_patches(op), tiles, tile->index % tiles);
    size_t n = patches.end - patches.begin;
    float *y = op->y + image * (op->n_prefix + n_patches(op)) * op->d;
    float *tokens = y + (op->n_prefix + patches.begin) * op->d;
    float *wanted =
        op->patches ? op->patches + (image * n_patches(op) + patches.begin) * op->d : NULL;
    const float *positions = op->positions ? op->positions + patches.begin * op->d : NULL;
    const struct projection projection = {
        .pixels = op->image + image * op->channels * op->height * op->width,
        .patches = patches,
        .positions = wanted ? NULL : positions,
        .y = wanted ? wanted : tokens,
    };
    if (op->n_parts)
        project_bf16(op, tile, &projection);
    else
        project_f32(op, tile, &projection);

    if (wanted && positions)
        tile->kernels->add_f32(n * op->d, wanted, positions, tokens);
    else if (wanted)
        memcpy(tokens, wanted, n * op->d * sizeof *tokens);
    if (patches.begin == 0)
        write_prefix(op, tile->kernels, y);
}
