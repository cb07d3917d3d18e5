/*
 * cli/inspect_facts.c: what is known of a model, as one JSON object.
 */
#include "cli/inspect_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common/text.h"

/* ------------------------------------------------------------------ values */

/* Any bytes as a string of UTF-8: what is not gets replaced, as everywhere in the programs. */
static json_t *string_of(const char *text)
{
    char *literal = NULL;
    size_t bytes;
    if (!text)
        return json_null();
    FILE *out = open_memstream(&literal, &bytes);
    if (!out)
        return NULL;
    deit_text_write_json(out, text);
    json_t *string = fclose(out) == 0 ? json_loads(literal, JSON_DECODE_ANY, NULL) : NULL;
    free(literal);
    return string;
}

static json_t *number_of(uint64_t number)
{
    return json_integer((json_int_t)number);
}

/* 0 means that there is none. */
static json_t *number_or_null(int64_t number)
{
    return number ? json_integer(number) : json_null();
}

static json_t *port_of(const struct deit_port *port)
{
    json_t *shape = port->rank <= DEIT_MAX_RANK ? json_array() : json_null();
    for (uint32_t i = 0; port->rank <= DEIT_MAX_RANK && i < port->rank; i++)
        json_array_append_new(shape,
                              port->dims[i] < 0 ? json_null() : json_integer(port->dims[i]));
    return json_pack("{s:o, s:s, s:o}", "name", string_of(port->name), "dtype",
                     deit_dtype_name(port->dtype), "shape", shape);
}

typedef enum deit_status port_fn(const deit_model *model, size_t index, struct deit_port *port);

static json_t *ports_of(const deit_model *model, port_fn *get)
{
    json_t *ports = json_array();
    struct deit_port port;
    for (size_t i = 0; get(model, i, &port) == DEIT_OK; i++)
        json_array_append_new(ports, port_of(&port));
    return ports;
}

static json_t *stored_of(const struct deit_model_info *info)
{
    json_t *stored = json_object();
    for (size_t i = 0; i < sizeof info->bytes_of / sizeof *info->bytes_of; i++)
        if (info->bytes_of[i])
            json_object_set_new(stored, deit_dtype_name((enum deit_dtype)i),
                                number_of(info->bytes_of[i]));
    return stored;
}

static json_t *unused_of(const deit_model *model)
{
    json_t *names = json_array();
    const char *name;
    for (size_t i = 0; (name = deit_model_unused_tensor(model, i)) != NULL; i++)
        json_array_append_new(names, string_of(name));
    return names;
}

/* ------------------------------------------------------------------ dumps */

struct buffer {
    FILE *out;
    char *text;
    size_t bytes;
};

static int write_buffer(void *buffer_, const char *text, size_t bytes)
{
    struct buffer *buffer = buffer_;
    return fwrite(text, 1, bytes, buffer->out) != bytes;
}

/* Ends the writing, and reads what was written if 'status' says that it is whole. */
static enum deit_status read_buffer(struct buffer *buffer, enum deit_status status, json_t **json,
                                    struct deit_error *err)
{
    bool is_whole = fclose(buffer->out) == 0;
    if (status == DEIT_OK) {
        *json = is_whole ? json_loadb(buffer->text, buffer->bytes, 0, NULL) : NULL;
        if (!*json)
            status = deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory for the dump");
    }
    free(buffer->text);
    return status;
}

static enum deit_status read_stages(const deit_model *model, struct deit_dump_options options,
                                    json_t **stages, struct deit_error *err)
{
    struct buffer buffer = { .text = NULL };
    json_t *root = NULL;
    buffer.out = open_memstream(&buffer.text, &buffer.bytes);
    if (!buffer.out)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory for the dump");
    options.format = DEIT_DUMP_JSON;
    enum deit_status status = deit_model_dump(model, &options, write_buffer, &buffer, err);
    status = read_buffer(&buffer, status, &root, err);
    if (status != DEIT_OK)
        return status;
    *stages = json_incref(json_object_get(root, "stages"));
    json_decref(root);
    return DEIT_OK;
}

static enum deit_status read_plan(const deit_session *session, json_t **plan,
                                  struct deit_error *err)
{
    struct buffer buffer = { .text = NULL };
    buffer.out = open_memstream(&buffer.text, &buffer.bytes);
    if (!buffer.out)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory for the dump");
    enum deit_status status =
        deit_session_dump(session, DEIT_DUMP_JSON, write_buffer, &buffer, err);
    status = read_buffer(&buffer, status, plan, err);
    if (status != DEIT_OK)
        return status;
    struct deit_session_info info = { .size = sizeof info };
    deit_session_info(session, &info);
    json_object_set_new(*plan, "precision", json_string(info.precision));
    json_object_set_new(*plan, "threads", number_of(info.threads));
    json_object_set_new(*plan, "weight_bytes", number_of(info.weight_bytes));
    json_object_set_new(*plan, "gflop_executed", json_real(info.gflop_executed));
    return DEIT_OK;
}

