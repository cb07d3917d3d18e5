/*
 * cli/deit_inspect.c: deit-inspect, which says what a model is and how it would run.
 *
 * A session is made for --plan alone: it reads and packs all weights, while everything else is
 * in the file's header and graph.  The output is written when it is whole: a failure leaves
 * none behind that looks complete.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/inspect_facts.h"
#include "cli/inspect_text.h"

static const char program[] = "deit-inspect";

struct inspect {
    struct deit_inspect_options options;
    deit_model *model;
    deit_session *session; /* NULL without a plan */
    json_t *facts;
    FILE *out; /* in memory */
};

static enum deit_status open_model(struct inspect *inspect, struct deit_error *err)
{
    const struct deit_inspect_options *o = &inspect->options;
    const struct deit_model_options options = {
        .size = sizeof options,
        .allow_nonfinite = o->allow_nonfinite,
        .follow_links = o->follow_links,
        .max_memory = o->max_memory,
    };
    if (o->model)
        return deit_model_open(o->model, &options, &inspect->model, err);
    enum deit_status status = deit_model_open_builtin(&options, &inspect->model, err);
    if (status == DEIT_ERR_UNSUPPORTED)
        deit_report_fail(err, status, "no built-in model in this build; name one: "
                                      "deit-inspect MODEL");
    return status;
}

static enum deit_status create_session(struct inspect *inspect, struct deit_error *err)
{
    const struct deit_inspect_options *o = &inspect->options;
    const struct deit_session_options options = {
        .size = sizeof options,
        .max_batch = o->batch,
        .height = o->height,
        .width = o->width,
        .precision = o->precision,
        .max_isa = o->max_isa,
        .threads = o->threads,
    };
    return o->has_plan ? deit_session_create(inspect->model, &options, &inspect->session, err)
                       : DEIT_OK;
}

static enum deit_status write_json(const struct inspect *inspect, struct deit_error *err)
{
    char *text = json_dumps(inspect->facts, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    if (!text)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory for the output");
    deit_inspect_write(inspect->out, text, strlen(text));
    fputc('\n', inspect->out);
    free(text);
    return DEIT_OK;
}

static enum deit_status write_graph(const struct inspect *inspect, enum deit_dump_format format,
                                    struct deit_error *err)
{
    struct deit_dump_options options = deit_inspect_dump_options(&inspect->options);
    options.format = format;
    return deit_model_dump(inspect->model, &options, deit_inspect_write, inspect->out, err);
}

static enum deit_status write_plan(const struct inspect *inspect, struct deit_error *err)
{
    struct deit_session_info info = { .size = sizeof info };
    deit_session_info(inspect->session, &info);
    fprintf(inspect->out,
            "\nplan: %s by %s kernels, %u thread%s, weights packed in %.1f MB, %.3f "
            "GFLOP an image\n",
            info.precision, info.isa, info.threads, info.threads == 1 ? "" : "s",
            (double)info.weight_bytes / 1e6, info.gflop_executed);
    return deit_session_dump(inspect->session, DEIT_DUMP_TEXT, deit_inspect_write, inspect->out,
                             err);
}

static enum deit_status write_text(const struct inspect *inspect, struct deit_error *err)
{
    enum deit_status status = DEIT_OK;
    deit_inspect_write_summary(inspect->out, inspect->facts, inspect->options.is_verbose);
    if (inspect->options.has_graph) {
        fputc('\n', inspect->out);
        status = write_graph(inspect, DEIT_DUMP_TEXT, err);
    }
    if (status == DEIT_OK && inspect->session)
        status = write_plan(inspect, err);
    return status;
}

static enum deit_status write_all(struct inspect *inspect, struct deit_error *err)
{
    if (inspect->options.has_dot)
        return write_graph(inspect, DEIT_DUMP_DOT, err);
    enum deit_status status = create_session(inspect, err);
    if (status == DEIT_OK)
        status = deit_inspect_facts(inspect->model, inspect->session, &inspect->options,
                                    &inspect->facts, err);
    if (status != DEIT_OK)
        return status;
    return inspect->options.format == DEIT_INSPECT_JSON ? write_json(inspect, err)
                                                        : write_text(inspect, err);
}

/* A reader that went away is no news to the one who sent it away. */
static enum deit_exit print(const char *text, size_t bytes)
{
    if (fwrite(text, 1, bytes, stdout) == bytes && fflush(stdout) == 0)
        return DEIT_EXIT_OK;
    if (errno != EPIPE)
        deit_report_error(program, "standard output", strerror(errno));
    return DEIT_EXIT_FAILED;
}

static enum deit_exit inspect_all(struct inspect *inspect)
{
    struct deit_error err;
    char *text = NULL;
    size_t bytes = 0;
    inspect->out = open_memstream(&text, &bytes);
    if (!inspect->out) {
        deit_report_error(program, NULL, strerror(errno));
        return DEIT_EXIT_FAILED;
    }
    enum deit_status status = open_model(inspect, &err);
    if (status == DEIT_OK)
        status = write_all(inspect, &err);
    if (fclose(inspect->out) != 0 && status == DEIT_OK)
        status = deit_report_fail(&err, DEIT_ERR_MEMORY, "out of memory for the output");
    enum deit_exit code = deit_report_exit(status);
    if (status == DEIT_OK)
        code = print(text, bytes);
    else
        deit_report_error(program, inspect->options.model, err.message);
    free(text);
    return code;
}

int main(int argc, char **argv)
{
    struct inspect inspect = { .model = NULL };
    enum deit_exit code;

    deit_report_begin();
    if (!deit_inspect_options_parse(argc, argv, &inspect.options, &code))
        return code;
    code = inspect_all(&inspect);
    json_decref(inspect.facts);
    deit_session_free(inspect.session);
    deit_model_close(inspect.model);
    return code;
}
