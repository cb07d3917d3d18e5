/*
 * loaders/onnx_arena.c: blocks that are cut from chunks and never freed one by one.
 *
 * A model is thousands of small strings and structs that all die together.  malloc would add
 * its own bytes to each, and a tree that is half unpacked would have to be taken apart.
 */
#include "loaders/onnx_arena.h"

#include <stdint.h>
#include <stdlib.h>

#include "runtime/error.h"

enum { ALIGNMENT = 16, CHUNK_BYTES = 64 * 1024 };

struct deit_onnx_arena_chunk {
    struct deit_onnx_arena_chunk *next;
    size_t used, bytes;
    _Alignas(ALIGNMENT) unsigned char data[];
};

void deit_onnx_arena_init(struct deit_onnx_arena *arena, size_t max_bytes)
{
    *arena = (struct deit_onnx_arena){ .max_bytes = max_bytes };
}

void deit_onnx_arena_done(struct deit_onnx_arena *arena)
{
    while (arena->chunks) {
        struct deit_onnx_arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}

/* A block that would leave most of a chunk empty gets its own, behind the one in use. */
static struct deit_onnx_arena_chunk *add_chunk(struct deit_onnx_arena *arena, size_t bytes)
{
    bool is_own = bytes > CHUNK_BYTES / 4;
    size_t room = is_own ? bytes : CHUNK_BYTES;
    struct deit_onnx_arena_chunk *chunk = calloc(1, sizeof *chunk + room);
    if (!chunk)
        return NULL;
    chunk->bytes = room;
    if (is_own && arena->chunks) {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    } else {
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    return chunk;
}

void *deit_onnx_arena_alloc(struct deit_onnx_arena *arena, size_t bytes)
{
    if (bytes > arena->max_bytes - arena->used) {
        arena->is_full = true;
        return NULL;
    }
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct deit_onnx_arena_chunk *chunk = arena->chunks;
    if (!chunk || bytes > chunk->bytes - chunk->used)
        chunk = add_chunk(arena, bytes);
    if (!chunk) {
        arena->is_out_of_memory = true;
        return NULL;
    }
    void *block = chunk->data + chunk->used;
    chunk->used += bytes;
    size_t left = arena->max_bytes - arena->used;
    arena->used += bytes < left ? bytes : left;
    return block;
}

enum deit_status deit_onnx_arena_fail(const struct deit_onnx_arena *arena, const char *name,
                                      struct deit_error *err)
{
    if (arena->is_full)
        return deit_fail(err, DEIT_ERR_LIMIT,
                         "%s: the structure of the model needs more than %zu bytes (%zu are "
                         "in use); tensors are not counted", name, arena->max_bytes, arena->used);
    return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", name);
}
