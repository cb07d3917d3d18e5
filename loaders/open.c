/*
 * loaders/open.c: the functions of the public header that open a model.
 *
 * All of them end in the same place: a list of tensors and a config become an architecture, a
 * graph and a description.  Only where the bytes come from differs.
 */
#include "loaders/open.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/config_json.h"
#include "loaders/folder.h"
#include "loaders/open_onnx.h"
#include "loaders/safetensors.h"
#include "loaders/shards.h"
#include "loaders/source_file.h"
#include "models/builtin.h"
#include "models/deit.h"
#include "models/imagenet_names.h"
#include "models/random.h"
#include "runtime/error.h"
#include "runtime/labels.h"

void deit_loaded_done(struct deit_loaded *loaded)
{
    deit_graph_free(loaded->graph);
    deit_description_done(&loaded->description);
    *loaded = (struct deit_loaded){ 0 };
}

static enum deit_status imagenet_labels(deit_labels **out, struct deit_error *err)
{
    deit_labels *labels = deit_labels_create();
    if (!labels)
        return deit_fail(err, DEIT_ERR_MEMORY, "labels: out of memory");
    for (size_t i = 0; i < DEIT_IMAGENET_CLASSES; i++) {
        enum deit_status status = deit_labels_set(labels, i, deit_imagenet_names[i], err);
        if (status != DEIT_OK) {
            deit_labels_close(labels);
            return status;
        }
    }
    *out = labels;
    return DEIT_OK;
}

/* Fills in the description; takes the labels out of the config. */
static enum deit_status describe(const struct deit_architecture *arch,
                                 const struct deit_tensors *tensors, struct deit_config *config,
                                 const char *format, struct deit_description *d,
                                 struct deit_error *err)
{
    deit_preprocessor_finish(config, arch->naming.style->is_hugging_face, arch->image_height,
                             arch->image_width);
    *d = (struct deit_description){
        .name = strdup(tensors->name),
        .format = format,
        .architecture = deit_architecture_print(arch),
        .channels = arch->channels,
        .height = arch->image_height,
        .width = arch->image_width,
        .n_classes = arch->n_classes,
        .n_heads_out = arch->n_heads_out,
        .n_features = arch->width,
        .recipe = config->recipe,
        .labels = config->labels,
    };
    config->labels = NULL;
    if (!d->name || !d->architecture)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", tensors->name);
    deit_tensors_sum(tensors, &d->n_parameters, &d->weight_bytes);
    enum deit_status status = deit_tensors_unused(tensors, &d->unused, &d->n_unused, err);
    if (status == DEIT_OK && !d->labels && d->n_classes == DEIT_IMAGENET_CLASSES)
        status = imagenet_labels(&d->labels, err);
    return status;
}

/* All tensors are there: sorts them, and finds out whether it is worth to read the configs. */
static enum deit_status recognise(struct deit_tensors *tensors, struct deit_naming *naming,
                                  struct deit_error *err)
{
    enum deit_status status = deit_tensors_sort(tensors, err);
    return status == DEIT_OK ? deit_architecture_recognise(tensors, naming, err) : status;
}

/* From tensors and config to the loaded model; both stay the caller's to free. */
static enum deit_status assemble(struct deit_tensors *tensors, const struct deit_naming *naming,
                                 struct deit_config *config, const char *format,
                                 struct deit_loaded *out, struct deit_error *err)
{
    struct deit_loaded loaded = { 0 };
    enum deit_status status =
        deit_architecture_detect(tensors, naming, config, &loaded.architecture, err);
    if (status == DEIT_OK)
        status = deit_model_graph(&loaded.architecture, tensors, &loaded.graph, err);
    if (status == DEIT_OK)
        status = describe(&loaded.architecture, tensors, config, format, &loaded.description,
                          err);
    if (status != DEIT_OK) {
        deit_loaded_done(&loaded);
        return status;
    }
    *out = loaded;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ files */

static enum deit_status read_file(const char *path, struct deit_tensors *tensors,
                                  struct deit_error *err)
{
    struct deit_source *source = NULL;
    enum deit_status status = deit_source_open_file(path, &source, err);
    if (status == DEIT_OK)
        status = deit_safetensors_read(source, tensors, err);
    deit_source_release(source);
    return status;
}

static enum deit_status read_configs(const struct deit_located *located,
                                     struct deit_config *config, struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    if (located->config)
        status = deit_config_read(located->config, config, err);
    if (status == DEIT_OK && located->preprocessor)
        status = deit_preprocessor_read(located->preprocessor, config, err);
    return status;
}

static enum deit_status load_safetensors(const char *path, const struct deit_located *located,
                                         struct deit_loaded *out, struct deit_error *err)
{
    struct deit_tensors tensors = { 0 };
    struct deit_config config = { 0 };
    struct deit_naming naming;

