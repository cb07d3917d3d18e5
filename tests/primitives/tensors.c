/*
 * tests/primitives/tensors.c: what a test wants to say is a node and its tensors; how these become
 * graphs, plans and threads is here.
 */
#include "tests/primitives/tensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/exec.h"
#include "runtime/kind.h"
#include "runtime/plan.h"
#include "tests/common/team_pthread.h"

/* ------------------------------------------------------------------ tensors */

struct tensor tensor_make(enum deit_dtype dtype, struct deit_shape shape)
{
    struct tensor tensor = { .dtype = dtype, .shape = shape };
    assert_true(deit_shape_count(&shape, &tensor.n));
    tensor.data = calloc(tensor.n + 1, 8);
    assert_non_null(tensor.data);
    return tensor;
}

struct tensor tensor_of_ints(size_t n, const int64_t *list)
{
    struct tensor tensor = tensor_make(DEIT_I64, deit_shape_of(1, (int64_t)n));
    if (n)
        memcpy(tensor.data, list, n * sizeof *list);
    return tensor;
}

struct tensor tensor_of_floats(size_t n, const float *list)
{
    struct tensor tensor = tensor_make(DEIT_F32, deit_shape_of(1, (int64_t)n));
    memcpy(tensor.data, list, n * sizeof *list);
    return tensor;
}

void tensor_free(struct tensor *tensor)
{
    free(tensor->data);
    tensor->data = NULL;
}

double tensor_get(const struct tensor *tensor, size_t i)
{
    switch (tensor->dtype) {
    case DEIT_F32: return (double)tensor->f32[i];
    case DEIT_I64: return (double)tensor->i64[i];
    default: return (double)tensor->b8[i];
    }
}

uint32_t random_below(struct random *random, uint32_t n)
{
    random->state = random->state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((random->state >> 33) % n);
}

struct tensor tensor_random(struct random *random, enum deit_dtype dtype,
                            struct deit_shape shape)
{
    struct tensor tensor = tensor_make(dtype, shape);
    for (size_t i = 0; i < tensor.n; i++)
        switch (dtype) {
        case DEIT_F32:
            tensor.f32[i] = random_below(random, 9) ? (float)random_below(random, 60001) / 1e4f - 3
                                                    : (float)random_below(random, 5) - 2;
            break;
        case DEIT_I64: tensor.i64[i] = (int64_t)random_below(random, 19) - 9; break;
        default: tensor.b8[i] = (uint8_t)random_below(random, 2);
        }
    return tensor;
}

enum deit_dtype random_dtype(struct random *random)
{
    static const enum deit_dtype all[] = { DEIT_F32, DEIT_I64, DEIT_BOOL };
    return all[random_below(random, 3)];
}

struct deit_shape random_shape(struct random *random, uint32_t rank)
{
    struct deit_shape shape = { .rank = rank };
    for (uint32_t i = 0; i < rank; i++)
        shape.dims[i] = random_below(random, 40) ? 1 + (int64_t)random_below(random, 6) : 0;
    if (rank && rank < 3 && !random_below(random, 4))
        shape.dims[random_below(random, rank)] = 4000 + random_below(random, 9000);
    return shape;
}

struct deit_shape random_operand(struct random *random, struct deit_shape shape)
{
    struct deit_shape operand = { .rank = 0 };
    uint32_t missing = random_below(random, 3) ? 0 : random_below(random, shape.rank + 1);
    for (uint32_t i = missing; i < shape.rank; i++)
        operand.dims[operand.rank++] = random_below(random, 4) ? shape.dims[i] : 1;
    return operand;
}

bool index_next(const struct deit_shape *shape, int64_t *index)
{
    for (uint32_t i = shape->rank; i-- > 0;) {
        if (++index[i] < shape->dims[i])
            return true;
        index[i] = 0;
    }
    return false;
}

size_t index_broadcast(const struct deit_shape *shape, const struct deit_shape *to,
                       const int64_t *index)
{
    size_t at = 0;
    for (uint32_t i = 0; i < shape->rank; i++) {
        int64_t place = index[to->rank - shape->rank + i];
        at = at * (size_t)shape->dims[i] + (size_t)(shape->dims[i] == 1 ? 0 : place);
    }
    return at;
}

/* ------------------------------------------------------------------ graphs */

static int add_constant(struct deit_graph *graph, const char *name, const struct tensor *tensor)
{
    struct deit_constant constant;
    void *data;
    assert_int_equal(deit_constant_create(tensor->dtype, tensor->n, &constant, &data, NULL), 0);
    if (tensor->n)
        memcpy(data, tensor->data, tensor->n * deit_dtype_bytes(tensor->dtype));
    int value = deit_graph_add_constant(graph, name, tensor->dtype, tensor->shape, &constant);
    deit_constant_done(&constant);
    return value;
}

