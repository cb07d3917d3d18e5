/*
 * loaders/onnx_check.c: rules that the wire format does not know.
 *
 * Names are what holds an ONNX graph together, and a map from names to values would silently
 * take the last of two.  Lists are sorted to find doubles: a file may have a million names.
 */
#include "loaders/onnx_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

enum role { ROLE_INPUT, ROLE_INITIALIZER, ROLE_OUTPUT };

static const char *const roles[] = { "an input", "an initializer", "the output of a node" };

struct named {
    const char *name;
    enum role role;
};

struct names {
    struct named *list;
    size_t n;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (int)x->role - (int)y->role;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_name(struct names *names, const char *name, enum role role)
{
    names->list[names->n++] = (struct named){ deit_onnx_text(name), role };
}

static size_t count_outputs(size_t n, DeitOnnx__NodeProto *const *nodes)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += nodes[i]->n_output;
    return count;
}

/* An absent output is an empty name, of which there may be many. */
static void add_outputs(struct names *names, size_t n, DeitOnnx__NodeProto *const *nodes)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < nodes[i]->n_output; j++)
            if (*nodes[i]->output[j])
                add_name(names, nodes[i]->output[j], ROLE_OUTPUT);
}

/* An initializer may be the default of an input; no other name stands for two things. */
static enum deit_status check_names(const struct deit_onnx *onnx, struct names *names,
                                    struct deit_error *err)
{
    if (names->n)
        qsort(names->list, names->n, sizeof *names->list, compare_named);
    for (size_t i = 0; i < names->n; i++) {
        const struct named *it = &names->list[i];
        if (!*it->name)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: %s has no name", onnx->name,
                             roles[it->role]);
        if (!i || strcmp(it[-1].name, it->name))
            continue;
        if (it[-1].role == it->role)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: '%s' is the name of %s twice", onnx->name,
                             it->name, roles[it->role]);
        if (it[-1].role != ROLE_INPUT || it->role != ROLE_INITIALIZER)
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: '%s' is the name of %s and of %s",
                             onnx->name, it->name, roles[it[-1].role], roles[it->role]);
    }
    return DEIT_OK;
}

static enum deit_status check_graph_names(const struct deit_onnx *onnx,
                                          const DeitOnnx__GraphProto *graph,
                                          struct deit_error *err)
{
    size_t n = graph->n_input + graph->n_initializer + count_outputs(graph->n_node, graph->node);
    struct names names = { .list = malloc((n + 1) * sizeof *names.list) };
    if (!names.list)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    for (size_t i = 0; i < graph->n_input; i++)
        add_name(&names, graph->input[i]->name, ROLE_INPUT);
    for (size_t i = 0; i < graph->n_initializer; i++)
        add_name(&names, graph->initializer[i]->name, ROLE_INITIALIZER);
    add_outputs(&names, graph->n_node, graph->node);
    enum deit_status status = check_names(onnx, &names, err);
    free(names.list);
    return status;
}

static enum deit_status check_function_names(const struct deit_onnx *onnx,
                                             const DeitOnnx__FunctionProto *function,
                                             struct deit_error *err)
{
    for (size_t i = 0; i < function->n_output; i++)
        if (!*function->output[i])
            return deit_fail(err, DEIT_ERR_FORMAT, "%s: function '%s': output %zu has no name",
                             onnx->name, function->name, i);
    size_t n = function->n_input + count_outputs(function->n_node, function->node);
    struct names names = { .list = malloc((n + 1) * sizeof *names.list) };
    if (!names.list)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    for (size_t i = 0; i < function->n_input; i++)
        add_name(&names, function->input[i], ROLE_INPUT);
    add_outputs(&names, function->n_node, function->node);
    enum deit_status status = check_names(onnx, &names, err);
    free(names.list);
    return status;
}

/* ------------------------------------------------------------------ nodes */

static enum deit_status check_graph(const struct deit_onnx *onnx,
                                    const DeitOnnx__GraphProto *graph, bool in_function,
                                    struct deit_error *err);

static enum deit_status check_attribute_names(const struct deit_onnx *onnx,
                                              const DeitOnnx__NodeProto *node,
                                              struct deit_error *err)
{
    if (!node->n_attribute)
        return DEIT_OK;
    if (node->n_attribute > DEIT_ONNX_MAX_ATTRIBUTES)
        return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_LIMIT,
                                   "%zu attributes, at most %d are read", node->n_attribute,
                                   DEIT_ONNX_MAX_ATTRIBUTES);
    const char **list = malloc(node->n_attribute * sizeof *list);
    if (!list)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", onnx->name);
    for (size_t i = 0; i < node->n_attribute; i++)
        list[i] = deit_onnx_text(node->attribute[i]->name);
    qsort(list, node->n_attribute, sizeof *list, compare_strings);

    enum deit_status status = DEIT_OK;
    if (!*list[0])
        status = deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT,
                                     "an attribute has no name");
    for (size_t i = 1; status == DEIT_OK && i < node->n_attribute; i++)
        if (!strcmp(list[i - 1], list[i]))
            status = deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT,
                                         "attribute '%s' is there twice", list[i]);
    free(list);
    return status;
}