    enum deit_status status = deit_tensors_init(&tensors, path, err);
    if (status == DEIT_OK)
        status = located->is_index ? deit_shards_read(located->weights, &tensors, err)
                                   : read_file(located->weights, &tensors, err);
    if (status == DEIT_OK)
        status = recognise(&tensors, &naming, err);
    if (status == DEIT_OK)
        status = read_configs(located, &config, err);
    if (status == DEIT_OK)
        status = assemble(&tensors, &naming, &config, "safetensors", out, err);
    deit_config_done(&config);
    deit_tensors_done(&tensors);
    return status;
}

/* The graph is in the file; what is left is a name for its 1000 classes. */
static enum deit_status load_onnx(struct deit_source *source, const char *path,
                                  const struct deit_model_options *options,
                                  struct deit_config *config, struct deit_loaded *out,
                                  struct deit_error *err)
{
    enum deit_status status = deit_load_onnx(source, path, options, config, out, err);
    struct deit_description *d = &out->description;
    if (status == DEIT_OK && !d->labels && d->n_classes == DEIT_IMAGENET_CLASSES) {
        status = imagenet_labels(&d->labels, err);
        if (status != DEIT_OK)
            deit_loaded_done(out);
    }
    return status;
}

static enum deit_status load_onnx_file(const struct deit_located *located,
                                       const struct deit_model_options *options,
                                       struct deit_loaded *out, struct deit_error *err)
{
    struct deit_source *source = NULL;
    struct deit_config config = { 0 };
    enum deit_status status = deit_source_open_file(located->weights, &source, err);
    if (status == DEIT_OK)
        status = read_configs(located, &config, err);
    if (status == DEIT_OK)
        status = load_onnx(source, located->weights, options, &config, out, err);
    deit_config_done(&config);
    deit_source_release(source);
    return status;
}

enum deit_status deit_load_path_with(const char *path, const struct deit_model_options *options,
                                     struct deit_loaded *out, struct deit_error *err)
{
    struct deit_located located = { 0 };
    enum deit_status status = deit_folder_locate(path, &located, err);
    if (status == DEIT_OK)
        status = located.is_onnx ? load_onnx_file(&located, options, out, err)
                                 : load_safetensors(path, &located, out, err);
    deit_located_done(&located);
    return status;
}

enum deit_status deit_load_path(const char *path, struct deit_loaded *out,
                                struct deit_error *err)
{
    return deit_load_path_with(path, NULL, out, err);
}

/* ------------------------------------------------------------------ memory */

/* A config that comes with the bytes, or NULL. */
static enum deit_status load_bytes(const void *data, size_t bytes, const char *name,
                                   const char *json, size_t json_bytes, struct deit_loaded *out,
                                   struct deit_error *err)
{
    struct deit_source *source = NULL;
    struct deit_tensors tensors = { 0 };
    struct deit_config config = { 0 };
    struct deit_naming naming;

