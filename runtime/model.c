/* runtime/model.c: making, sharing and describing models. */
#include "runtime/model.h"

#include <stdlib.h>

#include "runtime/dump.h"
#include "runtime/error.h"
#include "runtime/kind.h"
#include "runtime/options.h"
#include "runtime/passes.h"

enum { DEFAULT_MAX_MEMORY = 512 * 1000 * 1000 };

void deit_description_done(struct deit_description *description)
{
    for (size_t i = 0; i < description->n_unused; i++)
        free(description->unused[i]);
    free(description->unused);
    free(description->name);
    free(description->architecture);
    deit_labels_close(description->labels);
    *description = (struct deit_description){ 0 };
}

double deit_graph_macs(const struct deit_graph *graph)
{
    double macs = 0;
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (deit_kind_of(&graph->nodes[i])->macs)
            macs += deit_kind_of(&graph->nodes[i])->macs(graph, &graph->nodes[i]);
    return macs;
}

static void free_model(deit_model *model)
{
    deit_weight_store_free(model->store);
    deit_graph_free(model->graph);
    deit_description_done(&model->description);
    free(model);
}

static enum deit_status set_options(deit_model *model, const struct deit_model_options *options,
                                    struct deit_error *err)
{
    enum deit_status status = deit_options_copy(options, &model->options, sizeof model->options,
                                                "deit_model_options", err);
    if (status != DEIT_OK)
        return status;
    if (!model->options.max_memory)
        model->options.max_memory = DEFAULT_MAX_MEMORY;
    if (model->options.allocator) {
        model->allocator = *model->options.allocator;
        model->options.allocator = &model->allocator;
        if (!model->allocator.alloc || !model->allocator.free)
            return deit_fail(err, DEIT_ERR_ARGUMENT, "deit_allocator: alloc and free go together");
    }
    return DEIT_OK;
}

/* Work of one image: the batch is the one dim that a model leaves open. */
static enum deit_status count_work(deit_model *model, struct deit_error *err)
{
    enum deit_status status = deit_graph_infer(model->graph, err);
    if (status != DEIT_OK)
        return status;
    struct deit_graph *one = deit_graph_clone(model->graph);
    if (!one)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the graph");
    for (size_t i = 0; i < one->n_values; i++)
        if (one->values[i].origin == DEIT_FROM_INPUT)
            one->values[i].shape.dims[0] = 1;
    status = deit_graph_infer(one, err);
    if (status == DEIT_OK)
        model->gflop = 2e-9 * deit_graph_macs(one);
    deit_graph_free(one);
    return status;
}

enum deit_status deit_model_create(struct deit_graph *graph,
                                   struct deit_description *description,
                                   const struct deit_model_options *options,
                                   enum deit_passes passes, deit_model **out,
                                   struct deit_error *err)
{
    deit_model *model = calloc(1, sizeof *model);
    if (!model) {
        deit_graph_free(graph);
        deit_description_done(description);
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the model");
    }
    atomic_init(&model->references, 1);
    model->graph = graph;
    model->description = *description;
    *description = (struct deit_description){ 0 };

    enum deit_status status = deit_graph_check(graph, err);
    if (status == DEIT_OK)
        status = set_options(model, options, err);
    if (status == DEIT_OK)
        status = deit_weight_store_create(&model->options, &model->store, err);
    if (status == DEIT_OK)
        status = count_work(model, err);
    if (status != DEIT_OK) {
        free_model(model);
        return status;
    }
    if (passes == DEIT_PASSES_ON)
        deit_passes_run(graph);
    *out = model;
    return DEIT_OK;
}

deit_model *deit_model_retain(deit_model *model)
{
    atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    return model;
}

void deit_model_close(deit_model *model)
{
    if (model && atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) == 1)
        free_model(model);
}

void deit_model_info(const deit_model *model, struct deit_model_info *info)
{
    const struct deit_description *d = &model->description;
    const struct deit_model_info ours = {
        .name = d->name,
        .format = d->format,
        .architecture = d->architecture,
        .channels = d->channels,
        .height = d->height,
        .width = d->width,
        .n_classes = d->n_classes,
        .n_heads_out = d->n_heads_out,
        .n_features = d->n_features,
        .n_parameters = d->n_parameters,
        .weight_bytes = d->weight_bytes,
        .n_unused_tensors = d->n_unused,
        .gflop = model->gflop,
    };
    deit_info_copy(&ours, sizeof ours, info);
}

const char *deit_model_unused_tensor(const deit_model *model, size_t index)
{
    return index < model->description.n_unused ? model->description.unused[index] : NULL;
}

const deit_labels *deit_model_labels(const deit_model *model)
{
    return model->description.labels;
}

enum deit_status deit_recipe_init(const deit_model *model, enum deit_recipe_kind kind,
                                  uint32_t height, uint32_t width, struct deit_recipe *recipe,
                                  struct deit_error *err)
{
    const struct deit_description *d = &model->description;
    if (d->channels != 3)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: takes %u channels, images have 3",
                         d->name, d->channels);
    return deit_recipe_from_facts(&d->recipe, kind, height ? height : d->height,
                                  width ? width : d->width, recipe, err);
}

enum deit_status deit_model_dump(const deit_model *model, enum deit_dump_format format,
                                 deit_write_fn *write, void *ctx, struct deit_error *err)
{
    return deit_dump(model->graph, NULL, format, write, ctx, err);
}
