/* runtime/model.c: making, sharing and describing models. */
#include "runtime/model.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/describe.h"
#include "runtime/error.h"
#include "runtime/kind.h"
#include "runtime/options.h"
#include "runtime/os.h"
#include "runtime/specialise.h"

enum { DEFAULT_MAX_MEMORY = 512 * 1000 * 1000 };

void deit_description_done(struct deit_description *description)
{
    for (size_t i = 0; i < description->n_unused; i++)
        free(description->unused[i]);
    free(description->unused);
    free(description->name);
    free(description->architecture);
    free(description->producer);
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

size_t deit_model_batch(const deit_model *model)
{
    for (size_t i = 0; i < model->graph->n_values; i++) {
        const struct deit_value *value = &model->graph->values[i];
        if (value->origin == DEIT_FROM_INPUT && value->shape.rank != DEIT_RANK_UNKNOWN &&
            value->shape.rank > 0 && value->shape.dims[0] > 0)
            return (size_t)value->shape.dims[0];
    }
    return 0;
}

size_t deit_model_max_bytes(const deit_model *model, size_t batch)
{
    uint64_t bytes, free_bytes = deit_os_free_memory();
    if (__builtin_mul_overflow(model->options.max_memory, (uint64_t)batch, &bytes))
        bytes = UINT64_MAX;
    bytes = bytes < free_bytes ? bytes : free_bytes;
    return bytes < SIZE_MAX / 4 ? (size_t)bytes : SIZE_MAX / 4;
}

/* The smallest batch and the default input. */
static struct deit_specialise_options default_size(const deit_model *model,
                                                   enum deit_passes passes)
{
    size_t batch = deit_model_batch(model);
    return (struct deit_specialise_options){
        .batch = batch ? batch : 1,
        .height = model->description.height,
        .width = model->description.width,
        .passes = passes,
        .max_bytes = deit_model_max_bytes(model, batch ? batch : 1),
    };
}

/* The work as written: before the passes. */
static void see_work(void *model_, const struct deit_stage *stage)
{
    deit_model *model = model_;
    if (strcmp(stage->name, "folded") == 0)
        model->gflop = 2e-9 * deit_graph_macs(stage->graph);
}

/* The architecture, where the raised graph shows one. */
static enum deit_status recognise(deit_model *model, const struct deit_graph *raised,
                                  struct deit_error *err)
{
    struct deit_facts facts;
    if (!model->description.is_guess || !deit_facts_find(raised, &facts))
        return DEIT_OK;
    char *architecture = deit_facts_print(&facts);
    if (!architecture)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the model");
    free(model->description.architecture);
    model->description.architecture = architecture;
    return DEIT_OK;
}

/* Outputs whose shape only a size gives: for people, who are told what it leaves open. */
static void fill_open_outputs(struct deit_graph *graph, const struct deit_graph *fixed,
                              bool is_batch_open)
{
    for (size_t i = 0; i < graph->n_outputs && i < fixed->n_outputs; i++) {
        struct deit_shape *open = &graph->values[graph->outputs[i]].shape;
        if (deit_rank_is_known(open))
            continue;
        *open = fixed->values[fixed->outputs[i]].shape;
        for (uint32_t k = 0; k + 1 < open->rank; k++)
            if (k > 0 || is_batch_open)
                open->dims[k] = DEIT_DIM_UNKNOWN;
    }
}

/*
 * Counts the work of one image of the default size, and looks what architecture it is; shows
 * that the graph can be run at all.
 */
static enum deit_status study(deit_model *model, struct deit_error *err)
{
    const struct deit_observer observer = { .see = see_work, .ctx = model };
    struct deit_specialise_options options =
        default_size(model, model->description.is_guess ? DEIT_PASSES_ON : DEIT_PASSES_OFF);
    options.observer = &observer;
    options.checks_all = true;
    struct deit_graph *fixed;
    enum deit_status status = deit_specialise(model->graph, &options, &fixed, err);
    if (status != DEIT_OK)
        return status;
    model->gflop /= (double)options.batch;
    fill_open_outputs(model->graph, fixed, deit_model_batch(model) == 0);
    status = recognise(model, fixed, err);
    deit_graph_free(fixed);
    return status;
}

enum deit_status deit_model_create(struct deit_graph *graph,
                                   struct deit_description *description,
                                   const struct deit_model_options *options,
                                   deit_model **out, struct deit_error *err)
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
        status = study(model, err);
    if (status != DEIT_OK) {
        free_model(model);
        return status;
    }
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

/* ------------------------------------------------------------------ questions */

static void sum_stored(const struct deit_graph *graph, struct deit_model_info *info)
{
    for (size_t i = 0; i < graph->n_values; i++) {
        const struct deit_constant *constant = &graph->values[i].constant;
        if (graph->values[i].origin != DEIT_FROM_CONSTANT)
            continue;
        for (size_t k = 0; k < constant->n_parts; k++) {
            const struct deit_constant_part *part = &constant->parts[k];
            if (part->source)
                info->bytes_of[part->dtype] += part->n_elements * deit_dtype_bytes(part->dtype);
        }
    }
}

static size_t count_inputs(const struct deit_graph *graph)
{
    size_t n = 0;
    for (size_t i = 0; i < graph->n_values; i++)
        n += graph->values[i].origin == DEIT_FROM_INPUT;
    return n;
}

void deit_model_info(const deit_model *model, struct deit_model_info *info)
{
    const struct deit_description *d = &model->description;
    struct deit_model_info ours = {
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
        .fixed_batch = deit_model_batch(model),
        .n_inputs = count_inputs(model->graph),
        .n_outputs = model->graph->n_outputs,
        .producer = d->producer,
        .opset = d->opset,
        .ir_version = d->ir_version,
    };
    sum_stored(model->graph, &ours);
    deit_info_copy(&ours, sizeof ours, info);
}

static void fill_port(const struct deit_value *value, struct deit_port *port)
{
    *port = (struct deit_port){
        .name = value->name, .dtype = value->dtype, .rank = value->shape.rank
    };
    memcpy(port->dims, value->shape.dims, sizeof port->dims);
}

enum deit_status deit_model_input(const deit_model *model, size_t index, struct deit_port *port)
{
    const struct deit_graph *graph = model->graph;
    for (size_t i = 0; i < graph->n_values; i++) {
        if (graph->values[i].origin != DEIT_FROM_INPUT || index-- > 0)
            continue;
        fill_port(&graph->values[i], port);
        return DEIT_OK;
    }
    return DEIT_ERR_ARGUMENT;
}

enum deit_status deit_model_output(const deit_model *model, size_t index, struct deit_port *port)
{
    if (index >= model->graph->n_outputs)
        return DEIT_ERR_ARGUMENT;
    fill_port(&model->graph->values[model->graph->outputs[index]], port);
    return DEIT_OK;
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
