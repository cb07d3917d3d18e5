/*
 * runtime/dump_plan.c: a plan as text and as JSON: steps, their kernels, and the arena.
 *
 * Which kernel a step uses is known from its function: an operator calls one kernel for nearly
 * all of its work.
 */
#include "runtime/dump.h"

#include <stdio.h>
#include <stdlib.h>

#include "ops/attention.h"
#include "ops/attention_bf16.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/linear_bf16.h"
#include "ops/matmul.h"
#include "ops/mean.h"
#include "ops/patch_embed.h"
#include "ops/pool.h"
#include "ops/softmax.h"
#include "ops/split.h"
#include "ops/unary.h"
#include "runtime/error.h"

/* ------------------------------------------------------------------ facts */

enum work { GEMM_F32, GEMM_BF16, OTHER_F32, OTHER_BF16 };

static const struct {
    deit_tile_fn *run;
    const char *kernel;
    enum work work;
} kernels[] = {
    { deit_linear_run, "gemm_f32", GEMM_F32 },
    { deit_linear_bf16_run, "gemm_bf16", GEMM_BF16 },
    { deit_patch_embed_run, "gemm_f32", GEMM_F32 },
    { deit_conv_run, "gemm_f32", GEMM_F32 },
    { deit_matmul_run, "gemm_f32", GEMM_F32 },
    { deit_attention_run, "gemm_f32", GEMM_F32 },
    { deit_attention_pack, "pack_f32", OTHER_F32 },
    { deit_attention_bf16_run, "gemm_bf16", GEMM_BF16 },
    { deit_attention_bf16_pack, "pack_bf16", OTHER_BF16 },
    { deit_split_run, "split_bf16", OTHER_BF16 },
    { deit_layernorm_run, "layernorm_f32", OTHER_F32 },
    { deit_softmax_run, "softmax_f32", OTHER_F32 },
    { deit_mean_run, "add_f32", OTHER_F32 },
    { deit_pool_run, "add_f32", OTHER_F32 },
};

static const char *level_name(enum deit_level level)
{
    const char *name = deit_isa_name((enum deit_isa)level);
    return name ? name : "?";
}

/* What a step does beside its kernel. */
static const char *epilogue(const struct deit_step *step)
{
    const struct deit_linear *linear = step->op;
    const struct deit_linear_bf16 *linear_bf16 = step->op;
    const struct deit_attention *attention = step->op;
    const struct deit_layernorm *layernorm = step->op;
    if (step->run == deit_linear_run)
        return linear->gelu ? ", gelu_f32" : "";
    if (step->run == deit_linear_bf16_run && linear_bf16->gelu)
        return linear_bf16->parts.data ? ", gelu_f32, split_bf16" : ", gelu_f32";
    if (step->run == deit_linear_bf16_run)
        return linear_bf16->parts.data ? ", split_bf16" : "";
    if (step->run == deit_attention_run)
        return ", softmax_f32";
    if (step->run == deit_attention_bf16_run)
        return attention->parts.data ? ", softmax_f32, split_bf16" : ", softmax_f32";
    if (step->run == deit_layernorm_run)
        return layernorm->parts.data ? ", split_bf16" : "";
    return "";
}

char *deit_dump_kernel(const struct deit_plan *plan, const struct deit_step *step, char *text)
{
    const struct deit_kernels *k = plan->kernels;
    snprintf(text, DEIT_DUMP_KERNEL, "C"); /* loops that the compiler makes of plain C */
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        if (kernels[i].run != step->run)
            continue;
        const char *kernel = kernels[i].kernel;
        enum work work = kernels[i].work;
        if (step->run == deit_patch_embed_run &&
            ((const struct deit_patch_embed *)step->op)->n_parts) {
            kernel = "gemm_bf16";
            work = GEMM_BF16;
        }
        const bool is_bf16 = work == GEMM_BF16 || work == OTHER_BF16;
        const char *level = level_name(is_bf16 ? k->bf16_level : deit_kernels_f32_level(k));
        if (work == GEMM_F32 || work == GEMM_BF16)
            snprintf(text, DEIT_DUMP_KERNEL, "%s %zux%zu %s%s", kernel,
                     is_bf16 ? k->gemm_bf16.mr : k->gemm_f32.mr,
                     is_bf16 ? k->gemm_bf16.nr : k->gemm_f32.nr, level, epilogue(step));
        else
            snprintf(text, DEIT_DUMP_KERNEL, "%s %s%s", kernel, level, epilogue(step));
    }
    return text;
}

size_t deit_dump_step_weights(const struct deit_plan *plan, size_t index)
{
    size_t bytes = 0;
    for (size_t i = index ? plan->steps[index - 1].weights_end : 0;
         i < plan->steps[index].weights_end; i++)
        bytes += deit_weight_bytes(plan->weights[i]);
    return bytes;
}

