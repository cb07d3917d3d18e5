/*
 * cli/common/npy_write.c: writes NumPy's .npy files of 32-bit floats.
 *
 * The number of rows stands in the header, in front of them, and is known last when names come
 * from a pipe.  So the header has room for any number and is written again at the end.  The
 * file takes its name by rename(), which a reader sees as whole or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/common/npy.h"
#include "cli/common/report.h"

/* PREFIX_BYTES stand before the header's text; 8 axes of 19 digits fit into the rest. */
enum { PREFIX_BYTES = 10, MAX_HEADER_BYTES = 320, ALIGNMENT = 64, BUFFER_FLOATS = 16384 };

struct deit_npy_writer {
    char *path;      /* as the caller named it, for messages */
    char *target;    /* where it shall be, links resolved */
    char *temporary; /* where it is until then; NULL if written directly */
    int fd;
    uint32_t rank;
    int64_t dims[DEIT_MAX_RANK];
    uint64_t row_elements, n_rows, header_rows;
    size_t header_bytes; /* all of the header, with room for any number of rows */
    float *buffer; /* BUFFER_FLOATS */
    size_t n_buffered;
};

static enum deit_status fail_errno(const struct deit_npy_writer *writer, struct deit_error *err)
{
    return deit_report_fail(err, DEIT_ERR_IO, "%s: cannot write: %s", writer->path,
                            strerror(errno));
}