/* A graph input seen through two negations, so that it is computed and may be taken over. */
static int add_computed(struct deit_graph *graph, const char *name, const struct tensor *tensor)
{
    const union deit_attrs attrs = { .unary = tensor->dtype == DEIT_BOOL ? DEIT_NOT : DEIT_NEG };
    int value = deit_graph_add_input(graph, name, tensor->dtype, tensor->shape);
    for (int i = 0; i < 2; i++) {
        int node = deit_graph_add_node(graph, DEIT_NODE_UNARY, "negate", &attrs, 1, &value, 1,
                                       (const char *const[]){ "negated" });
        value = graph->nodes[node].outputs[0];
    }
    return value;
}

struct deit_graph *trial_graph(const struct trial *trial, bool is_folded)
{
    static const char *const names[MAX_INPUTS] = { "in0", "in1", "in2", "in3", "in4", "in5" };
    struct deit_graph *graph = deit_graph_create();
    int inputs[MAX_INPUTS];
    assert_non_null(graph);
    for (size_t i = 0; i < trial->n_inputs; i++) {
        const struct tensor *tensor = trial->inputs[i];
        bool is_constant = is_folded || trial->constants >> i & 1;
        inputs[i] = !tensor       ? -1
                    : is_constant ? add_constant(graph, names[i], tensor)
                                  : add_computed(graph, names[i], tensor);
    }
    int node = deit_graph_add_node(graph, trial->kind, "node", &trial->attrs, trial->n_inputs,
                                   inputs, 1, (const char *const[]){ "y" });
    deit_graph_add_output(graph, graph->nodes[node].outputs[0]);
    assert_int_equal(deit_graph_check(graph, NULL), DEIT_OK);
    return graph;
}

struct tensor trial_fold(const struct trial *trial)
{
    struct deit_error err = { 0 };
    struct deit_graph *graph = trial_graph(trial, true);
    if (deit_graph_fold(graph, SIZE_MAX / 4, &err) != DEIT_OK)
        fail_msg("fold: %s", err.message);
    const struct deit_value *value = &graph->values[graph->outputs[0]];
    assert_int_equal(value->origin, DEIT_FROM_CONSTANT);
    assert_int_equal(graph->n_nodes, 0);
    struct tensor y = tensor_make(value->dtype, value->shape);
    assert_int_equal(deit_constant_read(&value->constant, "y", y.dtype, 0, y.n, y.data, NULL),
                     DEIT_OK);
    deit_graph_free(graph);
    return y;
}

/* ------------------------------------------------------------------ plans */

/* Graph inputs are filled; what is beyond 'batch' rows stays as the arena had it. */
static void fill_inputs(const struct deit_graph *graph, const struct deit_plan *plan,
                        const struct trial *trial, const struct plan_run *how)
{
    for (size_t i = 0; i < graph->n_values; i++) {
        const struct deit_value *value = &graph->values[i];
        if (value->origin != DEIT_FROM_INPUT)
            continue;
        const struct tensor *tensor = trial->inputs[value->name[2] - '0'];
        size_t n = plan->batch > 1 ? tensor->n / how->max_batch * how->batch : tensor->n;
        if (n)
            memcpy(deit_plan_buffer(plan, (int)i), tensor->data,
                   n * deit_dtype_bytes(tensor->dtype));
    }
}

static void run(const struct deit_plan *plan, const struct plan_run *how)
{
    struct deit_team team;
    atomic_size_t *claims = calloc(plan->n_steps + 1, sizeof *claims);
    deit_team_init(&team, how->n_threads, how->n_threads > 1 ? deit_team_region_pthread : NULL,
                   NULL, NULL);
    struct deit_exec exec = { .plan = plan, .team = &team, .claims = claims,
                              .shuffle = how->shuffle };
    assert_int_equal(deit_weights_fill(plan->store, plan->weights, plan->n_weights, &team, NULL),
                     DEIT_OK);
    assert_int_equal(deit_exec_run(&exec, plan->batch > 1 ? how->batch : 1, NULL), DEIT_OK);
    free(claims);
}

