/*
 * runtime/recipe.h: what a model's folder says about preprocessing, as the loaders found it.
 *
 * deit_recipe_init() turns this into a recipe for one input size.
 */
#ifndef DEIT_RUNTIME_RECIPE_H
#define DEIT_RUNTIME_RECIPE_H

#include <stdbool.h>

#include "runtime/include/deit.h"

struct deit_recipe_facts {
    enum deit_recipe_kind auto_kind; /* what DEIT_RECIPE_AUTO means: TIMM or HF */

    bool has_mean_std; /* a config wrote them; else ImageNet's */
    float mean[3], std[3];

    /* A timm config (pretrained_cfg); zero where it says nothing. */
    double timm_crop_pct;
    enum deit_filter timm_filter;
    bool timm_squash; /* crop_mode "squash" */

    /* A preprocessor_config.json, its processor's defaults filled in. */
    bool has_hf;
    bool hf_resize, hf_crop, hf_normalise;
    bool hf_short_side;                    /* size is {"shortest_edge": n}, n in both below */
    uint32_t hf_resize_height, hf_resize_width;
    uint32_t hf_crop_height, hf_crop_width;
    enum deit_filter hf_filter;
    double hf_rescale; /* 1/255; 0: do_rescale is false */

    /* "crop_mode 'border'", ...: what a config asks for and this library lacks; else empty. */
    char timm_unsupported[96];
    char hf_unsupported[96];
};

/* The facts behind deit_recipe_init(), for a default input of height x width. */
enum deit_status deit_recipe_from_facts(const struct deit_recipe_facts *facts,
                                        enum deit_recipe_kind kind, uint32_t height,
                                        uint32_t width, struct deit_recipe *recipe,
                                        struct deit_error *err);

#endif
