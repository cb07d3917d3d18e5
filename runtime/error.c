/*
 * runtime/error.c: names for messages, and error messages.
 *
 * A message may quote bytes of a hostile file: control characters would let it forge lines of
 * a log or steer a terminal, so they are replaced here, in the one place that every message
 * passes.
 */
#include "runtime/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *deit_status_name(enum deit_status status)
{
    switch (status) {
    case DEIT_OK: return "ok";
    case DEIT_ERR_ARGUMENT: return "argument";
    case DEIT_ERR_MEMORY: return "memory";
    case DEIT_ERR_IO: return "io";
    case DEIT_ERR_FORMAT: return "format";
    case DEIT_ERR_UNSUPPORTED: return "unsupported";
    case DEIT_ERR_LIMIT: return "limit";
    case DEIT_ERR_INTERRUPTED: return "interrupted";
    case DEIT_ERR_NONFINITE: return "nonfinite";
    }
    return "unknown";
}

const char *deit_isa_name(enum deit_isa isa)
{
    static const char *const names[] = { "auto", "scalar", "avx2", "avx512",
                                         "avx512_bf16", "amx", "neon" };
    return (unsigned)isa < sizeof names / sizeof *names ? names[isa] : NULL;
}

const char *deit_version(void)
{
    return DEIT_VERSION;
}

enum deit_status deit_fail(struct deit_error *err, enum deit_status status, const char *format,
                           ...)
{
    if (!err)
        return status;

    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    for (char *c = err->message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    err->status = status;
    return status;
}
