/*
 * models/detect.c: from tensors to an architecture.
 *
 * Each step asks for one part of the model in the order of its definition: patches, tokens,
 * positions, blocks, classifiers.  Nothing is taken from the model's name, because a fine-tuned
 * or renamed checkpoint keeps its tensors and not always its config.
 */
#include "models/detect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/config_check.h"
#include "models/known.h"
#include "models/refuse.h"
#include "runtime/describe.h"
#include "runtime/error.h"

enum { MAX_SIDE = 1 << 24, MAX_DEPTH = 100000, HEAD_WIDTH = 64 };

struct detector {
    const struct deit_tensors *tensors;
    const struct deit_config *config;
    struct deit_architecture *arch;
    struct deit_error *err;
    char name[DEIT_NAME_BYTES]; /* of the tensor last looked for */
};

uint32_t deit_architecture_n_prefix(const struct deit_architecture *arch)
{
    return (uint32_t)arch->has_cls_token + (uint32_t)arch->has_dist_token;
}

static const struct deit_tensor_entry *find_body(struct detector *d, const char *part,
                                                 const char *suffix)
{
    return deit_tensors_find(d->tensors,
                             deit_naming_body(&d->arch->naming, part, suffix, d->name));
}

/* In the first block: the others must be like it, which the graph builder finds out. */
static const struct deit_tensor_entry *find_block(struct detector *d, const char *part,
                                                  const char *suffix)
{
    if (!part)
        return NULL;
    return deit_tensors_find(d->tensors,
                             deit_naming_block(&d->arch->naming, 0, part, suffix, d->name));
}

static const struct deit_tensor_entry *find_head(struct detector *d, const char *part)
{
    if (!part)
        return NULL;
    return deit_tensors_find(d->tensors,
                             deit_naming_head(&d->arch->naming, part, ".weight", d->name));
}

static enum deit_status missing(struct detector *d, const char *expected)
{
    return deit_fail(d->err, DEIT_ERR_FORMAT, "%s: tensor '%s' is missing, expected %s",
                     d->tensors->name, d->name, expected);
}

static enum deit_status misshapen(struct detector *d, const struct deit_tensor_entry *entry,
                                  const char *expected)
{
    char shape[128];
    return deit_fail(d->err, DEIT_ERR_FORMAT, "%s: tensor '%s' is %s, expected %s",
                     entry->source->name, entry->name, deit_shape_print(&entry->shape, shape),
                     expected);
}

/* Whether all dims are sizes that a model can have. */
static bool has_sane_dims(const struct deit_tensor_entry *entry)
{
    for (uint32_t i = 0; i < entry->shape.rank; i++)
        if (entry->shape.dims[i] < 1 || entry->shape.dims[i] > MAX_SIDE)
            return false;
    return true;
}

static enum deit_status detect_patches(struct detector *d)
{
    struct deit_architecture *arch = d->arch;
    const struct deit_tensor_entry *weight = find_body(d, arch->naming.style->patch, ".weight");
    if (!weight)
        return missing(d, "(width, channels, patch height, patch width)");
    if (weight->shape.rank != 4 || !has_sane_dims(weight))
        return misshapen(d, weight, "(width, channels, patch height, patch width)");
    arch->width = (uint32_t)weight->shape.dims[0];
    arch->channels = (uint32_t)weight->shape.dims[1];
    arch->patch_height = (uint32_t)weight->shape.dims[2];
    arch->patch_width = (uint32_t)weight->shape.dims[3];
    return DEIT_OK;
}

static enum deit_status detect_tokens(struct detector *d)
{
    struct deit_architecture *arch = d->arch;
    const struct deit_key_style *style = arch->naming.style;
    arch->has_dist_token = find_body(d, style->dist_token, "") != NULL;
    arch->has_cls_token = find_body(d, style->cls_token, "") != NULL;
    if (arch->has_cls_token || (!arch->has_dist_token && !style->is_hugging_face))
        return DEIT_OK;
    char expected[64];
    snprintf(expected, sizeof expected, "(1, 1, %u)", arch->width);
    return missing(d, expected);
}

