/*
 * runtime/session.c: a plan with its threads, and runs.
 *
 * Inputs are copied into the arena and outputs out of it: a few hundred kilobytes, against
 * steps whose addresses never change and outputs that a failure leaves untouched.  Images skip
 * the copy: they are preprocessed straight into the arena.
 */
#include "runtime/session.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/dump.h"
#include "runtime/error.h"
#include "runtime/exec.h"
#include "runtime/memory.h"
#include "runtime/model.h"
#include "runtime/options.h"
#include "runtime/os.h"
#include "runtime/preprocess.h"
#include "runtime/specialise.h"

struct deit_session {
    deit_model *model;
    struct deit_session_options options;
    struct deit_kernels kernels;
    struct deit_team team;
    struct deit_graph *graph;
    struct deit_plan *plan;
    struct deit_exec exec;
    int *inputs; /* values, in the order of the graph */
    size_t n_inputs;
    bool *row_is_finite; /* (max_batch), of the last run */
    bool has_recipe;
    struct deit_recipe recipe;
    double gflop_executed;
};

/* ------------------------------------------------------------------ levels */

static_assert((int)DEIT_ISA_SCALAR == (int)DEIT_LEVEL_SCALAR &&
                  (int)DEIT_ISA_AVX2 == (int)DEIT_LEVEL_AVX2 &&
                  (int)DEIT_ISA_AVX512 == (int)DEIT_LEVEL_AVX512 &&
                  (int)DEIT_ISA_AVX512_BF16 == (int)DEIT_LEVEL_AVX512_BF16 &&
                  (int)DEIT_ISA_AMX == (int)DEIT_LEVEL_AMX &&
                  (int)DEIT_ISA_NEON == (int)DEIT_LEVEL_NEON,
              "the public ISAs are the levels of ops");

static bool is_of_this_cpu(enum deit_isa isa)
{
#if defined(__x86_64__)
    return isa != DEIT_ISA_NEON;
#else
    return isa == DEIT_ISA_SCALAR || isa == DEIT_ISA_NEON;
#endif
}

/* In the order of enum deit_precision; parts: of the operands of products, 0: f32. */
static const struct {
    const char *name;
    unsigned n_parts;
} precisions[] = {
    { "f32", 0 }, { "f32", 0 }, { "bf16x3", 2 }, { "bf16x6", 3 }, { "bf16", 1 }, { "int8", 0 },
};

static enum deit_status choose_kernels(deit_session *session, struct deit_error *err)
{
    enum deit_isa isa = session->options.max_isa;
    unsigned precision = session->options.precision;
    if (precision >= sizeof precisions / sizeof *precisions)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "no precision has number %u", precision);
    if (precision == DEIT_PRECISION_INT8)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "precision %s is not part of this build",
                         precisions[precision].name);
    if (!deit_isa_name(isa))
        return deit_fail(err, DEIT_ERR_ARGUMENT, "no ISA has number %u", (unsigned)isa);
    if (isa != DEIT_ISA_AUTO && !is_of_this_cpu(isa))
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "ISA %s is of another architecture",
                         deit_isa_name(isa));
    deit_kernels_init(&session->kernels,
                      isa == DEIT_ISA_AUTO ? deit_cpu_level() : (enum deit_level)isa);
    return DEIT_OK;
}

/* ------------------------------------------------------------------ creation */

enum { MAX_THREADS = 1024, MAX_BATCH = 65536 };

static enum deit_status set_options(deit_session *session,
                                    const struct deit_session_options *given,
                                    struct deit_error *err)
{
    struct deit_session_options *o = &session->options;
    enum deit_status status =
        deit_options_copy(given, o, sizeof *o, "deit_session_options", err);
    if (status != DEIT_OK)
        return status;
    if (deit_model_batch(session->model))
        o->max_batch = deit_model_batch(session->model);
    if (!o->max_batch)
        o->max_batch = 1;
    if (!o->height)
        o->height = session->model->description.height;
    if (!o->width)
        o->width = session->model->description.width;
    if (!o->threads)
        o->threads = deit_os_cpu_count();
    if (o->max_batch > MAX_BATCH)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "a batch of %zu is above the limit of %d",
                         o->max_batch, MAX_BATCH);
    if (o->threads > MAX_THREADS)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "%u threads are above the limit of %d",
                         o->threads, MAX_THREADS);
    return DEIT_OK;
}

