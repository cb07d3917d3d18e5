/*
 * tests/onnx_import/test_outputs.c: what a model is said to be, from its graph and from the
 * files around it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "loaders/open.h"
#include "runtime/labels.h"
#include "tests/onnx_import/text.h"

/* ------------------------------------------------------------------ from memory */

/* Loads a graph; a list of names ends with NULL. */
static struct deit_loaded load(const char *graph, const char *const *outputs)
{
    struct text_model m;
    struct deit_loaded loaded;
    struct deit_error err = { 0 };
    text_model_init(&m, 13, graph);
    if (deit_load_memory(m.file, m.bytes, "made", &loaded, &err) != DEIT_OK)
        fail_msg("%s: %s", graph, err.message);
    size_t n = 0;
    for (; outputs[n]; n++) {
        assert_true(n < loaded.graph->n_outputs);
        assert_string_equal(loaded.graph->values[loaded.graph->outputs[n]].name, outputs[n]);
        assert_int_equal(deit_graph_find(loaded.graph, outputs[n]), loaded.graph->outputs[n]);
    }
    assert_int_equal(n, loaded.graph->n_outputs);
    text_model_done(&m); /* nothing is read any more */
    return loaded;
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define INPUT "x? f32(-1, 4); w: f32(4, 3) 0 0 0 0 0 0 0 0 0 0 0 0; b: f32(3) 0 0 0;"

static void expect(const char *graph, const char *const *outputs, uint32_t n_heads,
                   uint32_t n_classes, uint32_t n_features)
{
    struct deit_loaded loaded = load(graph, outputs);
    print_message("%s\n", graph);
    assert_int_equal(loaded.description.n_heads_out, n_heads);
    assert_int_equal(loaded.description.n_classes, n_classes);
    assert_int_equal(loaded.description.n_features, n_features);
    deit_loaded_done(&loaded);
}

static void test_one_output(void **state)
{
    (void)state;
    expect(INPUT "y = Gemm(x, w, b); -> y", NAMES("logits"), 1, 3, 4);
    expect(INPUT "m = MatMul(x, w); s = Add(b, m); y = Softmax(s); -> y", NAMES("logits"), 1, 3, 4);
    expect(INPUT "v = Transpose(w); u = Transpose(v); y = MatMul(x, u); -> y", NAMES("logits"), 1,
           3, 4);
    expect(INPUT "a = Gemm(x, w, b); c = MatMul(x, w); d: i64(1) 0; e = Unsqueeze(a, d);"
                 "f = Unsqueeze(c, d); g = Concat(e, f) axis=0;"
                 "y = ReduceMean(g) axes=[0] keepdims=0; -> y", NAMES("logits"), 1, 3, 4);
    /* by what the file calls it */
    expect("x? f32(-1, 4); class_scores = Relu(x); -> class_scores", NAMES("logits"), 1, 4, 0);
    expect(INPUT "pooler_output = Gemm(x, w, b); -> pooler_output", NAMES("features"), 0, 0, 3);
    /* no product at the end, or not of rank 2 */
    expect(INPUT "g = Gemm(x, w, b); y = Tanh(g); -> y", NAMES("features"), 0, 0, 3);
    expect("x? f32(-1, 5, 4); w: f32(4, 3) 0 0 0 0 0 0 0 0 0 0 0 0; y = MatMul(x, w); -> y",
           NAMES("features"), 0, 0, 3);
    /* an inner value that has the name already */
    expect(INPUT "logits = Gemm(x, w, b); y = Relu(logits); z = Add(y, b);"
                 "p = Softmax(z); class = Identity(p); -> class", NAMES("logits"), 1, 3, 0);
}

static void test_several_outputs(void **state)
{
    (void)state;
    expect(INPUT "a = Gemm(x, w, b); c = MatMul(x, w); -> a c",
           NAMES("logits", "logits.cls", "logits.dist"), 2, 3, 4);
    expect(INPUT "dist = Gemm(x, w, b); cls = MatMul(x, w); -> dist cls",
           NAMES("logits", "logits.dist", "logits.cls"), 2, 3, 4);
    expect(INPUT "logits = Gemm(x, w, b); cls_logits = MatMul(x, w);"
                 "distillation_logits = MatMul(x, w); -> logits cls_logits distillation_logits",
           NAMES("logits", "logits.cls", "logits.dist"), 2, 3, 4);
    expect(INPUT "logits = Gemm(x, w, b); hidden_states = Relu(x); -> logits hidden_states",
           NAMES("logits", "hidden_states"), 1, 3, 4);
    expect(INPUT "logits = Gemm(x, w, b); probs = Softmax(logits); -> logits probs",
           NAMES("logits", "probs"), 1, 3, 4);
    expect("x? f32(-1, 5, 4); i: i64() 0; last_hidden_state = Relu(x); pooler_output = Gather(x, i)"
           " axis=1; -> last_hidden_state pooler_output", NAMES("features", "pooler_output"), 0, 0,
           4);
    /* what is there already, or twice */
    expect("x? f32(-1, 4); y = Identity(x); z = Relu(y); v = Identity(z); -> x z v",
           NAMES("features", "z", "v"), 0, 0, 4);
}

/* The mean of two heads is half of their sum. */
static void test_mean(void **state)
{
    (void)state;
    struct deit_loaded loaded = load("x? f32(-1, 1); w: f32(1, 2) 2 4; v: f32(1, 2) 6 10;"
                                     "a = MatMul(x, w); c = MatMul(x, v); -> a c",
                                     NAMES("logits", "logits.cls", "logits.dist"));
    const struct deit_graph *g = loaded.graph;
    const struct deit_node *half = &g->nodes[g->values[g->outputs[0]].producer];
    const struct deit_node *sum = &g->nodes[g->values[half->inputs[0]].producer];
    assert_int_equal(half->attrs.binary, DEIT_MUL);
    assert_int_equal(sum->attrs.binary, DEIT_ADD);
    assert_int_equal(sum->inputs[0], g->outputs[1]);
    assert_int_equal(sum->inputs[1], g->outputs[2]);
    deit_loaded_done(&loaded);
}

static void expect_image(const char *graph, uint32_t channels, uint32_t height, uint32_t width)
{
    struct deit_loaded loaded = load(graph, NAMES("features"));
    print_message("%s\n", graph);
    assert_int_equal(loaded.description.channels, channels);
    assert_int_equal(loaded.description.height, height);
    assert_int_equal(loaded.description.width, width);
    deit_loaded_done(&loaded);
}

#define PATCHES "w: f32(1, 2, 3, 2) 0 0 0 0 0 0 0 0 0 0 0 0; y = Conv(x, w) strides=[3, 2];"

static void test_image(void **state)
{
    (void)state;
    expect_image("x? f32(-1, 3, 8, 6); y = Relu(x); -> y", 3, 8, 6);
    expect_image("x? f32(-1, 3, -1, -1); y = Relu(x); -> y", 3, 224, 224);
    expect_image("x? f32(-1, 3, 8, -1); y = Relu(x); -> y", 3, 8, 224);
    /* channels by the convolution, 2 x 2 patches of 3 x 2 by the table of positions */
    expect_image("x? f32(-1, -1, -1, -1);" PATCHES "-> y", 2, 224, 224);
    expect_image("x? f32(-1, -1, -1, -1); p: f32(1, 5, 1) 0 0 0 0 0;" PATCHES "-> y", 2, 6, 4);
    expect_image("x? f32(-1, 2, -1, -1); p: f32(1, 8, 1) 0 0 0 0 0 0 0 0;" PATCHES "-> y", 2, 224,
                 224);
    expect_image("x? f32(-1, 4); y = Relu(x); -> y", 0, 0, 0);
}

static void test_description(void **state)
{
    (void)state;
    struct deit_loaded loaded =
        load(INPUT "spare: f32(2) 1 2; one: f16(1) 15360; y = Gemm(x, w, one); -> y",
             NAMES("logits"));
    const struct deit_description *d = &loaded.description;
    assert_string_equal(d->name, "made");
    assert_string_equal(d->format, "onnx");
    assert_string_equal(d->architecture, "ONNX graph, 1 nodes, opset 13");
    assert_int_equal(d->n_parameters, 12 + 3 + 2 + 1);
    assert_int_equal(d->weight_bytes, 4 * (12 + 3 + 2) + 2);
    assert_int_equal(d->n_unused, 2);
    assert_string_equal(d->unused[0], "b");
    assert_string_equal(d->unused[1], "spare");
    assert_null(d->labels);
    deit_loaded_done(&loaded);
}

/* An f16 input is f32 outside and rounded inside. */
static void test_half_input(void **state)
{
    (void)state;
    struct deit_loaded loaded = load("x? f16(-1, 2); y = Relu(x); -> y", NAMES("features"));
    const struct deit_graph *g = loaded.graph;
    assert_int_equal(g->values[0].origin, DEIT_FROM_INPUT);
    assert_int_equal(g->values[0].dtype, DEIT_F32);
    assert_int_equal(g->nodes[0].kind, DEIT_NODE_CAST);
    assert_int_equal(g->nodes[0].attrs.cast.to, DEIT_F16);
    assert_int_equal(g->n_nodes, 2);
    deit_loaded_done(&loaded);
}

/* ------------------------------------------------------------------ from folders */

static char folder[256];

static const char *in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *data, size_t bytes)
{
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    fclose(f);
}

