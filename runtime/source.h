/*
 * runtime/source.h: where weights come from.
 *
 * A source is a run of bytes that is read in pieces, from any number of threads: a file, the
 * caller's memory, a generator.  Nothing is mapped, so a file that shrinks is an error and not
 * a signal.  Constants hold references on their sources.
 */
#ifndef DEIT_RUNTIME_SOURCE_H
#define DEIT_RUNTIME_SOURCE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/include/deit.h"

struct deit_source;

struct deit_source_ops {
    /* Reads exactly n bytes at 'offset'; the range has been checked against 'bytes'. */
    enum deit_status (*read)(struct deit_source *source, uint64_t offset, size_t n, void *dst,
                             struct deit_error *err);
    /* Frees the source, after the last reference is gone. */
    void (*close)(struct deit_source *source);
};

/* The head of every kind of source; set up with deit_source_init(). */
struct deit_source {
    const struct deit_source_ops *ops;
    const char *name; /* for messages; owned by the kind */
    uint64_t bytes;
    atomic_size_t references;
};

/* Sets the head; the creator holds the one reference. */
void deit_source_init(struct deit_source *source, const struct deit_source_ops *ops,
                      const char *name, uint64_t bytes);

struct deit_source *deit_source_retain(struct deit_source *source);
void deit_source_release(struct deit_source *source); /* NULL is fine */

/* Reads n bytes at 'offset' into 'dst'; a range that is not inside the source is an error. */
enum deit_status deit_source_read(struct deit_source *source, uint64_t offset, size_t n,
                                  void *dst, struct deit_error *err);

/* A source over the caller's bytes, which must outlive it.  'name' is copied. */
enum deit_status deit_source_open_memory(const void *data, size_t bytes, const char *name,
                                         struct deit_source **out, struct deit_error *err);

#endif