static size_t leader_of(const struct deit_memory_plan *memory, size_t range)
{
    while (memory->ranges[range].shares >= 0)
        range = (size_t)memory->ranges[range].shares;
    return range;
}

/* A buffer is as large, and lives as long, as all ranges that share it. */
static void add_range(struct deit_memory_range *buffer, const struct deit_memory_range *range)
{
    if (range->bytes > buffer->bytes)
        buffer->bytes = range->bytes;
    if (range->first < buffer->first)
        buffer->first = range->first;
    if (range->last > buffer->last)
        buffer->last = range->last;
}

size_t deit_dump_peak(const struct deit_graph *graph, const struct deit_plan *plan)
{
    const struct deit_memory_plan *memory = &plan->memory;
    struct deit_memory_range *buffers = calloc(memory->n_ranges + 1, sizeof *buffers);
    int64_t *change = calloc(graph->n_nodes + 2, sizeof *change); /* at each node */
    size_t peak = 0;
    for (size_t i = 0; buffers && change && i < memory->n_ranges; i++) {
        buffers[i] = memory->ranges[i];
        buffers[i].bytes = 0;
    }
    for (size_t i = 0; buffers && change && i < memory->n_ranges; i++)
        if (memory->ranges[i].bytes)
            add_range(&buffers[leader_of(memory, i)], &memory->ranges[i]);
    for (size_t i = 0; buffers && change && i < memory->n_ranges; i++) {
        if (!buffers[i].bytes)
            continue;
        change[buffers[i].first] += (int64_t)buffers[i].bytes;
        change[buffers[i].last + 1] -= (int64_t)buffers[i].bytes;
    }
    int64_t alive = 0;
    for (size_t i = 0; change && i < graph->n_nodes + 2; i++) {
        alive += change[i];
        if (alive > 0 && (size_t)alive > peak)
            peak = (size_t)alive;
    }
    free(buffers);
    free(change);
    return peak;
}

/* ------------------------------------------------------------------ text */

static void write_steps(struct deit_writer *writer, const struct deit_graph *graph,
                        const struct deit_plan *plan)
{
    deit_write(writer, "%zu step%s; tiles are for a batch of %zu\n\n", plan->n_steps,
               plan->n_steps == 1 ? "" : "s", plan->batch);
    deit_write(writer, "%5s %5s  %-18s %7s %10s  %-42s %s\n", "step", "node", "operator", "tiles",
               "weights", "kernel", "name");
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct deit_step *step = &plan->steps[i];
        char kind[64], kernel[DEIT_DUMP_KERNEL], name[DEIT_DUMP_NAME], weights[32] = "";
        snprintf(kind, sizeof kind, "%s%s", deit_node_kind_name(&graph->nodes[step->node]),
                 step->suffix);
        if (deit_dump_step_weights(plan, i))
            snprintf(weights, sizeof weights, "%.1f kB",
                     (double)deit_dump_step_weights(plan, i) / 1e3);
        deit_write(writer, "%5zu %5zu  %-18s %7zu %10s  %-42s %s\n", i, step->node, kind,
                   step->n_tiles(step->op, plan->batch), weights,
                   deit_dump_kernel(plan, step, kernel), deit_dump_name(step->name, name));
    }
}

/* What a range holds: a value, or the workspace of a node. */
static char *range_name(const struct deit_graph *graph, size_t range, char *text)
{
    return deit_dump_name(range < graph->n_values ? graph->values[range].name
                                                  : graph->nodes[range - graph->n_values].name,
                          text);
}

static void write_range(struct deit_writer *writer, const struct deit_graph *graph,
                        const struct deit_plan *plan, size_t index)
{
    const struct deit_memory_range *range = &plan->memory.ranges[index];
    char name[DEIT_DUMP_NAME], shape[128] = "";
    if (index < graph->n_values)
        deit_shape_print(&graph->values[index].shape, shape);
    deit_write(writer, "%12zu %12zu %6d %6d  %s%s%s%s", range->offset, range->bytes, range->first,
               range->last, range_name(graph, index, name),
               index < graph->n_values ? "" : " (workspace)", *shape ? " " : "", shape);
    if (index < graph->n_values && plan->has_parts[index])
        deit_write(writer, ", as %u bf16 part%s", plan->n_parts, plan->n_parts == 1 ? "" : "s");
    if (range->shares >= 0)
        deit_write(writer, ", in place of %s", range_name(graph, (size_t)range->shares, name));
    deit_write(writer, "\n");
}