struct deit_dump_options deit_inspect_dump_options(const struct deit_inspect_options *options)
{
    return (struct deit_dump_options){
        .size = sizeof(struct deit_dump_options),
        .stage = options->after ? options->after : options->has_dot ? NULL : "all",
        .batch = options->batch,
        .height = options->height,
        .width = options->width,
    };
}

/* ------------------------------------------------------------------ the object */

/* Multiply-adds of one image, before the passes; the stages are for a batch of 'batch'. */
static double macs_of(const json_t *stages, size_t batch)
{
    size_t i;
    json_t *stage;
    json_array_foreach(stages, i, stage)
        if (!strcmp(json_string_value(json_object_get(stage, "name")), "folded"))
            return json_number_value(json_object_get(stage, "macs")) / (double)batch;
    return 0;
}

static json_t *identity_of(const deit_model *model, const struct deit_model_info *info,
                           const char *file)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "file",
                     string_of(file ? file : "built-in"), "format", string_of(info->format),
                     "architecture", string_of(info->architecture), "producer",
                     string_of(info->producer), "opset", number_or_null(info->opset),
                     "ir_version", number_or_null(info->ir_version), "inputs",
                     ports_of(model, deit_model_input), "outputs",
                     ports_of(model, deit_model_output));
}

static void add_numbers(json_t *facts, const deit_model *model, const struct deit_model_info *info,
                        const struct deit_inspect_options *options)
{
    uint32_t height = options->height ? options->height : info->height;
    uint32_t width = options->width ? options->width : info->width;
    json_object_set_new(facts, "height", number_of(height));
    json_object_set_new(facts, "width", number_of(width));
    json_object_set_new(facts, "classes", number_of(info->n_classes));
    json_object_set_new(facts, "heads", number_of(info->n_heads_out));
    json_object_set_new(facts, "features", number_of(info->n_features));
    json_object_set_new(facts, "parameters", number_of(info->n_parameters));
    json_object_set_new(facts, "weight_bytes", number_of(info->weight_bytes));
    json_object_set_new(facts, "stored_bytes", stored_of(info));
    json_object_set_new(facts, "unused_tensors", unused_of(model));
}

static enum deit_status add_stages(json_t *facts, const deit_model *model,
                                   const struct deit_model_info *info,
                                   const struct deit_inspect_options *options,
                                   struct deit_error *err)
{
    struct deit_inspect_options all = *options;
    json_t *stages;
    all.after = NULL;
    all.has_dot = false;
    all.batch = 0;
    struct deit_dump_options dump = deit_inspect_dump_options(&all);
    dump.detail = DEIT_DUMP_COUNTS;
    enum deit_status status = read_stages(model, dump, &stages, err);
    if (status != DEIT_OK)
        return status;
    size_t batch = info->fixed_batch ? info->fixed_batch : 1;
    double gmac = options->height ? macs_of(stages, batch) / 1e9 : info->gflop / 2;
    json_object_set_new(facts, "gmac", json_real(gmac));
    json_object_set_new(facts, "gflop", json_real(2 * gmac));
    json_object_set_new(facts, "stages", stages);
    if (options->has_graph)
        status = read_stages(model, deit_inspect_dump_options(options), &stages, err);
    if (status == DEIT_OK && options->has_graph)
        json_object_set_new(facts, "graph", stages);
    return status;
}

enum deit_status deit_inspect_facts(const deit_model *model, const deit_session *session,
                                    const struct deit_inspect_options *options, json_t **facts,
                                    struct deit_error *err)
{
    struct deit_model_info info = { .size = sizeof info };
    json_t *plan = NULL;
    deit_model_info(model, &info);
    json_t *object = identity_of(model, &info, options->model);
    if (!object)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory for the facts");
    add_numbers(object, model, &info, options);
    enum deit_status status = add_stages(object, model, &info, options, err);
    if (status == DEIT_OK && session)
        status = read_plan(session, &plan, err);
    if (status == DEIT_OK && session)
        json_object_set_new(object, "plan", plan);
    if (status != DEIT_OK) {
        json_decref(object);
        return status;
    }
    *facts = object;
    return DEIT_OK;
}
