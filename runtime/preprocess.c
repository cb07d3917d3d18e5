/*
 * runtime/preprocess.c: resize, centre crop, normalise.
 *
 * The geometry is that of the Python pipelines, down to how they round: torchvision's for the
 * recipes of timm and facebookresearch, NumPy's floor division for Hugging Face's.
 */
#include "runtime/preprocess.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ops/fp_state.h"
#include "runtime/error.h"
#include "runtime/image.h"
#include "runtime/resample.h"

enum { MAX_SIDE = 65535 };

static enum deit_status bad(struct deit_error *err, const char *what, double value)
{
    return deit_fail(err, DEIT_ERR_ARGUMENT, "recipe: %s cannot be %g", what, value);
}

enum deit_status deit_recipe_check(const struct deit_recipe *recipe, struct deit_error *err)
{
    if (!recipe)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "recipe: is NULL");
    if (recipe->resize < DEIT_RESIZE_NONE || recipe->resize > DEIT_RESIZE_SQUASH)
        return bad(err, "resize", (double)recipe->resize);
    if (!recipe->height || recipe->height > MAX_SIDE)
        return bad(err, "height", recipe->height);
    if (!recipe->width || recipe->width > MAX_SIDE)
        return bad(err, "width", recipe->width);
    if (recipe->resize != DEIT_RESIZE_NONE) {
        if (recipe->filter < DEIT_FILTER_BOX || recipe->filter > DEIT_FILTER_LANCZOS)
            return bad(err, "filter", (double)recipe->filter);
        if (!recipe->resize_height || recipe->resize_height > MAX_SIDE)
            return bad(err, "resize_height", recipe->resize_height);
        bool may_lack_width = recipe->resize == DEIT_RESIZE_SHORT_SIDE;
        if ((!recipe->resize_width && !may_lack_width) || recipe->resize_width > MAX_SIDE)
            return bad(err, "resize_width", recipe->resize_width);
    }
    if (!isfinite(recipe->divisor) || recipe->divisor == 0.0f)
        return bad(err, "divisor", (double)recipe->divisor);
    for (int c = 0; c < 3; c++) {
        if (!isfinite(recipe->mean[c]))
            return bad(err, "mean", (double)recipe->mean[c]);
        if (!isfinite(recipe->std[c]) || recipe->std[c] == 0.0f)
            return bad(err, "std", (double)recipe->std[c]);
    }
    if (recipe->pillow != 12 && recipe->pillow != 13)
        return bad(err, "pillow", recipe->pillow);
    return DEIT_OK;
}

struct size {
    uint64_t width, height;
};

/* Half to even, as Python's round(). */
static int64_t round_even(double x)
{
    double down = floor(x), rest = x - down;
    if (rest > 0.5 || (rest == 0.5 && fmod(down, 2.0) != 0.0))
        down += 1.0;
    return (int64_t)down;
}

/*
 * Aspect kept.  For a square target the short side becomes it and the long side is cut to an
 * integer; for another one the side that is relatively shorter fits, and both are rounded.
 */
static struct size keep_aspect(const deit_image *image, const struct deit_recipe *recipe)
{
    uint64_t w = image->width, h = image->height, side = recipe->resize_height;
    if (!recipe->resize_width || recipe->resize_width == recipe->resize_height)
        return w <= h ? (struct size){ side, side * h / w } : (struct size){ side * w / h, side };
    double ratio_h = (double)h / recipe->resize_height, ratio_w = (double)w / recipe->resize_width;
    double ratio = ratio_h < ratio_w ? ratio_h : ratio_w;
    return (struct size){ (uint64_t)round_even((double)w / ratio),
                          (uint64_t)round_even((double)h / ratio) };
}

static struct size resized(const deit_image *image, const struct deit_recipe *recipe)
{
    switch (recipe->resize) {
    case DEIT_RESIZE_NONE: break;
    case DEIT_RESIZE_SHORT_SIDE: return keep_aspect(image, recipe);
    case DEIT_RESIZE_SQUASH:
        return (struct size){ recipe->resize_width, recipe->resize_height };
    }
    return (struct size){ image->width, image->height };
}

/* Where the crop starts in the resized picture; negative where that is smaller. */
static int64_t crop_offset(enum deit_recipe_kind kind, uint64_t side, uint32_t crop)
{
    int64_t rest = (int64_t)side - crop;
    if (kind == DEIT_RECIPE_HF)
        return rest >= 0 ? rest / 2 : -((1 - rest) / 2);
    return rest >= 0 ? round_even((double)rest / 2.0) : -(-rest / 2);
}

/* One side of the crop: 'skip' pixels stay black, then 'n' come from the picture at 'from'. */
struct part {
    uint64_t from;
    size_t skip, n;
};

