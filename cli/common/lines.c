/*
 * cli/common/lines.c: lines of a file or a pipe, one at a time.
 *
 * getline() would let a list without newlines grow until memory ends, and stdio hides whether
 * a line is there already, which decides if a batch should wait for more.
 */
#include "cli/common/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/common/report.h"

enum { ROOM = 65536 };

struct deit_lines {
    int fd, stop_fd;
    bool is_at_end;
    size_t start, end; /* of what is read but not given out */
    char bytes[ROOM + 1];
    char beginning[65]; /* of a line that does not fit */
};

enum deit_status deit_lines_open(const char *path, int stop_fd, struct deit_lines **out,
                                 struct deit_error *err)
{
    struct deit_lines *lines = calloc(1, sizeof *lines);
    if (!lines)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);

    lines->stop_fd = stop_fd;
    lines->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (lines->fd < 0) {
        enum deit_status status = deit_report_fail(err, DEIT_ERR_IO, "%s: %s", path,
                                                   strerror(errno));
        deit_lines_close(lines);
        return status;
    }
    *out = lines;
    return DEIT_OK;
}

/*
 * Waits until there is something to read; false if that is over.  A signal that only set a flag
 * could come right before read() and be noticed when the next line is written: never, perhaps.
 */
static bool wait_for_more(const struct deit_lines *lines)
{
    struct pollfd wait[] = { { .fd = lines->fd, .events = POLLIN },
                             { .fd = lines->stop_fd, .events = POLLIN } };
    while (poll(wait, 2, -1) < 0)
        if (errno != EINTR)
            return true; /* read() will say what is wrong */
    return wait[1].revents == 0;
}

/* Reads more behind what is there; false at the end, with errno if that is an error. */
static bool read_more(struct deit_lines *lines)
{
    if (lines->start > 0) {
        memmove(lines->bytes, lines->bytes + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    ssize_t n = 0;
    if (wait_for_more(lines))
        n = read(lines->fd, lines->bytes + lines->end, ROOM - lines->end);
    if (n <= 0) {
        lines->is_at_end = true;
        if (n == 0)
            errno = 0;
        return false;
    }
    lines->end += (size_t)n;
    return true;
}

/* Drops the rest of a line that does not fit. */
static void skip_line(struct deit_lines *lines)
{
    const char *newline = NULL;
    do {
        lines->start = lines->end;
        if (lines->is_at_end || !read_more(lines))
            return;
        newline = memchr(lines->bytes, '\n', lines->end);
    } while (!newline);
    lines->start = (size_t)(newline - lines->bytes) + 1;
}

/* One line, empty or not; NULL at the end. */
static enum deit_status next_line(struct deit_lines *lines, const char **line,
                                  struct deit_error *err)
{
    size_t searched = 0;
    *line = NULL;
    for (;;) {
        char *begin = lines->bytes + lines->start;
        size_t length = lines->end - lines->start;
        char *newline = memchr(begin + searched, '\n', length - searched);
        if (!newline && lines->is_at_end && length == 0)
            return DEIT_OK;
        if (newline || lines->is_at_end) {
            if (newline)
                length = (size_t)(newline - begin);
            begin[length] = '\0';
            lines->start += length + (newline ? 1 : 0);
            *line = begin;
            if (memchr(begin, '\0', length))
                return deit_report_fail(err, DEIT_ERR_FORMAT,
                                        "a zero byte in the name (names end with newlines)");
            return DEIT_OK;
        }
        if (length == ROOM) {
            *line = lines->beginning;
            memcpy(lines->beginning, begin, sizeof lines->beginning - 1);
            skip_line(lines);
            return deit_report_fail(err, DEIT_ERR_FORMAT, "a name of more than %d bytes", ROOM);
        }
        searched = length;
        if (!read_more(lines) && errno != 0) {
            lines->start = lines->end;
            return deit_report_fail(err, DEIT_ERR_IO, "%s", strerror(errno));
        }
    }
}

enum deit_status deit_lines_next(struct deit_lines *lines, const char **line,
                                 struct deit_error *err)
{
    enum deit_status status;
    do
        status = next_line(lines, line, err);
    while (status == DEIT_OK && *line && **line == '\0');
    return status;
}

bool deit_lines_is_ready(const struct deit_lines *lines)
{
    size_t length = lines->end - lines->start;
    if (lines->is_at_end || memchr(lines->bytes + lines->start, '\n', length))
        return true;
    struct pollfd wait = { .fd = lines->fd, .events = POLLIN };
    return poll(&wait, 1, 0) != 0;
}

void deit_lines_close(struct deit_lines *lines)
{
    if (!lines)
        return;
    if (lines->fd > STDIN_FILENO)
        close(lines->fd);
    free(lines);
}
