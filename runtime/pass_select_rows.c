/*
 * runtime/pass_select_rows.c: what nobody reads need not be computed.
 *
 *     x ─> ... ─> linear ─> layernorm ─> heads
 *
 * Heads read the first tokens of an image, so first_rows is put in front of them and moved up
 * through every step that works row by row:
 *
 *     linear ─> first_rows ─>      becomes      first_rows ─> linear ─>
 *
 * An attention needs all keys and values, but only the queries of the rows that are read; a
 * linear that makes all three is cut in two for that.  It ends where a value has other readers:
 * in a DeiT at the last block's input and at its first norm.  Rows keep their bits, because no
 * element of any step depends on how many rows there are.
 */
#include <stdio.h>

#include "runtime/constant.h"
#include "runtime/kind.h"
#include "runtime/match.h"
#include "runtime/passes.h"

enum { Q, K, V, PROBS = 1 };

/* first_rows of 'value', shared by all who ask for as many; -1: out of memory. */
static int first_rows_of(struct deit_graph *graph, int value, uint32_t n)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        if (!node->is_dead && node->kind == DEIT_NODE_FIRST_ROWS && node->inputs[0] == value &&
            node->attrs.first_rows.n == n)
            return node->outputs[0];
    }
    char name[256];
    snprintf(name, sizeof name, "%s.first", graph->values[value].name);
    const char *names[] = { name };
    const union deit_attrs attrs = { .first_rows = { .n = n } };
    int made = deit_graph_add_node(graph, DEIT_NODE_FIRST_ROWS, name, &attrs, 1, &value, 1, names);
    if (made < 0 || deit_node_infer(graph, (size_t)made, NULL) != DEIT_OK)
        return -1;
    return graph->nodes[made].outputs[0];
}

static bool take_first_rows(struct deit_graph *graph, size_t index, int slot, uint32_t n)
{
    int rows = first_rows_of(graph, graph->nodes[index].inputs[slot], n);
    if (rows < 0)
        return false;
    graph->nodes[index].inputs[slot] = rows;
    deit_graph_changed(graph);
    return true;
}

/* Heads that read tokens by their place, and not all of them. */
static bool start_at_heads(struct deit_graph *graph, size_t index)
{
    const struct deit_node *heads = &graph->nodes[index];
    const struct deit_shape *tokens = deit_input_shape(graph, heads, 0);
    uint32_t n = deit_heads_rows(&heads->attrs.heads);
    return !heads->attrs.heads.pool_mean && tokens->rank == 3 && tokens->dims[1] > (int64_t)n &&
           take_first_rows(graph, index, 0, n);
}

/* ------------------------------------------------------------------ queries apart */

/* Rows [first, first + n) of a constant input as a constant of their own. */
static int rows_of(struct deit_graph *graph, const struct deit_node *node, int slot, size_t first,
                   size_t n)
{
    const struct deit_value *value = deit_input_value(graph, node, (size_t)slot);
    struct deit_constant part;
    struct deit_shape shape = value->shape;
    size_t k = slot == DEIT_LINEAR_WEIGHT ? (size_t)shape.dims[1] : 1;
    if (value->origin != DEIT_FROM_CONSTANT ||
        !deit_constant_rows(&value->constant, k, first, n, &part))
        return -1;
    shape.dims[0] = (int64_t)n;
    return deit_graph_add_constant(graph, value->name, value->dtype, shape, &part);
}

/* Whether one plain linear makes q, k and v of this attention, queries in front. */
static bool is_joint(const struct deit_graph *graph, const struct deit_node *attention)
{
    const struct deit_attention_attrs *attrs = &attention->attrs.attention;
    const struct deit_node *linear =
        deit_match_any_producer(graph, attention->inputs[Q], DEIT_NODE_LINEAR);
    uint32_t width = attrs->n_heads * attrs->head_dim;
    return linear && deit_pass_is_plain(linear) && attention->inputs[K] == attention->inputs[Q] &&
           attention->inputs[V] == attention->inputs[Q] &&
           deit_graph_count_uses(graph, attention->inputs[Q]) == 3 && attrs->q_column == 0 &&
           attrs->k_column >= width && attrs->v_column >= width;
}

