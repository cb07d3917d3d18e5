/*
 * tests/onnx_nodes/run_cases.c: runs models with their inputs, and compares their outputs.
 *
 *     run_cases [--relative R] [--absolute A] FOLDER...
 *
 * A folder is laid out as ONNX's node tests are: model.onnx, and in test_data_set_0, 1, ...
 * input_0.pb, ..., output_0.pb, ...  Each data set is run in several ways:
 *
 *   folded    all inputs are constants: deit_graph_fold() computes the answer;
 *   planned   float inputs that decide no shape are given at run time: a plan is made for each
 *             instruction set of this CPU, without passes;
 *   raised    the same with passes, at the highest one.
 *
 * A line for each folder says "ok FOLDER" or "FAILED FOLDER: way: why".  The program ends with 0
 * even so: its driver counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/source_file.h"
#include "ops/cpu.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/exec.h"
#include "runtime/kind.h"
#include "runtime/passes.h"
#include "runtime/plan.h"
#include "tests/onnx_nodes/case.h"

/* As ONNX's own runner has it. */
static struct tolerance tolerance = { .relative = 1e-3, .absolute = 1e-7 };

/* ------------------------------------------------------------------ runs */

struct run {
    const char *way;
    const struct test_case *test_case;
    struct imported_case imported;
    char *why;
    size_t room;
};

static bool says(struct run *run, const struct deit_error *err)
{
    snprintf(run->why, run->room, "%s: %s", run->way, err->message);
    return false;
}

/* 'plan' is NULL if all outputs are constants. */
static bool compare(struct run *run, const struct deit_plan *plan)
{
    struct deit_error err;
    const struct deit_graph *graph = run->imported.graph;
    const struct ports *expected = &run->test_case->outputs;
    if (graph->n_outputs != expected->n) {
        snprintf(run->why, run->room, "%s: %zu outputs, not %zu", run->way, graph->n_outputs,
                 expected->n);
        return false;
    }
    for (size_t i = 0; i < expected->n; i++) {
        char text[512];
        const struct deit_value *value = &graph->values[graph->outputs[i]];
        bool is_constant = value->origin == DEIT_FROM_CONSTANT;
        struct tensor is = { .dtype = value->dtype, .shape = value->shape };
        if (is_constant && tensor_of_constant(value, &is, &err) != DEIT_OK)
            return says(run, &err);
        if (!is_constant && (!plan || !deit_shape_count(&is.shape, &is.n))) {
            snprintf(run->why, run->room, "%s: output %zu was not computed", run->way, i);
            return false;
        }
        if (!is_constant)
            is.data = deit_plan_buffer(plan, graph->outputs[i]);
        bool right = tensor_matches(&is, &expected->tensors[i], tolerance, text, sizeof text);
        if (is_constant)
            tensor_done(&is);
        if (!right) {
            snprintf(run->why, run->room, "%s: output %zu: %s", run->way, i, text);
            return false;
        }
    }
    return true;
}

static void fill_inputs(const struct run *run, struct deit_plan *plan)
{
    const struct ports *inputs = &run->test_case->inputs;
    if (plan->arena_bytes)
        memset(plan->arena, 0xa5, plan->arena_bytes); /* nothing may lean on what was there */
    for (size_t i = 0; i < inputs->n; i++) {
        int value = run->imported.values[i];
        const struct tensor *tensor = &inputs->tensors[i];
        if (value >= 0 && tensor->n && deit_graph_count_uses(run->imported.graph, value))
            memcpy(deit_plan_buffer(plan, value), tensor->data,
                   tensor->n * deit_dtype_bytes(tensor->dtype));
    }
}

