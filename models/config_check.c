/*
 * models/config_check.c: contradictions between a config and the tensors.
 *
 * A config that was copied from another model would otherwise be half believed: its heads and
 * epsilon taken, its width ignored.  So any written value that is wrong stops the load.
 */
#include "models/config_check.h"

#include <string.h>

#include "runtime/error.h"

struct checker {
    const struct deit_config *config;
    const struct deit_tensors *tensors;
    const struct deit_architecture *arch;
    struct deit_error *err;
};

/* The error for a size: "config.json: hidden_size 64, but 'cls_token' is (1, 1, 60)". */
static enum deit_status differs(const struct checker *c, const char *key, double value,
                                const char *tensor)
{
    char shape[128] = "missing";
    const struct deit_tensor_entry *entry = deit_tensors_find(c->tensors, tensor);
    if (entry)
        deit_shape_print(&entry->shape, shape);
    return deit_fail(c->err, DEIT_ERR_FORMAT, "%s: %s %.10g, but '%s' is %s", c->config->file,
                     key, value, tensor, shape);
}

static bool agrees(const struct deit_config_size *written, uint32_t stored)
{
    return !written->key || written->value == stored;
}

static enum deit_status check_embedding(const struct checker *c)
{
    const struct deit_config *config = c->config;
    const struct deit_architecture *arch = c->arch;
    const struct deit_key_style *style = arch->naming.style;
    char token[DEIT_NAME_BYTES], patch[DEIT_NAME_BYTES];
    deit_naming_body(&arch->naming, style->patch, ".weight", patch);
    if (arch->has_cls_token)
        deit_naming_body(&arch->naming, style->cls_token, "", token);
    else
        strcpy(token, patch);

    if (!agrees(&config->width, arch->width))
        return differs(c, config->width.key, config->width.value, token);
    if (!agrees(&config->channels, arch->channels))
        return differs(c, config->channels.key, config->channels.value, patch);
    const struct deit_config_extent *size = &config->patch;
    if (size->key && (size->height != arch->patch_height || size->width != arch->patch_width))
        return differs(c, size->key,
                       size->height != arch->patch_height ? size->height : size->width, patch);
    if (config->class_token.key && config->class_token.value != arch->has_cls_token)
        return deit_fail(c->err, DEIT_ERR_FORMAT, "%s: %s %s, but '%s' is %s", config->file,
                         config->class_token.key, config->class_token.value ? "true" : "false",
                         style->cls_token, arch->has_cls_token ? "there" : "missing");
    return DEIT_OK;
}

static enum deit_status check_qkv_bias(const struct checker *c)
{
    const struct deit_config_switch *written = &c->config->qkv_bias;
    const struct deit_architecture *arch = c->arch;
    const struct deit_key_style *style = arch->naming.style;
    const char *const apart[] = { style->q, style->k, style->v };
    char name[DEIT_NAME_BYTES];
    for (int i = 0; written->key && i < 3; i++) {
        if (arch->has_qkv_bias[i] == written->value)
            continue;
        deit_naming_block(&arch->naming, 0, arch->qkv_fused ? style->qkv : apart[i], ".bias",
                          name);
        return deit_fail(c->err, DEIT_ERR_FORMAT, "%s: %s %s, but '%s' is %s", c->config->file,
                         written->key, written->value ? "true" : "false", name,
                         arch->has_qkv_bias[i] ? "there" : "missing");
    }
    return DEIT_OK;
}

static enum deit_status check_blocks(const struct checker *c)
{
    const struct deit_config *config = c->config;
    const struct deit_architecture *arch = c->arch;
    char fc1[DEIT_NAME_BYTES];
    deit_naming_block(&arch->naming, 0, arch->naming.style->fc1, ".weight", fc1);

    if (!agrees(&config->depth, arch->depth))
        return deit_fail(c->err, DEIT_ERR_FORMAT,
                         "%s: %s %u, but the tensors have %u blocks, the last '%s%s%s%u'",
                         config->file, config->depth.key, config->depth.value, arch->depth,
                         arch->naming.wrapper, arch->naming.body, arch->naming.style->block,
                         arch->depth - 1);
    if (!agrees(&config->mlp_hidden, arch->mlp_hidden))
        return differs(c, config->mlp_hidden.key, config->mlp_hidden.value, fc1);

    /* timm rounds width x ratio down; a ratio may be written with few digits. */
    const struct deit_config_number *ratio = &config->mlp_ratio;
    double hidden = ratio->value * arch->width, stored = arch->mlp_hidden;
    if (ratio->key && (hidden < stored - 1e-6 * hidden || hidden >= stored + 1))
        return differs(c, ratio->key, ratio->value, fc1);
    return check_qkv_bias(c);
}

static enum deit_status check_classifiers(const struct checker *c)
{
    const struct deit_config *config = c->config;
    const struct deit_architecture *arch = c->arch;
    if (!arch->n_classes) {
        /* Hugging Face writes id2label for headless models too; timm writes 0. */
        if (config->is_timm && config->n_classes.key && config->n_classes.value)
            return deit_fail(c->err, DEIT_ERR_FORMAT,
                             "%s: %s %u, but there is no classifier '%s.weight'", config->file,
                             config->n_classes.key, config->n_classes.value,
                             arch->naming.style->head[0]);
        return DEIT_OK;
    }
    char head[DEIT_NAME_BYTES];
    deit_naming_head(&arch->naming, arch->head, ".weight", head);
    if (!agrees(&config->n_classes, arch->n_classes))
        return differs(c, config->n_classes.key, config->n_classes.value, head);
    if (!agrees(&config->n_labels, arch->n_classes))
        return deit_fail(c->err, DEIT_ERR_FORMAT,
                         "%s: %s has %u names, but '%s' has %u classes", config->file,
                         config->n_labels.key, config->n_labels.value, head, arch->n_classes);
    return DEIT_OK;
}

enum deit_status deit_config_check(const struct deit_config *config,
                                   const struct deit_tensors *tensors,
                                   const struct deit_architecture *arch, struct deit_error *err)
{
    const struct checker c = { .config = config, .tensors = tensors, .arch = arch, .err = err };
    enum deit_status status = check_embedding(&c);
    if (status == DEIT_OK)
        status = check_blocks(&c);
    if (status == DEIT_OK)
        status = check_classifiers(&c);
    return status;
}
