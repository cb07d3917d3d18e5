/* tests/primitives_big/run.c: graphs of one node. */
#include "tests/primitives_big/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cpu.h"
#include "runtime/constant.h"
#include "runtime/exec.h"
#include "runtime/plan.h"
#include "tests/common/team_pthread.h"

/* ------------------------------------------------------------------ tensors */

static uint64_t state = 1;

void draw_seed(uint64_t seed)
{
    state = seed * 0x9e3779b97f4a7c15u + 1;
}

uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

size_t tensor_count(const struct tensor *tensor)
{
    size_t count;
    assert_true(deit_shape_count(&tensor->shape, &count));
    return count;
}

struct tensor tensor_zeros(enum deit_dtype dtype, struct deit_shape shape)
{
    struct tensor tensor = { dtype, shape, NULL };
    tensor.data = calloc(tensor_count(&tensor) + 1, deit_dtype_bytes(dtype));
    assert_non_null(tensor.data);
    return tensor;
}

static struct tensor filled(enum deit_dtype dtype, struct deit_shape shape, const void *data)
{
    struct tensor tensor = tensor_zeros(dtype, shape);
    if (tensor_count(&tensor))
        memcpy(tensor.data, data, tensor_count(&tensor) * deit_dtype_bytes(dtype));
    return tensor;
}

struct tensor tensor_floats(struct deit_shape shape, const float *data)
{
    return filled(DEIT_F32, shape, data);
}

struct tensor tensor_ints(struct deit_shape shape, const int64_t *data)
{
    return filled(DEIT_I64, shape, data);
}

struct tensor draw_floats(struct deit_shape shape)
{
    struct tensor tensor = tensor_zeros(DEIT_F32, shape);
    float *x = tensor.data;
    for (size_t i = 0; i < tensor_count(&tensor); i++)
        x[i] = (float)draw(1 << 24) / (float)(1 << 23) - 1.0f;
    return tensor;
}

struct tensor draw_ints(struct deit_shape shape, int64_t low, int64_t high)
{
    struct tensor tensor = tensor_zeros(DEIT_I64, shape);
    int64_t *x = tensor.data;
    for (size_t i = 0; i < tensor_count(&tensor); i++)
        x[i] = low + draw((uint32_t)(high - low + 1));
    return tensor;
}

struct tensor draw_bools(struct deit_shape shape)
{
    struct tensor tensor = tensor_zeros(DEIT_BOOL, shape);
    uint8_t *x = tensor.data;
    for (size_t i = 0; i < tensor_count(&tensor); i++)
        x[i] = (uint8_t)draw(2);
    return tensor;
}

void tensor_free(struct tensor *tensor)
{
    free(tensor->data);
    tensor->data = NULL;
}

void run_case_free(struct run_case *run)
{
    for (size_t i = 0; i < run->n_inputs; i++)
        tensor_free(&run->inputs[i]);
}

/* ------------------------------------------------------------------ graphs */

static int add_input(struct deit_graph *graph, const struct tensor *tensor, const char *name,
                     bool is_computed)
{
    struct deit_constant constant;
    struct deit_error err;
    void *data;
    if (!tensor->dtype)
        return -1;
    if (is_computed)
        return deit_graph_add_input(graph, name, tensor->dtype, tensor->shape);
    size_t count = tensor_count(tensor);
    assert_int_equal(deit_constant_create(tensor->dtype, count, &constant, &data, &err), DEIT_OK);
    memcpy(data, tensor->data, count * deit_dtype_bytes(tensor->dtype));
    int value = deit_graph_add_constant(graph, name, tensor->dtype, tensor->shape, &constant);
    deit_constant_done(&constant);
    return value;
}

/* Value i is input i, for inputs that are there. */
static struct deit_graph *build(const struct run_case *run, int *inputs)
{
    static const char *const names[MOST_INPUTS] = { "a", "b", "c", "d" };
    static const char *const outputs[] = { "y" };
    struct deit_graph *graph = deit_graph_create();
    assert_non_null(graph);
    for (size_t i = 0; i < run->n_inputs; i++)
        inputs[i] = add_input(graph, &run->inputs[i], names[i], run->computed >> i & 1);
    int node = deit_graph_add_node(graph, run->kind, "node", &run->attrs, run->n_inputs, inputs, 1,
                                   outputs);
    assert_true(node >= 0);
    deit_graph_add_output(graph, graph->nodes[node].outputs[0]);
    return graph;
}

enum deit_status run_infer(const struct run_case *run, struct tensor *out, struct deit_error *err)
{
    int inputs[MOST_INPUTS];
    struct deit_graph *graph = build(run, inputs);
    enum deit_status status = deit_graph_infer(graph, err);
    const struct deit_value *y = &graph->values[graph->outputs[0]];
    if (status == DEIT_OK)
        *out = (struct tensor){ y->dtype, y->shape, NULL };
    deit_graph_free(graph);
    return status;
}

