/*
 * cli/common/report.c: what the programs say on standard error, and how their parts fail.
 *
 * Standard error is line buffered by the programs, so that a message is one write and those of
 * programs that share a terminal or a log do not mix.
 */
#include "cli/common/report.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/common/text.h"

/*
 * A stream that the caller closed would give its number to the next file that is opened, and
 * answers would be written into it: the number is taken by something that fails instead.
 */
static void guard_streams(void)
{
    static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) < 0)
            return;
}

void deit_report_begin(void)
{
    static char error_buffer[BUFSIZ];
    guard_streams();
    setvbuf(stderr, error_buffer, _IOLBF, sizeof error_buffer);
    signal(SIGPIPE, SIG_IGN); /* write() then says so */
    signal(SIGXFSZ, SIG_IGN);
}

enum deit_exit deit_report_exit(enum deit_status status)
{
    if (status == DEIT_OK)
        return DEIT_EXIT_OK;
    return status == DEIT_ERR_UNSUPPORTED ? DEIT_EXIT_USAGE : DEIT_EXIT_FAILED;
}

enum deit_status deit_report_fail(struct deit_error *err, enum deit_status status,
                                  const char *format, ...)
{
    if (!err)
        return status;

    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    err->status = status;
    return status;
}

/* Whether 'message' begins with 'path', in which the library replaces controls by '?'. */
static bool begins_with(const char *message, const char *path)
{
    for (; *path; path++, message++) {
        bool is_control = (unsigned char)*path < 0x20 || *path == 0x7f;
        if (*message != *path && !(is_control && *message == '?'))
            return false;
    }
    return true;
}

const char *deit_report_reason(const char *path, const char *message)
{
    size_t length = strlen(path), message_length = strlen(message);
    if (message_length < length && message_length == sizeof((struct deit_error *)0)->message - 1)
        return "failed, but the path leaves no room for the reason";
    if (length == 0 || !begins_with(message, path))
        return message;
    return message[length] == ':' && message[length + 1] == ' ' ? message + length + 2 : message;
}

void deit_report_error(const char *program, const char *path, const char *reason)
{
    fprintf(stderr, "%s: ", program);
    if (path && *path) {
        reason = deit_report_reason(path, reason);
        bool is_below = begins_with(reason, path) && reason[strlen(path)] == '/';
        if (!is_below) {
            deit_text_write(stderr, path);
            fputs(": ", stderr);
        }
    }
    deit_text_write(stderr, reason);
    fputc('\n', stderr);
}
