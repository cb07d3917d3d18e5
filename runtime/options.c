/* runtime/options.c: structs that begin with their size. */
#include "runtime/options.h"

#include <string.h>

#include "runtime/error.h"

enum deit_status deit_options_copy(const void *given, void *ours, size_t bytes, const char *name,
                                   struct deit_error *err)
{
    memset(ours, 0, bytes);
    memcpy(ours, &bytes, sizeof bytes); /* so that ours can be given on */
    if (!given)
        return DEIT_OK;
    size_t size;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "%s: size %zu is not that of the struct", name,
                         size);
    for (size_t i = bytes; i < size; i++)
        if (((const unsigned char *)given)[i])
            return deit_fail(err, DEIT_ERR_UNSUPPORTED,
                             "%s: a field at byte %zu, this version has %zu bytes", name, i, bytes);
    memcpy((char *)ours + sizeof size, (const char *)given + sizeof size,
           (size < bytes ? size : bytes) - sizeof size);
    return DEIT_OK;
}

void deit_info_copy(const void *ours, size_t bytes, void *theirs)
{
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (size > sizeof size)
        memcpy((char *)theirs + sizeof size, (const char *)ours + sizeof size,
               (size < bytes ? size : bytes) - sizeof size);
}
