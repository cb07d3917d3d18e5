/*
 * tests/raised/test_raised.c: every exporter's DeiT ends as the graph that the safetensors path
 * builds.
 *
 * The nodes of the raised graph are counted by kind: seven a block, the embedding, the last norm
 * and the heads; with heads, the two selections of the rows that they read and a linear for the
 * last block's queries; and nothing else.
 *
 *     test_raised             every float DeiT, ViT and DeiT III of the shared test data
 *     test_raised MODEL...    these
 *
 * With --counts MODEL... a line for each model says how many nodes of each kind it has, for tests
 * that compare models: "attention=2 linear=8 ...", raised kinds marked by a plus in front.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kind.h"
#include "runtime/model.h"
#include "runtime/specialise.h"
#include "tests/common/shared.h"

struct counts {
    size_t of[DEIT_N_NODE_KINDS];
};

static void require(enum deit_status status, const struct deit_error *err)
{
    if (status == DEIT_OK)
        return;
    printf("FAILED: %s\n", err->message);
    exit(1);
}

static struct deit_graph *raised(const deit_model *model)
{
    const char *const output = model->description.n_classes ? "logits" : "features";
    size_t batch = deit_model_batch(model);
    const struct deit_specialise_options options = {
        .batch = batch ? batch : 2,
        .height = model->description.height,
        .width = model->description.width,
        .n_names = 1,
        .names = &output,
    };
    struct deit_error err;
    struct deit_graph *graph = NULL;
    require(deit_specialise(model->graph, &options, &graph, &err), &err);
    return graph;
}

static void print_others(const struct deit_graph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        if (node->kind > DEIT_NODE_HEADS)
            printf("    %s (%s)\n", node->name, deit_node_kind_name(node));
    }
}

/*
 * What a DeiT of so many blocks has; headless ones have no heads.  An input of half precision
 * is rounded to it first.
 */
static size_t check_counts(const char *name, const struct deit_graph *graph, bool is_headless)
{
    struct counts counts = { { 0 } };
    for (size_t i = 0; i < graph->n_nodes; i++)
        counts.of[graph->nodes[i].kind]++;
    size_t blocks = counts.of[DEIT_NODE_ATTENTION];
    size_t heads = is_headless ? 0 : 1;
    bool right = blocks > 0 && counts.of[DEIT_NODE_LAYERNORM] == 2 * blocks + 1 &&
                 counts.of[DEIT_NODE_LINEAR] == 4 * blocks + heads &&
                 counts.of[DEIT_NODE_FIRST_ROWS] == 2 * heads &&
                 counts.of[DEIT_NODE_PATCH_EMBED] == 1 && counts.of[DEIT_NODE_HEADS] == heads &&
                 counts.of[DEIT_NODE_CAST] <= 1 &&
                 graph->n_nodes == 7 * blocks + 2 + 4 * heads + counts.of[DEIT_NODE_CAST];
    printf("%-28s %zu blocks, %zu layernorm, %zu linear, %zu patch_embed, %zu heads, %zu nodes%s\n",
           name, blocks, counts.of[DEIT_NODE_LAYERNORM], counts.of[DEIT_NODE_LINEAR],
           counts.of[DEIT_NODE_PATCH_EMBED], counts.of[DEIT_NODE_HEADS], graph->n_nodes,
           right ? "" : "  FAILED");
    if (!right)
        print_others(graph);
    return !right;
}

static size_t check_model(const char *name, const char *path, bool is_headless)
{
    struct deit_error err;
    deit_model *model;
    if (deit_model_open(path, NULL, &model, &err) != DEIT_OK) {
        printf("%-28s FAILED: %s\n", name, err.message);
        return 1;
    }
    struct deit_graph *graph = raised(model);
    size_t failures = check_counts(name, graph, is_headless);
    deit_graph_free(graph);
    deit_model_close(model);
    return failures;
}

enum { FIELD = 512 };

/* Copies field 'index' of a line whose fields are divided by tabs; an empty string: too few. */
static const char *field(const char *line, int index, char *text)
{
    for (; index > 0; index--) {
        line += strcspn(line, "\t");
        line += *line == '\t';
    }
    snprintf(text, FIELD, "%.*s", (int)strcspn(line, "\t\n"), line);
    return text;
}

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words && strcmp(text, *words))
        words++;
    return *words != NULL;
}

static size_t check_row(const char *line, size_t *n)
{
    static const char *const families[] = { "deit", "deit-distilled", "hf-deit", "hf-vit",
                                            "deit3", NULL };
    static const char *const floats[] = { "f32", "f16", "bf16", NULL };
    enum { NAME = 0, MODEL = 1, KIND = 2, FAMILY = 5, OUTPUTS = 6, DTYPE = 7 };
    char name[FIELD], text[FIELD], path[1024], below[FIELD + 16];
    if (strncmp(field(line, KIND, text), "onnx", 4) ||
        !is_one_of(field(line, FAMILY, text), families) ||
        !is_one_of(field(line, DTYPE, text), floats))
        return 0;
    ++*n;
    snprintf(below, sizeof below, "exports/%s", field(line, MODEL, text));
    bool is_headless = !strcmp(field(line, OUTPUTS, text), "features");
    return check_model(field(line, NAME, name), deit_test_shared(path, sizeof path, below),
                       is_headless);
}

static size_t check_exports(size_t *n)
{
    char path[1024], line[4096];
    size_t failures = 0;
    FILE *table = fopen(deit_test_shared(path, sizeof path, "exports/manifest.tsv"), "r");
    while (table && fgets(line, sizeof line, table))
        failures += check_row(line, n);
    if (table)
        fclose(table);
    return failures;
}

static void print_counts(const char *path)
{
    struct deit_error err;
    deit_model *model;
    require(deit_model_open(path, NULL, &model, &err), &err);
    struct deit_graph *graph = raised(model);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const char *name = deit_node_kind_name(&graph->nodes[i]);
        size_t n = 0;
        bool is_first = true;
        for (size_t k = 0; k < graph->n_nodes; k++)
            if (!strcmp(deit_node_kind_name(&graph->nodes[k]), name)) {
                is_first = is_first && k >= i;
                n++;
            }
        if (is_first)
            printf("%s%s=%zu ", graph->nodes[i].kind <= DEIT_NODE_HEADS ? "+" : "", name, n);
    }
    printf("\n");
    deit_graph_free(graph);
    deit_model_close(model);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--counts")) {
        for (int i = 2; i < argc; i++)
            print_counts(argv[i]);
        return 0;
    }
    size_t n = 0, failures = 0;
    for (int i = 1; i < argc; i++)
        failures += check_model(argv[i], argv[i], false);
    if (argc > 1)
        return failures != 0;
    failures = check_exports(&n);
    printf("%zu models, %zu not as expected\n", n, failures);
    return failures || n < 30;
}
