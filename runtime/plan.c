/*
 * runtime/plan.c: memory wishes, arena, lowering.
 *
 * Time is the index of a node.  A value lives from its producer to its last reader; graph
 * inputs live from the start and outputs to the end, because the session copies them there.
 */
#include "runtime/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/plan_parts.h"

/* ------------------------------------------------------------------ life spans */

static int last_use(const struct deit_graph *graph, int value)
{
    for (size_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == value)
            return (int)graph->n_nodes;
    for (size_t i = graph->n_nodes; i-- > 0;)
        for (size_t k = 0; k < graph->nodes[i].n_inputs; k++)
            if (graph->nodes[i].inputs[k] == value)
                return (int)i;
    return graph->values[value].producer;
}

static bool lives_in_arena(const struct deit_value *value)
{
    return value->origin == DEIT_FROM_INPUT ||
           (value->origin == DEIT_FROM_NODE && value->producer >= 0);
}

static enum deit_status wish_values(const struct deit_graph *graph, struct deit_plan *plan,
                                    struct deit_error *err)
{
    struct deit_memory_plan *memory = &plan->memory;
    for (size_t i = 0; i < graph->n_values; i++) {
        const struct deit_value *value = &graph->values[i];
        struct deit_memory_range *range = &memory->ranges[i];
        range->shares = -1;
        if (!lives_in_arena(value))
            continue;
        size_t count;
        if (!deit_shape_count(&value->shape, &count) ||
            __builtin_mul_overflow(count, deit_dtype_bytes(value->dtype), &range->bytes)) {
            char shape[128];
            return deit_fail(err, DEIT_ERR_LIMIT, "%s: the size of %s is not known or too large",
                             value->name, deit_shape_print(&value->shape, shape));
        }
        if (plan->has_parts[i])
            range->bytes = deit_parts_bytes(&value->shape, plan->n_parts);
        range->first = value->producer < 0 ? 0 : value->producer;
        range->last = last_use(graph, (int)i);
    }
    return DEIT_OK;
}

/* Output 0 takes over an input that nobody reads later and that is as large, both f32. */
static void wish_in_place(const struct deit_graph *graph, struct deit_plan *plan, size_t index,
                          int slot)
{
    struct deit_memory_plan *memory = &plan->memory;
    const struct deit_node *node = &graph->nodes[index];
    int from = slot < 0 ? -1 : node->inputs[slot], to = node->outputs[0];
    if (from < 0 || to < 0 || graph->values[from].origin != DEIT_FROM_NODE ||
        last_use(graph, from) != (int)index || plan->has_parts[to] ||
        memory->ranges[from].bytes != memory->ranges[to].bytes)
        return;
    for (size_t k = 0; k < node->n_inputs; k++)
        if ((int)k != slot && node->inputs[k] == from)
            return;
    memory->ranges[to].shares = from;
}

static enum deit_status wish_all(const struct deit_lowering *lowering, struct deit_error *err)
{
    const struct deit_graph *graph = lowering->graph;
    struct deit_plan *plan = lowering->plan;
    struct deit_memory_plan *memory = &plan->memory;

    memory->n_ranges = graph->n_values + graph->n_nodes;
    memory->ranges = calloc(memory->n_ranges ? memory->n_ranges : 1, sizeof *memory->ranges);
    plan->has_parts = calloc(graph->n_values + 1, sizeof *plan->has_parts);
    if (!memory->ranges || !plan->has_parts)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the memory plan");
    if (plan->n_parts)
        deit_plan_find_parts(graph, plan->has_parts);
    enum deit_status status = wish_values(graph, plan, err);
    if (status != DEIT_OK)
        return status;

    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        struct deit_node_memory wish = { .in_place = -1 };
        if (deit_kind_of(node)->plan)
            deit_kind_of(node)->plan(lowering, node, &wish);
        memory->ranges[graph->n_values + i] = (struct deit_memory_range){
            .bytes = wish.workspace_bytes, .first = (int)i, .last = (int)i, .shares = -1
        };
        if (wish.scratch_bytes > plan->scratch_bytes)
            plan->scratch_bytes = wish.scratch_bytes;
        wish_in_place(graph, plan, i, wish.in_place);
    }
    return DEIT_OK;
}

static enum deit_status allocate(struct deit_plan *plan, const struct deit_plan_options *options,
                                 struct deit_error *err)
{
    enum deit_status status = deit_plan_memory(&plan->memory, options->max_arena_bytes, err);
    if (status != DEIT_OK)
        return status;
    /* A line between the threads' scratch, so that no two threads write to one. */
    plan->scratch_bytes = deit_align(plan->scratch_bytes) + DEIT_ALIGNMENT;
    plan->scratch_offset = deit_align(plan->memory.total_bytes) + DEIT_ALIGNMENT;
    plan->arena_bytes = plan->scratch_offset + plan->scratch_bytes * options->n_threads;
    if (options->hooks)
        plan->hooks = *options->hooks;
    plan->arena = deit_block_alloc(&plan->hooks, plan->arena_bytes);
    if (!plan->arena)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for an arena of %zu bytes",
                         plan->arena_bytes);
    return DEIT_OK;
}

