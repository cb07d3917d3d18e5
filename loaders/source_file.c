/*
 * loaders/source_file.c: weights that are read from an open file, piece by piece.
 *
 * pread() and not a mapping: a file that shrinks while it is used is an error here and a
 * SIGBUS there, and pages of a mapping would count as this process's memory beside the packed
 * copy.  The file stays open, so another one that takes its name changes nothing; what is
 * written into the same file while it is used is an error, because its parts would not fit.
 *
 * A path is first opened as a mere place (O_PATH), looked at, and only then read: a device or a
 * pipe is never touched, and what was looked at is what is read.
 */
#include "loaders/source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"

struct file_source {
    struct deit_source head;
    int fd;
    struct timespec modified; /* when it was opened */
    char name[];
};

static bool has_changed(const struct file_source *file)
{
    struct stat st;
    return fstat(file->fd, &st) == 0 &&
           ((uint64_t)st.st_size != file->head.bytes ||
            st.st_mtim.tv_sec != file->modified.tv_sec ||
            st.st_mtim.tv_nsec != file->modified.tv_nsec);
}

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
    if (has_changed(file))
        return deit_fail(err, DEIT_ERR_IO, "%s: the file was changed while it was read",
                         source->name);
    return DEIT_OK;
}

static void file_close(struct deit_source *source)
{
    struct file_source *file = (struct file_source *)source;
    close(file->fd);
    free(file);
}

static int open_retrying(const char *path, int flags)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* The file at a place; without /proc by its name, where O_NONBLOCK keeps a pipe from blocking. */
static int open_place(int place, const char *path)
{
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", place);
    int fd = open_retrying(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    return fd < 0 && errno == ENOENT ? open_retrying(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) : fd;
}

static enum deit_status make_source(const char *path, int fd, const struct stat *st,
                                    struct deit_source **out, struct deit_error *err)
{
    static const struct deit_source_ops ops = { .read = file_read, .close = file_close };
    size_t name_bytes = strlen(path) + 1;
    struct file_source *file = malloc(sizeof *file + name_bytes);
    if (!file)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    memcpy(file->name, path, name_bytes);
    file->fd = fd;
    file->modified = st->st_mtim;
    deit_source_init(&file->head, &ops, file->name, (uint64_t)st->st_size);
    *out = &file->head;
    return DEIT_OK;
}

static enum deit_status open_regular(int place, const char *path, struct deit_source **out,
                                     struct deit_error *err)
{
    struct stat st;
    int fd = -1;
    if (fstat(place, &st) < 0)
        return deit_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(errno));
    if (S_ISREG(st.st_mode)) {
        fd = open_place(place, path);
        if (fd < 0 || fstat(fd, &st) < 0) {
            int reason = errno;
            if (fd >= 0)
                close(fd);
            return deit_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(reason));
        }
    }
    enum deit_status status = S_ISREG(st.st_mode)
                                  ? make_source(path, fd, &st, out, err)
                                  : deit_fail(err, DEIT_ERR_IO, "%s: %snot a regular file", path,
                                              S_ISDIR(st.st_mode) ? "is a folder, " : "");
    if (status != DEIT_OK && fd >= 0)
        close(fd);
    return status;
}

enum deit_status deit_source_open_file(const char *path, struct deit_source **out,
                                       struct deit_error *err)
{
    int place = open_retrying(path, O_PATH);
    if (place < 0)
        return deit_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(errno));
    enum deit_status status = open_regular(place, path, out, err);
    close(place);
    return status;
}

/* ------------------------------------------------------------------ containment */

/* Where an open place is, all links followed; false: errno says why it cannot be told. */
static bool find_name(int place, char name[PATH_MAX])
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", place);
    ssize_t n = readlink(link, name, PATH_MAX);
    if (n == PATH_MAX)
        errno = ENAMETOOLONG;
    if (n < 0 || n == PATH_MAX)
        return false;
    name[n] = '\0';
    return true;
}

/* Below the folder, or itself. */
static bool is_below(const char *folder, const char *name)
{
    size_t n = strlen(folder);
    if (n && folder[n - 1] == '/')
        n--;
    return !strncmp(folder, name, n) && (name[n] == '/' || !name[n]);
}

enum deit_status deit_source_open_inside(const char *path, const char *folder, bool *is_outside,
                                         struct deit_source **out, struct deit_error *err)
{
    char folder_name[PATH_MAX], name[PATH_MAX];
    enum deit_status status = DEIT_OK;
    *is_outside = false;
    int around = open_retrying(folder, O_PATH | O_DIRECTORY);
    int place = around < 0 ? -1 : open_retrying(path, O_PATH);
    if (place < 0 || !find_name(around, folder_name) || !find_name(place, name))
        status = deit_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(errno));
    if (status == DEIT_OK && !is_below(folder_name, name)) {
        *is_outside = true;
        status = deit_fail(err, DEIT_ERR_FORMAT, "%s: leads out of %s", path, folder);
    }
    if (status == DEIT_OK)
        status = open_regular(place, path, out, err);
    if (place >= 0)
        close(place);
    if (around >= 0)
        close(around);
    return status;
}

/* ------------------------------------------------------------------ whole files */

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
