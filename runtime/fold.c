/*
 * runtime/fold.c: computing once what depends on shapes and constants alone.
 *
 * A node whose inputs are all constants is run by the same steps as in a session, as a graph of
 * its own: there is no second implementation of any operator.  Exporters write hundreds of
 * such nodes on int64 shapes.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/cpu.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/exec.h"
#include "runtime/kind.h"
#include "runtime/plan.h"

/* ------------------------------------------------------------------ the limit */

static size_t bytes_of(const struct deit_value *value)
{
    size_t n = 0, bytes = 0;
    if (!deit_shape_count(&value->shape, &n) ||
        __builtin_mul_overflow(n, deit_dtype_bytes(value->dtype), &bytes))
        return SIZE_MAX;
    return bytes;
}

static size_t add(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* Constants count twice: who reads them packs a copy.  0: no limit. */
static enum deit_status check_limit(const struct deit_graph *graph, const struct deit_node *node,
                                    size_t more, struct deit_error *err)
{
    size_t need = add(add(graph->folded_bytes, graph->folded_bytes), more);
    if (!graph->max_fold_bytes || need <= graph->max_fold_bytes)
        return DEIT_OK;
    return deit_fail(err, DEIT_ERR_LIMIT,
                     "%s: constants that are computed need %zu bytes beyond the weights, the "
                     "limit is %zu", node->name, need, graph->max_fold_bytes);
}

/* While a node runs, its constant inputs are there twice, and so are its outputs. */
static enum deit_status check_run(const struct deit_graph *graph, const struct deit_node *node,
                                  struct deit_error *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] >= 0)
            bytes = add(bytes, bytes_of(&graph->values[node->inputs[i]]));
    for (size_t i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0) {
            size_t output = bytes_of(&graph->values[node->outputs[i]]);
            bytes = add(bytes, add(output, output));
        }
    return check_limit(graph, node, bytes, err);
}

static void forget(struct deit_graph *graph, struct deit_value *value)
{
    graph->folded_bytes -= bytes_of(value);
    value->is_folded = false;
    deit_constant_done(&value->constant);
}

/* Constants that only the node read are not needed any more. */
static void forget_inputs(struct deit_graph *graph, int index, size_t *uses)
{
    const struct deit_node *node = &graph->nodes[index];
    int output = node->outputs[0];
    if (output < 0 || graph->values[output].origin != DEIT_FROM_CONSTANT)
        return; /* its uses have become uses of an input */
    for (size_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] >= 0 && --uses[node->inputs[i]] == 0 &&
            graph->values[node->inputs[i]].is_folded)
            forget(graph, &graph->values[node->inputs[i]]);
}

/* ------------------------------------------------------------------ outputs */

enum deit_status deit_fold_output(struct deit_graph *graph, int node, size_t slot,
                                  const struct deit_constant *constant, bool is_held,
                                  struct deit_error *err)
{
    int output = graph->nodes[node].outputs[slot];
    struct deit_value *value = &graph->values[output];
    if (is_held) {
        size_t bytes = bytes_of(value);
        enum deit_status status =
            check_limit(graph, &graph->nodes[node], add(bytes, bytes), err);
        if (status != DEIT_OK)
            return status;
        graph->folded_bytes += bytes;
        value->is_folded = true;
    }
    deit_graph_set_constant(graph, output, constant);
    graph->nodes[node].is_dead = graph->nodes[node].is_dead || slot == 0;
    return DEIT_OK;
}

/* Makes an output a constant whose elements stand at 'data'. */
static enum deit_status replace_output(struct deit_graph *graph, int node, size_t slot,
                                       const void *data, struct deit_error *err)
{
    const struct deit_value *value = &graph->values[graph->nodes[node].outputs[slot]];
    struct deit_constant constant;
    void *copy;
    size_t n = 0;
    deit_shape_count(&value->shape, &n);
    enum deit_status status = deit_constant_create(value->dtype, n, &constant, &copy, err);
    if (status != DEIT_OK)
        return status;
    if (n)
        memcpy(copy, data, n * deit_dtype_bytes(value->dtype));
    status = deit_fold_output(graph, node, slot, &constant, true, err);
    deit_constant_done(&constant);
    return status;
}

enum deit_status deit_fold_replace(struct deit_graph *graph, int node, const void *data,
                                   struct deit_error *err)
{
    return replace_output(graph, node, 0, data, err);
}

/* ------------------------------------------------------------------ running a node */

static bool all_constant(const struct deit_graph *graph, const struct deit_node *node)
{
    for (size_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] >= 0 &&
            graph->values[node->inputs[i]].origin != DEIT_FROM_CONSTANT)
            return false;
    return true;
}

/* Whether all outputs are known and together small enough. */
static bool fits(const struct deit_graph *graph, const struct deit_node *node, size_t max_bytes)
{
    size_t sum = 0;
    for (size_t i = 0; i < node->n_outputs; i++) {
        size_t count;
        if (node->outputs[i] < 0)
            continue;
        const struct deit_value *value = &graph->values[node->outputs[i]];
        if (!deit_shape_count(&value->shape, &count) || count > max_bytes)
            return false;
        sum += count * deit_dtype_bytes(value->dtype);
    }
    return sum <= max_bytes;
}