static bool write_all(int fd, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        ssize_t n = write(fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* The header's text for a number of rows; returns its length. */
static size_t print_header(const struct deit_npy_writer *writer, uint64_t n_rows,
                           char text[MAX_HEADER_BYTES])
{
    int64_t dims[DEIT_MAX_RANK];
    char shape[DEIT_NPY_SHAPE_BYTES];
    memcpy(dims, writer->dims, sizeof dims);
    dims[0] = (int64_t)n_rows;
    return (size_t)snprintf(text, MAX_HEADER_BYTES,
                            "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }",
                            deit_npy_shape(writer->rank, dims, shape));
}

/* Opens a new file beside the target, with the rights of what it replaces or of a new file. */
static bool open_temporary(struct deit_npy_writer *writer, mode_t mode)
{
    static const char suffix[] = ".XXXXXX";
    size_t length = strlen(writer->target);
    writer->temporary = malloc(length + sizeof suffix);
    if (!writer->temporary)
        return false;
    memcpy(writer->temporary, writer->target, length);
    memcpy(writer->temporary + length, suffix, sizeof suffix);

    writer->fd = mkostemp(writer->temporary, O_CLOEXEC);
    if (writer->fd < 0) {
        int reason = errno;
        free(writer->temporary); /* there is nothing to remove */
        writer->temporary = NULL;
        errno = reason;
        return false;
    }
    return fchmod(writer->fd, mode) == 0;
}

static bool open_target(struct deit_npy_writer *writer)
{
    struct stat info;
    writer->target = realpath(writer->path, NULL); /* a link stays; what it names is replaced */
    if (!writer->target) {
        writer->target = strdup(writer->path);
        if (!writer->target)
            return false;
    }
    if (stat(writer->target, &info) != 0) {
        mode_t mask = umask(0);
        umask(mask);
        return open_temporary(writer, 0666 & ~mask);
    }
    if (S_ISREG(info.st_mode)) {
        if (access(writer->target, W_OK) != 0)
            return false;
        return open_temporary(writer, info.st_mode & 07777);
    }
    writer->fd = open(writer->target, O_WRONLY | O_CLOEXEC);
    return writer->fd >= 0;
}

static bool write_header(struct deit_npy_writer *writer, uint64_t n_rows)
{
    char header[MAX_HEADER_BYTES], text[MAX_HEADER_BYTES];
    size_t used = print_header(writer, n_rows, text);
    size_t length = writer->header_bytes - PREFIX_BYTES;

    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(length & 0xff);
    header[9] = (char)(length >> 8);
    memset(header + PREFIX_BYTES, ' ', length);
    memcpy(header + PREFIX_BYTES, text, used);
    header[writer->header_bytes - 1] = '\n';
    writer->header_rows = n_rows;
    return write_all(writer->fd, header, writer->header_bytes);
}

/* Fills in the shape; the header is sized for the largest number of rows. */
static void set_shape(struct deit_npy_writer *writer, uint32_t row_rank, const int64_t *row_dims)
{
    char text[MAX_HEADER_BYTES];
    writer->rank = row_rank + 1;
    writer->row_elements = 1;
    for (uint32_t i = 0; i < row_rank; i++) {
        writer->dims[i + 1] = row_dims[i];
        writer->row_elements *= (uint64_t)row_dims[i];
    }
    size_t bytes = PREFIX_BYTES + print_header(writer, INT64_MAX, text) + 1;
    writer->header_bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

enum deit_status deit_npy_create(const char *path, uint32_t row_rank, const int64_t *row_dims,
                                 uint64_t n_rows, struct deit_npy_writer **out,
                                 struct deit_error *err)
{
    if (row_rank >= DEIT_MAX_RANK)
        return deit_report_fail(err, DEIT_ERR_ARGUMENT, "%s: rows of rank %u", path, row_rank);
    struct deit_npy_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    writer->fd = -1;
    set_shape(writer, row_rank, row_dims);

    enum deit_status status;
    writer->path = strdup(path);
    writer->buffer = malloc(BUFFER_FLOATS * sizeof(float));
    if (!writer->path || !writer->buffer) {
        status = deit_report_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
        goto fail;
    }
    if (!open_target(writer) || !write_header(writer, n_rows)) {
        status = fail_errno(writer, err);
        goto fail;
    }
    *out = writer;
    return DEIT_OK;
fail:
    deit_npy_free(writer);
    return status;
}

static bool flush_buffer(struct deit_npy_writer *writer)
{
    size_t bytes = writer->n_buffered * sizeof(float);
    writer->n_buffered = 0;
    return write_all(writer->fd, writer->buffer, bytes);
}

/* Appends a row through the buffer; a NULL row is NaN. */
static enum deit_status append(struct deit_npy_writer *writer, const float *row,
                               struct deit_error *err)
{
    for (uint64_t done = 0; done < writer->row_elements;) {
        if (writer->n_buffered == BUFFER_FLOATS && !flush_buffer(writer))
            return fail_errno(writer, err);
        size_t room = BUFFER_FLOATS - writer->n_buffered;
        uint64_t left = writer->row_elements - done;
        size_t n = left < room ? (size_t)left : room;
        float *to = writer->buffer + writer->n_buffered;
        if (row)
            memcpy(to, row + done, n * sizeof *to);
        else
            for (size_t i = 0; i < n; i++)
                to[i] = NAN;
        writer->n_buffered += n;
        done += n;
    }
    writer->n_rows++;
    return DEIT_OK;
}

enum deit_status deit_npy_write(struct deit_npy_writer *writer, const float *row,
                                struct deit_error *err)
{
    return append(writer, row, err);
}

enum deit_status deit_npy_write_nan(struct deit_npy_writer *writer, struct deit_error *err)
{
    return append(writer, NULL, err);
}

static bool rewrite_header(struct deit_npy_writer *writer)
{
    if (lseek(writer->fd, 0, SEEK_SET) < 0)
        return false;
    return write_header(writer, writer->n_rows);
}

enum deit_status deit_npy_finish(struct deit_npy_writer *writer, struct deit_error *err)
{
    if (!flush_buffer(writer))
        return fail_errno(writer, err);
    if (writer->n_rows != writer->header_rows && !rewrite_header(writer))
        return fail_errno(writer, err);
    int fd = writer->fd;
    writer->fd = -1;
    if (close(fd) != 0)
        return fail_errno(writer, err);
    return DEIT_OK;
}

enum deit_status deit_npy_publish(struct deit_npy_writer *writer, struct deit_error *err)
{
    if (!writer->temporary)
        return DEIT_OK;
    if (rename(writer->temporary, writer->target) != 0)
        return fail_errno(writer, err);
    free(writer->temporary);
    writer->temporary = NULL;
    return DEIT_OK;
}

void deit_npy_free(struct deit_npy_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->temporary)
        unlink(writer->temporary);
    free(writer->temporary);
    free(writer->target);
    free(writer->path);
    free(writer->buffer);
    free(writer);
}
