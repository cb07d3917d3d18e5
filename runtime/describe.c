/*
 * runtime/describe.c: what a graph is, in one line for people.
 *
 * Only raised nodes are looked at: what an exporter called its nodes, and how it spelled
 * attention, are gone by then, so all files of one model are described alike.
 */
#include "runtime/describe.h"

#include <stdio.h>
#include <string.h>

char *deit_facts_print(const struct deit_facts *facts)
{
    char patch[32], other[64] = "", text[320];
    if (facts->patch_height == facts->patch_width)
        snprintf(patch, sizeof patch, "%u", facts->patch_height);
    else
        snprintf(patch, sizeof patch, "%u x %u", facts->patch_height, facts->patch_width);
    if (facts->n_other)
        snprintf(other, sizeof other, ", %zu other node%s", facts->n_other,
                 facts->n_other == 1 ? "" : "s");
    snprintf(text, sizeof text, "%s, width %u, depth %u, %u head%s, patch %s, %u x %u%s",
             facts->family, facts->width, facts->depth, facts->n_heads,
             facts->n_heads == 1 ? "" : "s", patch, facts->image_height, facts->image_width,
             other);
    return strdup(text);
}

struct census {
    size_t n_of[DEIT_N_NODE_KINDS];
    const struct deit_node *embed, *attention; /* the first of each, or NULL */
    bool is_uneven; /* heads of another number or size further on */
    bool has_scale; /* a linear with a scale of columns: layer scale */
};

static void count_node(struct census *census, const struct deit_node *node)
{
    census->n_of[node->kind]++;
    if (node->kind == DEIT_NODE_PATCH_EMBED && !census->embed)
        census->embed = node;
    if (node->kind == DEIT_NODE_LINEAR && deit_node_input(node, DEIT_LINEAR_SCALE) >= 0)
        census->has_scale = true;
    if (node->kind != DEIT_NODE_ATTENTION)
        return;
    if (!census->attention)
        census->attention = node;
    census->is_uneven |=
        node->attrs.attention.n_heads != census->attention->attrs.attention.n_heads ||
        node->attrs.attention.head_dim != census->attention->attrs.attention.head_dim;
}

/*
 * Nodes beyond four linears and two norms a block, one embedding, a last norm, one node of heads
 * and the rounding of an input of half precision; 1 if some of these are missing.  Where the
 * last block computes few rows, its queries are a linear of their own.
 */
static size_t count_other(const struct deit_graph *graph, const struct census *census)
{
    size_t depth = census->n_of[DEIT_NODE_ATTENTION];
    size_t n_norms = census->n_of[DEIT_NODE_LAYERNORM], n_linears = census->n_of[DEIT_NODE_LINEAR];
    size_t n_selections = census->n_of[DEIT_NODE_FIRST_ROWS];
    bool has_blocks = n_linears == 4 * depth + (n_selections > 0) && n_norms >= 2 * depth &&
                      n_norms <= 2 * depth + 1;
    bool is_framed = census->n_of[DEIT_NODE_PATCH_EMBED] == 1 &&
                     census->n_of[DEIT_NODE_HEADS] <= 1;
    size_t n_casts = census->n_of[DEIT_NODE_CAST] ? 1 : 0;
    size_t n_usual = depth + n_norms + n_linears + n_casts + n_selections +
                     census->n_of[DEIT_NODE_PATCH_EMBED] + census->n_of[DEIT_NODE_HEADS];
    size_t n_other = graph->n_nodes - n_usual;
    return n_other || (has_blocks && is_framed) ? n_other : 1;
}

static const char *family_of(const struct census *census)
{
    const struct deit_patch_embed_attrs *attrs = &census->embed->attrs.patch_embed;
    return attrs->n_prefix == 2         ? "distilled DeiT"
           : census->has_scale          ? "DeiT III"
           : attrs->positions_of_prefix ? "DeiT"
                                        : "vision transformer";
}

bool deit_facts_find(const struct deit_graph *graph, struct deit_facts *facts)
{
    struct census census = { .embed = NULL };
    for (size_t i = 0; i < graph->n_nodes; i++)
        count_node(&census, &graph->nodes[i]);
    if (census.n_of[DEIT_NODE_PATCH_EMBED] != 1 || !census.attention || census.is_uneven)
        return false;

    const struct deit_patch_embed_attrs *embed = &census.embed->attrs.patch_embed;
    const struct deit_shape *image = &graph->values[census.embed->inputs[0]].shape;
    const struct deit_shape *tokens = &graph->values[census.embed->outputs[0]].shape;
    if (image->rank != 4 || tokens->rank != 3)
        return false;
    size_t n_other = count_other(graph, &census);
    *facts = (struct deit_facts){
        .family = n_other ? "vision transformer" : family_of(&census),
        .width = (uint32_t)tokens->dims[2],
        .depth = (uint32_t)census.n_of[DEIT_NODE_ATTENTION],
        .n_heads = census.attention->attrs.attention.n_heads,
        .patch_height = embed->patch_height,
        .patch_width = embed->patch_width,
        .image_height = (uint32_t)image->dims[2],
        .image_width = (uint32_t)image->dims[3],
        .n_other = n_other,
    };
    return true;
}
