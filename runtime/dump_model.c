/*
 * runtime/dump_model.c: a model's graph, from what was loaded to what is planned.
 *
 * The graph is made anew for the dump, as a session would make it, and looked at between the
 * rewrites; no copies are kept, so a dump of all stages needs no more memory than a session.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/dump.h"
#include "runtime/error.h"
#include "runtime/kind.h"
#include "runtime/model.h"
#include "runtime/options.h"
#include "runtime/specialise.h"

struct model_dump {
    struct deit_dump_options options;
    struct deit_writer writer;
    json_t *stages;  /* of DEIT_DUMP_JSON */
    size_t n_written;
    char known[1024]; /* names of the stages, for the error */
};

static bool is_wanted(const struct model_dump *dump, const struct deit_stage *stage,
                      const char *name)
{
    const char *wanted = dump->options.stage;
    if (!wanted)
        return strcmp(name, "final") == 0;
    if (strcmp(wanted, "all"))
        return strcmp(name, wanted) == 0;
    return stage->n_changes || strcmp(name, "loaded") == 0 || strcmp(name, "folded") == 0 ||
           strcmp(name, "final") == 0;
}

static void see(void *dump_, const struct deit_stage *stage)
{
    struct model_dump *dump = dump_;
    bool has_nodes = dump->options.detail == DEIT_DUMP_NODES;
    char name[DEIT_DUMP_NAME];
    deit_dump_stage_name(stage, name);
    size_t used = strlen(dump->known);
    snprintf(dump->known + used, sizeof dump->known - used, "%s%s", used ? ", " : "", name);
    if (!is_wanted(dump, stage, name))
        return;
    dump->n_written++;
    if (dump->options.format == DEIT_DUMP_JSON)
        json_array_append_new(dump->stages, deit_dump_stage_json(stage, has_nodes));
    else if (dump->options.format == DEIT_DUMP_DOT)
        deit_dump_stage_dot(&dump->writer, stage);
    else
        deit_dump_stage_text(&dump->writer, stage, has_nodes);
}

/* What was loaded, with the shapes that follow without a size. */
static enum deit_status see_loaded(struct model_dump *dump, const deit_model *model,
                                   struct deit_error *err)
{
    struct deit_graph *graph = deit_graph_clone(model->graph);
    if (!graph)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the graph");
    /* A kind that only speaks of fixed sizes ends the inference: the rest stays open. */
    (void)deit_graph_infer(graph, NULL);
    const struct deit_stage stage = { .name = "loaded", .nth = 1, .graph = graph };
    see(dump, &stage);
    deit_graph_free(graph);
    return DEIT_OK;
}

/* The outputs are those of a session that is asked for none. */
static enum deit_status see_rewrites(struct model_dump *dump, const deit_model *model,
                                     struct deit_error *err)
{
    const struct deit_dump_options *o = &dump->options;
    const struct deit_observer observer = { .see = see, .ctx = dump };
    const char *name = model->description.n_classes ? "logits" : "features";
    size_t batch = deit_model_batch(model);
    const struct deit_specialise_options options = {
        .batch = batch ? batch : o->batch ? o->batch : 1,
        .height = o->height ? o->height : model->description.height,
        .width = o->width ? o->width : model->description.width,
        .n_names = deit_graph_find(model->graph, name) >= 0,
        .names = &name,
        .passes = DEIT_PASSES_ON,
        .observer = &observer,
        .max_bytes = deit_model_max_bytes(model, batch ? batch : o->batch ? o->batch : 1),
    };
    struct deit_graph *fixed;
    enum deit_status status = deit_specialise(model->graph, &options, &fixed, err);
    if (status == DEIT_OK)
        deit_graph_free(fixed);
    return status;
}

static enum deit_status check_options(struct deit_dump_options *o,
                                      const struct deit_dump_options *given,
                                      struct deit_error *err)
{
    enum deit_status status = deit_options_copy(given, o, sizeof *o, "deit_dump_options", err);
    if (status != DEIT_OK)
        return status;
    if (!o->format)
        o->format = DEIT_DUMP_TEXT;
    if ((unsigned)o->format > DEIT_DUMP_JSON)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "no dump format has number %d", (int)o->format);
    return DEIT_OK;
}

enum deit_status deit_model_dump(const deit_model *model, const struct deit_dump_options *options,
                                 deit_write_fn *write, void *ctx, struct deit_error *err)
{
    struct model_dump dump = { .writer = { .write = write, .ctx = ctx } };
    enum deit_status status = check_options(&dump.options, options, err);
    if (status != DEIT_OK)
        return status;
    dump.stages = json_array();
    status = see_loaded(&dump, model, err);
    if (status == DEIT_OK)
        status = see_rewrites(&dump, model, err);
    if (status == DEIT_OK && !dump.n_written)
        status = deit_fail(err, DEIT_ERR_ARGUMENT, "no stage '%s'; there are %s",
                           dump.options.stage, dump.known);
    if (status == DEIT_OK && dump.options.format == DEIT_DUMP_JSON) {
        /* A NULL array makes a NULL object: out of memory. */
        json_t *root = json_pack("{s:O}", "stages", dump.stages);
        status = deit_write_json(&dump.writer, root, err);
    }
    json_decref(dump.stages);
    return status == DEIT_OK ? deit_writer_end(&dump.writer, err) : status;
}
