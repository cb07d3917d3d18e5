/*
 * runtime/pass_raise_attention.c
 *
 *     q ─────────┐
 *     k^T ──> matmul ─> softmax ─> matmul ─> transpose ─> reshape ─>     becomes    attention ─>
 *     v ──────────────────────────────┘
 *
 * q, k and v may be any views of values (batch, tokens, columns), and the scale any product of
 * factors on q, k and the scores: runtime/view.h takes both apart.
 */
#include <math.h>

#include "runtime/kind.h"
#include "runtime/match.h"
#include "runtime/passes.h"
#include "runtime/view.h"

/* Whether 'view' is (batch, heads, tokens, head_dim) of a dense (batch, tokens, columns). */
static bool is_heads(const struct deit_graph *graph, const struct deit_view *view,
                     bool is_transposed, const int64_t *dims, uint32_t *column)
{
    const struct deit_shape *base = &graph->values[view->base].shape;
    int64_t batch = dims[0], heads = dims[1], tokens = dims[2], head_dim = dims[3];
    if (base->rank != 3 || base->dims[0] != batch || base->dims[1] != tokens ||
        graph->values[view->base].origin != DEIT_FROM_NODE)
        return false;
    int64_t columns = base->dims[2];
    const int64_t wanted[] = { batch, heads, tokens, head_dim };
    const int64_t strides[] = { tokens * columns, head_dim, columns, 1 };
    const int64_t turned[] = { batch, heads, head_dim, tokens };
    const int64_t turned_strides[] = { tokens * columns, head_dim, 1, columns };
    if (view->offset + heads * head_dim > columns)
        return false;
    *column = (uint32_t)view->offset;
    return is_transposed ? deit_view_is(view, 4, turned, turned_strides, view->offset)
                         : deit_view_is(view, 4, wanted, strides, view->offset);
}

/* The matmul behind a softmax, without scalar factors, which go to '*scale'. */
static const struct deit_node *scores_of(const struct deit_graph *graph,
                                         const struct deit_node *softmax, double *scale)
{
    int value = softmax->inputs[0];
    for (;;) {
        const struct deit_node *node = deit_match_producer(graph, value, DEIT_NODE_BINARY);
        float factor;
        if (!node || !deit_match_factor(graph, node, &value, &factor))
            break;
        *scale *= (double)factor;
    }
    return deit_match_producer(graph, value, DEIT_NODE_MATMUL);
}

/*
 * The value of the probabilities that the second product reads: exports of scaled dot product
 * attention replace NaN by 0 there, which only fully masked rows have.
 */
static int without_nan_guard(const struct deit_graph *graph, int probabilities)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct deit_node *node = &graph->nodes[i];
        float zero;
        if (node->is_dead || node->kind != DEIT_NODE_WHERE || node->inputs[2] != probabilities)
            continue;
        const struct deit_node *test =
            deit_match_any_producer(graph, node->inputs[0], DEIT_NODE_UNARY);
        if (test && test->attrs.unary == DEIT_IS_NAN && test->inputs[0] == probabilities &&
            deit_match_scalar(graph, node->inputs[1], &zero) && zero == 0.0f &&
            deit_graph_count_uses(graph, probabilities) == 2)
            return node->outputs[0];
    }
    return probabilities;
}

struct found {
    struct deit_attention_attrs attrs;
    int q, k, v;
};