static bool is_square(uint64_t n, uint32_t *side)
{
    uint64_t root = 0;
    while (root * root < n)
        root++;
    *side = (uint32_t)root;
    return n > 0 && root * root == n;
}

/*
 * The table has a row per patch, and mostly one per prefix token.  The config's image size
 * tells the grid if it fits; else the grid is square, and as no two squares are one or two
 * apart (but 0 and 1), that tells whether the prefix has rows.
 */
static bool find_grid(struct detector *d, uint64_t n)
{
    struct deit_architecture *arch = d->arch;
    uint32_t n_prefix = deit_architecture_n_prefix(arch);
    const struct deit_config_extent *image = &d->config->image;
    uint32_t height = image->height / arch->patch_height;
    uint32_t width = image->width / arch->patch_width;
    uint64_t patches = image->key ? (uint64_t)height * width : 0;

    if (patches && (n == patches + n_prefix || n == patches)) {
        arch->grid_height = height;
        arch->grid_width = width;
        arch->positions_of_prefix = n != patches;
        return true;
    }
    uint32_t side;
    arch->positions_of_prefix = n > n_prefix && n_prefix && is_square(n - n_prefix, &side);
    if (!arch->positions_of_prefix && !is_square(n, &side))
        return false;
    arch->grid_height = arch->grid_width = side;
    return true;
}

static enum deit_status detect_positions(struct detector *d)
{
    struct deit_architecture *arch = d->arch;
    const struct deit_config_extent *image = &d->config->image;
    const struct deit_tensor_entry *table = find_body(d, arch->naming.style->positions, "");
    char expected[96];
    snprintf(expected, sizeof expected, "(1, positions, %u)", arch->width);
    if (!table)
        return missing(d, expected);
    if (table->shape.rank != 3 || !has_sane_dims(table) || table->shape.dims[0] != 1 ||
        table->shape.dims[2] != arch->width)
        return misshapen(d, table, expected);

    arch->n_positions = (uint32_t)table->shape.dims[1];
    if (!find_grid(d, arch->n_positions)) {
        char shape[128], said[128] = "no config tells the image size";
        if (image->key)
            snprintf(said, sizeof said, "%s is %u x %u in patches of %u x %u", image->key,
                     image->height, image->width, arch->patch_height, arch->patch_width);
        return deit_fail(d->err, DEIT_ERR_FORMAT,
                         "%s: tensor '%s' is %s: with %u prefix tokens that is no square grid, "
                         "and %s",
                         d->tensors->name, table->name, deit_shape_print(&table->shape, shape),
                         deit_architecture_n_prefix(arch), said);
    }
    uint64_t height = (uint64_t)arch->grid_height * arch->patch_height;
    uint64_t width = (uint64_t)arch->grid_width * arch->patch_width;
    if (image->key) {
        height = image->height;
        width = image->width;
    }
    if (height < arch->patch_height || width < arch->patch_width || height > MAX_SIDE ||
        width > MAX_SIDE)
        return deit_fail(d->err, DEIT_ERR_FORMAT,
                         "%s: an image of %" PRIu64 " x %" PRIu64 " for patches of %u x %u",
                         image->key ? d->config->file : d->tensors->name, height, width,
                         arch->patch_height, arch->patch_width);
    arch->image_height = (uint32_t)height;
    arch->image_width = (uint32_t)width;
    return DEIT_OK;
}

static const char *find_scale(struct detector *d, const char *const *names)
{
    for (int i = 0; i < 2; i++)
        if (find_block(d, names[i], ""))
            return names[i];
    return NULL;
}

static enum deit_status detect_blocks(struct detector *d)
{
    struct deit_architecture *arch = d->arch;
    const struct deit_key_style *style = arch->naming.style;
    int64_t last = -1;
    for (size_t i = 0; i < d->tensors->n_entries; i++) {
        int64_t number = deit_naming_block_number(&arch->naming, d->tensors->entries[i].name);
        last = number > last ? number : last;
    }
    if (last >= MAX_DEPTH)
        return deit_fail(d->err, DEIT_ERR_FORMAT, "%s: a block is numbered %" PRId64
                         ", there may be %d", d->tensors->name, last, MAX_DEPTH);
    arch->depth = (uint32_t)(last + 1);

