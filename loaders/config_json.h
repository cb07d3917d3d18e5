/* loaders/config_json.h: config.json and preprocessor_config.json into a config. */
#ifndef DEIT_LOADERS_CONFIG_JSON_H
#define DEIT_LOADERS_CONFIG_JSON_H

#include "loaders/json.h"
#include "models/config.h"

/*
 * Fills 'config' from the text of a config.json, of timm or of Hugging Face; 'name' stands for
 * the file in messages.  DEIT_ERR_FORMAT names the key whose value cannot be.
 */
enum deit_status deit_config_parse(const char *text, size_t bytes, const char *name,
                                   struct deit_config *config, struct deit_error *err);
enum deit_status deit_config_read(const char *path, struct deit_config *config,
                                  struct deit_error *err);

/* Adds the facts of a preprocessor_config.json. */
enum deit_status deit_preprocessor_parse(const char *text, size_t bytes, const char *name,
                                         struct deit_config *config, struct deit_error *err);
enum deit_status deit_preprocessor_read(const char *path, struct deit_config *config,
                                        struct deit_error *err);

/* Adds the recipe that timm's pretrained_cfg describes. */
enum deit_status deit_preprocessor_timm(const json_t *cfg, struct deit_config *config,
                                        struct deit_error *err);

/*
 * After detection: what DEIT_RECIPE_AUTO means, and the defaults of Hugging Face's plain
 * models, whose folder says only that they are of type vit.
 */
void deit_preprocessor_finish(struct deit_config *config, bool is_hugging_face,
                              uint32_t image_height, uint32_t image_width);

#endif