static enum deit_status check_node(const struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                   bool in_function, struct deit_error *err)
{
    if (!node->op_type || !*node->op_type)
        return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT, "it has no op_type");
    if (!in_function && !node->has_deit_opset && !onnx->opset &&
        deit_onnx_same_domain(node->domain, "") &&
        !deit_onnx_function(onnx, node->domain, node->op_type, node->overload))
        return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT,
                                   "the model imports no operator set for it");
    enum deit_status status = check_attribute_names(onnx, node, err);
    for (size_t i = 0; status == DEIT_OK && i < node->n_attribute; i++) {
        const DeitOnnx__AttributeProto *a = node->attribute[i];
        if (a->g)
            status = check_graph(onnx, a->g, in_function, err);
        for (size_t j = 0; status == DEIT_OK && j < a->n_graphs; j++)
            status = check_graph(onnx, a->graphs[j], in_function, err);
    }
    return status;
}

/* Recursion is as deep as the file is nested, which the walk has bounded. */
static enum deit_status check_graph(const struct deit_onnx *onnx,
                                    const DeitOnnx__GraphProto *graph, bool in_function,
                                    struct deit_error *err)
{
    if (graph->n_sparse_initializer) {
        const DeitOnnx__TensorProto *values = graph->sparse_initializer[0]->values;
        return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                         "%s: sparse initializer '%s': sparse tensors are not supported",
                         onnx->name, values ? deit_onnx_text(values->name) : "");
    }
    enum deit_status status = check_graph_names(onnx, graph, err);
    for (size_t i = 0; status == DEIT_OK && i < graph->n_node; i++)
        status = check_node(onnx, graph->node[i], in_function, err);
    return status;
}

enum deit_status deit_onnx_check(const struct deit_onnx *onnx, struct deit_error *err)
{
    enum deit_status status = check_graph(onnx, onnx->model->graph, false, err);
    for (size_t i = 0; status == DEIT_OK && i < onnx->n_functions; i++) {
        const DeitOnnx__FunctionProto *function = onnx->functions[i];
        size_t n_attributes = function->n_attribute + function->n_attribute_proto;
        if (n_attributes > DEIT_ONNX_MAX_ATTRIBUTES)
            return deit_fail(err, DEIT_ERR_LIMIT,
                             "%s: function '%s': %zu attributes, at most %d are read", onnx->name,
                             function->name, n_attributes, DEIT_ONNX_MAX_ATTRIBUTES);
        status = check_function_names(onnx, function, err);
        for (size_t j = 0; status == DEIT_OK && j < function->n_node; j++)
            status = check_node(onnx, function->node[j], true, err);
    }
    return status;
}

/* ------------------------------------------------------------------ operator sets */

enum deit_status deit_onnx_check_imports(const struct deit_onnx *onnx, size_t n,
                                         DeitOnnx__OperatorSetIdProto *const *imports,
                                         const char *who, struct deit_error *err)
{
    if (n > DEIT_ONNX_MAX_IMPORTS)
        return deit_fail(err, DEIT_ERR_LIMIT,
                         "%s: %s imports %zu operator sets, at most %d are read", onnx->name, who,
                         n, DEIT_ONNX_MAX_IMPORTS);
    for (size_t i = 0; i < n; i++) {
        const char *domain = deit_onnx_text(imports[i]->domain);
        int64_t version = imports[i]->version;
        for (size_t j = 0; j < i; j++)
            if (deit_onnx_same_domain(domain, imports[j]->domain) &&
                version != imports[j]->version)
                return deit_fail(err, DEIT_ERR_FORMAT,
                                 "%s: %s imports domain '%s' in the versions %" PRId64
                                 " and %" PRId64, onnx->name, who, domain, imports[j]->version,
                                 version);
        if (version < 1)
            return deit_fail(err, DEIT_ERR_FORMAT,
                             "%s: %s imports domain '%s' in version %" PRId64, onnx->name, who,
                             domain, version);
        if (deit_onnx_same_domain(domain, "") &&
            (version < DEIT_ONNX_MIN_OPSET || version > DEIT_ONNX_MAX_OPSET))
            return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                             "%s: %s uses opset %" PRId64 ", opsets %d to %d are supported",
                             onnx->name, who, version, DEIT_ONNX_MIN_OPSET, DEIT_ONNX_MAX_OPSET);
    }
    return DEIT_OK;
}