/* The node alone, its constants with it; its outputs are the graph's. */
static struct deit_graph *isolate(const struct deit_graph *graph, const struct deit_node *node)
{
    struct deit_graph *alone = deit_graph_create();
    if (!alone)
        return NULL;
    int *inputs = node->n_inputs ? calloc(node->n_inputs, sizeof *inputs) : NULL;
    const char **names = calloc(node->n_outputs + 1, sizeof *names);
    bool ok = names && (inputs || !node->n_inputs);
    for (size_t i = 0; ok && i < node->n_inputs; i++) {
        const struct deit_value *value = deit_input_value(graph, node, i);
        inputs[i] = value ? deit_graph_add_constant(alone, value->name, value->dtype,
                                                    value->shape, &value->constant)
                          : -1;
    }
    for (size_t i = 0; ok && i < node->n_outputs; i++)
        names[i] = node->outputs[i] < 0 ? NULL : graph->values[node->outputs[i]].name;
    int index = ok ? deit_graph_add_node(alone, node->kind, node->name, &node->attrs,
                                         node->n_inputs, inputs, node->n_outputs, names)
                   : -1;
    for (size_t i = 0; index >= 0 && i < node->n_outputs; i++)
        if (node->outputs[i] >= 0)
            deit_graph_add_output(alone, alone->nodes[index].outputs[i]);
    free(inputs);
    free(names);
    if (index < 0 || alone->is_out_of_memory) {
        deit_graph_free(alone);
        return NULL;
    }
    return alone;
}

/* Runs a plan on the caller's thread and makes its outputs constants of 'graph'. */
static enum deit_status run_plan(struct deit_graph *graph, int node,
                                 const struct deit_graph *alone, struct deit_plan *plan,
                                 struct deit_weight_store *store, struct deit_error *err)
{
    struct deit_team team;
    deit_team_init(&team, 1, NULL, NULL, NULL);
    enum deit_status status =
        deit_weights_fill(store, plan->weights, plan->n_weights, &team, err);
    atomic_size_t *claims = calloc(plan->n_steps + 1, sizeof *claims);
    if (status == DEIT_OK && !claims)
        status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", alone->nodes[0].name);
    struct deit_exec exec = { .plan = plan, .team = &team, .claims = claims };
    if (status == DEIT_OK)
        status = deit_exec_run(&exec, 1, err);
    size_t next = 0;
    for (size_t i = 0; status == DEIT_OK && i < graph->nodes[node].n_outputs; i++)
        if (graph->nodes[node].outputs[i] >= 0)
            status = replace_output(graph, node, i,
                                    deit_plan_buffer(plan, alone->outputs[next++]), err);
    free(claims);
    return status;
}

static enum deit_status run_once(struct deit_graph *graph, int node, struct deit_error *err)
{
    const struct deit_model_options model_options = { .allow_nonfinite = 1 };
    struct deit_kernels kernels;
    struct deit_weight_store *store = NULL;
    struct deit_plan *plan = NULL;
    struct deit_graph *alone = isolate(graph, &graph->nodes[node]);
    if (!alone)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", graph->nodes[node].name);

    deit_kernels_init(&kernels, deit_cpu_level());
    enum deit_status status = deit_graph_infer(alone, err);
    if (status == DEIT_OK)
        status = deit_weight_store_create(&model_options, &store, err);
    const struct deit_plan_options options = {
        .kernels = &kernels, .store = store, .n_threads = 1, .batch = 1,
        .max_arena_bytes = graph->max_fold_bytes ? graph->max_fold_bytes : SIZE_MAX / 4
    };
    if (status == DEIT_OK)
        status = deit_plan_create(alone, &options, &plan, err);
    if (status == DEIT_OK)
        status = run_plan(graph, node, alone, plan, store, err);
    if (status == DEIT_OK)
        graph->nodes[node].is_dead = true; /* also one whose first output is absent */
    deit_plan_free(plan);
    deit_weight_store_free(store);
    deit_graph_free(alone);
    return status;
}

static enum deit_status fold_node(struct deit_graph *graph, int index, size_t max_bytes,
                                  struct deit_error *err)
{
    const struct deit_node *node = &graph->nodes[index];
    const struct deit_kind *kind = deit_kind_of(node);
    bool done = false;
    if (!fits(graph, node, max_bytes))
        return DEIT_OK;
    if (kind->fold) {
        enum deit_status status = kind->fold(graph, index, &done, err);
        if (status != DEIT_OK || done)
            return status;
    }
    if (!kind->lower || !all_constant(graph, node))
        return DEIT_OK;
    enum deit_status status = check_run(graph, node, err);
    return status == DEIT_OK ? run_once(graph, index, err) : status;
}

/* How often each value is read; what was computed and is not, is forgotten.  NULL: no memory. */
static size_t *count_uses(struct deit_graph *graph)
{
    size_t *uses = calloc(graph->n_values + 1, sizeof *uses);
    for (size_t i = 0; uses && i < graph->n_nodes; i++)
        for (size_t k = 0; k < graph->nodes[i].n_inputs; k++)
            if (graph->nodes[i].inputs[k] >= 0)
                uses[graph->nodes[i].inputs[k]]++;
    for (size_t i = 0; uses && i < graph->n_outputs; i++)
        uses[graph->outputs[i]]++;
    for (size_t i = 0; uses && i < graph->n_values; i++)
        if (graph->values[i].is_folded && !uses[i])
            forget(graph, &graph->values[i]);
    return uses;
}

enum deit_status deit_graph_fold(struct deit_graph *graph, size_t max_bytes,
                                 struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    size_t *uses = count_uses(graph);
    if (!uses)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the graph");
    for (size_t i = 0; status == DEIT_OK && i < graph->n_nodes; i++) {
        status = deit_node_infer(graph, i, err);
        if (status == DEIT_OK)
            status = fold_node(graph, (int)i, max_bytes, err);
        if (status == DEIT_OK && graph->nodes[i].is_dead)
            forget_inputs(graph, (int)i, uses);
    }
    free(uses);
    if (status == DEIT_OK)
        deit_graph_compact(graph);
    return status;
}
