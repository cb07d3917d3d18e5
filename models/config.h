/*
 * models/config.h: what the JSON files beside a model say about it.
 *
 * A loader fills it in; each fact knows whether it was written, under which key and in which
 * file, because a written fact that contradicts the tensors is an error that names both.
 */
#ifndef DEIT_MODELS_CONFIG_H
#define DEIT_MODELS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/include/deit.h"
#include "runtime/recipe.h"

enum deit_pool {
    DEIT_POOL_UNSAID = 0,
    DEIT_POOL_TOKEN, /* the prefix tokens */
    DEIT_POOL_MEAN,  /* the mean of the patches' tokens */
    DEIT_POOL_NONE   /* all tokens are the output */
};

/* Keys are static strings; NULL means that the fact is not written. */
struct deit_config_size {
    const char *key;
    uint32_t value;
};

struct deit_config_extent {
    const char *key;
    uint32_t height, width;
};

struct deit_config_number {
    const char *key;
    double value;
};

struct deit_config_switch {
    const char *key;
    bool value;
};

struct deit_config {
    char *file; /* config.json as messages name it, or NULL if there is none */

    struct deit_config_size width, depth, mlp_hidden, n_heads, channels, n_classes;
    struct deit_config_size n_labels; /* of id2label, which Hugging Face takes as classes */
    struct deit_config_extent image, patch;
    struct deit_config_number mlp_ratio, eps;
    struct deit_config_switch qkv_bias, class_token;
    enum deit_pool pool;

    char architecture[96]; /* timm's name of it, "" if not written */
    char model_type[64];   /* Hugging Face's */
    bool is_timm;

    /* "hidden_act 'relu'": what the function of the model depends on and we lack; else "". */
    char unsupported[160];

    deit_labels *labels; /* or NULL */
    struct deit_recipe_facts recipe;
    bool has_preprocessor; /* a preprocessor_config.json was read */
};

/* Frees what the config owns and empties it; an empty one is fine. */
void deit_config_done(struct deit_config *config);

#endif
