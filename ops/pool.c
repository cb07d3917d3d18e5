/* ops/pool.c: pooling of tokens, one tile for each image. */
#include "ops/pool.h"

#include <string.h>

size_t deit_pool_n_tiles(const void *op_, size_t batch)
{
    const struct deit_pool *op = op_;
    return batch * op->images;
}

static void mean_of_tokens(const struct deit_pool *op, const struct deit_kernels *kernels,
                           const float *tokens, float *row)
{
    size_t n = op->n_tokens - op->first;
    memcpy(row, tokens + op->first * op->d, op->d * sizeof *row);
    for (size_t t = op->first + 1; t < op->n_tokens; t++)
        kernels->add_f32(op->d, row, tokens + t * op->d, row);
    kernels->scale_f32(op->d, 1.0f / (float)n, row, row);
}

void deit_pool_run(const void *op_, const struct deit_tile *tile)
{
    const struct deit_pool *op = op_;
    const struct deit_kernels *kernels = tile->kernels;
    const float *tokens = op->tokens + tile->index * op->n_tokens * op->d;
    float *features = op->features ? op->features + tile->index * op->d : NULL;
    float *scratch = tile->scratch;

    for (size_t i = 0; i < op->n_rows; i++) {
        float *row = op->rows ? op->rows + (tile->index * op->n_rows + i) * op->d : scratch;
        if (op->mean)
            mean_of_tokens(op, kernels, tokens, row);
        else
            memcpy(row, tokens + i * op->d, op->d * sizeof *row);
        if (op->gamma)
            kernels->layernorm_f32(op->d, row, op->gamma, op->beta, op->eps, row);
        if (features && i == 0)
            memcpy(features, row, op->d * sizeof *row);
        else if (features)
            kernels->add_f32(op->d, features, row, features);
    }
    if (features && op->n_rows > 1)
        kernels->scale_f32(op->d, 1.0f / (float)op->n_rows, features, features);
}
