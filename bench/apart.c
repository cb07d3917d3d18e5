/*
 * bench/apart.c: a measurement in a process of its own.
 *
 * The peak of a process' memory never falls, so in one process each number of a sweep would
 * hide the smaller ones after it.  The answer comes back through a pipe as plain structs: both
 * ends are the same program.
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

/* What the child sends first; the steps follow. */
struct answer {
    enum deit_status status;
    struct deit_error err;
    struct deit_bench_result result;
    size_t n_steps;
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

/* The child's life: it ends without the parent's atexit() and stdio. */
static _Noreturn void measure_and_send(const struct deit_bench_case *which,
                                       const struct deit_bench_settings *settings, int fd)
{
    struct answer answer = { 0 };
    struct deit_bench_step *steps = NULL;

    answer.status = deit_bench_measure(which, settings, &answer.result, &steps, &answer.n_steps,
                                       &answer.err);
    bool is_sent = write_all(fd, &answer, sizeof answer)
                   && write_all(fd, steps, answer.n_steps * sizeof *steps);
    free(steps);
    _exit(is_sent ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool receive(int fd, struct answer *answer, struct deit_bench_step **steps)
{
    if (!read_all(fd, answer, sizeof *answer))
        return false;
    if (answer->n_steps == 0)
        return true;
    *steps = malloc(answer->n_steps * sizeof **steps);
    return *steps && read_all(fd, *steps, answer->n_steps * sizeof **steps);
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

enum deit_status deit_bench_measure_apart(const struct deit_bench_case *which,
                                          const struct deit_bench_settings *settings,
                                          struct deit_bench_result *result,
                                          struct deit_bench_step **steps_, size_t *n_steps,
                                          struct deit_error *err)
{
    struct answer answer;
    struct deit_bench_step *steps = NULL;
    int ends[2];

    if (pipe(ends) != 0)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "no pipe: %s", strerror(errno));
    fflush(NULL); /* or the child would hold what is not written yet */
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        measure_and_send(which, settings, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return deit_report_fail(err, DEIT_ERR_MEMORY, "no new process: %s", strerror(errno));
    }

    bool is_received = receive(ends[0], &answer, &steps);
    close(ends[0]);
    if (!is_received) {
        free(steps);
        return fail_child(pid, err);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (answer.status != DEIT_OK) {
        if (err)
            *err = answer.err;
        return answer.status;
    }
    *result = answer.result;
    *steps_ = steps;
    *n_steps = answer.n_steps;
    return DEIT_OK;
}