/* libgomp ends the process where it cannot create a thread: it is never asked for too many. */
static void make_team(deit_session *session, const struct deit_session_hooks *hooks)
{
    const struct deit_session_options *o = &session->options;
    deit_team_region_fn *region = hooks && hooks->region ? hooks->region : deit_team_region_openmp;
    unsigned n_threads = o->threads;
    if (!o->parallel_for && region && n_threads > 1)
        n_threads = deit_os_thread_count(n_threads);
    deit_team_init(&session->team, n_threads, region, o->parallel_for, o->parallel_ctx);
}

/* What run() can take and give: floats with the batch in front. */
static enum deit_status check_port(const deit_session *session, const struct deit_value *value,
                                   const char *what, struct deit_error *err)
{
    char shape[128];
    if (value->dtype != DEIT_F32)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s '%s' is %s, but f32 is taken and given",
                         what, value->name, deit_dtype_name(value->dtype));
    if (value->shape.rank < 1 || value->shape.dims[0] != (int64_t)session->options.max_batch)
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s '%s' is %s, without a batch of %zu", what,
                         value->name, deit_shape_print(&value->shape, shape),
                         session->options.max_batch);
    return DEIT_OK;
}

static enum deit_status check_ports(const deit_session *session, struct deit_error *err)
{
    const struct deit_graph *graph = session->graph;
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; status == DEIT_OK && i < session->n_inputs; i++)
        status = check_port(session, &graph->values[session->inputs[i]], "input", err);
    for (size_t i = 0; status == DEIT_OK && i < graph->n_outputs; i++) {
        const struct deit_value *value = &graph->values[graph->outputs[i]];
        if (value->origin != DEIT_FROM_NODE)
            return deit_fail(err, DEIT_ERR_UNSUPPORTED, "output '%s' does not depend on the input",
                             value->name);
        status = check_port(session, value, "output", err);
    }
    return status;
}

static enum deit_status make_graph(deit_session *session, const struct deit_session_hooks *hooks,
                                   struct deit_error *err)
{
    static const char *const logits[] = { "logits" }, *const features[] = { "features" };
    struct deit_session_options *o = &session->options;
    const char *const *names = session->model->description.n_classes ? logits : features;
    bool has_default = deit_graph_find(session->model->graph, names[0]) >= 0;
    const struct deit_specialise_options options = {
        .batch = o->max_batch,
        .height = o->height,
        .width = o->width,
        .n_names = o->n_outputs ? o->n_outputs : has_default,
        .names = o->n_outputs ? o->outputs : names,
        .passes = hooks ? hooks->passes : DEIT_PASSES_ON,
        .max_bytes = deit_model_max_bytes(session->model, o->max_batch),
    };
    o->outputs = NULL; /* the caller's, not kept */
    enum deit_status status =
        deit_specialise(session->model->graph, &options, &session->graph, err);
    if (status != DEIT_OK)
        return status;
    o->n_outputs = session->graph->n_outputs;
    session->gflop_executed = 2e-9 * deit_graph_macs(session->graph) / (double)o->max_batch;

    session->inputs = calloc(session->graph->n_values + 1, sizeof *session->inputs);
    if (!session->inputs)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the session");
    for (size_t i = 0; i < session->graph->n_values; i++)
        if (session->graph->values[i].origin == DEIT_FROM_INPUT)
            session->inputs[session->n_inputs++] = (int)i;
    return check_ports(session, err);
}

static enum deit_status make_plan(deit_session *session, struct deit_error *err)
{
    deit_model *model = session->model;
    size_t max_bytes = session->graph->max_fold_bytes; /* asked once a session */
    size_t folded_bytes = 2 * session->graph->folded_bytes; /* folding has kept it below */
    const struct deit_plan_options options = {
        .kernels = &session->kernels,
        .n_parts = precisions[session->options.precision].n_parts,
        .store = model->store,
        .hooks = model->options.allocator,
        .n_threads = session->team.n_threads,
        .l2_bytes = deit_os_l2_bytes(),
        .batch = session->options.max_batch,
        .max_arena_bytes = max_bytes > folded_bytes ? max_bytes - folded_bytes : 0,
    };
    enum deit_status status = deit_plan_create(session->graph, &options, &session->plan, err);
    if (status != DEIT_OK)
        return status;
    return deit_weights_fill(model->store, session->plan->weights, session->plan->n_weights,
                             &session->team, err);
}

