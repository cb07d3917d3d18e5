/*
 * models/detect.h: what a list of tensors is.
 *
 * Identity comes from which tensors there are and from their shapes.  The config is asked for
 * what tensors cannot say (heads, epsilon, image size, pooling) and must agree on the rest.
 */
#ifndef DEIT_MODELS_DETECT_H
#define DEIT_MODELS_DETECT_H

#include "models/config.h"
#include "models/names.h"
#include "models/tensors.h"

struct deit_architecture {
    struct deit_naming naming;

    uint32_t width, depth, mlp_hidden, n_heads;
    uint32_t channels, patch_height, patch_width;
    uint32_t image_height, image_width; /* that the model takes by default */
    uint32_t grid_height, grid_width;   /* of the position table */
    uint32_t n_positions;               /* its rows */
    bool positions_of_prefix;           /* the first of them are the prefix tokens' */

    bool has_cls_token, has_dist_token;
    bool qkv_fused, has_qkv_bias[3]; /* fused: all three are the same */
    const char *scale1, *scale2;     /* a block's names of its layer scales, or NULL */

    bool has_norm, has_fc_norm;
    bool pool_mean;               /* else classifiers read prefix tokens */
    uint32_t n_classes;           /* 0: headless */
    uint32_t n_heads_out;         /* classifiers */
    const char *head, *head_dist; /* their names, or NULL */
    bool output_is_tokens;        /* headless: all tokens, not one pooled row */

    float eps;
    bool antialias; /* how the position table is resized */
};

/* How many tokens stand before the patches: class and distillation token. */
uint32_t deit_architecture_n_prefix(const struct deit_architecture *arch);

/*
 * Whether this is a model of the families here at all, before anything else is believed: fills
 * in 'naming'.  DEIT_ERR_UNSUPPORTED names the tensor that makes it another one.
 */
enum deit_status deit_architecture_recognise(const struct deit_tensors *tensors,
                                             struct deit_naming *naming, struct deit_error *err);

/*
 * The rest of it.  Marks nothing and reads no weights.  DEIT_ERR_UNSUPPORTED names the config
 * value that makes this another function; DEIT_ERR_FORMAT a tensor that is missing or
 * misshapen, or both sides of a contradiction.
 */
enum deit_status deit_architecture_detect(const struct deit_tensors *tensors,
                                          const struct deit_naming *naming,
                                          const struct deit_config *config,
                                          struct deit_architecture *arch,
                                          struct deit_error *err);

/* "distilled DeiT, width 192, depth 12, 3 heads, patch 16, 224 x 224"; malloc'ed, or NULL. */
char *deit_architecture_print(const struct deit_architecture *arch);

#endif