static void write_model(const char *name)
{
    struct text_model m;
    text_model_init(&m, 13, "x? f32(-1, 3, -1, -1); w: f32(3, 2) 1 2 3 4 5 6;"
                            "f = GlobalAveragePool(x); g = Flatten(f); y = MatMul(g, w); -> y");
    write_file(name, m.file, m.bytes);
    text_model_done(&m);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static int make_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/deit-import-XXXXXX", base ? base : "/tmp");
    return mkdtemp(folder) && !mkdir(in_folder("onnx"), 0700) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = { "model.onnx", "a.onnx", "b.onnx", "other", "config.json",
                                         "onnx/model.onnx", "onnx/config.json", "onnx" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(in_folder(names[i]));
    return rmdir(folder);
}

static enum deit_status open_path(const char *path, struct deit_loaded *loaded,
                                  struct deit_error *err)
{
    *err = (struct deit_error){ 0 };
    return deit_load_path(path, loaded, err);
}

static void must_open(const char *path, const char *name)
{
    struct deit_loaded loaded;
    struct deit_error err;
    if (open_path(path, &loaded, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    assert_string_equal(loaded.description.format, "onnx");
    assert_string_equal(loaded.description.name, in_folder(name));
    deit_loaded_done(&loaded);
}

static void test_folders(void **state)
{
    (void)state;
    struct deit_loaded loaded;
    struct deit_error err;
    write_model("a.onnx");
    must_open(folder, "a.onnx");
    write_model("b.onnx");
    assert_int_equal(open_path(folder, &loaded, &err), DEIT_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "give one of: a.onnx, b.onnx"));
    write_model("onnx/model.onnx");
    must_open(folder, "onnx/model.onnx");
    write_model("model.onnx");
    must_open(folder, "model.onnx");
    write_model("other"); /* by content */
    must_open(in_folder("other"), "other");
    write_text("b.onnx", "no model");
    assert_int_equal(open_path(in_folder("b.onnx"), &loaded, &err), DEIT_ERR_FORMAT);
}

static void test_configs(void **state)
{
    (void)state;
    static const char labels[] =
        "{\"model_type\": \"vit\", \"image_size\": 32, "
        "\"id2label\": {\"0\": \"cat\", \"1\": \"dog\"}}";
    struct deit_loaded loaded;
    struct deit_error err;
    write_model("onnx/model.onnx");
    write_text("config.json", labels);
    assert_int_equal(open_path(in_folder("onnx/model.onnx"), &loaded, &err), DEIT_OK);
    assert_int_equal(deit_labels_count(loaded.description.labels), 2);
    assert_int_equal(loaded.description.height, 32);
    assert_int_equal(loaded.description.recipe.auto_kind, DEIT_RECIPE_HF);
    deit_loaded_done(&loaded);

    write_text("onnx/config.json", "{\"num_labels\": 7}"); /* nearer, and wrong */
    assert_int_equal(open_path(folder, &loaded, &err), DEIT_ERR_FORMAT);
    assert_non_null(strstr(err.message, "num_labels"));
    assert_non_null(strstr(err.message, "7 classes"));
    write_text("onnx/config.json", "{}");
    assert_int_equal(open_path(folder, &loaded, &err), DEIT_OK);
    assert_int_equal(loaded.description.recipe.auto_kind, DEIT_RECIPE_TIMM);
    deit_loaded_done(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_output),
        cmocka_unit_test(test_several_outputs),
        cmocka_unit_test(test_mean),
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_half_input),
        cmocka_unit_test_setup_teardown(test_folders, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_configs, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