static enum deit_status make_recipe(deit_session *session, struct deit_error *err)
{
    const struct deit_session_options *o = &session->options;
    const struct deit_recipe *given = o->recipe;
    if (given) {
        if (given->height != o->height || given->width != o->width)
            return deit_fail(err, DEIT_ERR_ARGUMENT,
                             "the recipe makes %u x %u, the session takes %u x %u", given->height,
                             given->width, o->height, o->width);
        session->recipe = *given;
        session->has_recipe = true;
        return deit_recipe_check(given, err);
    }
    /* A model without a recipe still runs on tensors: classify() reports it. */
    session->has_recipe = deit_recipe_init(session->model, DEIT_RECIPE_AUTO, o->height, o->width,
                                           &session->recipe, NULL) == DEIT_OK;
    return DEIT_OK;
}

static enum deit_status make_exec(deit_session *session, const struct deit_session_hooks *hooks,
                                  struct deit_error *err)
{
    const struct deit_session_options *o = &session->options;
    session->exec = (struct deit_exec){
        .plan = session->plan,
        .team = &session->team,
        .claims = calloc(session->plan->n_steps + 1, sizeof(atomic_size_t)),
        .shuffle = hooks ? hooks->shuffle : 0,
        .interrupt = o->interrupt,
        .on_step = o->on_step,
        .ctx = o->ctx,
    };
    session->row_is_finite = calloc(o->max_batch, sizeof *session->row_is_finite);
    if (!session->exec.claims || !session->row_is_finite)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the session");
    return DEIT_OK;
}

enum deit_status deit_session_create_with(deit_model *model,
                                          const struct deit_session_options *options,
                                          const struct deit_session_hooks *hooks,
                                          deit_session **out, struct deit_error *err)
{
    deit_session *session = calloc(1, sizeof *session);
    if (!session)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the session");
    session->model = deit_model_retain(model);

    enum deit_status status = set_options(session, options, err);
    if (status == DEIT_OK)
        status = choose_kernels(session, err);
    if (status == DEIT_OK) {
        make_team(session, hooks);
        if (hooks && hooks->change_kernels)
            hooks->change_kernels(&session->kernels);
        status = make_recipe(session, err);
    }
    if (status == DEIT_OK)
        status = make_graph(session, hooks, err);
    if (status == DEIT_OK)
        status = make_plan(session, err);
    if (status == DEIT_OK)
        status = make_exec(session, hooks, err);
    if (status != DEIT_OK) {
        deit_session_free(session);
        return status;
    }
    *out = session;
    return DEIT_OK;
}

enum deit_status deit_session_create(deit_model *model,
                                     const struct deit_session_options *options,
                                     deit_session **session, struct deit_error *err)
{
    if (!model || !session)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "deit_session_create: NULL argument");
    return deit_session_create_with(model, options, NULL, session, err);
}

void deit_session_free(deit_session *session)
{
    if (!session)
        return;
    deit_plan_free(session->plan);
    deit_graph_free(session->graph);
    free(session->exec.claims);
    free(session->row_is_finite);
    free(session->inputs);
    deit_model_close(session->model);
    free(session);
}

/* ------------------------------------------------------------------ questions */

void deit_session_info(const deit_session *session, struct deit_session_info *info)
{
    const bool is_bf16 = session->plan->n_parts > 0;
    const enum deit_level used = deit_kernels_used_level(&session->kernels, is_bf16);
    const struct deit_session_info ours = {
        .precision = precisions[session->options.precision].name,
        .isa = deit_isa_name((enum deit_isa)used),
        .product_isa = deit_isa_name(
            (enum deit_isa)(is_bf16 ? session->kernels.bf16_level : used)),
        .threads = session->team.n_threads,
        .max_batch = session->options.max_batch,
        .height = session->options.height,
        .width = session->options.width,
        .n_inputs = session->n_inputs,
        .n_outputs = session->graph->n_outputs,
        .n_steps = session->plan->n_steps,
        .weight_bytes = deit_weight_store_bytes(session->model->store),
        .arena_bytes = session->plan->arena_bytes,
        .gflop = session->model->gflop,
        .gflop_executed = session->gflop_executed,
    };
    deit_info_copy(&ours, sizeof ours, info);
}

static enum deit_status fill_port(const deit_session *session, int value, struct deit_port *port)
{
    const struct deit_value *v = &session->graph->values[value];
    *port = (struct deit_port){ .name = v->name, .dtype = DEIT_F32, .rank = v->shape.rank };
    memcpy(port->dims, v->shape.dims, sizeof port->dims);
    return DEIT_OK;
}

