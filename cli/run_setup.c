/*
 * cli/run_setup.c: opens what a run of deit-run needs, in the order in which failures matter.
 *
 * The model comes first: if it is no good, nothing else is worth a message.  The session comes
 * after the first names are known, because a single photo is planned for a batch of one.
 */
#include "cli/run_setup.h"

#include <stdio.h>
#include <string.h>

#include "cli/run_lanes.h"

/* Reports a failure of the model, or of the whole run. */
static enum deit_exit fail(struct deit_run *run, const char *path, const struct deit_error *err)
{
    deit_run_complain(run, path, err->message);
    return deit_report_exit(err->status);
}

static enum deit_status open_model(struct deit_run *run, struct deit_error *err)
{
    const struct deit_model_options options = {
        .size = sizeof options,
        .allow_nonfinite = run->options.allow_nonfinite,
        .follow_links = run->options.follow_links,
        .max_memory = run->options.max_memory,
    };
    if (run->options.model)
        return deit_model_open(run->options.model, &options, &run->model, err);

    enum deit_status status = deit_model_open_builtin(&options, &run->model, err);
    if (status == DEIT_ERR_UNSUPPORTED)
        deit_report_fail(err, status, "no built-in model in this build; name one: "
                                      "deit-run -m FOLDER photo.jpg");
    return status;
}

static enum deit_exit open_labels(struct deit_run *run)
{
    struct deit_error err;
    size_t n_classes = run->info.n_classes;
    const char *path = run->options.labels;

    run->labels = deit_model_labels(run->model);
    if (!path)
        return DEIT_EXIT_OK;
    if (deit_labels_open(path, &run->own_labels, &err) != DEIT_OK) {
        deit_run_complain(run, path, err.message);
        return DEIT_EXIT_FAILED;
    }
    run->labels = run->own_labels;
    size_t n_labels = deit_labels_count(run->labels);
    if (n_labels < n_classes) {
        deit_report_fail(&err, DEIT_ERR_FORMAT, "%zu name%s, but the model has %zu classes",
                         n_labels, n_labels == 1 ? "" : "s", n_classes);
        return fail(run, path, &err);
    }
    return DEIT_EXIT_OK;
}

/* What no run of this model could give is refused before anything is read. */
static enum deit_status check_model(const struct deit_run *run, struct deit_error *err)
{
    const struct deit_run_options *options = &run->options;
    unsigned n_heads = run->info.n_heads_out;

    if (run->info.n_classes == 0 && !options->features)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED,
                                "the model has no head, so no classes; --features FILE.npy "
                                "writes what it gives");
    if (run->info.n_classes == 0 && options->logits)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED,
                                "--logits: the model has no head, so no logits");
    if (run->info.n_classes > 0 && options->head == DEIT_RUN_HEAD_DIST && n_heads < 2)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED,
                                "--head dist: the model has one head, none for distillation");
    return DEIT_OK;
}

static enum deit_status make_recipe(struct deit_run *run, struct deit_error *err)
{
    if (run->options.tensor)
        return DEIT_OK;
    enum deit_status status = deit_recipe_init(run->model, run->options.recipe, 0, 0,
                                               &run->recipe, err);
    run->recipe.pillow = run->options.pillow;
    return status;
}

enum deit_exit deit_run_setup_model(struct deit_run *run)
{
    struct deit_error err;
    uint64_t start = deit_progress_now_ns();
    run->model_name = run->options.model ? run->options.model : "built-in";
    if (open_model(run, &err) != DEIT_OK)
        return fail(run, run->options.model, &err);
    run->times.open_ns = deit_progress_now_ns() - start;

    run->info.size = sizeof run->info;
    deit_model_info(run->model, &run->info);
    if (check_model(run, &err) != DEIT_OK || make_recipe(run, &err) != DEIT_OK)
        return fail(run, run->model_name, &err);
    return open_labels(run);
}

static enum deit_status open_tensor(struct deit_run *run, struct deit_error *err)
{
    const char *path = run->options.tensor;
    enum deit_status status = deit_npy_open(path, &run->tensor, err);
    if (status != DEIT_OK)
        return status;

    const int64_t *dims = run->tensor.dims;
    char shape[DEIT_NPY_SHAPE_BYTES];
    bool is_fitting = run->tensor.rank == 4 && dims[1] == (int64_t)run->info.channels
                      && dims[2] > 0 && dims[2] <= INT32_MAX && dims[3] > 0
                      && dims[3] <= INT32_MAX;
    if (!is_fitting)
        return deit_report_fail(err, DEIT_ERR_FORMAT,
                                "%s: shape %s, but the model takes (N, %u, %u, %u)", path,
                                deit_npy_shape(run->tensor.rank, dims, shape),
                                run->info.channels, run->info.height, run->info.width);
    run->total = (size_t)dims[0];
    run->has_counted = true;
    return DEIT_OK;
}

enum deit_exit deit_run_setup_inputs(struct deit_run *run, int stop_fd)
{
    struct deit_error err;
    enum deit_status status;
    const char *path = run->options.tensor ? run->options.tensor : run->options.files_from;

