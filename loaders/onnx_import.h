/* loaders/onnx_import.h: from an ONNX model to the runtime's graph. */
#ifndef DEIT_LOADERS_ONNX_IMPORT_H
#define DEIT_LOADERS_ONNX_IMPORT_H

#include "loaders/onnx_model.h"
#include "runtime/graph.h"

/* What the import found beside the graph. */
struct deit_onnx_imported {
    struct deit_graph *graph; /* the caller's to free */
    size_t n_nodes;           /* of the file's own graph, functions inlined */
    uint64_t n_parameters, weight_bytes; /* of all float tensors */
};

/*
 * deit_onnx_import() turns a model into a graph of primitive nodes, and layernorm ones.
 *
 * Local functions are inlined in 'onnx', which is not needed afterwards: constants hold the
 * sources that they are read from.  Values keep their names, nodes too; one without a name is
 * called "Add_" and its first output.  Nodes may stand in any order.  Inputs of half precision
 * are f32 and rounded by a node of their own; outputs stand in the file's order.
 *
 * Returns DEIT_ERR_UNSUPPORTED for an operator that is not known, or one that is used in a way
 * that is not; DEIT_ERR_FORMAT for what breaks the standard's rules: a name that nothing
 * defines, a cycle, inputs that do not fit.  Messages name the node.
 */
enum deit_status deit_onnx_import(struct deit_onnx *onnx, struct deit_onnx_imported *out,
                                  struct deit_error *err);

/*
 * An order in which each node of a graph, of which 'order' has (n_node), stands behind those
 * whose results it or a subgraph of it uses: the file's own order wherever that is one.
 */
enum deit_status deit_onnx_order(const struct deit_onnx *onnx,
                                 const DeitOnnx__GraphProto *graph, size_t *order,
                                 struct deit_error *err);

#endif
