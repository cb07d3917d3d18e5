/* runtime/os.h: all that is asked of the operating system, beside files. */
#ifndef DEIT_RUNTIME_OS_H
#define DEIT_RUNTIME_OS_H

#include <stddef.h>

/* CPUs that this process may use: its affinity mask, cut by its cgroup's CPU quota.  >= 1. */
unsigned deit_os_cpu_count(void);

/*
 * How many of 'n' threads, the caller's included, can exist at once: fewer where a limit on
 * processes or address space is near.  Finds out by creating them.
 */
unsigned deit_os_thread_count(unsigned n);

/* Bytes of a CPU's second-level cache, 0 if the system does not say. */
size_t deit_os_l2_bytes(void);

/*
 * Asks for large pages as far as they fit into the block, which begins at a multiple of them:
 * fewer faults while it is filled, fewer misses while it is read.  Nothing is promised.
 */
#define DEIT_LARGE_PAGE ((size_t)2 * 1024 * 1024)
void deit_os_prefer_large_pages(void *block, size_t bytes);

#endif