static bool run_plan(struct run *run, enum deit_level level)
{
    const struct deit_model_options model_options = { .allow_nonfinite = 1 };
    struct deit_weight_store *store = NULL;
    struct deit_plan *plan = NULL;
    struct deit_kernels kernels;
    struct deit_team team;
    struct deit_error err;
    deit_kernels_init(&kernels, level);
    deit_team_init(&team, 1, NULL, NULL, NULL);
    enum deit_status status = deit_weight_store_create(&model_options, &store, &err);
    const struct deit_plan_options options = { .kernels = &kernels, .store = store,
                                               .n_threads = 1, .batch = 1,
                                               .max_arena_bytes = (size_t)1 << 30 };
    if (status == DEIT_OK)
        status = deit_plan_create(run->imported.graph, &options, &plan, &err);
    if (status == DEIT_OK)
        status = deit_weights_fill(store, plan->weights, plan->n_weights, &team, &err);
    if (status == DEIT_OK) {
        atomic_size_t *claims = calloc(plan->n_steps + 1, sizeof *claims);
        struct deit_exec exec = { .plan = plan, .team = &team, .claims = claims };
        fill_inputs(run, plan);
        status = claims ? deit_exec_run(&exec, 1, &err)
                        : deit_fail(&err, DEIT_ERR_MEMORY, "out of memory");
        free(claims);
    }
    bool right = status == DEIT_OK ? compare(run, plan) : says(run, &err);
    deit_plan_free(plan);
    deit_weight_store_free(store);
    return right;
}

/* Results that are larger are left to the passes first. */
enum { SMALL_BYTES = 256 * 1024 };

static bool run_way(const struct test_case *test_case, const char *way, enum deit_level level,
                    bool is_raised, char *why, size_t room)
{
    struct deit_error err;
    struct run run = { .way = way, .test_case = test_case, .why = why, .room = room };
    bool is_folded = level == 0;
    if (case_import(test_case, !is_folded, &run.imported, &err) != DEIT_OK)
        return says(&run, &err);

    struct deit_graph *graph = run.imported.graph;
    enum deit_status status = is_raised ? deit_graph_fold(graph, SMALL_BYTES, &err) : DEIT_OK;
    if (status == DEIT_OK && is_raised)
        deit_passes_run(graph);
    if (status == DEIT_OK)
        status = deit_graph_fold(graph, SIZE_MAX / 4, &err);
    bool right = status == DEIT_OK && (is_folded ? compare(&run, NULL) : run_plan(&run, level));
    if (status != DEIT_OK)
        says(&run, &err);
    imported_case_done(&run.imported);
    return right;
}

static bool run_set(const struct test_case *test_case, char *why, size_t room)
{
    static const char *const ways[] = { "folded", "planned, scalar", "planned, avx2",
                                        "planned, avx512", "planned, avx512_bf16",
                                        "planned, amx", "planned, neon" };
    for (int level = 0; level <= (int)deit_cpu_level(); level++) {
        struct deit_kernels kernels;
        deit_kernels_init(&kernels, (enum deit_level)level);
        if (level > 0 && (int)kernels.level != level)
            continue; /* this build has no kernels of its own for it */
        if (!run_way(test_case, ways[level], (enum deit_level)level, false, why, room))
            return false;
    }
    return run_way(test_case, "raised", deit_cpu_level(), true, why, room);
}

/* ------------------------------------------------------------------ cases */

static bool run_case(const char *folder, char *why, size_t room)
{
    snprintf(why, room, "no data");
    for (int i = 0;; i++) {
        char path[4096], data_set[32];
        struct test_case test_case;
        struct deit_error err;
        snprintf(data_set, sizeof data_set, "test_data_set_%d", i);
        snprintf(path, sizeof path, "%s/%s", folder, data_set);
        if (!deit_file_exists(path))
            return i > 0;
        if (case_read(folder, data_set, &test_case, &err) != DEIT_OK) {
            snprintf(why, room, "%s", err.message);
            return false;
        }
        bool right = run_set(&test_case, why, room);
        case_done(&test_case);
        if (!right)
            return false;
    }
}

int main(int argc, char **argv)
{
    int i = 1;
    for (; i + 1 < argc && !strncmp(argv[i], "--", 2); i += 2) {
        double value = strtod(argv[i + 1], NULL);
        if (!strcmp(argv[i], "--relative"))
            tolerance.relative = value;
        else if (!strcmp(argv[i], "--absolute"))
            tolerance.absolute = value;
    }
    for (; i < argc; i++) {
        char why[1024] = "";
        if (run_case(argv[i], why, sizeof why))
            printf("ok %s\n", argv[i]);
        else
            printf("FAILED %s: %s\n", argv[i], why);
        fflush(stdout);
    }
    return 0;
}
