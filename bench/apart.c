/*
 * bench/apart.c: a measurement in a process of its own.
 *
 * The peak of a process' memory never falls, so in one process each number of a sweep would
 * hide the smaller ones after it.  Records come back through a pipe as the plain structs that
 * they are: both ends are the same program, and what records point to is constant in both.
 */
#include "bench/apart.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/common/report.h"

/* What goes before a record, its parts behind it; or, as the last thing, before an error. */
enum message { MESSAGE_RECORD = 1, MESSAGE_END };

struct end {
    enum deit_status status;
    struct deit_error err;
};

static bool write_all(int fd, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        ssize_t n = write(fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool read_all(int fd, void *data, size_t bytes)
{
    char *at = data;
    while (bytes > 0) {
        ssize_t n = read(fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* ------------------------------------------------------------------ the child */

static bool send_record(void *fd_, const struct deit_record *record,
                        const struct deit_record *parts)
{
    const int fd = *(const int *)fd_;
    const enum message message = MESSAGE_RECORD;
    return write_all(fd, &message, sizeof message) && write_all(fd, record, sizeof *record)
           && write_all(fd, parts, record->n_parts * sizeof *parts);
}

/* It ends without the parent's atexit() and stdio. */
static _Noreturn void measure_and_send(deit_bench_measure_fn *measure,
                                       const struct deit_bench_case *which,
                                       const struct deit_bench_settings *settings, int fd)
{
    const struct deit_bench_sink sink = { .add = send_record, .ctx = &fd };
    const enum message message = MESSAGE_END;
    struct end end = { .status = DEIT_OK };

    end.status = measure(which, settings, &sink, &end.err);
    bool is_sent = write_all(fd, &message, sizeof message) && write_all(fd, &end, sizeof end);
    _exit(is_sent ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ------------------------------------------------------------------ the parent */

/* False if the pipe ended in the middle. */
static bool receive_record(int fd, const struct deit_bench_sink *sink, bool *is_taken)
{
    struct deit_record record;
    struct deit_record *parts = NULL;

    if (!read_all(fd, &record, sizeof record))
        return false;
    if (record.n_parts > 0) {
        parts = calloc(record.n_parts, sizeof *parts);
        if (!parts || !read_all(fd, parts, record.n_parts * sizeof *parts)) {
            free(parts);
            return false;
        }
    }
    *is_taken = sink->add(sink->ctx, &record, parts);
    free(parts);
    return true;
}

/* Returns true with '*end' filled if all came. */
static bool receive(int fd, const struct deit_bench_sink *sink, struct end *end)
{
    enum message message;
    bool is_taken = true;
    while (read_all(fd, &message, sizeof message)) {
        if (message == MESSAGE_END)
            return read_all(fd, end, sizeof *end);
        if (!receive_record(fd, sink, &is_taken))
            return false;
        if (!is_taken) { /* closing the pipe ends the child */
            end->status = deit_report_fail(&end->err, DEIT_ERR_IO, "nobody reads the results");
            return true;
        }
    }
    return false;
}

static enum deit_status fail_child(pid_t pid, struct deit_error *err)
{
    int state;
    while (waitpid(pid, &state, 0) < 0)
        if (errno != EINTR)
            return deit_report_fail(err, DEIT_ERR_MEMORY, "the measuring process is lost");
    if (WIFSIGNALED(state))
        return deit_report_fail(err, DEIT_ERR_MEMORY, "the measuring process was killed: %s%s",
                                strsignal(WTERMSIG(state)),
                                WTERMSIG(state) == SIGKILL ? " (out of memory?)" : "");
    return deit_report_fail(err, DEIT_ERR_MEMORY, "the measuring process ended with %d",
                            WEXITSTATUS(state));
}

enum deit_status deit_bench_apart(deit_bench_measure_fn *measure,
                                  const struct deit_bench_case *which,
                                  const struct deit_bench_settings *settings,
                                  const struct deit_bench_sink *sink, struct deit_error *err)
{
    struct end end;
    int ends[2];

    if (pipe(ends) != 0)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "no pipe: %s", strerror(errno));
    fflush(NULL); /* or the child would hold what is not written yet */
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        measure_and_send(measure, which, settings, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return deit_report_fail(err, DEIT_ERR_MEMORY, "no new process: %s", strerror(errno));
    }

    bool is_received = receive(ends[0], sink, &end);
    close(ends[0]);
    if (!is_received)
        return fail_child(pid, err);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (end.status != DEIT_OK && err)
        *err = end.err;
    return end.status;
}
