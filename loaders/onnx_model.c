/*
 * loaders/onnx_model.c: from an ONNX file to messages in memory.
 *
 * protobuf-c unpacks what loaders/onnx_wire.c has gone through; its allocations come out of an
 * arena with a limit, so that even a mistake in the walk could not fill the memory.
 */
#include "loaders/onnx_model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_check.h"
#include "loaders/onnx_external.h"
#include "loaders/onnx_wire.h"
#include "runtime/error.h"
#include "runtime/options.h"

/* 3 made names of initializers and opset imports mandatory; the standard is at 13. */
enum { MIN_IR_VERSION = 3, MAX_IR_VERSION = 15 };

/* ------------------------------------------------------------------ messages */

char *deit_onnx_node_print(const DeitOnnx__NodeProto *node, char *text)
{
    if (node->name && *node->name) {
        snprintf(text, DEIT_ONNX_NODE_TEXT, "%s", node->name);
        return text;
    }
    size_t i = 0;
    while (i < node->n_output && !*node->output[i])
        i++;
    snprintf(text, DEIT_ONNX_NODE_TEXT, "%.100s -> %.140s", deit_onnx_text(node->op_type),
             i < node->n_output ? node->output[i] : "nothing");
    return text;
}

enum deit_status deit_onnx_node_fail(const struct deit_onnx *onnx,
                                     const DeitOnnx__NodeProto *node, struct deit_error *err,
                                     enum deit_status status, const char *format, ...)
{
    char what[512], text[DEIT_ONNX_NODE_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return deit_fail(err, status, "%s: node '%s' (%.100s): %s", onnx->name,
                     deit_onnx_node_print(node, text), deit_onnx_text(node->op_type), what);
}

/* ------------------------------------------------------------------ versions */

static const char *domain_text(const char *domain)
{
    return domain && *domain && strcmp(domain, "ai.onnx") ? domain : "";
}

bool deit_onnx_same_domain(const char *a, const char *b)
{
    return !strcmp(domain_text(a), domain_text(b));
}

int64_t deit_onnx_opset(const struct deit_onnx *onnx, const char *domain)
{
    for (size_t i = 0; i < onnx->model->n_opset_import; i++)
        if (deit_onnx_same_domain(onnx->model->opset_import[i]->domain, domain))
            return onnx->model->opset_import[i]->version;
    return 0;
}

int64_t deit_onnx_node_opset(const struct deit_onnx *onnx, const DeitOnnx__NodeProto *node)
{
    return node->has_deit_opset ? node->deit_opset : deit_onnx_opset(onnx, node->domain);
}

static enum deit_status check_ir_version(const struct deit_onnx *onnx, struct deit_error *err)
{
    const DeitOnnx__ModelProto *model = onnx->model;
    if (!model->graph)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: not an ONNX model: it has no graph",
                         onnx->name);
    if (!model->has_ir_version || model->ir_version < 1)
        return deit_fail(err, DEIT_ERR_FORMAT, "%s: not an ONNX model: IR version %" PRId64,
                         onnx->name, model->ir_version);
    if (model->ir_version < MIN_IR_VERSION || model->ir_version > MAX_IR_VERSION)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                         "%s: IR version %" PRId64 ", versions %d to %d are read", onnx->name,
                         model->ir_version, MIN_IR_VERSION, MAX_IR_VERSION);
    return DEIT_OK;
}

/* ------------------------------------------------------------------ functions */

static int compare_functions(const DeitOnnx__FunctionProto *a, const DeitOnnx__FunctionProto *b)
{
    int order = strcmp(domain_text(a->domain), domain_text(b->domain));
    if (!order)
        order = strcmp(deit_onnx_text(a->name), deit_onnx_text(b->name));
    return order ? order : strcmp(deit_onnx_text(a->overload), deit_onnx_text(b->overload));
}

static int compare_function_pointers(const void *a, const void *b)
{
    return compare_functions(*(DeitOnnx__FunctionProto *const *)a,
                             *(DeitOnnx__FunctionProto *const *)b);
}