/* ------------------------------------------------------------------ lowering */

void *deit_plan_buffer(const struct deit_plan *plan, int value)
{
    return plan->arena + plan->memory.ranges[value].offset;
}

void *deit_lower_output(const struct deit_lowering *lowering, const struct deit_node *node,
                        size_t slot)
{
    int value = deit_node_output(node, slot);
    return value < 0 ? NULL : deit_plan_buffer(lowering->plan, value);
}

void *deit_lower_workspace(const struct deit_lowering *lowering, const struct deit_node *node)
{
    size_t index = (size_t)(node - lowering->graph->nodes);
    return deit_plan_buffer(lowering->plan, (int)(lowering->graph->n_values + index));
}

/* The first dimension is rows, the others are k; panels of nr rows, or as it is. */
static struct deit_weight_layout layout_of(const struct deit_value *value, size_t nr)
{
    struct deit_weight_layout layout = { .dtype = value->dtype, .rows = 1, .k = 1, .nr = nr };
    for (uint32_t i = 0; i < value->shape.rank; i++)
        *(i == 0 ? &layout.rows : &layout.k) *= (size_t)value->shape.dims[i];
    return layout;
}

static enum deit_status acquire(struct deit_lowering *lowering, const struct deit_value *value,
                                struct deit_weight_layout layout, const void **data,
                                struct deit_error *err)
{
    struct deit_plan *plan = lowering->plan;
    if (plan->n_weights == plan->weights_room) {
        size_t room = plan->weights_room ? 2 * plan->weights_room : 64;
        struct deit_weight **weights = realloc(plan->weights, room * sizeof *weights);
        if (!weights)
            return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the plan");
        plan->weights = weights;
        plan->weights_room = room;
    }
    struct deit_weight *weight;
    enum deit_status status = deit_weight_acquire(plan->store, value, layout, &weight, err);
    if (status != DEIT_OK)
        return status;
    plan->weights[plan->n_weights++] = weight;
    *data = deit_weight_data(weight);
    return DEIT_OK;
}

/* A constant of floats, or nothing, in the layout that 'layout' says. */
static enum deit_status acquire_constant(struct deit_lowering *lowering,
                                         const struct deit_node *node, size_t slot,
                                         struct deit_weight_layout layout, const void **data,
                                         struct deit_error *err)
{
    const struct deit_value *value = deit_input_value(lowering->graph, node, slot);
    *data = NULL;
    if (!value)
        return DEIT_OK;
    if (value->origin != DEIT_FROM_CONSTANT || value->dtype != DEIT_F32)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: input '%s' must be a constant of floats",
                         node->name, value->name);
    return acquire(lowering, value, layout, data, err);
}

enum deit_status deit_lower_layout(struct deit_lowering *lowering, const struct deit_node *node,
                                   size_t slot, struct deit_weight_layout layout,
                                   const float **data, struct deit_error *err)
{
    const void *block;
    enum deit_status status = acquire_constant(lowering, node, slot, layout, &block, err);
    *data = block;
    return status;
}

enum deit_status deit_lower_panels_bf16(struct deit_lowering *lowering,
                                        const struct deit_node *node, size_t slot,
                                        const uint16_t **data, struct deit_error *err)
{
    const struct deit_value *value = deit_input_value(lowering->graph, node, slot);
    struct deit_weight_layout layout = { 0 };
    if (value)
        layout = layout_of(value, lowering->kernels->gemm_bf16.nr);
    layout.n_parts = lowering->plan->n_parts;
    const void *block;
    enum deit_status status = acquire_constant(lowering, node, slot, layout, &block, err);
    *data = block;
    return status;
}

static enum deit_status acquire_floats(struct deit_lowering *lowering,
                                       const struct deit_node *node, size_t slot, size_t nr,
                                       const float **data, struct deit_error *err)
{
    const struct deit_value *value = deit_input_value(lowering->graph, node, slot);
    struct deit_weight_layout layout = { 0 };
    if (value)
        layout = layout_of(value, nr);
    return deit_lower_layout(lowering, node, slot, layout, data, err);
}

enum deit_status deit_lower_panels(struct deit_lowering *lowering, const struct deit_node *node,
                                   size_t slot, const float **data, struct deit_error *err)
{
    return acquire_floats(lowering, node, slot, lowering->kernels->gemm_f32.nr, data, err);
}

enum deit_status deit_lower_plain(struct deit_lowering *lowering, const struct deit_node *node,
                                  size_t slot, const float **data, struct deit_error *err)
{
    return acquire_floats(lowering, node, slot, 0, data, err);
}

