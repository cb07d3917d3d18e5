/*
 * loaders/preprocessor_json.c: how images are prepared, by timm's pretrained_cfg or by
 * Hugging Face's preprocessor_config.json.
 *
 * What a file does not write is what its class of processor does by default; a filter, a mode
 * or a class that is not known here is noted as unsupported and only matters when that recipe
 * is asked for.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/config_json.h"
#include "loaders/source_file.h"
#include "runtime/error.h"

enum { MAX_PREPROCESSOR_BYTES = 1 << 20, MAX_SIDE = 1 << 20 };

struct reader {
    struct deit_recipe_facts *facts;
    const char *file;
    struct deit_error *err;
    enum deit_status status;
};

static void bad_value(struct reader *r, const char *key, const json_t *value, const char *wanted)
{
    r->status = deit_fail(r->err, DEIT_ERR_FORMAT, "%s: %s is %s, not %s", r->file, key,
                          deit_json_kind(value), wanted);
}

static const json_t *get(const struct reader *r, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return r->status != DEIT_OK || json_is_null(value) ? NULL : value;
}

/* Three numbers; false if the key is not there. */
static bool read_triple(struct reader *r, const json_t *object, const char *key, float triple[3])
{
    const json_t *value = get(r, object, key);
    if (!value)
        return false;
    for (size_t i = 0; i < 3; i++) {
        const json_t *number = json_array_get(value, i);
        if (!json_is_number(number) || !isfinite((float)json_number_value(number))) {
            bad_value(r, key, value, "three numbers");
            return false;
        }
        triple[i] = (float)json_number_value(number);
    }
    return true;
}

/* Lists of another length belong to models that do not take RGB: no recipe, but no error. */
static bool is_for_rgb(const json_t *object, const char *key, char *unsupported, size_t bytes)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_array(value) || json_array_size(value) == 3)
        return true;
    snprintf(unsupported, bytes, "%s for %zu channels is not supported", key,
             json_array_size(value));
    return false;
}

/* If one of the two is not written, the other is ImageNet's. */
static void read_mean_std(struct reader *r, const json_t *object, const char *mean_key,
                          const char *std_key, char *unsupported, size_t bytes)
{
    float mean[3] = { 0.485f, 0.456f, 0.406f }, std[3] = { 0.229f, 0.224f, 0.225f };
    if (!is_for_rgb(object, mean_key, unsupported, bytes) ||
        !is_for_rgb(object, std_key, unsupported, bytes))
        return;
    bool has_mean = read_triple(r, object, mean_key, mean);
    bool has_std = read_triple(r, object, std_key, std);
    if (r->status != DEIT_OK || (!has_mean && !has_std))
        return;
    for (int c = 0; c < 3; c++)
        if (!(std[c] > 0)) {
            r->status = deit_fail(r->err, DEIT_ERR_FORMAT, "%s: %s holds %g, which is no spread",
                                  r->file, std_key, (double)std[c]);
            return;
        }
    memcpy(r->facts->mean, mean, sizeof mean);
    memcpy(r->facts->std, std, sizeof std);
    r->facts->has_mean_std = true;
}

static enum deit_filter filter_of_name(const char *name)
{
    static const struct {
        const char *name;
        enum deit_filter filter;
    } filters[] = {
        { "bilinear", DEIT_FILTER_BILINEAR }, { "bicubic", DEIT_FILTER_BICUBIC },
        { "lanczos", DEIT_FILTER_LANCZOS },   { "box", DEIT_FILTER_BOX },
        { "hamming", DEIT_FILTER_HAMMING },
    };
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (!strcmp(name, filters[i].name))
            return filters[i].filter;
    return 0;
}

/* ------------------------------------------------------------------ timm */

enum deit_status deit_preprocessor_timm(const json_t *cfg, struct deit_config *config,
                                        struct deit_error *err)
{
    struct deit_recipe_facts *facts = &config->recipe;
    struct reader r = { .facts = facts, .file = config->file, .err = err };
    read_mean_std(&r, cfg, "mean", "std", facts->timm_unsupported,
                  sizeof facts->timm_unsupported);

    const json_t *crop_pct = get(&r, cfg, "crop_pct");
    if (crop_pct && (!json_is_number(crop_pct) || !(json_number_value(crop_pct) > 0)))
        bad_value(&r, "crop_pct", crop_pct, "a positive number");
    else if (crop_pct)
        facts->timm_crop_pct = json_number_value(crop_pct);

    const json_t *interpolation = get(&r, cfg, "interpolation");
    if (interpolation && !json_is_string(interpolation)) {
        bad_value(&r, "interpolation", interpolation, "a string");
    } else if (interpolation) {
        facts->timm_filter = filter_of_name(json_string_value(interpolation));
        if (!facts->timm_filter)
            snprintf(facts->timm_unsupported, sizeof facts->timm_unsupported,
                     "interpolation '%.48s' is not supported", json_string_value(interpolation));
    }