static void write_memory(struct deit_writer *writer, const struct deit_graph *graph,
                         const struct deit_plan *plan)
{
    size_t n_ranges = 0;
    for (size_t i = 0; i < plan->memory.n_ranges; i++)
        n_ranges += plan->memory.ranges[i].bytes > 0;
    deit_write(writer,
               "\narena: %zu bytes, of which %zu hold %zu buffers (%zu are alive at once at most) "
               "and %zu are scratch of each thread\n\n",
               plan->arena_bytes, plan->memory.total_bytes, n_ranges,
               deit_dump_peak(graph, plan), plan->scratch_bytes);
    deit_write(writer, "%12s %12s %6s %6s  %s\n", "offset", "bytes", "from", "to", "what");
    for (size_t i = 0; i < plan->memory.n_ranges; i++)
        if (plan->memory.ranges[i].bytes)
            write_range(writer, graph, plan, i);
}

/* ------------------------------------------------------------------ json */

static json_t *json_name(const char *name)
{
    json_t *string = json_string(name);
    return string ? string : json_null();
}

static json_t *json_step(const struct deit_graph *graph, const struct deit_plan *plan,
                         size_t index)
{
    const struct deit_step *step = &plan->steps[index];
    char kernel[DEIT_DUMP_KERNEL], name[DEIT_DUMP_NAME + 32];
    snprintf(name, sizeof name, "%.*s%s", DEIT_DUMP_NAME, step->name, step->suffix);
    return json_pack("{s:o, s:I, s:s, s:I, s:s, s:I}", "name", json_name(name), "node",
                     (json_int_t)step->node, "kind",
                     deit_node_kind_name(&graph->nodes[step->node]), "tiles",
                     (json_int_t)step->n_tiles(step->op, plan->batch), "kernel",
                     deit_dump_kernel(plan, step, kernel), "weight_bytes",
                     (json_int_t)deit_dump_step_weights(plan, index));
}

static json_t *json_range(const struct deit_graph *graph, const struct deit_plan *plan,
                          size_t index)
{
    const struct deit_memory_range *range = &plan->memory.ranges[index];
    bool is_value = index < graph->n_values;
    json_t *shares = range->shares < 0 ? json_null() : json_integer(range->shares);
    return json_pack("{s:I, s:o, s:s, s:I, s:I, s:i, s:i, s:o}", "id", (json_int_t)index, "name",
                     json_name(is_value ? graph->values[index].name
                                        : graph->nodes[index - graph->n_values].name),
                     "what", is_value ? "value" : "workspace", "offset",
                     (json_int_t)range->offset, "bytes", (json_int_t)range->bytes, "first",
                     range->first, "last", range->last, "shares", shares);
}

static json_t *json_plan(const struct deit_graph *graph, const struct deit_plan *plan)
{
    json_t *steps = json_array(), *ranges = json_array();
    for (size_t i = 0; i < plan->n_steps; i++)
        json_array_append_new(steps, json_step(graph, plan, i));
    for (size_t i = 0; i < plan->memory.n_ranges; i++)
        if (plan->memory.ranges[i].bytes)
            json_array_append_new(ranges, json_range(graph, plan, i));
    const enum deit_level level = deit_kernels_used_level(plan->kernels, plan->n_parts > 0);
    return json_pack("{s:I, s:s, s:o, s:{s:I, s:I, s:I, s:I, s:o}}", "batch",
                     (json_int_t)plan->batch, "isa", level_name(level), "steps", steps, "memory",
                     "arena_bytes", (json_int_t)plan->arena_bytes,
                     "buffer_bytes", (json_int_t)plan->memory.total_bytes, "peak_bytes",
                     (json_int_t)deit_dump_peak(graph, plan), "scratch_bytes",
                     (json_int_t)plan->scratch_bytes, "ranges", ranges);
}

/* ------------------------------------------------------------------ the dump */

enum deit_status deit_dump_plan(const struct deit_graph *graph, const struct deit_plan *plan,
                                enum deit_dump_format format, deit_write_fn *write, void *ctx,
                                struct deit_error *err)
{
    struct deit_writer writer = { .write = write, .ctx = ctx };
    const struct deit_stage stage = { .name = "plan", .nth = 1, .graph = graph };
    switch (format) {
    case DEIT_DUMP_TEXT:
        write_steps(&writer, graph, plan);
        write_memory(&writer, graph, plan);
        break;
    case DEIT_DUMP_DOT:
        deit_dump_stage_dot(&writer, &stage);
        break;
    case DEIT_DUMP_JSON:
        return deit_write_json(&writer, json_plan(graph, plan), err);
    default:
        return deit_fail(err, DEIT_ERR_ARGUMENT, "no dump format has number %d", (int)format);
    }
    return deit_writer_end(&writer, err);
}