    arch->qkv_fused = find_block(d, style->qkv, ".weight") != NULL ||
                      (style->qkv && !find_block(d, style->q, ".weight"));
    if (arch->qkv_fused) {
        bool has_bias = find_block(d, style->qkv, ".bias") != NULL;
        for (int i = 0; i < 3; i++)
            arch->has_qkv_bias[i] = has_bias;
    } else {
        const char *const parts[] = { style->q, style->k, style->v };
        for (int i = 0; i < 3; i++)
            arch->has_qkv_bias[i] = find_block(d, parts[i], ".bias") != NULL;
    }
    arch->scale1 = find_scale(d, style->scale1);
    arch->scale2 = find_scale(d, style->scale2);

    const struct deit_tensor_entry *fc1 = find_block(d, style->fc1, ".weight");
    char expected[64];
    snprintf(expected, sizeof expected, "(hidden, %u)", arch->width);
    if (!fc1)
        return missing(d, expected);
    if (fc1->shape.rank != 2 || !has_sane_dims(fc1) || fc1->shape.dims[1] != arch->width)
        return misshapen(d, fc1, expected);
    arch->mlp_hidden = (uint32_t)fc1->shape.dims[0];
    return DEIT_OK;
}

/* Two heads need two tokens; which of them are there decides what the builder will ask for. */
static enum deit_status detect_classifiers(struct detector *d)
{
    struct deit_architecture *arch = d->arch;
    const struct deit_key_style *style = arch->naming.style;
    const struct deit_tensor_entry *one = find_head(d, style->head[0]);
    const struct deit_tensor_entry *cls = find_head(d, style->head[1]);
    const struct deit_tensor_entry *dist = find_head(d, style->head_dist);
    if (one && cls)
        return deit_fail(d->err, DEIT_ERR_UNSUPPORTED, "%s: both '%s' and '%s' classify",
                         d->tensors->name, one->name, cls->name);
    if (dist && !arch->has_dist_token)
        return deit_fail(d->err, DEIT_ERR_FORMAT, "%s: '%s' is there, but its token '%s' is not",
                         d->tensors->name, dist->name, style->dist_token);

    const struct deit_tensor_entry *first = one ? one : cls ? cls : dist;
    if (!first)
        return DEIT_OK;
    char expected[64];
    snprintf(expected, sizeof expected, "(classes, %u)", arch->width);
    if (first->shape.rank != 2 || !has_sane_dims(first) || first->shape.dims[1] != arch->width)
        return misshapen(d, first, expected);
    arch->n_classes = (uint32_t)first->shape.dims[0];

    /* timm's distilled models have both heads; Hugging Face names tell by themselves. */
    bool two = dist || cls || (arch->has_dist_token && !style->is_hugging_face);
    arch->n_heads_out = two ? 2 : 1;
    arch->head = one || !style->head[1] ? style->head[0] : style->head[1];
    arch->head_dist = two ? style->head_dist : NULL;
    return DEIT_OK;
}

/* timm moves the norm behind the pooling when it pools by the mean, unless told otherwise. */
static enum deit_status detect_pooling(struct detector *d)
{
    struct deit_architecture *arch = d->arch;
    const struct deit_key_style *style = arch->naming.style;
    arch->has_fc_norm = style->fc_norm && find_body(d, style->fc_norm, ".weight");
    arch->has_norm = find_body(d, style->norm, ".weight") || !arch->has_fc_norm;
    if (style->is_hugging_face) {
        arch->output_is_tokens = !arch->n_classes;
        return DEIT_OK;
    }

