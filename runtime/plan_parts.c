/*
 * runtime/plan_parts.c: which values are held as bf16 parts, and how the others become them.
 *
 * The kinds that can write parts are those that stand before a linear in a DeiT: layernorm,
 * attention, the linear before it, and a selection of rows.
 */
#include "runtime/plan_parts.h"

#include "ops/split.h"
#include "runtime/error.h"

static bool can_write_parts(const struct deit_node *node, size_t slot)
{
    return slot == 0 && (node->kind == DEIT_NODE_LAYERNORM || node->kind == DEIT_NODE_ATTENTION ||
                         node->kind == DEIT_NODE_LINEAR || node->kind == DEIT_NODE_FIRST_ROWS);
}

/* A copy of some rows is what its input is. */
static bool can_read_parts(const struct deit_node *node, size_t slot, const bool *has_parts)
{
    return (node->kind == DEIT_NODE_LINEAR && slot == DEIT_LINEAR_X) ||
           (node->kind == DEIT_NODE_FIRST_ROWS && has_parts[node->outputs[0]]);
}

/* From the end, where what the readers do is known; then copies of what is f32 after all. */
void deit_plan_find_parts(const struct deit_graph *graph, bool *has_parts)
{
    for (size_t i = 0; i < graph->n_values; i++)
        has_parts[i] = true;
    for (size_t i = 0; i < graph->n_outputs; i++)
        has_parts[graph->outputs[i]] = false;
    for (size_t i = graph->n_nodes; i-- > 0;) {
        const struct deit_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->n_outputs; k++)
            if (node->outputs[k] >= 0 && !can_write_parts(node, k))
                has_parts[node->outputs[k]] = false;
        for (size_t k = 0; k < node->n_inputs; k++)
            if (node->inputs[k] >= 0 && !can_read_parts(node, k, has_parts))
                has_parts[node->inputs[k]] = false;
    }
    for (size_t i = 0; i < graph->n_values; i++)
        has_parts[i] = has_parts[i] && graph->values[i].origin == DEIT_FROM_NODE;
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].kind == DEIT_NODE_FIRST_ROWS && !has_parts[graph->nodes[i].inputs[0]])
            has_parts[graph->nodes[i].outputs[0]] = false;
}

static size_t width_of(const struct deit_shape *shape)
{
    return (size_t)shape->dims[shape->rank - 1];
}

size_t deit_parts_bytes(const struct deit_shape *shape, unsigned n_parts)
{
    return deit_shape_rows(shape) * n_parts * deit_bf16_padded(width_of(shape)) * sizeof(uint16_t);
}

struct deit_parts deit_lower_output_parts(const struct deit_lowering *lowering,
                                          const struct deit_node *node, size_t slot)
{
    int value = deit_node_output(node, slot);
    if (value < 0 || !lowering->plan->has_parts[value])
        return (struct deit_parts){ 0 };
    return deit_parts_of(deit_plan_buffer(lowering->plan, value),
                         width_of(&lowering->graph->values[value].shape),
                         lowering->plan->n_parts);
}

size_t deit_plan_split_bytes(const struct deit_lowering *lowering, const struct deit_node *node,
                             size_t slot)
{
    const struct deit_plan *plan = lowering->plan;
    return plan->n_parts && !plan->has_parts[node->inputs[slot]]
               ? deit_parts_bytes(deit_input_shape(lowering->graph, node, slot), plan->n_parts)
               : 0;
}

enum deit_status deit_lower_parts(struct deit_lowering *lowering, const struct deit_node *node,
                                  size_t slot, struct deit_parts *parts, struct deit_error *err)
{
    const struct deit_plan *plan = lowering->plan;
    const struct deit_shape *shape = deit_input_shape(lowering->graph, node, slot);
    const size_t width = width_of(shape);
    if (plan->has_parts[node->inputs[slot]]) {
        *parts = deit_parts_of(deit_plan_buffer(plan, node->inputs[slot]), width, plan->n_parts);
        return DEIT_OK;
    }
    *parts = deit_parts_of(deit_lower_workspace(lowering, node), width, plan->n_parts);
    struct deit_split op = { .rows_per_image = deit_shape_rows(shape) / lowering->batch,
                             .x_row = width, .y = *parts };
    enum deit_status status = deit_lower_floats(lowering, node, slot, &op.x, err);
    if (status == DEIT_OK)
        status = deit_lower_step(lowering, node, ".split", deit_split_n_tiles, deit_split_run, &op,
                                 sizeof op, err);
    return status;
}