enum deit_status deit_session_input(const deit_session *session, size_t index,
                                    struct deit_port *port)
{
    if (index >= session->n_inputs)
        return DEIT_ERR_ARGUMENT;
    return fill_port(session, session->inputs[index], port);
}

enum deit_status deit_session_output(const deit_session *session, size_t index,
                                     struct deit_port *port)
{
    if (index >= session->graph->n_outputs)
        return DEIT_ERR_ARGUMENT;
    return fill_port(session, session->graph->outputs[index], port);
}

const struct deit_exec *deit_session_exec(const deit_session *session)
{
    return &session->exec;
}

const struct deit_graph *deit_session_graph(const deit_session *session)
{
    return session->graph;
}

const struct deit_recipe *deit_session_recipe(const deit_session *session)
{
    return session->has_recipe ? &session->recipe : NULL;
}

enum deit_status deit_session_row_status(const deit_session *session, size_t row)
{
    return row < session->options.max_batch && session->row_is_finite[row] ? DEIT_OK
                                                                           : DEIT_ERR_NONFINITE;
}

/* ------------------------------------------------------------------ runs */

static size_t elements_per_image(const deit_session *session, int value)
{
    size_t count = 1;
    deit_shape_count(&session->graph->values[value].shape, &count);
    return count / session->options.max_batch;
}

/* 'tensor' must be (n, ...) f32 of the input's shape; '*batch' is n. */
static enum deit_status check_input(const deit_session *session, size_t index,
                                    const struct deit_tensor *tensor, size_t *batch,
                                    struct deit_error *err)
{
    const struct deit_value *value = &session->graph->values[session->inputs[index]];
    struct deit_shape is = { .rank = tensor->rank }, wanted = value->shape;
    char is_text[128], wanted_text[128];
    if (tensor->rank > DEIT_MAX_RANK)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "input '%s': rank %u", value->name, tensor->rank);
    memcpy(is.dims, tensor->dims, sizeof is.dims);
    bool fits = is.rank == wanted.rank && tensor->dims[0] >= 1 &&
                tensor->dims[0] <= wanted.dims[0];
    for (uint32_t i = 1; fits && i < is.rank; i++)
        fits = is.dims[i] == wanted.dims[i];
    if (!fits)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "input '%s' is %s, but the session takes up to %s",
                         value->name, deit_shape_print(&is, is_text),
                         deit_shape_print(&wanted, wanted_text));
    if (tensor->dtype != DEIT_F32)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "input '%s' is %s, but f32 is taken", value->name,
                         deit_dtype_name(tensor->dtype));
    size_t n = (size_t)tensor->dims[0];
    size_t bytes = n * elements_per_image(session, session->inputs[index]) * sizeof(float);
    if (!tensor->data || tensor->bytes < bytes)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "input '%s' has %zu bytes, its shape needs %zu",
                         value->name, tensor->data ? tensor->bytes : 0, bytes);
    if (index && n != *batch)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "input '%s' has %zu rows, the first has %zu",
                         value->name, n, *batch);
    *batch = n;
    return DEIT_OK;
}

static enum deit_status check_output(const deit_session *session, size_t index,
                                     const struct deit_tensor *tensor, size_t batch,
                                     struct deit_error *err)
{
    int value = session->graph->outputs[index];
    const char *name = session->graph->values[value].name;
    size_t bytes = batch * elements_per_image(session, value) * sizeof(float);
    if (tensor->dtype != DEIT_F32)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "output '%s': %s was asked for, f32 is given",
                         name, deit_dtype_name(tensor->dtype));
    if (!tensor->data || tensor->bytes < bytes)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "output '%s' has room for %zu bytes, not %zu",
                         name, tensor->data ? tensor->bytes : 0, bytes);
    return DEIT_OK;
}

/* Marks the rows of which any wanted output has an element that is NaN or infinite. */
static bool check_rows(deit_session *session, size_t batch)
{
    bool all = true;
    for (size_t row = 0; row < batch; row++) {
        float sum = 0; /* of x * 0, which is NaN where x is not finite */
        for (size_t o = 0; o < session->graph->n_outputs; o++) {
            int value = session->graph->outputs[o];
            size_t n = elements_per_image(session, value);
            const float *x = (const float *)deit_plan_buffer(session->plan, value) + row * n;
            for (size_t i = 0; i < n; i++)
                sum += x[i] * 0.0f;
        }
        session->row_is_finite[row] = isfinite(sum);
        all = all && session->row_is_finite[row];
    }
    return all;
}

