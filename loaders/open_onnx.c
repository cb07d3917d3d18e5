/*
 * loaders/open_onnx.c: reading, importing and describing, one after the other.
 *
 * The structure of the file is freed at the end: what is left of it are the graph and the
 * places of its tensors.
 */
#include "loaders/open_onnx.h"

#include "loaders/onnx_describe.h"

enum deit_status deit_load_onnx(struct deit_source *source, const char *path,
                                const struct deit_model_options *options,
                                struct deit_config *config, struct deit_loaded *out,
                                struct deit_error *err)
{
    struct deit_onnx *onnx = NULL;
    struct deit_onnx_imported imported = { 0 };
    struct deit_loaded loaded = { 0 };
    enum deit_status status = deit_onnx_read(source, path, options, &onnx, err);
    if (status == DEIT_OK)
        status = deit_onnx_import(onnx, &imported, err);
    loaded.graph = imported.graph;
    if (status == DEIT_OK)
        status = deit_onnx_describe(onnx, &imported, config, &loaded.description, err);
    deit_onnx_free(onnx);
    if (status != DEIT_OK) {
        deit_loaded_done(&loaded);
        return status;
    }
    *out = loaded;
    return DEIT_OK;
}
