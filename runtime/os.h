/* runtime/os.h: all that is asked of the operating system, beside files. */
#ifndef DEIT_RUNTIME_OS_H
#define DEIT_RUNTIME_OS_H

/* CPUs that this process may use: its affinity mask, cut by its cgroup's CPU quota.  >= 1. */
unsigned deit_os_cpu_count(void);

#endif
