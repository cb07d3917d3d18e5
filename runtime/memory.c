/* runtime/memory.c: allocation of the big blocks. */
#include "runtime/memory.h"

#include <stdint.h>
#include <stdlib.h>

void *deit_block_alloc(const struct deit_allocator *hooks, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = deit_align(bytes ? bytes : 1);
    return hooks->alloc ? hooks->alloc(hooks->ctx, bytes, DEIT_ALIGNMENT)
                        : aligned_alloc(DEIT_ALIGNMENT, bytes);
}

void deit_block_free(const struct deit_allocator *hooks, void *block, size_t bytes)
{
    if (!block)
        return;
    if (hooks->alloc)
        hooks->free(hooks->ctx, block, deit_align(bytes ? bytes : 1));
    else
        free(block);
}
