/*
 * loaders/source_file.c: weights that are read from an open file, piece by piece.
 *
 * pread() and not a mapping: a file that shrinks while it is used is an error here and a
 * SIGBUS there, and pages of a mapping would count as this process's memory beside the packed
 * copy.  The file stays open, so replacing it under its name changes nothing.
 */
#include "loaders/source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"

struct file_source {
    struct deit_source head;
    int fd;
    char name[];
};

static enum deit_status file_read(struct deit_source *source, uint64_t offset, size_t n,
                                  void *dst, struct deit_error *err)
{
    const struct file_source *file = (const struct file_source *)source;
    char *to = dst;

    while (n) {
        ssize_t got = pread(file->fd, to, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return deit_fail(err, DEIT_ERR_IO, "%s: %s", source->name, strerror(errno));
        if (got == 0)
            return deit_fail(err, DEIT_ERR_IO,
                             "%s: the file shrank while it was read: %" PRIu64
                             " bytes when opened, now it ends before byte %" PRIu64,
                             source->name, source->bytes, offset + n);
        to += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return DEIT_OK;
}

static void file_close(struct deit_source *source)
{
    struct file_source *file = (struct file_source *)source;
    close(file->fd);
    free(file);
}

/* O_NONBLOCK keeps a FIFO from blocking the open; a regular file does not mind it. */
static enum deit_status open_regular(const char *path, int *out, uint64_t *bytes,
                                     struct deit_error *err)
{
    int fd;
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return deit_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(errno));

    struct stat st;
    if (fstat(fd, &st) < 0) {
        int reason = errno;
        close(fd);
        return deit_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(reason));
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return deit_fail(err, DEIT_ERR_IO, "%s: not a regular file", path);
    }
    *out = fd;
    *bytes = (uint64_t)st.st_size;
    return DEIT_OK;
}

enum deit_status deit_source_open_file(const char *path, struct deit_source **out,
                                       struct deit_error *err)
{
    static const struct deit_source_ops ops = { .read = file_read, .close = file_close };

    int fd = -1;
    uint64_t bytes = 0;
    enum deit_status status = open_regular(path, &fd, &bytes, err);
    if (status != DEIT_OK)
        return status;

    size_t name_bytes = strlen(path) + 1;
    struct file_source *file = malloc(sizeof *file + name_bytes);
    if (!file) {
        close(fd);
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    }
    memcpy(file->name, path, name_bytes);
    file->fd = fd;
    deit_source_init(&file->head, &ops, file->name, bytes);
    *out = &file->head;
    return DEIT_OK;
}

enum deit_status deit_file_read(const char *path, size_t max_bytes, char **text, size_t *bytes,
                                struct deit_error *err)
{
    struct deit_source *source = NULL;
    char *block = NULL;
    enum deit_status status = deit_source_open_file(path, &source, err);
    if (status != DEIT_OK)
        return status;

    if (source->bytes > max_bytes) {
        status = deit_fail(err, DEIT_ERR_LIMIT, "%s: %" PRIu64 " bytes, at most %zu are read",
                           path, source->bytes, max_bytes);
        goto fail;
    }
    block = malloc((size_t)source->bytes + 1);
    if (!block) {
        status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
        goto fail;
    }
    status = deit_source_read(source, 0, (size_t)source->bytes, block, err);
    if (status != DEIT_OK)
        goto fail;

    block[source->bytes] = '\0';
    *text = block;
    *bytes = (size_t)source->bytes;
    deit_source_release(source);
    return DEIT_OK;
fail:
    free(block);
    deit_source_release(source);
    return status;
}

bool deit_file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}
