/* loaders/onnx_describe.h: what an imported graph is, in the words of the public header. */
#ifndef DEIT_LOADERS_ONNX_DESCRIBE_H
#define DEIT_LOADERS_ONNX_DESCRIBE_H

#include "loaders/onnx_import.h"
#include "models/config.h"
#include "runtime/model.h"

/* The outputs that the public header has names for. */
struct deit_onnx_outputs {
    uint32_t n_heads;    /* classifiers: 0 to 2 */
    uint32_t n_classes;  /* 0: headless */
    uint32_t n_features; /* that a classifier reads, or of the headless output; 0: not known */
};

/*
 * deit_onnx_outputs_name() gives outputs the names by which programs ask for them.
 *
 * An output of rank 2 that is a classifier's, by its name or because it is a product with a
 * constant matrix, becomes "logits".  Two of them with as many classes become "logits.cls" and
 * "logits.dist" (the one with "dist" in its name, else the second), and a new first output
 * "logits" is their mean; three are the mean and the two.  Without a classifier the first
 * output becomes "features".  All others keep the names of the file, and their order.
 */
enum deit_status deit_onnx_outputs_name(const struct deit_onnx *onnx, struct deit_graph *graph,
                                        struct deit_onnx_outputs *outputs,
                                        struct deit_error *err);

/*
 * deit_onnx_describe() names the outputs and fills in a description, whose strings the caller
 * frees, also after a failure.  Takes the labels out of 'config'.
 *
 * Where the input's size is open the config's is the default, else that of a table of positions
 * in the graph, else 224 x 224.  A config whose classes are not the graph's is
 * DEIT_ERR_FORMAT.
 */
enum deit_status deit_onnx_describe(const struct deit_onnx *onnx,
                                    const struct deit_onnx_imported *imported,
                                    struct deit_config *config,
                                    struct deit_description *description,
                                    struct deit_error *err);

#endif
