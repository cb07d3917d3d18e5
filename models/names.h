/*
 * models/names.h: how the libraries that train these models name their tensors.
 *
 * A name is wrapper + body + what the table says: "module." + "deit." + "layernorm" +
 * ".weight".  Classifiers stand outside the body.
 */
#ifndef DEIT_MODELS_NAMES_H
#define DEIT_MODELS_NAMES_H

#include "models/tensors.h"

enum { DEIT_NAME_BYTES = 512 };

/* Where a module has had several names, all are given; unused places are NULL. */
struct deit_key_style {
    const char *title;
    bool is_hugging_face;
    const char *const *bodies; /* what stands before all but the classifiers; ends with NULL */

    const char *patch, *cls_token, *dist_token, *positions;
    const char *norm, *fc_norm;
    const char *head[2];    /* of a model with one head or of the class token */
    const char *head_dist;

    const char *block;      /* followed by the block's number and a point */
    const char *norm1, *qkv, *q, *k, *v, *proj, *norm2, *fc1, *fc2;
    const char *scale1[2], *scale2[2];
};

/* Where a model was found in a list of tensors. */
struct deit_naming {
    const struct deit_key_style *style;
    char wrapper[64]; /* "", "model.", "module.model.", ... */
    const char *body;
};

/*
 * Finds the style by the patch projection, which every model has.  DEIT_ERR_UNSUPPORTED if
 * there is none; the message tells what was looked for.
 */
enum deit_status deit_naming_find(const struct deit_tensors *tensors, struct deit_naming *naming,
                                  struct deit_error *err);

/*
 * Writes a full name into 'name' of DEIT_NAME_BYTES and returns it.  'part' is an entry of the
 * style, 'suffix' ".weight", ".bias" or "".
 */
char *deit_naming_body(const struct deit_naming *naming, const char *part, const char *suffix,
                       char *name);
char *deit_naming_block(const struct deit_naming *naming, uint32_t block, const char *part,
                        const char *suffix, char *name);
char *deit_naming_head(const struct deit_naming *naming, const char *part, const char *suffix,
                       char *name);

/* If 'name' is that of a block's tensor, its number; else -1. */
int64_t deit_naming_block_number(const struct deit_naming *naming, const char *name);

#endif
