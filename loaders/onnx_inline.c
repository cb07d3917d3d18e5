/*
 * loaders/onnx_inline.c: calls of local functions become the functions' nodes.
 *
 *     y = Gelu(x)          Gelu#3/half = Constant()
 *                    -->   Gelu#3/e    = Erf(x)
 *                          y           = Mul(Gelu#3/half, Gelu#3/e)
 *
 * Formal inputs and outputs take the names of the call's, all other names the prefix of the
 * call.  A copy is made for each call, out of the model's arena: its limit and the number of
 * nodes bound what functions that call functions can grow into.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaders/onnx_attr.h"
#include "loaders/onnx_check.h"
#include "loaders/onnx_model.h"
#include "runtime/error.h"

enum { MAX_CALLS = 100 };

struct pair {
    const char *formal;
    char *actual;
};

/* One call, while its function's body is copied. */
struct call {
    const DeitOnnx__NodeProto *node;
    const DeitOnnx__FunctionProto *function;
    char prefix[64];
    struct pair *pairs; /* sorted by formal */
    size_t n_pairs;
};

struct inliner {
    struct deit_onnx *onnx;
    struct deit_error *err;
    size_t n_calls, n_copies;
    const DeitOnnx__FunctionProto *open[MAX_CALLS];
    size_t n_open;
};

/* The nodes that a list becomes; with malloc, because it grows. */
struct node_list {
    DeitOnnx__NodeProto **list;
    size_t n, room;
};

static enum deit_status no_memory(struct inliner *in)
{
    return deit_onnx_arena_fail(&in->onnx->arena, in->onnx->name, in->err);
}

static void *copy_of(struct inliner *in, const void *it, size_t bytes)
{
    void *copy = deit_onnx_arena_alloc(&in->onnx->arena, bytes);
    if (copy && bytes)
        memcpy(copy, it, bytes);
    return copy;
}

/* ------------------------------------------------------------------ names */

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->formal, ((const struct pair *)b)->formal);
}

static struct pair *find_pair(const struct call *call, const char *name)
{
    const struct pair key = { .formal = name };
    return call->n_pairs
               ? bsearch(&key, call->pairs, call->n_pairs, sizeof key, compare_pairs)
               : NULL;
}

/* NULL: out of memory.  An absent name stays so. */
static char *add_prefix(struct inliner *in, const struct call *call, const char *name)
{
    name = deit_onnx_text(name);
    size_t prefix = *name ? strlen(call->prefix) : 0, n = strlen(name);
    char *result = deit_onnx_arena_alloc(&in->onnx->arena, prefix + n + 1);
    if (!result)
        return NULL;
    memcpy(result, call->prefix, prefix);
    memcpy(result + prefix, name, n);
    return result;
}

/* What a value of the function is outside. */
static char *rename_value(struct inliner *in, const struct call *call, const char *name)
{
    const struct pair *pair = find_pair(call, deit_onnx_text(name));
    return pair ? pair->actual : add_prefix(in, call, name);
}