    const json_t *crop_mode = get(&r, cfg, "crop_mode");
    if (crop_mode && !json_is_string(crop_mode)) {
        bad_value(&r, "crop_mode", crop_mode, "a string");
    } else if (crop_mode && !strcmp(json_string_value(crop_mode), "squash")) {
        facts->timm_squash = true;
    } else if (crop_mode && strcmp(json_string_value(crop_mode), "center") != 0) {
        snprintf(facts->timm_unsupported, sizeof facts->timm_unsupported,
                 "crop_mode '%.48s' is not supported", json_string_value(crop_mode));
    }
    return r.status;
}

/* ------------------------------------------------------------------ Hugging Face */

/* What a class of processor does where its file is silent; sides of 0: the file must say. */
struct processor {
    const char *name; /* "DeiT" of "DeiTImageProcessorFast" */
    uint32_t resize, crop;
    enum deit_filter filter;
    bool does_crop;
};

static const struct processor processors[] = {
    { "DeiT", 256, 224, DEIT_FILTER_BICUBIC, true },
    { "ViT", 224, 224, DEIT_FILTER_BILINEAR, false },
};

static const struct processor *find_processor(const char *type)
{
    static const char *const endings[] = { "ImageProcessor", "ImageProcessorFast",
                                           "ImageProcessorPil", "FeatureExtractor" };
    for (size_t p = 0; p < sizeof processors / sizeof *processors; p++)
        for (size_t e = 0; e < sizeof endings / sizeof *endings; e++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", processors[p].name, endings[e]);
            if (!strcmp(type, name))
                return &processors[p];
        }
    return NULL;
}

static void unsupported(struct reader *r, const char *format, const char *what)
{
    if (!r->facts->hf_unsupported[0])
        snprintf(r->facts->hf_unsupported, sizeof r->facts->hf_unsupported, format, what);
}

/*
 * A class that is not known: its defaults are not known either, so all must be written, and
 * nothing that only this class understands.
 */
static void check_unknown(struct reader *r, const json_t *root, const char *type)
{
    static const char *const needed[] = { "do_resize", "size", "resample", "do_center_crop",
                                          "do_normalize", "image_mean", "image_std" };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!json_object_get(root, needed[i]))
            unsupported(r, "processor '%.60s' is not known", type);
    if (json_object_get(root, "crop_pct"))
        unsupported(r, "processor '%.40s' with crop_pct is not known", type);
}

static bool read_flag(struct reader *r, const json_t *root, const char *key, bool otherwise)
{
    const json_t *value = get(r, root, key);
    if (value && !json_is_boolean(value))
        bad_value(r, key, value, "true or false");
    return value ? json_is_true(value) : otherwise;
}

static bool read_side(const json_t *value, uint32_t *side)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > MAX_SIDE)
        return false;
    *side = (uint32_t)json_integer_value(value);
    return true;
}

/* A number, [height, width], or an object of them; 'short_side' NULL: must be both. */
static void read_size(struct reader *r, const json_t *root, const char *key, uint32_t *height,
                      uint32_t *width, bool *short_side)
{
    const json_t *value = get(r, root, key);
    if (!value)
        return;
    if (short_side)
        *short_side = false;
    const json_t *edge = json_object_get(value, "shortest_edge");
    bool is_right;
    if (edge && !json_object_get(value, "height")) {
        if (!short_side || json_object_get(value, "longest_edge")) {
            unsupported(r, "%s with shortest_edge or longest_edge is not supported", key);
            return;
        }
        *short_side = true;
        is_right = read_side(edge, height) && read_side(edge, width);
    } else if (json_is_object(value)) {
        is_right = read_side(json_object_get(value, "height"), height) &&
                   read_side(json_object_get(value, "width"), width);
    } else if (json_is_array(value) && json_array_size(value) == 2) {
        is_right = read_side(json_array_get(value, 0), height) &&
                   read_side(json_array_get(value, 1), width);
    } else {
        is_right = read_side(value, height) && read_side(value, width);
    }
    if (!is_right)
        bad_value(r, key, value, "a size");
}

static void read_resample(struct reader *r, const json_t *root)
{
    static const enum deit_filter filters[] = { 0, DEIT_FILTER_LANCZOS, DEIT_FILTER_BILINEAR,
                                                DEIT_FILTER_BICUBIC, DEIT_FILTER_BOX,
                                                DEIT_FILTER_HAMMING };
    const json_t *value = get(r, root, "resample");
    if (!value)
        return;
    char text[32];
    json_int_t n = json_integer_value(value);
    if (json_is_integer(value)) {
        r->facts->hf_filter = n >= 0 && n < 6 ? filters[n] : 0;
        snprintf(text, sizeof text, "%lld", (long long)n);
    } else if (json_is_string(value)) {
        r->facts->hf_filter = filter_of_name(json_string_value(value));
        snprintf(text, sizeof text, "'%.24s'", json_string_value(value));
    } else {
        bad_value(r, "resample", value, "a number");
        return;
    }
    if (!r->facts->hf_filter)
        unsupported(r, "resample %s is not supported", text);
}