static void copy_output(const deit_session *session, size_t index, size_t batch,
                        struct deit_tensor *tensor)
{
    int value = session->graph->outputs[index];
    const struct deit_shape *shape = &session->graph->values[value].shape;
    memcpy(tensor->data, deit_plan_buffer(session->plan, value),
           batch * elements_per_image(session, value) * sizeof(float));
    tensor->rank = shape->rank;
    memcpy(tensor->dims, shape->dims, sizeof tensor->dims);
    tensor->dims[0] = (int64_t)batch;
}

/* Where steps always take the whole batch, images that are not there are zeros. */
static void clear_rest(deit_session *session, size_t batch)
{
    for (size_t i = 0; i < session->n_inputs; i++) {
        size_t n = elements_per_image(session, session->inputs[i]);
        float *data = deit_plan_buffer(session->plan, session->inputs[i]);
        memset(data + batch * n, 0,
               (session->options.max_batch - batch) * n * sizeof *data);
    }
}

/* Runs on what is in the arena, and copies the outputs. */
static enum deit_status run_batch(deit_session *session, size_t batch, struct deit_tensor *out,
                                  struct deit_error *err)
{
    bool all = session->plan->batch != session->options.max_batch;
    if (all)
        clear_rest(session, batch);
    enum deit_status status = deit_exec_run(&session->exec, all ? 1 : batch, err);
    if (status != DEIT_OK)
        return status;
    bool all_finite = check_rows(session, batch);
    for (size_t i = 0; i < session->graph->n_outputs; i++)
        copy_output(session, i, batch, &out[i]);
    if (!all_finite)
        return deit_fail(err, DEIT_ERR_NONFINITE, "an answer is NaN or infinite");
    return DEIT_OK;
}

enum deit_status deit_session_run(deit_session *session, size_t n_in, const struct deit_tensor *in,
                                  size_t n_out, struct deit_tensor *out, struct deit_error *err)
{
    if (n_in != session->n_inputs || n_out != session->graph->n_outputs)
        return deit_fail(err, DEIT_ERR_ARGUMENT,
                         "%zu inputs and %zu outputs were given, the session has %zu and %zu",
                         n_in, n_out, session->n_inputs, session->graph->n_outputs);
    size_t batch = 0;
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; status == DEIT_OK && i < n_in; i++)
        status = check_input(session, i, &in[i], &batch, err);
    for (size_t i = 0; status == DEIT_OK && i < n_out; i++)
        status = check_output(session, i, &out[i], batch, err);
    if (status != DEIT_OK)
        return status;

    for (size_t i = 0; i < n_in; i++)
        memcpy(deit_plan_buffer(session->plan, session->inputs[i]), in[i].data,
               batch * elements_per_image(session, session->inputs[i]) * sizeof(float));
    return run_batch(session, batch, out, err);
}

enum deit_status deit_session_classify(deit_session *session, size_t n_images,
                                       const deit_image *const *images, float *logits,
                                       struct deit_error *err)
{
    if (n_images < 1 || n_images > session->options.max_batch)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "%zu images, the session takes 1 to %zu",
                         n_images, session->options.max_batch);
    if (!session->has_recipe) {
        struct deit_recipe recipe;
        enum deit_status why =
            deit_recipe_init(session->model, DEIT_RECIPE_AUTO, session->options.height,
                             session->options.width, &recipe, err);
        return why == DEIT_OK ? DEIT_ERR_UNSUPPORTED : why;
    }
    int output = session->graph->outputs[0];
    if (session->graph->n_outputs != 1 || session->graph->values[output].shape.rank != 2)
        return deit_fail(err, DEIT_ERR_ARGUMENT,
                         "classify() is for sessions with one output of rank 2");

    enum deit_status status = deit_preprocess_images(
        &session->kernels, &session->team, &session->recipe, n_images, images,
        deit_plan_buffer(session->plan, session->inputs[0]), err);
    if (status != DEIT_OK)
        return status;
    struct deit_tensor out = { .data = logits, .dtype = DEIT_F32 };
    return run_batch(session, n_images, &out, err);
}

void deit_session_parallel_for(deit_session *session, size_t n,
                               void (*fn)(void *arg, size_t index), void *arg)
{
    deit_team_for(&session->team, n, fn, arg);
}

enum deit_status deit_session_dump(const deit_session *session, enum deit_dump_format format,
                                   deit_write_fn *write, void *ctx, struct deit_error *err)
{
    return deit_dump_plan(session->graph, session->plan, format, write, ctx, err);
}