    if (run->options.tensor) {
        status = open_tensor(run, &err);
    } else {
        const struct deit_inputs_options options = {
            .operands = run->options.operands,
            .n_operands = run->options.n_operands,
            .list = run->options.files_from,
            .stop_fd = stop_fd,
            .is_recursive = run->options.is_recursive,
            .follows_links = run->options.follow_links,
        };
        status = deit_inputs_open(&options, &run->inputs, &err);
    }
    if (status == DEIT_OK)
        return DEIT_EXIT_OK;
    deit_run_complain(run, path, err.message);
    return DEIT_EXIT_FAILED;
}

/* The names of the session's outputs; returns how many. */
static size_t name_outputs(const struct deit_run *run, const char *names[2])
{
    static const char *const heads[] = { "logits", "logits.cls", "logits.dist" };
    size_t n = 0;
    if (run->info.n_classes > 0)
        names[n++] = run->info.n_heads_out < 2 ? heads[0] : heads[run->options.head];
    if (run->options.features)
        names[n++] = "features";
    return n;
}

/* A session that fails for a tensor of another size than the model's is the tensor's fault. */
static enum deit_exit fail_session(struct deit_run *run, const struct deit_error *err)
{
    const int64_t *dims = run->tensor.dims;
    if (!run->options.tensor
        || (dims[2] == (int64_t)run->info.height && dims[3] == (int64_t)run->info.width))
        return fail(run, run->model_name, err);

    struct deit_error both;
    deit_report_fail(&both, err->status, "%lld x %lld, but the model is for %u x %u: %.800s",
                     (long long)dims[2], (long long)dims[3], run->info.height, run->info.width,
                     deit_report_reason(run->model_name, err->message));
    return fail(run, run->options.tensor, &both);
}

static int is_stopped(void *ctx)
{
    (void)ctx;
    return deit_run_stop_signal() != 0;
}

enum deit_status deit_run_session_create(const struct deit_run *run, size_t max_batch,
                                         unsigned threads, deit_session **session,
                                         struct deit_error *err)
{
    bool is_tensor = run->options.tensor != NULL;
    const char *outputs[2];
    const struct deit_session_options options = {
        .size = sizeof options,
        .max_batch = max_batch,
        .height = is_tensor ? (uint32_t)run->tensor.dims[2] : run->recipe.height,
        .width = is_tensor ? (uint32_t)run->tensor.dims[3] : run->recipe.width,
        .precision = run->options.precision,
        .max_isa = run->options.max_isa,
        .threads = threads,
        .n_outputs = name_outputs(run, outputs),
        .outputs = outputs,
        .recipe = is_tensor ? NULL : &run->recipe,
        .interrupt = is_stopped,
    };
    return deit_session_create(run->model, &options, session, err);
}

enum deit_exit deit_run_setup_session(struct deit_run *run, struct deit_run_batch *batch,
                                      size_t max_batch, bool has_lanes)
{
    struct deit_error err;
    uint64_t start = deit_progress_now_ns();
    if (deit_run_session_create(run, max_batch, run->options.threads, &run->session, &err)
        != DEIT_OK)
        return fail_session(run, &err);
    run->times.create_ns = deit_progress_now_ns() - start;

    run->plan.size = sizeof run->plan;
    deit_session_info(run->session, &run->plan);
    if (has_lanes && deit_run_lanes_create(run, batch, &err) != DEIT_OK)
        return fail(run, run->model_name, &err);
    if (deit_run_batch_allocate(run, batch, &err) != DEIT_OK)
        return fail(run, run->model_name, &err);
    return DEIT_EXIT_OK;
}

/* The shape of a row of an array, without the axis of inputs. */
static uint32_t row_shape(const struct deit_run *run, size_t array, int64_t dims[DEIT_MAX_RANK])
{
    struct deit_port port;
    if (array == DEIT_RUN_INPUT)
        deit_session_input(run->session, 0, &port);
    else
        deit_session_output(run->session,
                            array == DEIT_RUN_FEATURES && run->info.n_classes > 0 ? 1 : 0, &port);
    memcpy(dims, port.dims + 1, (DEIT_MAX_RANK - 1) * sizeof *dims);
    return port.rank - 1;
}

enum deit_exit deit_run_setup_outputs(struct deit_run *run, const struct deit_run_batch *batch)
{
    const struct deit_run_options *options = &run->options;
    const char *const paths[] = { options->logits, options->features, options->save_input };
    const struct deit_results_options results = {
        .format = options->format,
        .top = options->top,
        .n_classes = run->info.n_classes,
        .labels = run->labels,
    };
    struct deit_error err;

    run->results = deit_results_create(&results);
    if (!run->results) {
        deit_run_complain(run, NULL, "out of memory");
        return DEIT_EXIT_FAILED;
    }
    size_t n_rows = options->tensor ? run->total : batch->is_last ? batch->n_items : 0;
    for (size_t i = 0; i < DEIT_RUN_ARRAYS; i++) {
        int64_t dims[DEIT_MAX_RANK];
        if (!paths[i])
            continue;
        uint32_t rank = row_shape(run, i, dims);
        if (deit_npy_create(paths[i], rank, dims, n_rows, &run->arrays[i], &err) != DEIT_OK) {
            deit_run_complain(run, paths[i], err.message);
            return DEIT_EXIT_FAILED;
        }
    }
    return DEIT_EXIT_OK;
}