    enum deit_status status = deit_source_open_memory(data, bytes, name, &source, err);
    if (status == DEIT_OK)
        status = deit_tensors_init(&tensors, name, err);
    if (status == DEIT_OK)
        status = deit_safetensors_read(source, &tensors, err);
    if (status == DEIT_OK)
        status = recognise(&tensors, &naming, err);
    if (status == DEIT_OK && json)
        status = deit_config_parse(json, json_bytes, name, &config, err);
    if (status == DEIT_OK)
        status = assemble(&tensors, &naming, &config, "safetensors", out, err);
    deit_config_done(&config);
    deit_tensors_done(&tensors);
    deit_source_release(source);
    return status;
}

enum deit_status deit_load_memory(const void *data, size_t bytes, const char *name,
                                  struct deit_loaded *out, struct deit_error *err)
{
    if (!bytes || !deit_is_onnx(data, bytes))
        return load_bytes(data, bytes, name, NULL, 0, out, err);
    struct deit_source *source = NULL;
    struct deit_config config = { 0 };
    enum deit_status status = deit_source_open_memory(data, bytes, name, &source, err);
    if (status == DEIT_OK)
        status = load_onnx(source, NULL, NULL, &config, out, err);
    deit_config_done(&config);
    deit_source_release(source);
    return status;
}

/* ------------------------------------------------------------------ random */

enum deit_status deit_load_random(const char *architecture, uint64_t seed,
                                  struct deit_loaded *out, struct deit_error *err)
{
    struct deit_tensors tensors = { 0 };
    struct deit_config config = { 0 };
    struct deit_naming naming;
    enum deit_status status = deit_tensors_init(&tensors, architecture, err);
    if (status == DEIT_OK)
        status = deit_random_tensors(architecture, seed, &tensors, err);
    if (status == DEIT_OK)
        status = recognise(&tensors, &naming, err);
    if (status == DEIT_OK) {
        snprintf(config.architecture, sizeof config.architecture, "%s", architecture);
        config.is_timm = true;
        status = assemble(&tensors, &naming, &config, "random", out, err);
    }
    deit_config_done(&config);
    deit_tensors_done(&tensors);
    return status;
}

/* ------------------------------------------------------------------ the public functions */

/* Hands a loaded model over, which takes it apart also on failure. */
static enum deit_status create(struct deit_loaded *loaded,
                               const struct deit_model_options *options, deit_model **model,
                               struct deit_error *err)
{
    return deit_model_create(loaded->graph, &loaded->description, options, model, err);
}

DEIT_API enum deit_status deit_model_open(const char *path,
                                          const struct deit_model_options *options,
                                          deit_model **model, struct deit_error *err)
{
    if (!path || !model)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "deit_model_open: path or model is NULL");
    struct deit_loaded loaded;
    enum deit_status status = deit_load_path_with(path, options, &loaded, err);
    return status == DEIT_OK ? create(&loaded, options, model, err) : status;
}

DEIT_API enum deit_status deit_model_open_memory(const void *data, size_t bytes,
                                                 const char *name,
                                                 const struct deit_model_options *options,
                                                 deit_model **model, struct deit_error *err)
{
    if ((!data && bytes) || !model)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "deit_model_open_memory: data or model is NULL");
    struct deit_loaded loaded;
    enum deit_status status = deit_load_memory(data, bytes, name ? name : "model", &loaded, err);
    return status == DEIT_OK ? create(&loaded, options, model, err) : status;
}

DEIT_API enum deit_status deit_model_open_builtin(const struct deit_model_options *options,
                                                  deit_model **model, struct deit_error *err)
{
    if (!model)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "deit_model_open_builtin: model is NULL");
    struct deit_builtin builtin;
    if (!deit_builtin_get(&builtin))
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "this build has no built-in model");
    struct deit_loaded loaded;
    enum deit_status status = load_bytes(builtin.model, builtin.model_bytes, "built-in",
                                         builtin.config, builtin.config_bytes, &loaded, err);
    return status == DEIT_OK ? create(&loaded, options, model, err) : status;
}

DEIT_API enum deit_status deit_model_open_random(const char *architecture, uint64_t seed,
                                                 const struct deit_model_options *options,
                                                 deit_model **model, struct deit_error *err)
{
    if (!architecture || !model)
        return deit_fail(err, DEIT_ERR_ARGUMENT,
                         "deit_model_open_random: architecture or model is NULL");
    struct deit_loaded loaded;
    enum deit_status status = deit_load_random(architecture, seed, &loaded, err);
    return status == DEIT_OK ? create(&loaded, options, model, err) : status;
}
