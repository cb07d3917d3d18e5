/* runtime/memory.c: allocation of the big blocks. */
#include "runtime/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "runtime/os.h"

void *deit_block_alloc(const struct deit_allocator *hooks, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = deit_align(bytes ? bytes : 1);
    if (hooks->alloc)
        return hooks->alloc(hooks->ctx, bytes, DEIT_ALIGNMENT);
    /* What is not aligned to large pages gets one less of them: of three, two. */
    bool is_large = bytes >= DEIT_LARGE_PAGE;
    void *block;
    if (posix_memalign(&block, is_large ? DEIT_LARGE_PAGE : DEIT_ALIGNMENT, bytes))
        return NULL;
    if (is_large)
        deit_os_prefer_large_pages(block, bytes);
    return block;
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
