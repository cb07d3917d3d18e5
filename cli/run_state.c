/*
 * cli/run_state.c: what all parts of deit-run do with the run: end it on a signal, complain,
 * write what is pending.
 *
 * The three stand together because a stopped run does not complain, and a complaint and pending
 * results share the terminal with the progress line.  Signals are state of the process and not
 * of struct deit_run, because a handler is told nothing but a number.
 */
#include "cli/run_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "cli/common/report.h"

/* What a signal leaves: its number, and a byte in a pipe for whoever waits and cannot look. */
static atomic_int stop_signal; /* threads that decode look at it, too */
static int stop_pipe[2] = { -1, -1 };

static void on_signal(int number)
{
    int before = errno;
    stop_signal = number;
    if (write(stop_pipe[1], "", 1) < 0)
        errno = before;
}

void deit_run_catch_signals(void)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    const struct sigaction stop = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction old;
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &stop, NULL);
    }
}

int deit_run_stop_signal(void)
{
    return stop_signal;
}

int deit_run_stop_fd(void)
{
    return stop_pipe[0];
}

void deit_run_complain(struct deit_run *run, const char *path, const char *reason)
{
    if (stop_signal)
        return;
    deit_progress_erase(&run->progress);
    deit_report_error("deit-run", path, reason);
}

bool deit_run_flush(struct deit_run *run)
{
    if (!deit_results_is_pending(run->results))
        return true;
    if (isatty(STDOUT_FILENO))
        deit_progress_erase(&run->progress);
    int reason = deit_results_flush(run->results);
    if (reason != 0 && reason != EPIPE) /* who closed the pipe does not want to hear more */
        deit_run_complain(run, "standard output", strerror(reason));
    return reason == 0;
}
