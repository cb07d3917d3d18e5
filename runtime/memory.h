/* runtime/memory.h: the two big blocks, by the caller's hooks or the C library. */
#ifndef DEIT_RUNTIME_MEMORY_H
#define DEIT_RUNTIME_MEMORY_H

#include <stddef.h>

#include "runtime/include/deit.h"

#define DEIT_ALIGNMENT 64 /* of every buffer: a cache line and the widest vector */

/* bytes rounded up to the alignment; the caller has checked that it does not overflow. */
static inline size_t deit_align(size_t bytes)
{
    return (bytes + DEIT_ALIGNMENT - 1) / DEIT_ALIGNMENT * DEIT_ALIGNMENT;
}

/* A block of at least one byte, or NULL; hooks without functions mean the C library. */
void *deit_block_alloc(const struct deit_allocator *hooks, size_t bytes);
void deit_block_free(const struct deit_allocator *hooks, void *block, size_t bytes);

#endif
