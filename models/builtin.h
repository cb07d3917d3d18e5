/* models/builtin.h: the bytes of the model that is linked into the library. */
#ifndef DEIT_MODELS_BUILTIN_H
#define DEIT_MODELS_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>

struct deit_builtin {
    const void *model; /* a safetensors file */
    size_t model_bytes;
    const char *config; /* its config.json, no NUL behind it */
    size_t config_bytes;
};

/* False in a build without a model. */
bool deit_builtin_get(struct deit_builtin *builtin);

#endif
