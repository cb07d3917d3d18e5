/*
 * runtime/recipe.c: from what a model's folder says to one recipe.
 *
 * Each kind follows the code that people evaluate such models with: timm's eval transform,
 * facebookresearch's eval transform, Hugging Face's image processor.  Where an input size
 * differs from the one a config was written for, the resize grows with it.
 */
#include "runtime/recipe.h"

#include <math.h>

#include "runtime/error.h"
#include "runtime/preprocess.h"

static const float imagenet_mean[3] = { 0.485f, 0.456f, 0.406f };
static const float imagenet_std[3] = { 0.229f, 0.224f, 0.225f };

static enum deit_status timm(const struct deit_recipe_facts *facts, struct deit_recipe *recipe,
                             struct deit_error *err)
{
    if (facts->timm_unsupported[0])
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "recipe timm: %s", facts->timm_unsupported);

    double crop_pct = facts->timm_crop_pct;
    if (crop_pct == 0.0)
        crop_pct = recipe->height >= 384 && recipe->width >= 384 ? 1.0 : 0.9;
    if (!(crop_pct > 0.01 && crop_pct < 100.0))
        return deit_fail(err, DEIT_ERR_FORMAT, "recipe timm: crop_pct cannot be %g", crop_pct);
    recipe->resize = facts->timm_squash ? DEIT_RESIZE_SQUASH : DEIT_RESIZE_SHORT_SIDE;
    recipe->resize_height = (uint32_t)floor(recipe->height / crop_pct);
    recipe->resize_width = (uint32_t)floor(recipe->width / crop_pct);
    if (facts->timm_filter)
        recipe->filter = facts->timm_filter;
    /* timm does not hand its config's interpolation on when it keeps the aspect here. */
    if (!facts->timm_squash && recipe->resize_height != recipe->resize_width)
        recipe->filter = DEIT_FILTER_BILINEAR;
    return DEIT_OK;
}

static enum deit_status fb(struct deit_recipe *recipe, struct deit_error *err)
{
    if (recipe->height != recipe->width)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                         "recipe fb: is for square inputs, not %u x %u; use timm",
                         recipe->height, recipe->width);
    recipe->resize = DEIT_RESIZE_SHORT_SIDE;
    recipe->resize_height = recipe->resize_width = (uint32_t)(recipe->height / 0.875);
    return DEIT_OK;
}

/* 'resize' was written for a crop of 'crop': the same for an input of 'side'. */
static uint32_t in_proportion(uint32_t resize, uint32_t crop, uint32_t side)
{
    uint64_t scaled = crop ? (uint64_t)resize * side / crop : resize;
    return scaled < UINT32_MAX ? (uint32_t)scaled : UINT32_MAX;
}

static enum deit_status hf_resize(const struct deit_recipe_facts *facts,
                                  struct deit_recipe *recipe, struct deit_error *err)
{
    uint32_t height = recipe->height, width = recipe->width;
    if (!facts->hf_resize) {
        recipe->resize = DEIT_RESIZE_NONE;
        if (!facts->hf_crop)
            return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                             "recipe hf: neither do_resize nor do_center_crop, so images keep "
                             "sizes of their own");
    } else if (!facts->hf_short_side) {
        recipe->resize = DEIT_RESIZE_SQUASH;
        recipe->resize_height = height;
        recipe->resize_width = width;
        if (facts->hf_crop) {
            recipe->resize_height = in_proportion(facts->hf_resize_height,
                                                  facts->hf_crop_height, height);
            recipe->resize_width = in_proportion(facts->hf_resize_width, facts->hf_crop_width,
                                                 width);
        }
    } else {
        uint32_t side = in_proportion(facts->hf_resize_height, facts->hf_crop_height, height);
        uint32_t other = in_proportion(facts->hf_resize_height, facts->hf_crop_width, width);
        bool is_as_written = height == facts->hf_crop_height && width == facts->hf_crop_width;
        if (!facts->hf_crop)
            return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                             "recipe hf: size.shortest_edge %u without do_center_crop gives no "
                             "fixed size", facts->hf_resize_height);
        if (is_as_written)
            side = other = facts->hf_resize_height;
        if (side != other)
            return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                             "recipe hf: size.shortest_edge %u for a crop of %u x %u says "
                             "nothing about %u x %u", facts->hf_resize_height,
                             facts->hf_crop_height, facts->hf_crop_width, height, width);
        recipe->resize = DEIT_RESIZE_SHORT_SIDE;
        recipe->resize_height = recipe->resize_width = side;
    }
    return DEIT_OK;
}

static enum deit_status hf(const struct deit_recipe_facts *facts, struct deit_recipe *recipe,
                           struct deit_error *err)
{
    if (facts->hf_unsupported[0])
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "recipe hf: %s", facts->hf_unsupported);

    if (!facts->has_hf) {
        recipe->resize = DEIT_RESIZE_SQUASH;
        recipe->resize_height = in_proportion(256, 224, recipe->height);
        recipe->resize_width = in_proportion(256, 224, recipe->width);
        return DEIT_OK;
    }
    if (facts->hf_filter)
        recipe->filter = facts->hf_filter;
    recipe->divisor = facts->hf_rescale != 0.0 ? (float)(1.0 / facts->hf_rescale) : 1.0f;
    if (!facts->hf_normalise)
        for (int c = 0; c < 3; c++) {
            recipe->mean[c] = 0.0f;
            recipe->std[c] = 1.0f;
        }
    return hf_resize(facts, recipe, err);
}

enum deit_status deit_recipe_from_facts(const struct deit_recipe_facts *facts,
                                        enum deit_recipe_kind kind, uint32_t height,
                                        uint32_t width, struct deit_recipe *recipe,
                                        struct deit_error *err)
{
    struct deit_recipe made = { .kind = kind == DEIT_RECIPE_AUTO ? facts->auto_kind : kind,
                                .filter = DEIT_FILTER_BICUBIC, .height = height, .width = width,
                                .divisor = 255.0f, .pillow = 13 };
    for (int c = 0; c < 3; c++) {
        made.mean[c] = facts->has_mean_std ? facts->mean[c] : imagenet_mean[c];
        made.std[c] = facts->has_mean_std ? facts->std[c] : imagenet_std[c];
    }
    if (made.kind == DEIT_RECIPE_AUTO) /* facts that say nothing at all */
        made.kind = DEIT_RECIPE_TIMM;
    if (!height || !width)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "recipe: an input of %u x %u has no pixels",
                         height, width);

    enum deit_status status;
    switch (made.kind) {
    case DEIT_RECIPE_TIMM: status = timm(facts, &made, err); break;
    case DEIT_RECIPE_FB: status = fb(&made, err); break;
    case DEIT_RECIPE_HF: status = hf(facts, &made, err); break;
    default:
        status = deit_fail(err, DEIT_ERR_ARGUMENT, "recipe: %d is no kind", (int)kind);
    }
    if (status != DEIT_OK)
        return status;
    status = deit_recipe_check(&made, err);
    if (status == DEIT_OK)
        *recipe = made;
    return status;
}