static void read_rescale(struct reader *r, const json_t *root)
{
    r->facts->hf_rescale = 1.0 / 255.0;
    const json_t *factor = get(r, root, "rescale_factor");
    if (factor && (!json_is_number(factor) || !(json_number_value(factor) > 0)))
        bad_value(r, "rescale_factor", factor, "a positive number");
    else if (factor)
        r->facts->hf_rescale = json_number_value(factor);
    if (!read_flag(r, root, "do_rescale", true))
        r->facts->hf_rescale = 0;
}

static void set_half(struct deit_recipe_facts *facts)
{
    for (int c = 0; c < 3; c++)
        facts->mean[c] = facts->std[c] = 0.5f;
    facts->has_mean_std = true;
}

static void read_processor(struct reader *r, const json_t *root)
{
    struct deit_recipe_facts *facts = r->facts;
    const json_t *type = get(r, root, "image_processor_type");
    if (!type)
        type = get(r, root, "feature_extractor_type");
    const char *name = json_is_string(type) ? json_string_value(type) : "none";
    const struct processor *known = find_processor(name);
    if (!known) {
        check_unknown(r, root, name);
        known = &processors[0];
    }

    facts->has_hf = true;
    facts->hf_resize_height = facts->hf_resize_width = known->resize;
    facts->hf_crop_height = facts->hf_crop_width = known->crop;
    facts->hf_filter = known->filter;
    read_size(r, root, "size", &facts->hf_resize_height, &facts->hf_resize_width,
              &facts->hf_short_side);
    read_size(r, root, "crop_size", &facts->hf_crop_height, &facts->hf_crop_width, NULL);
    read_resample(r, root);
    read_rescale(r, root);
    facts->hf_resize = read_flag(r, root, "do_resize", true);
    facts->hf_crop = read_flag(r, root, "do_center_crop", known->does_crop);
    facts->hf_normalise = read_flag(r, root, "do_normalize", true);
    if (read_flag(r, root, "do_pad", false))
        unsupported(r, "%s is not supported", "do_pad");
    if (read_flag(r, root, "do_flip_channel_order", false))
        unsupported(r, "%s is not supported", "do_flip_channel_order");
    /* Both classes normalise by 0.5 unless their file says otherwise. */
    if (!facts->has_mean_std)
        set_half(facts);
    read_mean_std(r, root, "image_mean", "image_std", facts->hf_unsupported,
                  sizeof facts->hf_unsupported);
}

enum deit_status deit_preprocessor_parse(const char *text, size_t bytes, const char *name,
                                         struct deit_config *config, struct deit_error *err)
{
    json_t *root = NULL;
    struct reader r = { .facts = &config->recipe, .file = name, .err = err };
    r.status = deit_json_parse(text, bytes, name, &root, err);
    if (r.status == DEIT_OK && !json_is_object(root))
        r.status = deit_fail(err, DEIT_ERR_FORMAT, "%s: is %s, not an object", name,
                             deit_json_kind(root));
    if (r.status == DEIT_OK) {
        read_processor(&r, root);
        config->has_preprocessor = true;
    }
    json_decref(root);
    return r.status;
}

enum deit_status deit_preprocessor_read(const char *path, struct deit_config *config,
                                        struct deit_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    enum deit_status status = deit_file_read(path, MAX_PREPROCESSOR_BYTES, &text, &bytes, err);
    if (status == DEIT_OK)
        status = deit_preprocessor_parse(text, bytes, path, config, err);
    free(text);
    return status;
}

void deit_preprocessor_finish(struct deit_config *config, bool is_hugging_face,
                              uint32_t image_height, uint32_t image_width)
{
    struct deit_recipe_facts *facts = &config->recipe;
    bool is_hf = !config->is_timm && (config->has_preprocessor || is_hugging_face);
    facts->auto_kind = is_hf ? DEIT_RECIPE_HF : DEIT_RECIPE_TIMM;
    if (!is_hf || facts->has_hf || strcmp(config->model_type, "vit") != 0)
        return;

    const struct processor *vit = &processors[1];
    facts->has_hf = true;
    facts->hf_resize = facts->hf_normalise = true;
    facts->hf_resize_height = facts->hf_crop_height = image_height;
    facts->hf_resize_width = facts->hf_crop_width = image_width;
    facts->hf_filter = vit->filter;
    facts->hf_rescale = 1.0 / 255.0;
    set_half(facts);
}