/* A linear of queries beside that of keys and values. */
static bool split_queries(struct deit_graph *graph, size_t index)
{
    const struct deit_attention_attrs *attrs = &graph->nodes[index].attrs.attention;
    uint32_t width = attrs->n_heads * attrs->head_dim;
    int joint = graph->nodes[index].inputs[Q];
    size_t linear = (size_t)graph->values[joint].producer;
    size_t others = (size_t)graph->values[joint].shape.dims[2] - width;
    int q[3] = { graph->nodes[linear].inputs[DEIT_LINEAR_X], -1, -1 }, kv[3] = { q[0], -1, -1 };
    for (int slot = DEIT_LINEAR_WEIGHT; slot <= DEIT_LINEAR_BIAS; slot++) {
        if (graph->nodes[linear].inputs[slot] < 0)
            continue;
        q[slot] = rows_of(graph, &graph->nodes[linear], slot, 0, width);
        kv[slot] = rows_of(graph, &graph->nodes[linear], slot, width, others);
        if (q[slot] < 0 || kv[slot] < 0)
            return false;
    }
    const char *name = graph->values[joint].name;
    const union deit_attrs plain = { .linear = { .activation = DEIT_ACTIVATION_NONE } };
    int made = deit_graph_add_node(graph, DEIT_NODE_LINEAR, graph->nodes[linear].name, &plain, 3,
                                   q, 1, &name);
    if (made < 0 || deit_node_infer(graph, (size_t)made, NULL) != DEIT_OK)
        return false;
    for (int slot = DEIT_LINEAR_WEIGHT; slot <= DEIT_LINEAR_BIAS; slot++)
        graph->nodes[linear].inputs[slot] = kv[slot];
    graph->values[joint].shape.dims[2] = (int64_t)others;

    struct deit_node *attention = &graph->nodes[index];
    attention->inputs[Q] = graph->nodes[made].outputs[0];
    attention->attrs.attention.k_column -= width;
    attention->attrs.attention.v_column -= width;
    deit_graph_changed(graph);
    return true;
}

/* ------------------------------------------------------------------ upwards */

/* Operands of an elementwise node have all rows, or one that is meant for each. */
static bool narrow_elementwise(struct deit_graph *graph, size_t index, size_t n_operands,
                               uint32_t n)
{
    const struct deit_shape y = *deit_output_shape(graph, &graph->nodes[index], 0);
    bool has_rows[2] = { false, false };
    for (size_t k = 0; k < n_operands; k++) {
        const struct deit_value *operand = deit_input_value(graph, &graph->nodes[index], k);
        const struct deit_shape *shape = &operand->shape;
        has_rows[k] = deit_shape_equal(shape, &y);
        bool is_for_each = shape->rank < 2 || shape->dims[shape->rank - 2] == 1;
        if (operand->dtype != DEIT_F32 || !(has_rows[k] || is_for_each))
            return false;
    }
    for (size_t k = 0; k < n_operands; k++)
        if (has_rows[k] && !take_first_rows(graph, index, (int)k, n))
            return false;
    return true;
}

/* Lets node 'index' compute only the rows that its one reader takes. */
static bool narrow(struct deit_graph *graph, size_t index, uint32_t n)
{
    switch (graph->nodes[index].kind) {
    case DEIT_NODE_LAYERNORM:
        return take_first_rows(graph, index, 0, n);
    case DEIT_NODE_LINEAR:
        return take_first_rows(graph, index, DEIT_LINEAR_X, n) &&
               (graph->nodes[index].inputs[DEIT_LINEAR_RESIDUAL] < 0 ||
                take_first_rows(graph, index, DEIT_LINEAR_RESIDUAL, n));
    case DEIT_NODE_ATTENTION:
        if (deit_node_output(&graph->nodes[index], PROBS) >= 0 &&
            deit_graph_count_uses(graph, graph->nodes[index].outputs[PROBS]))
            return false;
        if (is_joint(graph, &graph->nodes[index]) && !split_queries(graph, index))
            return false;
        return take_first_rows(graph, index, Q, n);
    case DEIT_NODE_UNARY:
        return narrow_elementwise(graph, index, 1, n);
    case DEIT_NODE_BINARY:
        return narrow_elementwise(graph, index, 2, n);
    default:
        return false;
    }
}

static bool move_up(struct deit_graph *graph, size_t index)
{
    int value = graph->nodes[index].inputs[0], rows = graph->nodes[index].outputs[0];
    int producer = graph->values[value].producer;
    if (producer < 0 || deit_graph_count_uses(graph, value) != 1 ||
        graph->values[value].shape.rank != 3 ||
        !narrow(graph, (size_t)producer, graph->nodes[index].attrs.first_rows.n))
        return false;
    graph->values[value].shape = graph->values[rows].shape;
    graph->nodes[index].is_dead = true;
    deit_graph_replace_uses(graph, rows, value);
    return true;
}

size_t deit_pass_select_rows(struct deit_graph *graph)
{
    size_t changes = 0;
    for (size_t i = graph->n_nodes; i-- > 0;)
        if (!graph->nodes[i].is_dead && graph->nodes[i].kind == DEIT_NODE_HEADS)
            changes += start_at_heads(graph, i);
    /* One way up may have to wait for another one to join it. */
    for (size_t moved = 1; moved; changes += moved) {
        moved = 0;
        for (size_t i = 0; i < graph->n_nodes; i++)
            if (!graph->nodes[i].is_dead && graph->nodes[i].kind == DEIT_NODE_FIRST_ROWS)
                moved += move_up(graph, i);
    }
    if (changes)
        deit_graph_sort(graph);
    return changes;
}
