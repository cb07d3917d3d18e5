/*
 * runtime/pass_raise_patch_embed.c
 *
 *     image ─> conv, stride = kernel ─> reshape ─> transpose ─> [concat behind prefix tokens]
 *           ─> [+ positions] ─>                               becomes      patch_embed ─>
 *
 * Positions are added behind the concat (DeiT, with rows for the prefix) or in front of it
 * (DeiT III, without).
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/kind.h"
#include "runtime/match.h"
#include "runtime/passes.h"
#include "runtime/view.h"

/* The convolution of which 'value' is the tokens (batch, patches, d); NULL if it is not. */
static const struct deit_node *projection_of(const struct deit_graph *graph, int value)
{
    struct deit_view view;
    deit_view_of(graph, value, &view);
    const struct deit_node *conv = deit_match_any_producer(graph, view.base, DEIT_NODE_CONV);
    if (!conv || view.scale != 1)
        return NULL;
    const struct deit_window_attrs *w = &conv->attrs.window;
    const struct deit_shape *out = deit_output_shape(graph, conv, 0);
    int64_t patches = out->dims[2] * out->dims[3], d = out->dims[1];
    const int64_t dims[] = { out->dims[0], patches, d };
    const int64_t strides[] = { patches * d, 1, patches };
    bool plain = w->kernel_height == w->stride_height && w->kernel_width == w->stride_width &&
                 w->dilation_height == 1 && w->dilation_width == 1 && w->groups == 1 &&
                 !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right;
    bool constant = graph->values[conv->inputs[1]].origin == DEIT_FROM_CONSTANT;
    return plain && constant && deit_view_is(&view, 3, dims, strides, 0) ? conv : NULL;
}

/*
 * A constant (batch, rows, d) or (rows, d) whose batches are equal, as the constant of its
 * first batch with shape (rows, d); -1 if it is something else.
 */
static int one_batch(struct deit_graph *graph, int value, int64_t rows, int64_t d)
{
    const struct deit_value *v = &graph->values[value];
    size_t count, n = (size_t)(rows * d);
    if (v->origin != DEIT_FROM_CONSTANT || v->dtype != DEIT_F32 ||
        !deit_shape_count(&v->shape, &count) || v->shape.rank < 2 || count % n != 0 ||
        v->shape.dims[v->shape.rank - 1] != d || v->shape.dims[v->shape.rank - 2] != rows)
        return -1;
    float *all = malloc(count * sizeof *all);
    bool equal = all && deit_constant_read(&v->constant, v->name, DEIT_F32, 0, count, all, NULL) ==
                            DEIT_OK;
    for (size_t i = n; equal && i < count; i += n)
        equal = !memcmp(all, all + i, n * sizeof *all);
    free(all);
    if (!equal)
        return -1;
    struct deit_constant constant = v->constant;
    if (count != n) {
        if (constant.n_parts != 1)
            return -1;
        constant.parts[0].n_elements = n;
    }
    return deit_graph_add_constant(graph, v->name, DEIT_F32, deit_shape_of(2, rows, d), &constant);
}

struct found {
    const struct deit_node *conv;
    int prefix[2];
    uint32_t n_prefix;
    int positions;
    bool positions_of_prefix;
};

/* 'value' is tokens plus constant positions, or tokens alone. */
static int without_positions(struct deit_graph *graph, int value, int *positions)
{
    const struct deit_node *sum = deit_match_any_producer(graph, value, DEIT_NODE_BINARY);
    const struct deit_shape *shape = &graph->values[value].shape;
    if (!sum || sum->attrs.binary != DEIT_ADD || shape->rank != 3 || *positions >= 0)
        return value;
    int a = sum->inputs[0], b = sum->inputs[1];
    for (int k = 0; k < 2; k++) {
        int table = one_batch(graph, k ? a : b, shape->dims[1], shape->dims[2]);
        if (table >= 0) {
            *positions = table;
            return k ? b : a;
        }
    }
    return value;
}

/* 'value' is prefix tokens and patches one behind the other. */
static int without_prefix(struct deit_graph *graph, int value, struct found *found)
{
    const struct deit_node *concat = deit_match_any_producer(graph, value, DEIT_NODE_CONCAT);
    const struct deit_shape *shape = &graph->values[value].shape;
    int axis = concat ? concat->attrs.axis.axis : 0;
    if (!concat || shape->rank != 3 || (axis != 1 && axis != -2) || concat->n_inputs < 2 ||
        concat->n_inputs > 3)
        return value;
    int inputs[3] = { concat->inputs[0], concat->inputs[1],
                      concat->n_inputs == 3 ? concat->inputs[2] : -1 };
    uint32_t n = (uint32_t)concat->n_inputs - 1;
    int64_t d = shape->dims[2];
    for (uint32_t i = 0; i < n; i++) {
        int token = one_batch(graph, inputs[i], 1, d);
        if (token < 0)
            return value;
        found->prefix[i] = deit_graph_add_constant(graph, graph->values[token].name, DEIT_F32,
                                                   deit_shape_of(1, d),
                                                   &graph->values[token].constant);
    }
    found->n_prefix = n;
    return inputs[n];
}

static bool match(struct deit_graph *graph, int value, struct found *found)
{
    *found = (struct found){ .prefix = { -1, -1 }, .positions = -1 };
    int tokens = without_positions(graph, value, &found->positions);
    found->positions_of_prefix = found->positions >= 0;
    tokens = without_prefix(graph, tokens, found);
    if (found->positions < 0) {
        tokens = without_positions(graph, tokens, &found->positions);
        found->positions_of_prefix = false;
    }
    if (!found->n_prefix)
        found->positions_of_prefix = false;
    found->conv = projection_of(graph, tokens);
    return found->conv != NULL;
}

static bool try_raise(struct deit_graph *graph, size_t index)
{
    struct found found;
    if (!match(graph, graph->nodes[index].outputs[0], &found))
        return false;
    const struct deit_window_attrs *w = &found.conv->attrs.window;
    const union deit_attrs attrs = { .patch_embed = {
        .patch_height = w->kernel_height,
        .patch_width = w->kernel_width,
        .n_prefix = found.n_prefix,
        .positions_of_prefix = found.positions_of_prefix,
    } };
    const int inputs[] = { found.conv->inputs[0], found.conv->inputs[1],
                           deit_node_input(found.conv, 2), found.positions, found.prefix[0],
                           found.prefix[1] };
    return deit_match_replace(graph, &graph->nodes[index], DEIT_NODE_PATCH_EMBED, &attrs, 6,
                              inputs) != NULL;
}

/* From the end, so that the longest form is found before a part of it. */
size_t deit_pass_raise_patch_embed(struct deit_graph *graph)
{
    for (size_t i = graph->n_nodes; i-- > 0;) {
        const struct deit_node *node = &graph->nodes[i];
        bool may_end = node->kind == DEIT_NODE_BINARY || node->kind == DEIT_NODE_CONCAT ||
                       node->kind == DEIT_NODE_TRANSPOSE;
        if (!node->is_dead && may_end && node->outputs[0] >= 0 &&
            graph->values[node->outputs[0]].shape.rank == 3 && try_raise(graph, i))
            return 1;
    }
    return 0;
}
