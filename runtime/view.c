/*
 * runtime/view.c: following renamings backwards.
 *
 * A chain is walked from its end to the base and then applied forwards, because only then is
 * every stride known.  A step that cannot be said with strides makes its result the base.
 */
#include "runtime/view.h"

#include <string.h>

#include "runtime/kind.h"
#include "runtime/match.h"

static void view_itself(const struct deit_graph *graph, int value, struct deit_view *view)
{
    const struct deit_shape *shape = &graph->values[value].shape;
    int64_t stride = 1;
    *view = (struct deit_view){
        .base = value, .n_atoms = shape->rank, .rank = shape->rank, .scale = 1
    };
    for (uint32_t i = shape->rank; i-- > 0;) {
        view->sizes[i] = shape->dims[i];
        view->strides[i] = stride;
        view->ends[i] = i + 1;
        stride *= shape->dims[i];
    }
}

static uint32_t begin_of(const struct deit_view *view, uint32_t dim)
{
    return dim ? view->ends[dim - 1] : 0;
}

/* Cuts atom 'at' into an outer one and an inner one of 'inner' elements. */
static bool split_atom(struct deit_view *view, uint32_t at, int64_t inner)
{
    if (view->n_atoms == DEIT_VIEW_ATOMS || inner <= 0 || view->sizes[at] % inner)
        return false;
    for (uint32_t i = view->n_atoms++; i > at; i--) {
        view->sizes[i] = view->sizes[i - 1];
        view->strides[i] = view->strides[i - 1];
    }
    view->sizes[at] /= inner;
    view->sizes[at + 1] = inner;
    view->strides[at] = view->strides[at + 1] * inner;
    return true;
}

/* Deals the atoms out to the new dims in order, from the last, cutting where one is too large. */
static bool reshape(struct deit_view *view, const struct deit_shape *shape)
{
    struct deit_view made = *view;
    uint32_t counts[DEIT_MAX_RANK], at = view->n_atoms;
    for (uint32_t i = shape->rank; i-- > 0;) {
        int64_t wanted = shape->dims[i];
        counts[i] = 0;
        while (at > 0 && (wanted > 1 || (i == 0 && at > 0))) {
            int64_t size = made.sizes[at - 1];
            if (size > wanted && !split_atom(&made, at - 1, wanted))
                return false;
            if (size > wanted)
                at++; /* the inner half stands one further */
            size = made.sizes[at - 1];
            if (size == 0 || wanted % size)
                return false;
            wanted /= size;
            counts[i]++;
            at--;
        }
        if (wanted != 1)
            return false;
    }
    if (at > 0)
        return false;
    made.rank = shape->rank;
    for (uint32_t i = 0, end = 0; i < shape->rank; i++)
        made.ends[i] = end += counts[i];
    *view = made;
    return true;
}

static bool transpose(struct deit_view *view, const struct deit_axes_attrs *perm)
{
    struct deit_view made = *view;
    uint32_t end = 0;
    for (uint32_t i = 0; i < view->rank; i++) {
        uint32_t from = perm->n ? (uint32_t)perm->axis[i] : view->rank - 1 - i;
        for (uint32_t a = begin_of(view, from); a < view->ends[from]; a++, end++) {
            made.sizes[end] = view->sizes[a];
            made.strides[end] = view->strides[a];
        }
        made.ends[i] = end;
    }
    *view = made;
    return true;
}

/* The one atom of a dim that is not of size one; -1: there are several or none. */
static int only_atom(const struct deit_view *view, uint32_t dim)
{
    int found = -1;
    for (uint32_t a = begin_of(view, dim); a < view->ends[dim]; a++) {
        if (view->sizes[a] == 1)
            continue;
        if (found >= 0)
            return -1;
        found = (int)a;
    }
    return found;
}

static int64_t dim_of(const struct deit_view *view, uint32_t dim)
{
    int64_t size = 1;
    for (uint32_t a = begin_of(view, dim); a < view->ends[dim]; a++)
        size *= view->sizes[a];
    return size;
}

/* Keeps 'size' indices of a dim from 'start' on. */
static bool narrow(struct deit_view *view, uint32_t dim, int64_t start, int64_t size)
{
    if (start == 0 && size == dim_of(view, dim))
        return true;
    int atom = only_atom(view, dim);
    if (atom < 0 || size < 1)
        return false;
    view->offset += start * view->strides[atom];
    view->sizes[atom] = size;
    return true;
}