static enum deit_status rename_list(struct inliner *in, const struct call *call, size_t n,
                                    char *const *names, char ***out)
{
    char **list = deit_onnx_arena_alloc(&in->onnx->arena, n * sizeof *list);
    if (!list)
        return no_memory(in);
    for (size_t i = 0; i < n; i++) {
        list[i] = rename_value(in, call, names[i]);
        if (!list[i])
            return no_memory(in);
    }
    *out = list;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ copies */

static enum deit_status copy_node(struct inliner *in, const struct call *call,
                                  const DeitOnnx__NodeProto *node, DeitOnnx__NodeProto **out);

static enum deit_status copy_initializers(struct inliner *in, const struct call *call,
                                          DeitOnnx__GraphProto *graph)
{
    graph->initializer =
        copy_of(in, graph->initializer, graph->n_initializer * sizeof *graph->initializer);
    if (!graph->initializer)
        return no_memory(in);
    for (size_t i = 0; i < graph->n_initializer; i++) {
        DeitOnnx__TensorProto *it = copy_of(in, graph->initializer[i], sizeof *it);
        if (!it || !(it->name = rename_value(in, call, it->name)))
            return no_memory(in);
        graph->initializer[i] = it;
    }
    return DEIT_OK;
}

static enum deit_status copy_value_infos(struct inliner *in, const struct call *call, size_t n,
                                         DeitOnnx__ValueInfoProto ***list)
{
    *list = copy_of(in, *list, n * sizeof **list);
    if (!*list)
        return no_memory(in);
    for (size_t i = 0; i < n; i++) {
        DeitOnnx__ValueInfoProto *it = copy_of(in, (*list)[i], sizeof *it);
        if (!it || !(it->name = rename_value(in, call, it->name)))
            return no_memory(in);
        (*list)[i] = it;
    }
    return DEIT_OK;
}

/* A subgraph: what it takes from around it is renamed like the rest. */
static enum deit_status copy_graph(struct inliner *in, const struct call *call,
                                   const DeitOnnx__GraphProto *graph, DeitOnnx__GraphProto **out)
{
    DeitOnnx__GraphProto *copy = copy_of(in, graph, sizeof *copy);
    if (!copy)
        return no_memory(in);
    enum deit_status status = copy_initializers(in, call, copy);
    if (status == DEIT_OK)
        status = copy_value_infos(in, call, copy->n_input, &copy->input);
    if (status == DEIT_OK)
        status = copy_value_infos(in, call, copy->n_output, &copy->output);
    if (status != DEIT_OK)
        return status;
    copy->node = copy_of(in, graph->node, graph->n_node * sizeof *graph->node);
    if (!copy->node)
        return no_memory(in);
    for (size_t i = 0; status == DEIT_OK && i < graph->n_node; i++)
        status = copy_node(in, call, graph->node[i], &copy->node[i]);
    *out = copy;
    return status;
}

/* Only graphs hold names; the rest is shared with the function. */
static enum deit_status copy_attribute(struct inliner *in, const struct call *call,
                                       const DeitOnnx__AttributeProto *a,
                                       DeitOnnx__AttributeProto **out)
{
    DeitOnnx__AttributeProto *copy = copy_of(in, a, sizeof *copy);
    if (!copy)
        return no_memory(in);
    enum deit_status status = DEIT_OK;
    if (a->g)
        status = copy_graph(in, call, a->g, &copy->g);
    copy->graphs = copy_of(in, a->graphs, a->n_graphs * sizeof *a->graphs);
    if (status == DEIT_OK && !copy->graphs)
        return no_memory(in);
    for (size_t i = 0; status == DEIT_OK && i < a->n_graphs; i++)
        status = copy_graph(in, call, a->graphs[i], &copy->graphs[i]);
    *out = copy;
    return status;
}

static bool declares(const DeitOnnx__FunctionProto *function, const char *name)
{
    for (size_t i = 0; i < function->n_attribute; i++)
        if (!strcmp(function->attribute[i], name))
            return true;
    return false;
}

/* The call's attribute, else the function's default; NULL in '*out': the node goes without. */
static enum deit_status resolve_reference(struct inliner *in, const struct call *call,
                                          const DeitOnnx__NodeProto *node,
                                          const DeitOnnx__AttributeProto *a,
                                          DeitOnnx__AttributeProto **out)
{
    const DeitOnnx__AttributeProto *given = deit_onnx_attr(call->node, a->ref_attr_name);
    enum deit_status status = DEIT_OK;
    *out = NULL;
    if (given) {
        *out = copy_of(in, given, sizeof *given);
        if (!*out)
            return no_memory(in);
    }
    for (size_t i = 0; status == DEIT_OK && !*out && i < call->function->n_attribute_proto; i++) {
        given = call->function->attribute_proto[i];
        if (!strcmp(deit_onnx_text(given->name), a->ref_attr_name))
            status = copy_attribute(in, call, given, out);
    }
    if (status != DEIT_OK)
        return status;
    if (!*out)
        return declares(call->function, a->ref_attr_name)
                   ? DEIT_OK
                   : deit_onnx_node_fail(in->onnx, node, in->err, DEIT_ERR_FORMAT,
                                         "attribute '%s' refers to attribute '%s', which "
                                         "function '%s' has not", a->name, a->ref_attr_name,
                                         call->function->name);
    if (a->type && (*out)->type && a->type != (*out)->type)
        return deit_onnx_node_fail(in->onnx, call->node, in->err, DEIT_ERR_FORMAT,
                                   "attribute '%s' is of type %" PRId32 ", the function uses it "
                                   "as one of type %" PRId32, a->ref_attr_name, (*out)->type,
                                   a->type);
    (*out)->name = a->name;
    return DEIT_OK;
}

static enum deit_status copy_attributes(struct inliner *in, const struct call *call,
                                        const DeitOnnx__NodeProto *node,
                                        DeitOnnx__NodeProto *copy)
{
    copy->n_attribute = 0;
    copy->attribute =
        deit_onnx_arena_alloc(&in->onnx->arena, node->n_attribute * sizeof *copy->attribute);
    if (!copy->attribute)
        return no_memory(in);
    for (size_t i = 0; i < node->n_attribute; i++) {
        const DeitOnnx__AttributeProto *a = node->attribute[i];
        DeitOnnx__AttributeProto *result = NULL;
        enum deit_status status = a->ref_attr_name && *a->ref_attr_name
                                      ? resolve_reference(in, call, node, a, &result)
                                      : copy_attribute(in, call, a, &result);
        if (status != DEIT_OK)
            return status;
        if (result)
            copy->attribute[copy->n_attribute++] = result;
    }
    return DEIT_OK;
}

/* The version of the node's domain that its function imports, else the model's. */
static int64_t opset_inside(const struct inliner *in, const struct call *call, const char *domain)
{
    for (size_t i = 0; i < call->function->n_opset_import; i++)
        if (deit_onnx_same_domain(call->function->opset_import[i]->domain, domain))
            return call->function->opset_import[i]->version;
    return deit_onnx_opset(in->onnx, domain);
}

static enum deit_status copy_node(struct inliner *in, const struct call *call,
                                  const DeitOnnx__NodeProto *node, DeitOnnx__NodeProto **out)
{
    if (++in->n_copies > DEIT_ONNX_MAX_NODES)
        return deit_onnx_node_fail(in->onnx, call->node, in->err, DEIT_ERR_LIMIT,
                                   "calls of functions make %zu nodes, at most %d are made",
                                   in->n_copies, DEIT_ONNX_MAX_NODES);
    DeitOnnx__NodeProto *copy = copy_of(in, node, sizeof *copy);
    if (!copy || !(copy->name = add_prefix(in, call, node->name)))
        return no_memory(in);
    enum deit_status status = rename_list(in, call, node->n_input, node->input, &copy->input);
    if (status == DEIT_OK)
        status = rename_list(in, call, node->n_output, node->output, &copy->output);
    if (status == DEIT_OK)
        status = copy_attributes(in, call, node, copy);
    if (status != DEIT_OK)
        return status;
    copy->has_deit_opset = true;
    copy->deit_opset = opset_inside(in, call, node->domain);
    *out = copy;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ calls */

static enum deit_status expand_list(struct inliner *in, const struct call *call, size_t n,
                                    DeitOnnx__NodeProto *const *nodes, struct node_list *out);

static enum deit_status add_node(struct inliner *in, struct node_list *out,
                                 DeitOnnx__NodeProto *node)
{
    if (out->n == out->room) {
        size_t room = out->room ? 2 * out->room : 64;
        DeitOnnx__NodeProto **list = realloc(out->list, room * sizeof *list);
        if (!list)
            return deit_fail(in->err, DEIT_ERR_MEMORY, "%s: out of memory", in->onnx->name);
        out->list = list;
        out->room = room;
    }
    out->list[out->n++] = node;
    return DEIT_OK;
}

/* A function that hands an input through needs a node that makes the call's output of it. */
static enum deit_status add_identity(struct inliner *in, const struct call *call, char *from,
                                     char *to, struct node_list *out)
{
    struct deit_onnx_arena *arena = &in->onnx->arena;
    DeitOnnx__NodeProto *node = deit_onnx_arena_alloc(arena, sizeof *node);
    char **names = deit_onnx_arena_alloc(arena, 2 * sizeof *names);
    char *op_type = copy_of(in, "Identity", sizeof "Identity");
    if (!node || !names || !op_type)
        return no_memory(in);
    deit_onnx__node_proto__init(node);
    names[0] = from;
    names[1] = to;
    node->n_input = node->n_output = 1;
    node->input = &names[0];
    node->output = &names[1];
    node->op_type = op_type;
    node->has_deit_opset = true;
    node->deit_opset = opset_inside(in, call, "");
    return add_node(in, out, node);
}

/* Inputs first: an output of the same name, or one that is listed twice, gets an Identity. */
static enum deit_status pair_names(struct inliner *in, struct call *call)
{
    const DeitOnnx__FunctionProto *f = call->function;
    const DeitOnnx__NodeProto *node = call->node;
    call->pairs = deit_onnx_arena_alloc(&in->onnx->arena,
                                        (f->n_input + f->n_output) * sizeof *call->pairs);
    char *absent = deit_onnx_arena_alloc(&in->onnx->arena, 1);
    if (!call->pairs || !absent)
        return no_memory(in);
    for (size_t i = 0; i < f->n_input; i++)
        call->pairs[i] =
            (struct pair){ f->input[i], i < node->n_input ? node->input[i] : absent };
    call->n_pairs = f->n_input;
    if (f->n_input)
        qsort(call->pairs, f->n_input, sizeof *call->pairs, compare_pairs);

    size_t n = f->n_input;
    for (size_t i = 0; i < f->n_output && i < node->n_output; i++)
        if (*node->output[i] && !find_pair(call, f->output[i]))
            call->pairs[n++] = (struct pair){ f->output[i], node->output[i] };
    call->n_pairs = n;
    if (n)
        qsort(call->pairs, n, sizeof *call->pairs, compare_pairs);
    size_t n_different = 0;
    for (size_t i = 0; i < n; i++)
        if (!n_different || compare_pairs(&call->pairs[n_different - 1], &call->pairs[i]))
            call->pairs[n_different++] = call->pairs[i];
    call->n_pairs = n_different;
    return DEIT_OK;
}

static enum deit_status check_call(struct inliner *in, const struct call *call)
{
    const DeitOnnx__FunctionProto *f = call->function;
    const DeitOnnx__NodeProto *node = call->node;
    for (size_t i = 0; i < in->n_open; i++)
        if (in->open[i] == f)
            return deit_onnx_node_fail(in->onnx, node, in->err, DEIT_ERR_FORMAT,
                                       "function '%s' calls itself", f->name);
    if (in->n_open == MAX_CALLS)
        return deit_onnx_node_fail(in->onnx, node, in->err, DEIT_ERR_LIMIT,
                                   "functions call each other %d deep, at most %d are followed",
                                   MAX_CALLS + 1, MAX_CALLS);
    if (node->n_input > f->n_input || node->n_output > f->n_output)
        return deit_onnx_node_fail(in->onnx, node, in->err, DEIT_ERR_FORMAT,
                                   "%zu inputs and %zu outputs, the function has %zu and %zu",
                                   node->n_input, node->n_output, f->n_input, f->n_output);
    char who[128];
    snprintf(who, sizeof who, "function '%.100s'", f->name);
    return deit_onnx_check_imports(in->onnx, f->n_opset_import, f->opset_import, who, in->err);
}

static enum deit_status expand_call(struct inliner *in, const DeitOnnx__NodeProto *node,
                                    const DeitOnnx__FunctionProto *function,
                                    struct node_list *out)
{
    struct call call = { .node = node, .function = function };
    snprintf(call.prefix, sizeof call.prefix, "%.32s#%zu/", node->op_type, in->n_calls++);
    enum deit_status status = check_call(in, &call);
    if (status == DEIT_OK)
        status = pair_names(in, &call);
    if (status != DEIT_OK)
        return status;

    in->open[in->n_open++] = function;
    status = expand_list(in, &call, function->n_node, function->node, out);
    in->n_open--;
    for (size_t i = 0; status == DEIT_OK && i < node->n_output; i++) {
        char *inside = rename_value(in, &call, function->output[i]);
        if (!inside)
            return no_memory(in);
        if (*node->output[i] && strcmp(inside, node->output[i]))
            status = add_identity(in, &call, inside, node->output[i], out);
    }
    return status;
}

/* ------------------------------------------------------------------ graphs */

static enum deit_status expand_graph(struct inliner *in, DeitOnnx__GraphProto *graph)
{
    struct node_list nodes = { 0 };
    enum deit_status status = expand_list(in, NULL, graph->n_node, graph->node, &nodes);
    if (status == DEIT_OK) {
        graph->node = copy_of(in, nodes.list, nodes.n * sizeof *nodes.list);
        graph->n_node = graph->node ? nodes.n : 0;
        if (!graph->node)
            status = no_memory(in);
    }
    free(nodes.list);
    return status;
}

/* Adds the nodes to 'out', as copies if they are those of a function that is called. */
static enum deit_status expand_list(struct inliner *in, const struct call *call, size_t n,
                                    DeitOnnx__NodeProto *const *nodes, struct node_list *out)
{
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; status == DEIT_OK && i < n; i++) {
        DeitOnnx__NodeProto *node = nodes[i];
        if (call)
            status = copy_node(in, call, nodes[i], &node);
        if (status != DEIT_OK)
            return status;
        const DeitOnnx__FunctionProto *function =
            deit_onnx_function(in->onnx, node->domain, node->op_type, node->overload);
        if (function) {
            status = expand_call(in, node, function, out);
            continue;
        }
        for (size_t j = 0; status == DEIT_OK && j < node->n_attribute; j++) {
            DeitOnnx__AttributeProto *a = node->attribute[j];
            if (a->g)
                status = expand_graph(in, a->g);
            for (size_t k = 0; status == DEIT_OK && k < a->n_graphs; k++)
                status = expand_graph(in, a->graphs[k]);
        }
        if (status == DEIT_OK)
            status = add_node(in, out, node);
    }
    return status;
}

enum deit_status deit_onnx_inline(struct deit_onnx *onnx, struct deit_error *err)
{
    if (!onnx->n_functions)
        return DEIT_OK;
    struct inliner *in = calloc(1, sizeof *in);
    if (!in)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    in->onnx = onnx;
    in->err = err;
    enum deit_status status = expand_graph(in, onnx->model->graph);
    free(in);
    return status == DEIT_OK ? deit_onnx_check(onnx, err) : status;
}
