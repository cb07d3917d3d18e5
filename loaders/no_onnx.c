/* loaders/no_onnx.c: what a build without protobuf-c says of an ONNX model. */
#include "loaders/open_onnx.h"
#include "runtime/error.h"

enum deit_status deit_load_onnx(struct deit_source *source, const char *path,
                                const struct deit_model_options *options,
                                struct deit_config *config, struct deit_loaded *out,
                                struct deit_error *err)
{
    (void)path;
    (void)options;
    (void)config;
    (void)out;
    return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                     "%s: is an ONNX model, and this build has no ONNX loader; give a "
                     "safetensors file of the same model", source->name);
}
