/*
 * loaders/onnx_attr.c: attributes as an operator wants them.
 *
 * A file says what type an attribute has and fills the field of that type.  Writers that leave
 * out zeros leave the field empty, and very old ones the type; both are understood here.
 */
#include "loaders/onnx_attr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/error.h"

static const char *const type_names[] = {
    "no type", "FLOAT",   "INT",  "STRING", "TENSOR",        "GRAPH",          "FLOATS",    "INTS",
    "STRINGS", "TENSORS", "GRAPHS", "SPARSE_TENSOR", "SPARSE_TENSORS", "TYPE_PROTO",
    "TYPE_PROTOS",
};

enum { N_TYPES = sizeof type_names / sizeof *type_names };

const DeitOnnx__AttributeProto *deit_onnx_attr(const DeitOnnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (!strcmp(deit_onnx_text(node->attribute[i]->name), name))
            return node->attribute[i];
    return NULL;
}

/* Of an attribute that does not say: the field that is filled. */
static int32_t type_of(const DeitOnnx__AttributeProto *a)
{
    return a->type ? a->type
         : a->has_f ? DEIT_ONNX_ATTR_FLOAT
         : a->has_i ? DEIT_ONNX_ATTR_INT
         : a->has_s ? DEIT_ONNX_ATTR_STRING
         : a->t ? DEIT_ONNX_ATTR_TENSOR
         : a->g ? DEIT_ONNX_ATTR_GRAPH
         : a->n_floats ? DEIT_ONNX_ATTR_FLOATS
         : a->n_ints ? DEIT_ONNX_ATTR_INTS
         : a->n_strings ? DEIT_ONNX_ATTR_STRINGS
         : a->n_tensors ? DEIT_ONNX_ATTR_TENSORS
         : a->n_graphs ? DEIT_ONNX_ATTR_GRAPHS
         : 0;
}

/* The attribute, or NULL in '*out' if there is none. */
static enum deit_status find(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                             const char *name, enum deit_onnx_attr_type type,
                             const DeitOnnx__AttributeProto **out, struct deit_error *err)
{
    const DeitOnnx__AttributeProto *a = deit_onnx_attr(node, name);
    *out = a;
    if (!a)
        return DEIT_OK;
    if (a->ref_attr_name && *a->ref_attr_name)
        return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT,
                                   "attribute '%s' refers to attribute '%s' of a function, and "
                                   "this is none", name, a->ref_attr_name);
    int32_t is = type_of(a);
    /* An empty list without a type is any list. */
    bool is_list = type == DEIT_ONNX_ATTR_FLOATS || type == DEIT_ONNX_ATTR_INTS;
    if (is == (int32_t)type || (!is && is_list))
        return DEIT_OK;
    if (is < 0 || is >= N_TYPES)
        return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT,
                                   "attribute '%s' is of the unknown type %" PRId32 ", not %s",
                                   name, is, type_names[type]);
    return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT,
                               "attribute '%s' is of type %s, not %s", name, type_names[is],
                               type_names[type]);
}

enum deit_status deit_onnx_attr_int(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                    const char *name, int64_t otherwise, int64_t *value,
                                    struct deit_error *err)
{
    const DeitOnnx__AttributeProto *a = NULL;
    enum deit_status status = find(onnx, node, name, DEIT_ONNX_ATTR_INT, &a, err);
    if (status == DEIT_OK)
        *value = a ? a->i : otherwise;
    return status;
}

enum deit_status deit_onnx_attr_float(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                      const char *name, float otherwise, float *value,
                                      struct deit_error *err)
{
    const DeitOnnx__AttributeProto *a = NULL;
    enum deit_status status = find(onnx, node, name, DEIT_ONNX_ATTR_FLOAT, &a, err);
    if (status == DEIT_OK)
        *value = a ? a->f : otherwise;
    return status;
}

enum deit_status deit_onnx_attr_ints(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                     const char *name, size_t *n, const int64_t **values,
                                     struct deit_error *err)
{
    static const int64_t none[1];
    const DeitOnnx__AttributeProto *a = NULL;
    enum deit_status status = find(onnx, node, name, DEIT_ONNX_ATTR_INTS, &a, err);
    if (status == DEIT_OK) {
        *n = a ? a->n_ints : 0;
        *values = !a ? NULL : a->n_ints ? a->ints : none;
    }
    return status;
}

enum deit_status deit_onnx_attr_floats(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                       const char *name, size_t *n, const float **values,
                                       struct deit_error *err)
{
    static const float none[1];
    const DeitOnnx__AttributeProto *a = NULL;
    enum deit_status status = find(onnx, node, name, DEIT_ONNX_ATTR_FLOATS, &a, err);
    if (status == DEIT_OK) {
        *n = a ? a->n_floats : 0;
        *values = !a ? NULL : a->n_floats ? a->floats : none;
    }
    return status;
}

enum deit_status deit_onnx_attr_string(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                       const char *name, const char *otherwise,
                                       const char **value, struct deit_error *err)
{
    const DeitOnnx__AttributeProto *a = NULL;
    enum deit_status status = find(onnx, node, name, DEIT_ONNX_ATTR_STRING, &a, err);
    if (status != DEIT_OK)
        return status;
    if (!a) {
        *value = otherwise;
        return DEIT_OK;
    }
    if (a->s.len && memchr(a->s.data, 0, a->s.len))
        return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT,
                                   "attribute '%s' is a string with a zero byte inside", name);
    char *text = deit_onnx_arena_alloc(&onnx->arena, a->s.len + 1);
    if (!text)
        return deit_onnx_arena_fail(&onnx->arena, onnx->name, err);
    if (a->s.len)
        memcpy(text, a->s.data, a->s.len);
    *value = text;
    return DEIT_OK;
}

enum deit_status deit_onnx_attr_tensor(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                       const char *name, const DeitOnnx__TensorProto **value,
                                       struct deit_error *err)
{
    const DeitOnnx__AttributeProto *a = NULL;
    enum deit_status status = find(onnx, node, name, DEIT_ONNX_ATTR_TENSOR, &a, err);
    if (status == DEIT_OK && a && !a->t)
        return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT,
                                   "attribute '%s' is of type TENSOR, but holds none", name);
    if (status == DEIT_OK)
        *value = a ? a->t : NULL;
    return status;
}

enum deit_status deit_onnx_attr_graph(struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                      const char *name, DeitOnnx__GraphProto **value,
                                      struct deit_error *err)
{
    const DeitOnnx__AttributeProto *a = NULL;
    enum deit_status status = find(onnx, node, name, DEIT_ONNX_ATTR_GRAPH, &a, err);
    if (status == DEIT_OK && a && !a->g)
        return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_FORMAT,
                                   "attribute '%s' is of type GRAPH, but holds none", name);
    if (status == DEIT_OK)
        *value = a ? a->g : NULL;
    return status;
}
