/*
 * loaders/config_json.c: what a config.json says, timm's or Hugging Face's.
 *
 * Only keys that decide or cross-check something are read; all others are left alone, because
 * configs grow.  A key that is read must have a value that can be, and where two keys say the
 * same thing they must agree.
 */
#include "loaders/config_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/labels.h"
#include "loaders/source_file.h"
#include "runtime/error.h"

enum { MAX_CONFIG_BYTES = 32 << 20, MAX_SIZE = 1 << 24 };

struct reader {
    struct deit_config *config;
    struct deit_error *err;
    enum deit_status status; /* the first failure; later reads do nothing */
};

static void bad_value(struct reader *r, const char *key, const json_t *value, const char *wanted)
{
    if (json_is_integer(value))
        r->status = deit_fail(r->err, DEIT_ERR_FORMAT, "%s: %s is %lld, not %s", r->config->file,
                              key, (long long)json_integer_value(value), wanted);
    else
        r->status = deit_fail(r->err, DEIT_ERR_FORMAT, "%s: %s is %s, not %s", r->config->file,
                              key, deit_json_kind(value), wanted);
}

/* The value of a key; NULL if it is missing or null, or after a failure. */
static const json_t *get(const struct reader *r, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return r->status != DEIT_OK || json_is_null(value) ? NULL : value;
}

static void read_size(struct reader *r, const json_t *object, const char *key, uint32_t least,
                      struct deit_config_size *size)
{
    const json_t *value = get(r, object, key);
    if (!value)
        return;
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < (json_int_t)least || n > MAX_SIZE) {
        bad_value(r, key, value, "a size");
        return;
    }
    if (size->key && size->value != (uint32_t)n) {
        r->status = deit_fail(r->err, DEIT_ERR_FORMAT, "%s: %s %u, but %s %u", r->config->file,
                              size->key, size->value, key, (uint32_t)n);
        return;
    }
    *size = (struct deit_config_size){ key, (uint32_t)n };
}

static bool is_side(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 1 &&
           json_integer_value(value) <= MAX_SIZE;
}

/* A number for a square, or height and width; 'skip' entries may stand in front (channels). */
static void read_extent(struct reader *r, const json_t *object, const char *key, size_t skip,
                        struct deit_config_extent *extent)
{
    const json_t *value = get(r, object, key);
    if (!value || extent->key)
        return;
    const json_t *height = value, *width = value;
    if (json_is_array(value) && json_array_size(value) == skip + 2) {
        height = json_array_get(value, skip);
        width = json_array_get(value, skip + 1);
    }
    if (!is_side(height) || !is_side(width)) {
        bad_value(r, key, value, "a size or a height and a width");
        return;
    }
    *extent = (struct deit_config_extent){ key, (uint32_t)json_integer_value(height),
                                           (uint32_t)json_integer_value(width) };
}

static void read_number(struct reader *r, const json_t *object, const char *key,
                        struct deit_config_number *number)
{
    const json_t *value = get(r, object, key);
    if (!value)
        return;
    if (!json_is_number(value) || !(json_number_value(value) > 0) ||
        !isfinite((float)json_number_value(value))) {
        bad_value(r, key, value, "a positive number");
        return;
    }
    *number = (struct deit_config_number){ key, json_number_value(value) };
}

static void read_switch(struct reader *r, const json_t *object, const char *key,
                        struct deit_config_switch *out)
{
    const json_t *value = get(r, object, key);
    if (!value)
        return;
    if (!json_is_boolean(value)) {
        bad_value(r, key, value, "true or false");
        return;
    }
    *out = (struct deit_config_switch){ key, json_is_true(value) };
}

static void read_text(struct reader *r, const json_t *object, const char *key, char *text,
                      size_t bytes)
{
    const json_t *value = get(r, object, key);
    if (!value)
        return;
    if (!json_is_string(value)) {
        bad_value(r, key, value, "a string");
        return;
    }
    snprintf(text, bytes, "%s", json_string_value(value));
}

/* A choice of which this library knows some; anything else makes the model unsupported. */
static void allow(struct reader *r, const json_t *object, const char *key,
                  const char *const *known)
{
    char text[64] = "";
    read_text(r, object, key, text, sizeof text);
    if (!text[0])
        return;
    for (; *known; known++)
        if (!strcmp(text, *known))
            return;
    snprintf(r->config->unsupported, sizeof r->config->unsupported, "%s '%s'", key, text);
}

static void read_labels(struct reader *r, const json_t *object, const char *key)
{
    const json_t *value = get(r, object, key);
    if (value && !r->config->labels)
        r->status = deit_labels_from_json(value, r->config->file, key, &r->config->labels, r->err);
}

/* ------------------------------------------------------------------ Hugging Face */