static bool slice(const struct deit_graph *graph, const struct deit_node *node,
                  struct deit_view *view)
{
    int64_t starts[DEIT_MAX_RANK], axes[DEIT_MAX_RANK], steps[DEIT_MAX_RANK];
    size_t n, n_axes, n_steps;
    bool known[3] = { false, false, false };
    const struct deit_shape *out = deit_output_shape(graph, node, 0);
    if (deit_constant_ints(graph, node, 1, starts, DEIT_MAX_RANK, &n, &known[0], NULL) ||
        deit_constant_ints(graph, node, 3, axes, DEIT_MAX_RANK, &n_axes, &known[1], NULL) ||
        deit_constant_ints(graph, node, 4, steps, DEIT_MAX_RANK, &n_steps, &known[2], NULL) ||
        !known[0] || !known[1] || !known[2])
        return false;
    for (size_t i = 0; i < n; i++) {
        int64_t axis = n_axes ? axes[i] : (int64_t)i;
        axis += axis < 0 ? view->rank : 0;
        int64_t size = dim_of(view, (uint32_t)axis);
        int64_t start = starts[i] < 0 ? starts[i] + size : starts[i];
        if ((n_steps && steps[i] != 1) ||
            !narrow(view, (uint32_t)axis, start < 0 ? 0 : start, out->dims[axis]))
            return false;
    }
    return true;
}

/* One index, or a list of one: the dim goes or becomes one. */
static bool gather(const struct deit_graph *graph, const struct deit_node *node,
                   struct deit_view *view)
{
    int64_t index;
    size_t n;
    bool known;
    const struct deit_shape *indices = deit_input_shape(graph, node, 1);
    int32_t axis = node->attrs.axis.axis;
    uint32_t dim = (uint32_t)(axis < 0 ? axis + (int32_t)view->rank : axis);
    if (deit_constant_ints(graph, node, 1, &index, 1, &n, &known, NULL) || !known || n != 1 ||
        indices->rank > 1)
        return false;
    int64_t size = dim_of(view, dim);
    if (size > 1 && !narrow(view, dim, index < 0 ? index + size : index, 1))
        return false;
    return reshape(view, deit_output_shape(graph, node, 0));
}

/* The input that the node's output renames (or scales by one number), -1: it computes. */
static int renamed_input(const struct deit_graph *graph, const struct deit_node *node)
{
    float factor;
    int other;
    switch (node->kind) {
    case DEIT_NODE_RESHAPE: case DEIT_NODE_SQUEEZE: case DEIT_NODE_UNSQUEEZE:
    case DEIT_NODE_TRANSPOSE: case DEIT_NODE_SLICE: case DEIT_NODE_GATHER:
        return node->inputs[0];
    case DEIT_NODE_BINARY:
        return deit_match_factor(graph, node, &other, &factor) ? other : -1;
    default:
        return -1;
    }
}

static bool apply(const struct deit_graph *graph, const struct deit_node *node,
                  struct deit_view *view)
{
    float factor;
    int other;
    switch (node->kind) {
    case DEIT_NODE_TRANSPOSE:
        return transpose(view, &node->attrs.transpose);
    case DEIT_NODE_SLICE:
        return slice(graph, node, view);
    case DEIT_NODE_GATHER:
        return gather(graph, node, view);
    case DEIT_NODE_BINARY:
        deit_match_factor(graph, node, &other, &factor);
        view->scale *= (double)factor;
        return true;
    default:
        return reshape(view, deit_output_shape(graph, node, 0));
    }
}

void deit_view_of(const struct deit_graph *graph, int value, struct deit_view *view)
{
    enum { LONGEST = 32 };
    int chain[LONGEST]; /* nodes, the last one first */
    size_t n = 0;
    int at = value;
    while (n < LONGEST && graph->values[at].producer >= 0) {
        const struct deit_node *node = &graph->nodes[graph->values[at].producer];
        int input = renamed_input(graph, node);
        if (input < 0 || graph->values[input].origin == DEIT_FROM_CONSTANT)
            break;
        chain[n++] = graph->values[at].producer;
        at = input;
    }
    view_itself(graph, at, view);
    while (n-- > 0) {
        const struct deit_node *node = &graph->nodes[chain[n]];
        if (!apply(graph, node, view))
            view_itself(graph, node->outputs[0], view); /* the copy holds what was scaled */
    }
}

/* Whether the atoms of a dim lie behind each other with 'stride' between its indices. */
static bool is_dense(const struct deit_view *view, uint32_t dim, int64_t stride)
{
    for (uint32_t a = view->ends[dim]; a-- > begin_of(view, dim);) {
        if (view->sizes[a] == 1)
            continue;
        if (view->strides[a] != stride)
            return false;
        stride *= view->sizes[a];
    }
    return true;
}

bool deit_view_is(const struct deit_view *view, uint32_t rank, const int64_t *dims,
                  const int64_t *strides, int64_t offset)
{
    if (view->rank != rank || view->offset != offset)
        return false;
    for (uint32_t i = 0; i < rank; i++)
        if (dim_of(view, i) != dims[i] || !is_dense(view, i, strides[i]))
            return false;
    return true;
}