/* Their order in the file means nothing, so the list itself is sorted. */
static enum deit_status sort_functions(struct deit_onnx *onnx, struct deit_error *err)
{
    onnx->functions = onnx->model->functions;
    onnx->n_functions = onnx->model->n_functions;
    if (onnx->n_functions)
        qsort(onnx->functions, onnx->n_functions, sizeof *onnx->functions,
              compare_function_pointers);
    for (size_t i = 0; i < onnx->n_functions; i++) {
        const DeitOnnx__FunctionProto *f = onnx->functions[i];
        if (!f->name || !*f->name)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: a function has no name", onnx->name);
        if (i && !compare_functions(onnx->functions[i - 1], f))
            return deit_fail(err, DEIT_ERR_FORMAT,
                             "%s: function '%s' of domain '%s' is there twice", onnx->name,
                             f->name, deit_onnx_text(f->domain));
    }
    return DEIT_OK;
}

const DeitOnnx__FunctionProto *deit_onnx_function(const struct deit_onnx *onnx,
                                                  const char *domain, const char *op_type,
                                                  const char *overload)
{
    /* A key to compare with: nothing is written to it. */
    const DeitOnnx__FunctionProto key = {
        .domain = (char *)(uintptr_t)domain, .name = (char *)(uintptr_t)op_type,
        .overload = (char *)(uintptr_t)overload,
    };
    size_t low = 0, high = onnx->n_functions;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_functions(&key, onnx->functions[middle]);
        if (!order)
            return onnx->functions[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ------------------------------------------------------------------ reading */

static void *arena_alloc(void *arena, size_t bytes)
{
    return deit_onnx_arena_alloc(arena, bytes);
}

static void arena_free(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

static enum deit_status unpack(struct deit_onnx *onnx, struct deit_error *err)
{
    struct deit_onnx_skeleton skeleton = { 0 };
    enum deit_status status = deit_onnx_skeleton_read(onnx->source, &skeleton, err);
    if (status != DEIT_OK)
        return status;

    ProtobufCAllocator allocator = { arena_alloc, arena_free, &onnx->arena };
    static const uint8_t nothing[1];
    onnx->model = deit_onnx__model_proto__unpack(&allocator, skeleton.n_bytes,
                                                 skeleton.bytes ? skeleton.bytes : nothing);
    free(skeleton.bytes);
    if (onnx->model)
        return DEIT_OK;
    if (onnx->arena.is_full || onnx->arena.is_out_of_memory)
        return deit_onnx_arena_fail(&onnx->arena, onnx->name, err);
    return deit_fail(err, DEIT_ERR_FORMAT, "%s: not an ONNX model: protobuf-c cannot unpack it",
                     onnx->name);
}

static enum deit_status read_model(struct deit_onnx *onnx, struct deit_error *err)
{
    enum deit_status status = unpack(onnx, err);
    if (status == DEIT_OK)
        status = check_ir_version(onnx, err);
    if (status != DEIT_OK)
        return status;

    onnx->ir_version = onnx->model->ir_version;
    onnx->producer_name = deit_onnx_text(onnx->model->producer_name);
    onnx->producer_version = deit_onnx_text(onnx->model->producer_version);
    status = sort_functions(onnx, err);
    if (status == DEIT_OK)
        status = deit_onnx_check_imports(onnx, onnx->model->n_opset_import,
                                         onnx->model->opset_import, "the model", err);
    if (status != DEIT_OK)
        return status;
    onnx->opset = deit_onnx_opset(onnx, "");
    return deit_onnx_check(onnx, err);
}

enum deit_status deit_onnx_read(struct deit_source *source, const char *path,
                                const struct deit_model_options *options, struct deit_onnx **out,
                                struct deit_error *err)
{
    struct deit_model_options ours;
    enum deit_status status =
        deit_options_copy(options, &ours, sizeof ours, "deit_model_options", err);
    if (status != DEIT_OK)
        return status;

    struct deit_onnx *onnx = calloc(1, sizeof *onnx);
    if (!onnx)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", source->name);
    deit_onnx_arena_init(&onnx->arena, DEIT_ONNX_MAX_STRUCTURE);
    onnx->source = deit_source_retain(source);
    onnx->name = source->name;
    onnx->follow_links = ours.follow_links != 0;
    onnx->path = path ? strdup(path) : NULL;
    if (path && !onnx->path)
        status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", source->name);
    if (status == DEIT_OK)
        status = read_model(onnx, err);
    if (status != DEIT_OK) {
        deit_onnx_free(onnx);
        return status;
    }
    *out = onnx;
    return DEIT_OK;
}

void deit_onnx_free(struct deit_onnx *onnx)
{
    if (!onnx)
        return;
    deit_onnx_externals_done(onnx);
    deit_onnx_arena_done(&onnx->arena);
    deit_source_release(onnx->source);
    free(onnx->path);
    free(onnx);
}