static bool match_inputs(const struct deit_graph *graph, const struct deit_node *softmax,
                         const struct deit_node *product, struct found *found)
{
    double scale = 1;
    const struct deit_node *scores = scores_of(graph, softmax, &scale);
    const struct deit_shape *context = deit_output_shape(graph, product, 0);
    if (!scores || context->rank != 4)
        return false;

    struct deit_view q, k, v;
    deit_view_of(graph, scores->inputs[0], &q);
    deit_view_of(graph, scores->inputs[1], &k);
    deit_view_of(graph, product->inputs[1], &v);
    int64_t n_kv = deit_output_shape(graph, scores, 0)->dims[3];
    const int64_t q_dims[] = { context->dims[0], context->dims[1], context->dims[2],
                               context->dims[3] };
    const int64_t kv_dims[] = { q_dims[0], q_dims[1], n_kv, q_dims[3] };
    if (!is_heads(graph, &q, false, q_dims, &found->attrs.q_column) ||
        !is_heads(graph, &k, true, kv_dims, &found->attrs.k_column) ||
        !is_heads(graph, &v, false, kv_dims, &found->attrs.v_column) || v.scale != 1)
        return false;

    found->attrs.n_heads = (uint32_t)q_dims[1];
    found->attrs.head_dim = (uint32_t)q_dims[3];
    scale *= q.scale * k.scale;
    double usual = 1 / sqrt((double)q_dims[3]); /* written as sqrt(sqrt(1/d))^2, or 1/8.0 */
    found->attrs.scale = (float)(deit_match_close(scale, usual, 4) ? usual : scale);
    found->q = q.base;
    found->k = k.base;
    found->v = v.base;
    return found->attrs.scale > 0;
}

/*
 * The transpose in front of the reshape that lays the heads of a token side by side, with batch
 * and tokens apart or as one; NULL if there is none.
 */
static struct deit_node *joined_heads(const struct deit_graph *graph,
                                      const struct deit_node *product)
{
    const struct deit_shape *context = deit_output_shape(graph, product, 0);
    struct deit_node *turn = deit_match_user(graph, product->outputs[0]);
    if (!turn || turn->kind != DEIT_NODE_TRANSPOSE || turn->attrs.transpose.n != 4)
        return NULL;
    const int32_t *axis = turn->attrs.transpose.axis;
    if (axis[0] != 0 || axis[1] != 2 || axis[2] != 1 || axis[3] != 3)
        return NULL;
    const struct deit_node *join = deit_match_user(graph, turn->outputs[0]);
    if (!join || join->kind != DEIT_NODE_RESHAPE)
        return NULL;
    const struct deit_shape *shape = deit_output_shape(graph, join, 0);
    bool side_by_side =
        shape->rank >= 2 && shape->dims[shape->rank - 1] == context->dims[1] * context->dims[3];
    return side_by_side ? turn : NULL;
}

static bool try_raise(struct deit_graph *graph, const struct deit_node *softmax)
{
    const struct deit_shape *shape = deit_output_shape(graph, softmax, 0);
    int axis = softmax->attrs.axis.axis;
    if (shape->rank != 4 || (axis != 3 && axis != -1))
        return false;
    int probabilities = without_nan_guard(graph, softmax->outputs[0]);
    const struct deit_node *product = deit_match_user(graph, probabilities);
    struct found found;
    if (!product || product->kind != DEIT_NODE_MATMUL || product->inputs[0] != probabilities ||
        !match_inputs(graph, softmax, product, &found))
        return false;
    struct deit_node *turn = joined_heads(graph, product);
    if (!turn)
        return false;
    const struct deit_shape context = *deit_output_shape(graph, product, 0);
    int value = turn->outputs[0];
    const union deit_attrs attrs = { .attention = found.attrs };
    const int inputs[] = { found.q, found.k, found.v };
    if (!deit_match_replace(graph, turn, DEIT_NODE_ATTENTION, &attrs, 3, inputs))
        return false;
    graph->values[value].shape = deit_shape_of(3, context.dims[0], context.dims[2],
                                               context.dims[1] * context.dims[3]);
    return true; /* the reshape behind it is one of its own shape, or one to be lifted */
}

size_t deit_pass_raise_attention(struct deit_graph *graph)
{
    size_t changes = 0, n = graph->n_nodes;
    for (size_t i = 0; i < n; i++)
        if (!graph->nodes[i].is_dead && graph->nodes[i].kind == DEIT_NODE_SOFTMAX)
            changes += try_raise(graph, &graph->nodes[i]);
    return changes;
}
