/*
 * tests/onnx_import/test_models.c: models that real exporters wrote, run node by node.
 *
 * No pass raises anything here: what is measured is the import and the primitive kinds.  The
 * limit is a few times the difference that other runtimes have from f64, so a tanh GELU in
 * place of the exact one or another epsilon is seen; f16 and bf16 graphs have a limit of their
 * own.  Quantised models are refused by name.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/common/npy.h"
#include "deit.h"
#include "runtime/session.h"
#include "tests/common/shared.h"

enum { COLUMNS = 16 };

struct array {
    struct deit_npy_reader npy;
    float *data;
    size_t n;
};

static void must(enum deit_status status, const struct deit_error *err)
{
    if (status != DEIT_OK)
        fail_msg("%s", err->message);
}

static void array_read(struct array *a, const char *path)
{
    struct deit_error err;
    must(deit_npy_open(path, &a->npy, &err), &err);
    a->n = (size_t)(a->npy.rows_left * a->npy.row_elements);
    a->data = malloc((a->n + 1) * sizeof *a->data);
    assert_non_null(a->data);
    must(deit_npy_read(&a->npy, a->npy.rows_left, a->data, &err), &err);
}

static void array_done(struct array *a)
{
    deit_npy_close(&a->npy);
    free(a->data);
}

/* The columns of a line, which is cut at its tabs. */
static size_t split(char *line, char *columns[COLUMNS])
{
    size_t n = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *p = line; p && n < COLUMNS;) {
        columns[n++] = p;
        p = strchr(p, '\t');
        if (p)
            *p++ = '\0';
    }
    return n;
}

/* All images of 'input' through one output of a model; (rows, ...) as the session says. */
static float *run(deit_model *model, const struct array *input, const char *output, size_t *n)
{
    struct deit_error err;
    deit_session *session;
    const int64_t *dims = input->npy.dims;
    const struct deit_session_options options = {
        .size = sizeof options, .max_batch = (size_t)dims[0], .height = (uint32_t)dims[2],
        .width = (uint32_t)dims[3], .n_outputs = 1, .outputs = &output, .threads = 2,
    };
    const struct deit_session_hooks hooks = { .passes = DEIT_PASSES_OFF };
    must(deit_session_create_with(model, &options, &hooks, &session, &err), &err);
    struct deit_port port;
    must(deit_session_output(session, 0, &port), &err);
    size_t batch = (size_t)port.dims[0], each = 1, pixels = input->n / (size_t)dims[0];
    for (uint32_t i = 1; i < port.rank; i++)
        each *= (size_t)port.dims[i];
    *n = each * (size_t)dims[0];
    float *answer = malloc((*n + each) * sizeof *answer);
    assert_non_null(answer);
    for (size_t row = 0; row < (size_t)dims[0]; row += batch) {
        struct deit_tensor in = { .data = input->data + row * pixels,
                                  .bytes = batch * pixels * sizeof(float), .dtype = DEIT_F32,
                                  .rank = 4 };
        memcpy(in.dims, dims, 4 * sizeof *dims);
        in.dims[0] = (int64_t)batch;
        struct deit_tensor out = { .data = answer + row * each,
                                   .bytes = batch * each * sizeof(float), .dtype = DEIT_F32 };
        must(deit_session_run(session, 1, &in, 1, &out, &err), &err);
    }
    deit_session_free(session);
    return answer;
}

struct model {
    const char *path, *stem; /* "STEM.input.npy", "STEM.logits.npy" */
    const char *output;
    double reference_diff; /* of a strict comparison */
    double limit;          /* if not 0: of a loose one */
};

static void check(const struct model *m)
{
    char path[8192];
    struct array input, golden;
    struct deit_error err;
    deit_model *model;
    must(deit_model_open(m->path, NULL, &model, &err), &err);
    snprintf(path, sizeof path, "%s.input.npy", m->stem);
    array_read(&input, path);
    snprintf(path, sizeof path, "%s.%s.npy", m->stem, m->output);
    array_read(&golden, path);

    size_t n;
    float *answer = run(model, &input, m->output, &n);
    assert_int_equal(n, golden.n);
    double largest = 1, worst = 0;
    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)answer[i] - (double)golden.data[i]);
        largest = fmax(largest, fabs((double)golden.data[i]));
        worst = off <= worst ? worst : off; /* a NaN stays */
    }
    double limit = m->limit > 0 ? m->limit : fmax(5 * m->reference_diff, 5e-6 * largest);
    print_message("%-60s %.3g <= %.3g\n", m->stem, worst, limit);
    if (!(worst <= limit))
        fail_msg("%s: off by %g, the limit is %g", m->path, worst, limit);
    free(answer);
    array_done(&input);
    array_done(&golden);
    deit_model_close(model);
}

static void refused(const char *path)
{
    deit_model *model;
    struct deit_error err = { 0 };
    assert_int_equal(deit_model_open(path, NULL, &model, &err), DEIT_ERR_UNSUPPORTED);
    print_message("%s\n", err.message);
    assert_non_null(strstr(err.message, "quantised operator"));
    assert_non_null(strstr(err.message, ": node '"));
}

static FILE *open_table(const char *path, char *line, int room)
{
    FILE *table = fopen(path, "r");
    assert_non_null(table);
    assert_non_null(fgets(line, room, table)); /* the header */
    return table;
}

/* name, model, kind, exporter, opset, family, outputs, dtype, golden, reference_diff,
 * reference, limit, special */
static void test_exports(void **state)
{
    (void)state;
    char folder[1024], line[4096], stem[6144], path[8192], *columns[COLUMNS];
    deit_test_shared(folder, sizeof folder, "exports");
    snprintf(path, sizeof path, "%s/manifest.tsv", folder);
    FILE *table = open_table(path, line, sizeof line);
    size_t n = 0, n_refused = 0;
    while (fgets(line, sizeof line, table)) {
        assert_true(split(line, columns) >= 12);
        if (strncmp(columns[2], "onnx", 4) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, columns[1]);
        snprintf(stem, sizeof stem, "%s/%s", folder, columns[0]);
        if (strstr(columns[7], "int")) {
            refused(path);
            n_refused++;
            continue;
        }
        const struct model m = {
            .path = path, .stem = stem,
            .output = !strcmp(columns[6], "features") ? "features" : "logits",
            .reference_diff = strtod(columns[9], NULL),
            .limit = strcmp(columns[7], "f32") ? strtod(columns[11], NULL) : 0,
        };
        check(&m);
        n++;
    }
    fclose(table);
    assert_true(n >= 38);
    assert_true(n_refused >= 7);
}

/* name, opset, exporter, attention, ort_diff, largest_logit */
static void test_pairs(void **state)
{
    (void)state;
    char folder[1024], line[4096], stem[6144], path[8192], *columns[COLUMNS];
    deit_test_shared(folder, sizeof folder, "pairs");
    snprintf(path, sizeof path, "%s/manifest.tsv", folder);
    FILE *table = open_table(path, line, sizeof line);
    size_t n = 0;
    for (; fgets(line, sizeof line, table); n++) {
        assert_true(split(line, columns) >= 6);
        snprintf(stem, sizeof stem, "%s/%s", folder, columns[0]);
        snprintf(path, sizeof path, "%s.onnx", stem);
        const struct model m = { .path = path, .stem = stem, .output = "logits",
                                 .reference_diff = strtod(columns[4], NULL) };
        check(&m);
    }
    fclose(table);
    assert_true(n > 0);
}

int main(void)
{
    char path[1024];
    deit_test_shared(path, sizeof path, "exports"); /* or the whole test is skipped */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exports),
        cmocka_unit_test(test_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