    enum deit_pool pool = d->config->pool;
    if (pool == DEIT_POOL_UNSAID)
        pool = !arch->has_cls_token || !arch->has_norm ? DEIT_POOL_MEAN : DEIT_POOL_TOKEN;
    if (pool == DEIT_POOL_TOKEN && !arch->has_cls_token)
        return deit_fail(d->err, DEIT_ERR_FORMAT,
                         "%s: global_pool 'token', but there is no '%s'", d->config->file,
                         style->cls_token);
    if (pool == DEIT_POOL_MEAN && arch->has_dist_token)
        return deit_fail(d->err, DEIT_ERR_UNSUPPORTED,
                         "%s: mean pooling of a model with '%s' is not supported",
                         d->tensors->name, style->dist_token);
    if (pool == DEIT_POOL_NONE && arch->n_classes)
        return deit_fail(d->err, DEIT_ERR_UNSUPPORTED,
                         "%s: global_pool '' with a classifier is not supported",
                         d->config->file);
    arch->pool_mean = pool == DEIT_POOL_MEAN;
    arch->output_is_tokens = pool == DEIT_POOL_NONE;
    return DEIT_OK;
}

/* The only thing that no tensor shows. */
static enum deit_status detect_heads(struct detector *d)
{
    struct deit_architecture *arch = d->arch;
    const struct deit_config_size *written = &d->config->n_heads;
    uint32_t by_name = deit_known_heads(d->config->architecture);
    if (written->key) {
        arch->n_heads = written->value;
    } else if (by_name) {
        arch->n_heads = by_name;
    } else if (arch->width == 1280 && arch->depth == 32) {
        arch->n_heads = 16; /* every published "huge" has heads of 80 */
    } else if (arch->width % HEAD_WIDTH) {
        return deit_fail(d->err, DEIT_ERR_FORMAT,
                         "%s: width %u is not a multiple of %d, so the number of heads must be "
                         "told by num_heads or num_attention_heads in config.json",
                         d->tensors->name, arch->width, HEAD_WIDTH);
    } else {
        arch->n_heads = arch->width / HEAD_WIDTH;
    }
    if (!arch->n_heads || arch->width % arch->n_heads)
        return deit_fail(d->err, DEIT_ERR_FORMAT, "%s: %s %u does not divide the width %u",
                         d->config->file, written->key ? written->key : d->config->architecture,
                         arch->n_heads, arch->width);
    return DEIT_OK;
}

enum deit_status deit_architecture_recognise(const struct deit_tensors *tensors,
                                             struct deit_naming *naming, struct deit_error *err)
{
    enum deit_status status = deit_refuse_other_families(tensors, err);
    return status == DEIT_OK ? deit_naming_find(tensors, naming, err) : status;
}

enum deit_status deit_architecture_detect(const struct deit_tensors *tensors,
                                          const struct deit_naming *naming,
                                          const struct deit_config *config,
                                          struct deit_architecture *arch,
                                          struct deit_error *err)
{
    typedef enum deit_status step_fn(struct detector *);
    static step_fn *const steps[] = { detect_patches,     detect_tokens,  detect_positions,
                                      detect_blocks,      detect_classifiers, detect_pooling,
                                      detect_heads };

    struct deit_architecture found = { .naming = *naming };
    struct detector d = { .tensors = tensors, .config = config, .arch = &found, .err = err };
    enum deit_status status = DEIT_OK;
    if (config->unsupported[0])
        status = deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: %s is not supported", config->file,
                           config->unsupported);
    for (size_t i = 0; status == DEIT_OK && i < sizeof steps / sizeof *steps; i++)
        status = steps[i](&d);
    if (status == DEIT_OK)
        status = deit_config_check(config, tensors, &found, err);
    if (status != DEIT_OK)
        return status;

    bool is_hugging_face = found.naming.style->is_hugging_face;
    found.eps = config->eps.key ? (float)config->eps.value : is_hugging_face ? 1e-12f : 1e-6f;
    found.antialias = !is_hugging_face;
    *arch = found;
    return DEIT_OK;
}

char *deit_architecture_print(const struct deit_architecture *arch)
{
    const struct deit_facts facts = {
        .family = arch->has_dist_token        ? "distilled DeiT"
                  : arch->scale1              ? "DeiT III"
                  : arch->positions_of_prefix ? "DeiT"
                                              : "vision transformer",
        .width = arch->width,
        .depth = arch->depth,
        .n_heads = arch->n_heads,
        .patch_height = arch->patch_height,
        .patch_width = arch->patch_width,
        .image_height = arch->image_height,
        .image_width = arch->image_width,
    };
    return deit_facts_print(&facts);
}
