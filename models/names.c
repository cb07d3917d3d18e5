/*
 * models/names.c: the key styles as a table, and finding the one that a file uses.
 *
 * The patch projection is the anchor: whatever stands before its name is wrapper and body, and
 * only known ones are taken, so that the image tower of some larger model is not mistaken for
 * a classifier.
 */
#include "models/names.h"

#include <stdio.h>
#include <string.h>

#include "runtime/error.h"

static const char *const no_body[] = { "", NULL };
static const char *const hugging_face_bodies[] = { "deit.", "vit.", "", NULL };

#define HUGGING_FACE_OUTSIDE_BLOCKS                                                              \
    .is_hugging_face = true, .bodies = hugging_face_bodies,                                      \
    .patch = "embeddings.patch_embeddings.projection", .cls_token = "embeddings.cls_token",      \
    .dist_token = "embeddings.distillation_token",                                               \
    .positions = "embeddings.position_embeddings", .norm = "layernorm",                          \
    .head = { "classifier", "cls_classifier" }, .head_dist = "distillation_classifier"

static const struct deit_key_style styles[] = {
    {
        .title = "timm",
        .bodies = no_body,
        .patch = "patch_embed.proj",
        .cls_token = "cls_token",
        .dist_token = "dist_token",
        .positions = "pos_embed",
        .norm = "norm",
        .fc_norm = "fc_norm",
        .head = { "head" },
        .head_dist = "head_dist",
        .block = "blocks.",
        .norm1 = "norm1",
        .qkv = "attn.qkv",
        .q = "attn.q", .k = "attn.k", .v = "attn.v",
        .proj = "attn.proj",
        .scale1 = { "ls1.gamma", "gamma_1" },
        .norm2 = "norm2",
        .fc1 = "mlp.fc1",
        .fc2 = "mlp.fc2",
        .scale2 = { "ls2.gamma", "gamma_2" },
    },
    {
        .title = "Hugging Face 4",
        HUGGING_FACE_OUTSIDE_BLOCKS,
        .block = "encoder.layer.",
        .norm1 = "layernorm_before",
        .q = "attention.attention.query",
        .k = "attention.attention.key",
        .v = "attention.attention.value",
        .proj = "attention.output.dense",
        .norm2 = "layernorm_after",
        .fc1 = "intermediate.dense",
        .fc2 = "output.dense",
    },
    {
        .title = "Hugging Face 5",
        HUGGING_FACE_OUTSIDE_BLOCKS,
        .block = "layers.",
        .norm1 = "layernorm_before",
        .q = "attention.q_proj", .k = "attention.k_proj", .v = "attention.v_proj",
        .proj = "attention.o_proj",
        .norm2 = "layernorm_after",
        .fc1 = "mlp.fc1",
        .fc2 = "mlp.fc2",
    },
};

enum { N_STYLES = sizeof styles / sizeof *styles };

static const char *const wrappers[] = { "model.", "module.", "_orig_mod." };

/* Whether 'text' is nothing but wrappers. */
static bool is_wrapper(const char *text, size_t n)
{
    while (n) {
        size_t taken = 0;
        for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++) {
            size_t length = strlen(wrappers[i]);
            if (length <= n && !strncmp(text, wrappers[i], length))
                taken = length;
        }
        if (!taken)
            return false;
        text += taken;
        n -= taken;
    }
    return true;
}

/* Splits what stands before the anchor into wrapper and body. */
static bool split_prefix(const char *prefix, size_t n, struct deit_naming *naming)
{
    for (const char *const *body = naming->style->bodies; *body; body++) {
        size_t length = strlen(*body);
        if (length > n || strncmp(prefix + n - length, *body, length))
            continue;
        size_t rest = n - length;
        if (rest >= sizeof naming->wrapper || !is_wrapper(prefix, rest))
            continue;
        memcpy(naming->wrapper, prefix, rest);
        naming->wrapper[rest] = '\0';
        naming->body = *body;
        return true;
    }
    return false;
}

/* Whether any tensor's name begins with this style's first block. */
static bool has_blocks(const struct deit_tensors *tensors, const struct deit_naming *naming)
{
    for (size_t i = 0; i < tensors->n_entries; i++)
        if (deit_naming_block_number(naming, tensors->entries[i].name) >= 0)
            return true;
    return false;
}

/* If 'name' is the style's patch weight, the length of what stands before; else -1. */
static ptrdiff_t anchor_prefix(const struct deit_key_style *style, const char *name)
{
    char anchor[128];
    int length = snprintf(anchor, sizeof anchor, "%s.weight", style->patch);
    size_t n = strlen(name);
    if (n < (size_t)length || strcmp(name + n - (size_t)length, anchor))
        return -1;
    return (ptrdiff_t)(n - (size_t)length);
}

enum deit_status deit_naming_find(const struct deit_tensors *tensors, struct deit_naming *naming,
                                  struct deit_error *err)
{
    const char *found = NULL, *foreign = NULL;
    struct deit_naming candidate = { 0 };

    for (size_t i = 0; i < tensors->n_entries; i++) {
        const char *name = tensors->entries[i].name;
        for (size_t s = 0; s < N_STYLES; s++) {
            candidate.style = &styles[s];
            ptrdiff_t prefix = anchor_prefix(&styles[s], name);
            if (prefix < 0)
                continue;
            if (!split_prefix(name, (size_t)prefix, &candidate)) {
                foreign = name;
                continue;
            }
            if (!has_blocks(tensors, &candidate))
                continue;
            if (found)
                return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: two models in one: '%s' and '%s'",
                                 tensors->name, found, name);
            *naming = candidate;
            found = name;
        }
    }
    if (found)
        return DEIT_OK;
    if (foreign)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                         "%s: '%s' is not a name of a DeiT or plain vision transformer that is "
                         "known here", tensors->name, foreign);
    return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                     "%s: no DeiT or plain vision transformer: of %zu tensors none is "
                     "'%s.weight' or '%s.weight', with blocks",
                     tensors->name, tensors->n_entries, styles[0].patch, styles[1].patch);
}

char *deit_naming_body(const struct deit_naming *naming, const char *part, const char *suffix,
                       char *name)
{
    snprintf(name, DEIT_NAME_BYTES, "%s%s%s%s", naming->wrapper, naming->body, part, suffix);
    return name;
}

char *deit_naming_block(const struct deit_naming *naming, uint32_t block, const char *part,
                        const char *suffix, char *name)
{
    snprintf(name, DEIT_NAME_BYTES, "%s%s%s%u.%s%s", naming->wrapper, naming->body,
             naming->style->block, block, part, suffix);
    return name;
}

char *deit_naming_head(const struct deit_naming *naming, const char *part, const char *suffix,
                       char *name)
{
    snprintf(name, DEIT_NAME_BYTES, "%s%s%s", naming->wrapper, part, suffix);
    return name;
}

int64_t deit_naming_block_number(const struct deit_naming *naming, const char *name)
{
    const char *const parts[] = { naming->wrapper, naming->body, naming->style->block };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = strlen(parts[i]);
        if (strncmp(name, parts[i], n))
            return -1;
        name += n;
    }

    int64_t number = 0;
    const char *digit = name;
    for (; *digit >= '0' && *digit <= '9' && digit - name < 9; digit++)
        number = 10 * number + (*digit - '0');
    return digit > name && *digit == '.' ? number : -1;
}
