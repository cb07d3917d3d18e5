/*
 * loaders/onnx_arena.h: the memory of an unpacked model, freed at once.
 *
 * What a hostile file makes protobuf-c allocate is bounded here, and a failure in the middle of
 * unpacking leaves nothing behind.
 */
#ifndef DEIT_LOADERS_ONNX_ARENA_H
#define DEIT_LOADERS_ONNX_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/include/deit.h"

struct deit_onnx_arena_chunk;

struct deit_onnx_arena {
    struct deit_onnx_arena_chunk *chunks; /* the newest first */
    size_t used, max_bytes;               /* bytes handed out, and how many may be */
    bool is_full, is_out_of_memory;       /* why an allocation failed */
};

void deit_onnx_arena_init(struct deit_onnx_arena *arena, size_t max_bytes);
void deit_onnx_arena_done(struct deit_onnx_arena *arena);

/* Zeroed, aligned for anything.  NULL: no memory, or max_bytes would be exceeded. */
void *deit_onnx_arena_alloc(struct deit_onnx_arena *arena, size_t bytes);

/* The reason of a NULL, as an error about 'name': DEIT_ERR_MEMORY or DEIT_ERR_LIMIT. */
enum deit_status deit_onnx_arena_fail(const struct deit_onnx_arena *arena, const char *name,
                                      struct deit_error *err);

#endif
