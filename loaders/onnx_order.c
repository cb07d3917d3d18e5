/*
 * loaders/onnx_order.c: sorting the nodes of a graph.
 *
 * The standard asks for sorted nodes and tools that edit graphs forget it.  What a node needs
 * are its inputs and whatever its subgraphs take from around them.  Kahn's algorithm on a list
 * of edges: its work is linear in what the file holds.
 */
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_import.h"
#include "loaders/onnx_names.h"
#include "runtime/error.h"

struct edge {
    int from, to; /* nodes */
    const char *name;
};

struct sorter {
    const struct deit_onnx *onnx;
    const DeitOnnx__GraphProto *graph;
    struct deit_onnx_names producers; /* of what the graph's nodes put out */
    struct edge *edges;
    size_t n_edges, room;
    size_t *first;    /* (n_node + 1): the edges of a node, once they are sorted by 'from' */
    size_t *missing;  /* (n_node): how many producers are not placed yet */
    bool is_out_of_memory, is_unsorted;
};

static void sorter_done(struct sorter *s)
{
    deit_onnx_names_done(&s->producers);
    free(s->edges);
    free(s->first);
    free(s->missing);
}

static void add_edge(struct sorter *s, const char *name, int to)
{
    int from = *deit_onnx_text(name) ? deit_onnx_names_get(&s->producers, name) : -1;
    if (from < 0 || s->is_out_of_memory)
        return;
    if (s->n_edges == s->room) {
        size_t wanted = s->room ? 2 * s->room : 256;
        struct edge *bigger = realloc(s->edges, wanted * sizeof *bigger);
        if (!bigger) {
            s->is_out_of_memory = true;
            return;
        }
        s->edges = bigger;
        s->room = wanted;
    }
    s->edges[s->n_edges++] = (struct edge){ .from = from, .to = to, .name = name };
    if (from >= to)
        s->is_unsorted = true;
}

/* Names inside of subgraphs that are not from here find no producer; depth is bounded. */
static void add_node(struct sorter *s, const DeitOnnx__NodeProto *node, int to)
{
    for (size_t i = 0; i < node->n_input; i++)
        add_edge(s, node->input[i], to);
    for (size_t i = 0; i < node->n_attribute; i++) {
        const DeitOnnx__GraphProto *sub = node->attribute[i]->g;
        for (size_t k = 0; sub && k < sub->n_node; k++)
            add_node(s, sub->node[k], to);
        for (size_t k = 0; sub && k < sub->n_output; k++)
            add_edge(s, sub->output[k]->name, to);
    }
}

static void find_edges(struct sorter *s)
{
    const DeitOnnx__GraphProto *graph = s->graph;
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_output; k++)
            if (*deit_onnx_text(graph->node[i]->output[k]) &&
                !deit_onnx_names_set(&s->producers, graph->node[i]->output[k], (int)i))
                s->is_out_of_memory = true;
    for (size_t i = 0; i < graph->n_node; i++)
        add_node(s, graph->node[i], (int)i);
}

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    return x->from != y->from ? (x->from > y->from) - (x->from < y->from)
                              : (x->to > y->to) - (x->to < y->to);
}

static void index_edges(struct sorter *s)
{
    if (s->n_edges)
        qsort(s->edges, s->n_edges, sizeof *s->edges, compare_edges);
    for (size_t i = 0; i < s->n_edges; i++) {
        s->first[s->edges[i].from + 1]++;
        s->missing[s->edges[i].to]++;
    }
    for (size_t i = 0; i < s->graph->n_node; i++)
        s->first[i + 1] += s->first[i];
}

/* How many nodes were placed; a queue of those that are ready is the order itself. */
static size_t place(struct sorter *s, size_t *order)
{
    size_t n = 0;
    for (size_t i = 0; i < s->graph->n_node; i++)
        if (!s->missing[i])
            order[n++] = i;
    for (size_t done = 0; done < n; done++)
        for (size_t i = s->first[order[done]]; i < s->first[order[done] + 1]; i++)
            if (--s->missing[s->edges[i].to] == 0)
                order[n++] = (size_t)s->edges[i].to;
    return n;
}

/* Going back from a node that could not be placed, again and again, ends in a cycle. */
static enum deit_status cycle(const struct sorter *s, struct deit_error *err)
{
    int node = 0;
    const char *input = "";
    while (!s->missing[node])
        node++;
    const struct edge **back = calloc(s->graph->n_node, sizeof(struct edge *));
    if (!back)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", s->onnx->name);
    for (size_t i = 0; i < s->n_edges; i++)
        if (s->missing[s->edges[i].from])
            back[s->edges[i].to] = &s->edges[i];
    for (size_t i = 0; i <= s->graph->n_node; i++) {
        input = back[node]->name;
        node = back[node]->from;
    }
    input = back[node]->name;
    free(back);
    return deit_onnx_node_fail(s->onnx, s->graph->node[node], err, DEIT_ERR_FORMAT,
                               "input '%s' depends on the node's own output", input);
}

enum deit_status deit_onnx_order(const struct deit_onnx *onnx, const DeitOnnx__GraphProto *graph,
                                 size_t *order, struct deit_error *err)
{
    struct sorter s = { .onnx = onnx, .graph = graph };
    s.first = calloc(graph->n_node + 1, sizeof *s.first);
    s.missing = calloc(graph->n_node + 1, sizeof *s.missing);
    s.is_out_of_memory = !s.first || !s.missing;
    if (!s.is_out_of_memory)
        find_edges(&s);
    enum deit_status status = DEIT_OK;
    if (s.is_out_of_memory) {
        status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    } else if (!s.is_unsorted) {
        for (size_t i = 0; i < graph->n_node; i++)
            order[i] = i;
    } else {
        index_edges(&s);
        if (place(&s, order) < graph->n_node)
            status = cycle(&s, err);
    }
    sorter_done(&s);
    return status;
}
