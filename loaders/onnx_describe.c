/*
 * loaders/onnx_describe.c: the facts of an ONNX model.
 *
 * The graph says almost everything.  Only the shape of the image is often left open although
 * one alone is right: then the first convolution and a table of positions give it away.
 */
#include "loaders/onnx_describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/config_json.h"
#include "runtime/error.h"

enum { USUAL_SIZE = 224, USUAL_CHANNELS = 3 };

/* ------------------------------------------------------------------ the image */

/* The first input of rank 4, or NULL. */
static struct deit_value *find_image(const struct deit_graph *graph)
{
    for (size_t i = 0; i < graph->n_values; i++)
        if (graph->values[i].origin == DEIT_FROM_INPUT && graph->values[i].shape.rank == 4)
            return &graph->values[i];
    return NULL;
}

/* A convolution by patches: windows that do not overlap. */
static const struct deit_node *find_patches(const struct deit_graph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        const struct deit_window_attrs *w = &node->attrs.window;
        if (node->kind == DEIT_NODE_CONV && w->kernel_height == w->stride_height &&
            w->kernel_width == w->stride_width && w->kernel_height > 1)
            return node;
    }
    return NULL;
}

/* The side of the square grid that a table of 'rows' is for, without up to two prefix rows. */
static int64_t grid_of(int64_t rows)
{
    for (int64_t grid = 2; grid <= 1024 && grid * grid <= rows; grid++)
        if (rows - grid * grid <= 2)
            return grid;
    return 0;
}

/* Of the first constant (1, tokens, width) that fits the patches; 0: there is none. */
static int64_t find_grid(const struct deit_graph *graph, int64_t width)
{
    for (size_t i = 0; i < graph->n_values; i++) {
        const struct deit_value *value = &graph->values[i];
        const struct deit_shape *shape = &value->shape;
        if (value->origin == DEIT_FROM_CONSTANT && value->dtype == DEIT_F32 &&
            shape->rank == 3 && shape->dims[0] == 1 && shape->dims[2] == width &&
            grid_of(shape->dims[1]))
            return grid_of(shape->dims[1]);
    }
    return 0;
}

static void guess_size(const struct deit_graph *graph, const struct deit_config *config,
                       uint32_t *height, uint32_t *width)
{
    *height = *width = USUAL_SIZE;
    if (config->image.key) {
        *height = config->image.height;
        *width = config->image.width;
        return;
    }
    const struct deit_node *patches = find_patches(graph);
    const struct deit_shape *weight = patches ? &graph->values[patches->inputs[1]].shape : NULL;
    int64_t grid = weight && weight->rank == 4 ? find_grid(graph, weight->dims[0]) : 0;
    if (grid) {
        *height = (uint32_t)grid * patches->attrs.window.kernel_height;
        *width = (uint32_t)grid * patches->attrs.window.kernel_width;
    }
}

static uint32_t dim_or(int64_t dim, uint32_t otherwise)
{
    return dim > 0 && dim <= INT32_MAX ? (uint32_t)dim : otherwise;
}

/* What the first convolution takes. */
static uint32_t find_channels(const struct deit_graph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        int64_t n = 0;
        if (node->kind != DEIT_NODE_CONV)
            continue;
        const struct deit_shape *weight = &graph->values[node->inputs[1]].shape;
        if (weight->rank == 4 && weight->dims[1] > 0 && weight->dims[1] <= INT32_MAX)
            n = weight->dims[1] * node->attrs.window.groups;
        return dim_or(n, USUAL_CHANNELS);
    }
    return USUAL_CHANNELS;
}

/* A session fixes batch, height and width; channels that are open are fixed here. */
static void describe_image(const struct deit_graph *graph, const struct deit_config *config,
                           struct deit_description *d)
{
    struct deit_value *image = find_image(graph);
    uint32_t height, width;
    if (!image)
        return;
    guess_size(graph, config, &height, &width);
    if (image->shape.dims[1] == DEIT_DIM_UNKNOWN)
        image->shape.dims[1] = find_channels(graph);
    d->channels = dim_or(image->shape.dims[1], USUAL_CHANNELS);
    d->height = dim_or(image->shape.dims[2], height);
    d->width = dim_or(image->shape.dims[3], width);
}

