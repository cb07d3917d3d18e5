/*
 * runtime/source.c: the counted head that all sources share, and the source over memory.
 */
#include "runtime/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

void deit_source_init(struct deit_source *source, const struct deit_source_ops *ops,
                      const char *name, uint64_t bytes)
{
    source->ops = ops;
    source->name = name;
    source->bytes = bytes;
    atomic_init(&source->references, 1);
}

struct deit_source *deit_source_retain(struct deit_source *source)
{
    if (source)
        atomic_fetch_add_explicit(&source->references, 1, memory_order_relaxed);
    return source;
}

void deit_source_release(struct deit_source *source)
{
    if (source && atomic_fetch_sub_explicit(&source->references, 1, memory_order_acq_rel) == 1)
        source->ops->close(source);
}

enum deit_status deit_source_read(struct deit_source *source, uint64_t offset, size_t n,
                                  void *dst, struct deit_error *err)
{
    if (offset > source->bytes || n > source->bytes - offset)
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: %zu bytes at offset %" PRIu64 " do not fit into %" PRIu64 " bytes",
                         source->name, n, offset, source->bytes);
    return source->ops->read(source, offset, n, dst, err);
}

struct memory_source {
    struct deit_source head;
    const unsigned char *data;
    char name[];
};

static enum deit_status memory_read(struct deit_source *source, uint64_t offset, size_t n,
                                    void *dst, struct deit_error *err)
{
    (void)err;
    const struct memory_source *memory = (const struct memory_source *)source;
    if (n)
        memcpy(dst, memory->data + offset, n);
    return DEIT_OK;
}

static void memory_close(struct deit_source *source)
{
    free(source);
}

enum deit_status deit_source_open_memory(const void *data, size_t bytes, const char *name,
                                         struct deit_source **out, struct deit_error *err)
{
    static const struct deit_source_ops ops = { .read = memory_read, .close = memory_close };

    size_t name_bytes = strlen(name) + 1;
    struct memory_source *memory = malloc(sizeof *memory + name_bytes);
    if (!memory)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", name);
    memcpy(memory->name, name, name_bytes);
    memory->data = data;
    deit_source_init(&memory->head, &ops, memory->name, bytes);
    *out = &memory->head;
    return DEIT_OK;
}