enum deit_status run_folded(const struct run_case *run, struct tensor *out,
                            struct deit_error *err)
{
    int inputs[MOST_INPUTS];
    struct run_case constant = *run;
    constant.computed = 0;
    struct deit_graph *graph = build(&constant, inputs);
    enum deit_status status = deit_graph_fold(graph, 1u << 30, err);
    if (status == DEIT_OK) {
        const struct deit_value *y = &graph->values[graph->outputs[0]];
        assert_int_equal(y->origin, DEIT_FROM_CONSTANT);
        assert_int_equal(graph->n_nodes, 0);
        *out = tensor_zeros(y->dtype, y->shape);
        status = deit_constant_read(&y->constant, "y", y->dtype, 0, tensor_count(out), out->data,
                                    err);
    }
    deit_graph_free(graph);
    return status;
}

/* ------------------------------------------------------------------ plans */

static void run_once(struct deit_graph *graph, const struct run_case *run, const int *inputs,
                     struct deit_plan *plan, struct deit_team *team, struct tensor *out)
{
    struct deit_error err;
    atomic_size_t *claims = calloc(plan->n_steps + 1, sizeof *claims);
    struct deit_exec exec = { .plan = plan, .team = team, .claims = claims,
                              .shuffle = team->n_threads > 1 ? 7 : 0 };
    const struct deit_value *y = &graph->values[graph->outputs[0]];
    size_t bytes = deit_dtype_bytes(y->dtype);

    memset(plan->arena, 0xa5, plan->arena_bytes); /* nothing may lean on what was there */
    for (size_t i = 0; i < run->n_inputs; i++)
        if (inputs[i] >= 0 && run->computed >> i & 1)
            memcpy(deit_plan_buffer(plan, inputs[i]), run->inputs[i].data,
                   tensor_count(&run->inputs[i]) * deit_dtype_bytes(run->inputs[i].dtype));
    assert_int_equal(deit_exec_run(&exec, 1, &err), DEIT_OK);
    *out = tensor_zeros(y->dtype, y->shape);
    memcpy(out->data, deit_plan_buffer(plan, graph->outputs[0]), tensor_count(out) * bytes);
    free(claims);
}

static enum deit_status run_level(const struct run_case *run, enum deit_level level,
                                  unsigned n_threads, struct tensor *out, struct deit_error *err)
{
    int inputs[MOST_INPUTS];
    const struct deit_model_options model_options = { .allow_nonfinite = 1 };
    struct deit_weight_store *store;
    struct deit_plan *plan = NULL;
    struct deit_kernels kernels;
    struct deit_team team;
    struct deit_graph *graph = build(run, inputs);
    deit_kernels_init(&kernels, level);
    deit_team_init(&team, n_threads, deit_team_region_pthread, NULL, NULL);
    assert_int_equal(deit_weight_store_create(&model_options, &store, err), DEIT_OK);
    const struct deit_plan_options options = { .kernels = &kernels, .store = store,
                                               .n_threads = n_threads, .batch = 1,
                                               .max_arena_bytes = SIZE_MAX / 4 };
    enum deit_status status = deit_graph_infer(graph, err);
    if (status == DEIT_OK)
        status = deit_plan_create(graph, &options, &plan, err);
    if (status == DEIT_OK)
        status = deit_weights_fill(store, plan->weights, plan->n_weights, &team, err);
    if (status == DEIT_OK)
        run_once(graph, run, inputs, plan, &team, out);
    deit_plan_free(plan);
    deit_weight_store_free(store);
    deit_graph_free(graph);
    return status;
}

enum deit_status run_planned(const struct run_case *run, struct tensor *out,
                             struct deit_error *err)
{
    return run_level(run, deit_cpu_level(), 1, out, err);
}

void run_all(const struct run_case *run, check_fn *check, void *ctx)
{
    struct deit_error err = { 0 };
    struct tensor y, again;
    if (run_folded(run, &y, &err) != DEIT_OK)
        fail_msg("folded: %s", err.message);
    check(run, &y, ctx);
    tensor_free(&y);
    if (!run->computed)
        return;
    for (int level = DEIT_LEVEL_SCALAR; level <= (int)deit_cpu_level(); level++) {
        struct deit_kernels kernels;
        deit_kernels_init(&kernels, (enum deit_level)level);
        if ((int)kernels.level != level)
            continue;
        if (run_level(run, (enum deit_level)level, 1, &y, &err) != DEIT_OK)
            fail_msg("planned: %s", err.message);
        check(run, &y, ctx);
        assert_int_equal(run_level(run, (enum deit_level)level, 3, &again, &err), DEIT_OK);
        assert_memory_equal(y.data, again.data, tensor_count(&y) * deit_dtype_bytes(y.dtype));
        tensor_free(&again);
        tensor_free(&y);
    }
}

/* ------------------------------------------------------------------ what cannot be */

void refuses(const struct run_case *run, enum deit_status status, const char *message)
{
    struct deit_error err = { 0 };
    struct tensor y;
    enum deit_status got = run_planned(run, &y, &err);
    if (got == DEIT_OK)
        fail_msg("not refused: %s", message);
    assert_string_equal(err.message, message);
    assert_int_equal(got, status);
}

void infers(const struct run_case *run, enum deit_dtype dtype, const char *shape)
{
    struct deit_error err = { 0 };
    struct tensor y;
    char text[128];
    if (run_infer(run, &y, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    assert_string_equal(deit_shape_print(&y.shape, text), shape);
    assert_int_equal(y.dtype, dtype);
}