/* ------------------------------------------------------------------ tensors */

/* Names of initializers that no node and no output uses. */
static enum deit_status find_unused(const struct deit_onnx *onnx, const struct deit_graph *graph,
                                    struct deit_description *d, struct deit_error *err)
{
    const DeitOnnx__GraphProto *file = onnx->model->graph;
    bool *is_used = calloc(graph->n_values + 1, sizeof *is_used);
    d->unused = calloc(file->n_initializer + 1, sizeof *d->unused);
    bool ok = is_used && d->unused;
    for (size_t i = 0; ok && i < graph->n_nodes; i++)
        for (size_t k = 0; k < graph->nodes[i].n_inputs; k++)
            if (graph->nodes[i].inputs[k] >= 0)
                is_used[graph->nodes[i].inputs[k]] = true;
    for (size_t i = 0; ok && i < graph->n_outputs; i++)
        is_used[graph->outputs[i]] = true;
    /* Initializers are the first values, in the file's order. */
    for (size_t i = 0; ok && i < file->n_initializer; i++) {
        if (is_used[i])
            continue;
        d->unused[d->n_unused] = strdup(file->initializer[i]->name);
        ok = d->unused[d->n_unused] != NULL;
        d->n_unused += ok;
    }
    free(is_used);
    return ok ? DEIT_OK : deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
}

/* ------------------------------------------------------------------ the whole */

static enum deit_status check_classes(const struct deit_onnx *onnx,
                                      const struct deit_config *config, uint32_t n_classes,
                                      struct deit_error *err)
{
    const struct deit_config_size *written[] = { &config->n_classes, &config->n_labels };
    for (size_t i = 0; n_classes && i < 2; i++)
        if (written[i]->key && written[i]->value != n_classes)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: %s is for %u classes, but %s has %u",
                             config->file, written[i]->key, written[i]->value, onnx->name,
                             n_classes);
    return DEIT_OK;
}

static char *print_architecture(const struct deit_onnx *onnx,
                                const struct deit_onnx_imported *imported)
{
    char *text = NULL;
    int n = asprintf(&text, "ONNX graph, %zu nodes, opset %" PRId64, imported->n_nodes,
                     onnx->opset);
    return n < 0 ? NULL : text;
}

/* "pytorch 2.1.0"; NULL: the file does not say, or out of memory, which costs a word of text. */
static char *print_producer(const struct deit_onnx *onnx)
{
    char *text = NULL;
    if (!*onnx->producer_name)
        return NULL;
    int n = asprintf(&text, "%s%s%s", onnx->producer_name, *onnx->producer_version ? " " : "",
                     onnx->producer_version);
    return n < 0 ? NULL : text;
}

enum deit_status deit_onnx_describe(const struct deit_onnx *onnx,
                                    const struct deit_onnx_imported *imported,
                                    struct deit_config *config,
                                    struct deit_description *description,
                                    struct deit_error *err)
{
    struct deit_onnx_outputs outputs;
    struct deit_description *d = description;
    *d = (struct deit_description){ .format = "onnx" };
    enum deit_status status = find_unused(onnx, imported->graph, d, err);
    if (status == DEIT_OK)
        status = deit_onnx_outputs_name(onnx, imported->graph, &outputs, err);
    if (status == DEIT_OK)
        status = check_classes(onnx, config, outputs.n_classes, err);
    if (status != DEIT_OK)
        return status;

    describe_image(imported->graph, config, d);
    deit_preprocessor_finish(config, config->model_type[0] != '\0', d->height, d->width);
    d->name = strdup(onnx->name);
    d->architecture = print_architecture(onnx, imported);
    d->is_guess = true;
    d->producer = print_producer(onnx);
    d->opset = onnx->opset;
    d->ir_version = onnx->ir_version;
    d->n_classes = outputs.n_classes;
    d->n_heads_out = outputs.n_heads;
    d->n_features = outputs.n_features;
    d->n_parameters = imported->n_parameters;
    d->weight_bytes = imported->weight_bytes;
    d->recipe = config->recipe;
    d->labels = config->labels;
    config->labels = NULL;
    if (!d->name || !d->architecture)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    return DEIT_OK;
}