enum deit_status deit_lower_operand(struct deit_lowering *lowering, const struct deit_node *node,
                                    size_t slot, const void **data, struct deit_error *err)
{
    const struct deit_value *value = deit_input_value(lowering->graph, node, slot);
    *data = NULL;
    if (!value)
        return DEIT_OK;
    if (value->origin == DEIT_FROM_CONSTANT)
        return acquire(lowering, value, layout_of(value, 0), data, err);
    *data = deit_plan_buffer(lowering->plan, node->inputs[slot]);
    return DEIT_OK;
}

enum deit_status deit_lower_floats(struct deit_lowering *lowering, const struct deit_node *node,
                                   size_t slot, const float **data, struct deit_error *err)
{
    const void *block = NULL;
    enum deit_status status = deit_expect_dtype(lowering->graph, node, slot, DEIT_F32, err);
    if (status == DEIT_OK)
        status = deit_lower_operand(lowering, node, slot, &block, err);
    *data = block;
    return status;
}

enum deit_status deit_lower_step(struct deit_lowering *lowering, const struct deit_node *node,
                                 const char *suffix, deit_n_tiles_fn *n_tiles, deit_tile_fn *run,
                                 const void *op, size_t op_bytes, struct deit_error *err)
{
    struct deit_plan *plan = lowering->plan;
    if (plan->n_steps == plan->steps_room) {
        size_t room = plan->steps_room ? 2 * plan->steps_room : 64;
        struct deit_step *steps = realloc(plan->steps, room * sizeof *steps);
        if (!steps)
            return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the plan");
        plan->steps = steps;
        plan->steps_room = room;
    }
    void *copy = malloc(op_bytes);
    if (!copy)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the plan");
    memcpy(copy, op, op_bytes);
    plan->steps[plan->n_steps++] = (struct deit_step){
        .name = node->name, .suffix = suffix, .n_tiles = n_tiles, .run = run, .op = copy,
        .node = (size_t)(node - lowering->graph->nodes), .weights_end = plan->n_weights,
    };
    return DEIT_OK;
}

/* ------------------------------------------------------------------ the plan */

enum { USUAL_L2_BYTES = 1024 * 1024 }; /* where the system does not say */

/* Whether the batch of all computed operands of a binary node is that of its output. */
static bool keeps_batch(const struct deit_graph *graph, const struct deit_node *node)
{
    for (size_t k = 0; node->kind == DEIT_NODE_BINARY && k < 2; k++)
        if (lives_in_arena(&graph->values[node->inputs[k]]) &&
            deit_input_shape(graph, node, k)->rank != deit_output_shape(graph, node, 0)->rank)
            return false;
    return true;
}

/*
 * Whether every step can leave out images: all kinds can, and the batch is the first dimension
 * of everything that is computed.
 */
static bool is_batched(const struct deit_graph *graph, size_t batch)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (!deit_kind_of(&graph->nodes[i])->is_batched || !keeps_batch(graph, &graph->nodes[i]))
            return false;
    for (size_t i = 0; i < graph->n_values; i++) {
        const struct deit_value *value = &graph->values[i];
        if (lives_in_arena(value) &&
            (value->shape.rank < 1 || value->shape.dims[0] != (int64_t)batch))
            return false;
    }
    return true;
}

enum deit_status deit_plan_create(struct deit_graph *graph, const struct deit_plan_options *options,
                                  struct deit_plan **out, struct deit_error *err)
{
    struct deit_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the plan");
    plan->kernels = options->kernels;
    plan->n_parts = options->n_parts;
    plan->store = options->store;
    plan->batch = is_batched(graph, options->batch) ? options->batch : 1;

    struct deit_lowering lowering = { .graph = graph, .kernels = options->kernels, .plan = plan,
                                      .batch = plan->batch,
                                      .n_threads = options->n_threads ? options->n_threads : 1,
                                      .l2_bytes = options->l2_bytes ? options->l2_bytes
                                                                    : USUAL_L2_BYTES };
    enum deit_status status = wish_all(&lowering, err);
    if (status == DEIT_OK)
        status = allocate(plan, options, err);
    for (size_t i = 0; status == DEIT_OK && i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        if (!deit_kind_of(node)->lower)
            status = deit_fail(err, DEIT_ERR_UNSUPPORTED,
                               "%s: a %s that depends on values of the run", node->name,
                               deit_node_kind_name(node));
        else
            status = deit_kind_of(node)->lower(&lowering, node, err);
    }
    if (status != DEIT_OK) {
        deit_plan_free(plan);
        return status;
    }
    *out = plan;
    return DEIT_OK;
}

void deit_plan_free(struct deit_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->n_steps; i++)
        free(plan->steps[i].op);
    for (size_t i = 0; i < plan->n_weights; i++)
        deit_weight_release(plan->store, plan->weights[i]);
    deit_block_free(&plan->hooks, plan->arena, plan->arena_bytes);
    free(plan->memory.ranges);
    free(plan->has_parts);
    free(plan->weights);
    free(plan->steps);
    free(plan);
}