static struct part crop_part(enum deit_recipe_kind kind, uint64_t side, uint32_t crop)
{
    int64_t offset = crop_offset(kind, side, crop);
    struct part part = { .from = offset > 0 ? (uint64_t)offset : 0,
                         .skip = offset < 0 ? (size_t)-offset : 0,
                         .n = side < crop ? (size_t)side : crop };
    return part;
}

static enum deit_status crop_unchecked(const struct deit_kernels *kernels,
                                       const deit_image *image,
                                       const struct deit_recipe *recipe, uint8_t *crop,
                                       struct deit_error *err)
{
    struct size size = resized(image, recipe);
    struct part across = crop_part(recipe->kind, size.width, recipe->width);
    struct part down = crop_part(recipe->kind, size.height, recipe->height);
    struct deit_resample resample = {
        .width = size.width, .height = size.height,
        .x = across.from, .y = down.from,
        .crop_width = across.n, .crop_height = down.n,
        .filter = recipe->resize == DEIT_RESIZE_NONE ? DEIT_FILTER_BOX : recipe->filter,
        .is_vertical_first = deit_resample_is_vertical_first(
            recipe->pillow, image->width, image->height, size.width, size.height),
    };
    size_t row_bytes = (size_t)3 * recipe->width;
    if (across.n < recipe->width || down.n < recipe->height)
        memset(crop, 0, recipe->height * row_bytes);
    return deit_resample_run(kernels, image, &resample,
                             crop + down.skip * row_bytes + 3 * across.skip, row_bytes, err);
}

static enum deit_status check(const deit_image *image, const struct deit_recipe *recipe,
                              struct deit_error *err)
{
    enum deit_status status = deit_image_check(image, err);
    return status == DEIT_OK ? deit_recipe_check(recipe, err) : status;
}

enum deit_status deit_preprocess_crop(const struct deit_kernels *kernels,
                                      const deit_image *image, const struct deit_recipe *recipe,
                                      uint8_t *crop, struct deit_error *err)
{
    enum deit_status status = check(image, recipe, err);
    return status == DEIT_OK ? crop_unchecked(kernels, image, recipe, crop, err) : status;
}

enum deit_status deit_preprocess_with(const struct deit_kernels *kernels,
                                      const deit_image *image, const struct deit_recipe *recipe,
                                      float *input, struct deit_error *err)
{
    enum deit_status status = check(image, recipe, err);
    if (status != DEIT_OK)
        return status;
    if (!input)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "preprocess: input is NULL");

    size_t width = recipe->width, height = recipe->height, plane = width * height;
    uint8_t *crop = malloc(plane * 3);
    if (!crop)
        return deit_fail(err, DEIT_ERR_MEMORY, "preprocess: out of memory");
    status = crop_unchecked(kernels, image, recipe, crop, err);
    if (status == DEIT_OK)
        for (size_t y = 0; y < height; y++)
            kernels->normalise_u8(width, crop + y * 3 * width, recipe->divisor, recipe->mean,
                                  recipe->std, plane, input + y * width);
    free(crop);
    return status;
}

/* Images on their way into one array, each by one thread of the team. */
struct preprocessing {
    const struct deit_kernels *kernels;
    const struct deit_recipe *recipe;
    const deit_image *const *images;
    float *input;
    atomic_bool has_failed;
};

static void preprocess_one(void *job_, size_t index)
{
    struct preprocessing *job = job_;
    size_t n = (size_t)3 * job->recipe->height * job->recipe->width;
    unsigned before = deit_fp_enter();
    if (deit_preprocess_with(job->kernels, job->images[index], job->recipe,
                             job->input + index * n, NULL) != DEIT_OK)
        atomic_store(&job->has_failed, true);
    deit_fp_leave(before);
}

/* What a caller can do wrong is found first: then only memory can be short. */
enum deit_status deit_preprocess_images(const struct deit_kernels *kernels,
                                        struct deit_team *team,
                                        const struct deit_recipe *recipe, size_t n_images,
                                        const deit_image *const *images, float *input,
                                        struct deit_error *err)
{
    struct preprocessing job = { .kernels = kernels, .recipe = recipe, .images = images,
                                 .input = input };
    for (size_t i = 0; i < n_images; i++) {
        enum deit_status status = check(images[i], recipe, err);
        if (status != DEIT_OK)
            return status;
    }
    deit_team_for(team, n_images, preprocess_one, &job);
    if (!atomic_load(&job.has_failed))
        return DEIT_OK;
    return deit_fail(err, DEIT_ERR_MEMORY, "preprocess: out of memory for %zu images", n_images);
}

enum deit_status deit_preprocess(const deit_image *image, const struct deit_recipe *recipe,
                                 float *input, struct deit_error *err)
{
    struct deit_kernels kernels;
    deit_kernels_init(&kernels, deit_cpu_level());
    return deit_preprocess_with(&kernels, image, recipe, input, err);
}