/* A plan with a store of its own. */
static struct deit_plan *make_plan(struct deit_graph *graph, const struct deit_kernels *kernels,
                                   const struct plan_run *how)
{
    const struct deit_model_options model_options = { .allow_nonfinite = 1 };
    struct deit_weight_store *store;
    struct deit_plan *plan = NULL;
    struct deit_error err = { 0 };
    assert_int_equal(deit_weight_store_create(&model_options, &store, NULL), DEIT_OK);
    const struct deit_plan_options options = {
        .kernels = kernels, .store = store, .n_threads = how->n_threads,
        .batch = how->max_batch, .max_arena_bytes = SIZE_MAX / 4
    };
    if (deit_graph_infer(graph, &err) != DEIT_OK ||
        deit_plan_create(graph, &options, &plan, &err) != DEIT_OK)
        fail_msg("plan: %s", err.message);
    return plan;
}

static void free_plan(struct deit_plan *plan)
{
    struct deit_weight_store *store = plan->store;
    deit_plan_free(plan);
    deit_weight_store_free(store);
}

size_t trial_n_steps(const struct trial *trial)
{
    const struct plan_run how = { DEIT_LEVEL_SCALAR, 1, 0, 1, 1 };
    struct deit_kernels kernels;
    struct deit_graph *graph = trial_graph(trial, false);
    size_t n = 0;
    deit_kernels_init(&kernels, how.level);
    struct deit_plan *plan = make_plan(graph, &kernels, &how);
    for (size_t i = 0; i < plan->n_steps; i++)
        n += !strcmp(plan->steps[i].name, "node");
    free_plan(plan);
    deit_graph_free(graph);
    return n;
}

struct tensor graph_run(struct deit_graph *graph, const struct trial *trial,
                        const struct plan_run *how)
{
    struct deit_kernels kernels;
    deit_kernels_init(&kernels, how->level);
    struct deit_plan *plan = make_plan(graph, &kernels, how);
    fill_inputs(graph, plan, trial, how);
    run(plan, how);

    const struct deit_value *value = &graph->values[graph->outputs[0]];
    struct tensor y = tensor_make(value->dtype, value->shape);
    if (y.n)
        memcpy(y.data, deit_plan_buffer(plan, graph->outputs[0]),
               y.n * deit_dtype_bytes(y.dtype));
    free_plan(plan);
    return y;
}

struct tensor trial_run(const struct trial *trial)
{
    static const struct plan_run ways[] = {
        { DEIT_LEVEL_SCALAR, 1, 0, 1, 1 },
        { DEIT_LEVEL_SCALAR, 3, 12347, 1, 1 },
        { DEIT_LEVEL_AVX512, 1, 0, 1, 1 },
        { DEIT_LEVEL_AVX512, 3, 12347, 1, 1 },
    };
    struct tensor folded = trial_fold(trial), first = { .data = NULL };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct deit_graph *graph = trial_graph(trial, false);
        struct tensor y = graph_run(graph, trial, &ways[i]);
        if (i % 2)
            expect_same(&y, &first);
        else
            expect_close(&y, &folded, 1e-5);
        deit_graph_free(graph);
        if (i % 2)
            tensor_free(&first);
        else
            first = y;
        if (i % 2)
            tensor_free(&y);
    }
    return folded;
}

void trial_refused(const struct trial *trial, const char *expected)
{
    struct deit_error err = { 0 };
    struct deit_graph *graph = trial_graph(trial, true);
    enum deit_status status = deit_graph_fold(graph, SIZE_MAX / 4, &err);
    if (status != DEIT_ERR_FORMAT)
        fail_msg("status %s instead of: %s", deit_status_name(status), expected);
    assert_string_equal(err.message, expected);
    deit_graph_free(graph);
}

/* ------------------------------------------------------------------ comparing */

static void expect_like(const struct tensor *is, const struct tensor *wanted)
{
    char is_text[128], wanted_text[128];
    assert_int_equal(is->dtype, wanted->dtype);
    if (!deit_shape_equal(&is->shape, &wanted->shape))
        fail_msg("shape %s instead of %s", deit_shape_print(&is->shape, is_text),
                 deit_shape_print(&wanted->shape, wanted_text));
}

void expect_same(const struct tensor *is, const struct tensor *wanted)
{
    expect_like(is, wanted);
    if (is->n)
        assert_memory_equal(is->data, wanted->data, is->n * deit_dtype_bytes(is->dtype));
}

void expect_close(const struct tensor *is, const struct tensor *wanted, double tolerance)
{
    expect_like(is, wanted);
    for (size_t i = 0; i < is->n; i++) {
        double a = tensor_get(is, i), b = tensor_get(wanted, i);
        double room = tolerance * fmax(1.0, fabs(b));
        if (!(a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= room))
            fail_msg("element %zu is %.9g instead of %.9g", i, a, b);
    }
}
