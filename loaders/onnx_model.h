/*
 * loaders/onnx_model.h: an ONNX file, read and checked but not yet understood.
 *
 * The messages are protobuf-c's structs (loaders/onnx.proto): DeitOnnx__NodeProto and so on.  A
 * string that the file leaves out is NULL there; deit_onnx_text() makes it "".  Large tensors are
 * not in memory: loaders/onnx_tensor.h turns a TensorProto into a constant.
 */
#ifndef DEIT_LOADERS_ONNX_MODEL_H
#define DEIT_LOADERS_ONNX_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loaders/onnx.pb-c.h"
#include "loaders/onnx_arena.h"
#include "runtime/source.h"

enum {
    DEIT_ONNX_MIN_OPSET = 9,
    DEIT_ONNX_MAX_OPSET = 24,
    DEIT_ONNX_MAX_NODES = 20000, /* in all graphs and functions, before and after inlining */
    DEIT_ONNX_MAX_IMPORTS = 100,  /* of operator sets */
    DEIT_ONNX_MAX_ATTRIBUTES = 256, /* of a node or a function */
    DEIT_ONNX_MAX_STRUCTURE = 256 << 20, /* bytes of memory, tensors not counted */
};

struct deit_onnx_external; /* an open file of external data (loaders/onnx_external.c) */

struct deit_onnx {
    const char *name;            /* of the source, for messages */
    DeitOnnx__ModelProto *model; /* 'graph' is never NULL; memory: 'arena' */
    int64_t ir_version;
    int64_t opset;               /* of the default domain; 0: it is not imported */
    const char *producer_name, *producer_version; /* "" where the file says nothing */
    DeitOnnx__FunctionProto **functions; /* by domain, name and overload */
    size_t n_functions;

    struct deit_source *source;
    char *path;                  /* NULL: from memory, there is nothing beside it */
    bool follow_links;
    struct deit_onnx_arena arena;
    struct deit_onnx_external *externals;
    size_t n_externals;
    uint64_t decoded_bytes;      /* of tensors that had to be put into memory */
};

/*
 * deit_onnx_read() reads the structure of an ONNX file; the data of its tensors stays there.
 *
 * 'source' is retained.  'path' is where the file lies, for external data; NULL: external data
 * is refused.  Of 'options' (may be NULL) only follow_links matters.
 *
 * A model that is returned has a graph, an IR version of 3 or later and a default domain (if
 * imported) of opset 9 to 24; each node, in subgraphs and functions too, has an op_type;
 * attributes of a node have different names; in each graph the names of inputs, of
 * initializers and of node outputs are unique, and no initializer is unnamed or sparse.
 *
 * Returns DEIT_ERR_FORMAT, DEIT_ERR_UNSUPPORTED (versions, sparse initializers), DEIT_ERR_LIMIT
 * (nesting, counts, memory for the structure: both numbers), DEIT_ERR_IO, DEIT_ERR_MEMORY.
 */
enum deit_status deit_onnx_read(struct deit_source *source, const char *path,
                                const struct deit_model_options *options, struct deit_onnx **out,
                                struct deit_error *err);
void deit_onnx_free(struct deit_onnx *onnx); /* NULL is fine */

/* "" for NULL: a string that the file leaves out. */
static inline const char *deit_onnx_text(const char *text)
{
    return text ? text : "";
}

/* The standard's two spellings of its own domain, "" and "ai.onnx", are one. */
bool deit_onnx_same_domain(const char *a, const char *b);

/* The version of 'domain' (NULL: the default) that the model imports; 0: none. */
int64_t deit_onnx_opset(const struct deit_onnx *onnx, const char *domain);

/*
 * The version of a node's domain that holds for the node: after deit_onnx_inline(), nodes out
 * of functions follow the imports of their function.
 */
int64_t deit_onnx_node_opset(const struct deit_onnx *onnx, const DeitOnnx__NodeProto *node);

/* ------------------------------------------------------------------ functions */

/* The local function of that name, or NULL.  Empty and absent strings are the same. */
const DeitOnnx__FunctionProto *deit_onnx_function(const struct deit_onnx *onnx,
                                                  const char *domain, const char *op_type,
                                                  const char *overload);

/*
 * deit_onnx_inline() replaces every call of a local function, in subgraphs too, by the nodes of
 * the function: no node that deit_onnx_function() knows is left.  Values and nodes inside get a
 * prefix that is different for each call, attributes that refer to the call's get their values.
 *
 * Returns DEIT_ERR_FORMAT (a function that calls itself, more inputs or outputs than it has),
 * DEIT_ERR_LIMIT (calls nested deeper than 100, more than DEIT_ONNX_MAX_NODES nodes),
 * DEIT_ERR_MEMORY.  After a failure the model may only be freed.
 */
enum deit_status deit_onnx_inline(struct deit_onnx *onnx, struct deit_error *err);

/* ------------------------------------------------------------------ messages */

enum { DEIT_ONNX_NODE_TEXT = 256 };

/*
 * What a node is called in messages, into a buffer of DEIT_ONNX_NODE_TEXT bytes, which is
 * returned: its name, or "Add -> sum" if it has none.
 */
char *deit_onnx_node_print(const DeitOnnx__NodeProto *node, char *text);

/* Fails with "FILE: node 'NAME' (OP_TYPE): " in front; 'format' as for deit_fail(). */
enum deit_status deit_onnx_node_fail(const struct deit_onnx *onnx,
                                     const DeitOnnx__NodeProto *node, struct deit_error *err,
                                     enum deit_status status, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