static void read_hugging_face(struct reader *r, const json_t *root)
{
    static const char *const activations[] = { "gelu", "gelu_python", NULL };
    struct deit_config *c = r->config;
    read_text(r, root, "model_type", c->model_type, sizeof c->model_type);
    read_size(r, root, "hidden_size", 1, &c->width);
    read_size(r, root, "num_hidden_layers", 1, &c->depth);
    read_size(r, root, "num_attention_heads", 1, &c->n_heads);
    read_size(r, root, "intermediate_size", 1, &c->mlp_hidden);
    read_size(r, root, "num_channels", 1, &c->channels);
    read_size(r, root, "num_labels", 0, &c->n_classes);
    read_extent(r, root, "image_size", 0, &c->image);
    read_extent(r, root, "patch_size", 0, &c->patch);
    read_number(r, root, "layer_norm_eps", &c->eps);
    read_switch(r, root, "qkv_bias", &c->qkv_bias);
    allow(r, root, "hidden_act", activations);

    const json_t *names = get(r, root, "id2label");
    read_labels(r, root, "id2label");
    if (names)
        c->n_labels = (struct deit_config_size){
            "id2label", (uint32_t)(json_is_array(names) ? json_array_size(names)
                                                        : json_object_size(names))
        };
}

/* ------------------------------------------------------------------ timm */

static void read_pool(struct reader *r, const json_t *object)
{
    const json_t *value = get(r, object, "global_pool");
    if (!value)
        return;
    const char *pool = json_string_value(value);
    if (!pool)
        bad_value(r, "global_pool", value, "a string");
    else if (!strcmp(pool, "token"))
        r->config->pool = DEIT_POOL_TOKEN;
    else if (!strcmp(pool, "avg"))
        r->config->pool = DEIT_POOL_MEAN;
    else if (!*pool)
        r->config->pool = DEIT_POOL_NONE;
    else
        snprintf(r->config->unsupported, sizeof r->config->unsupported, "global_pool '%.64s'",
                 pool);
}

static void read_model_args(struct reader *r, const json_t *args)
{
    static const char *const activations[] = { "gelu", NULL };
    static const char *const norms[] = { "layernorm", NULL };
    struct deit_config *c = r->config;
    struct deit_config_switch pool_prefix = { 0 };
    read_size(r, args, "embed_dim", 1, &c->width);
    read_size(r, args, "depth", 1, &c->depth);
    read_size(r, args, "num_heads", 1, &c->n_heads);
    read_size(r, args, "in_chans", 1, &c->channels);
    read_size(r, args, "num_classes", 0, &c->n_classes);
    read_extent(r, args, "img_size", 0, &c->image);
    read_extent(r, args, "patch_size", 0, &c->patch);
    read_number(r, args, "mlp_ratio", &c->mlp_ratio);
    read_switch(r, args, "qkv_bias", &c->qkv_bias);
    read_switch(r, args, "class_token", &c->class_token);
    read_switch(r, args, "pool_include_prefix", &pool_prefix);
    read_pool(r, args);
    allow(r, args, "act_layer", activations);
    allow(r, args, "norm_layer", norms);
    if (pool_prefix.value)
        snprintf(c->unsupported, sizeof c->unsupported, "pool_include_prefix");
}

/* Older files hold the pretrained_cfg itself, without anything around it. */
static void read_timm(struct reader *r, const json_t *root)
{
    struct deit_config *c = r->config;
    const json_t *cfg = get(r, root, "pretrained_cfg");
    const json_t *args = get(r, root, "model_args");
    if (cfg && !json_is_object(cfg))
        bad_value(r, "pretrained_cfg", cfg, "an object");
    if (args && !json_is_object(args))
        bad_value(r, "model_args", args, "an object");
    if (r->status != DEIT_OK)
        return;

    c->is_timm = true;
    read_text(r, root, "architecture", c->architecture, sizeof c->architecture);
    read_size(r, root, "num_features", 1, &c->width);
    read_size(r, root, "num_classes", 0, &c->n_classes);
    read_pool(r, root);
    read_model_args(r, args);
    if (!cfg)
        cfg = root;
    read_extent(r, cfg, "input_size", 1, &c->image);
    read_labels(r, root, "label_names");
    read_labels(r, cfg, "label_names");
    read_labels(r, cfg, "labels");
    if (r->status == DEIT_OK)
        r->status = deit_preprocessor_timm(cfg, c, r->err);
}

/* ------------------------------------------------------------------ the file */

static bool is_timm(const json_t *root)
{
    return json_is_object(json_object_get(root, "pretrained_cfg")) ||
           json_is_string(json_object_get(root, "architecture")) ||
           json_is_array(json_object_get(root, "input_size"));
}

enum deit_status deit_config_parse(const char *text, size_t bytes, const char *name,
                                   struct deit_config *config, struct deit_error *err)
{
    config->file = strdup(name);
    if (!config->file)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", name);
    json_t *root = NULL;
    struct reader r = { .config = config, .err = err };
    r.status = deit_json_parse(text, bytes, name, &root, err);
    if (r.status == DEIT_OK && !json_is_object(root))
        r.status = deit_fail(err, DEIT_ERR_FORMAT, "%s: is %s, not an object", name,
                             deit_json_kind(root));
    if (r.status == DEIT_OK) {
        if (is_timm(root))
            read_timm(&r, root);
        else
            read_hugging_face(&r, root);
    }
    json_decref(root);
    return r.status;
}

enum deit_status deit_config_read(const char *path, struct deit_config *config,
                                  struct deit_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    enum deit_status status = deit_file_read(path, MAX_CONFIG_BYTES, &text, &bytes, err);
    if (status == DEIT_OK)
        status = deit_config_parse(text, bytes, path, config, err);
    free(text);
    return status;
}
