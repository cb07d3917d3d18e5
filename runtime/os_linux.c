/*
 * runtime/os_linux.c: CPUs that are ours to use.
 *
 * A container often sees all CPUs of its host and may use two: threads beyond the quota would
 * be stopped in the middle of a step while the others wait for them.
 */
#include "runtime/os.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>

static long affinity_count(void)
{
    cpu_set_t set; /* a mask of 1024 CPUs; a larger machine fails here and falls back */
    if (sched_getaffinity(0, sizeof set, &set))
        return 0;
    return CPU_COUNT(&set);
}

/* The path of this process below a cgroup v2 mount: the line "0::/..." of its cgroup file. */
static bool cgroup_path(char *path, size_t room)
{
    char line[512];
    bool found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (!strncmp(line, "0::", 3) && strlen(line + 3) < room) {
            strcpy(path, line + 3);
            found = true;
        }
    }
    if (file)
        fclose(file);
    return found;
}

static long read_quota(const char *path)
{
    char name[640];
    long long quota, period;
    snprintf(name, sizeof name, "/sys/fs/cgroup%s/cpu.max", path);
    FILE *file = fopen(name, "re");
    bool has = file && fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0;
    if (file)
        fclose(file);
    return has ? (long)((quota + period - 1) / period) : 0;
}

/* The tightest quota of the cgroup and those above it, in whole CPUs; 0: none. */
static long quota_count(void)
{
    char path[512];
    long least = 0;
    if (!cgroup_path(path, sizeof path))
        return 0;
    for (;;) {
        long quota = read_quota(path);
        if (quota && (!least || quota < least))
            least = quota;
        char *slash = strrchr(path, '/');
        if (!slash || !path[0])
            return least;
        *slash = '\0';
    }
}
#else
static long affinity_count(void)
{
    return 0;
}

static long quota_count(void)
{
    return 0;
}
#endif

unsigned deit_os_cpu_count(void)
{
    long count = affinity_count(), quota = quota_count();
    if (count < 1)
        count = sysconf(_SC_NPROCESSORS_ONLN);
    if (quota && quota < count)
        count = quota;
    return count < 1 ? 1 : (unsigned)count;
}

static void *wait_at_gate(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

unsigned deit_os_thread_count(unsigned n)
{
    enum { MOST = 1024 };
    pthread_t threads[MOST];
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    unsigned count = 1;

    pthread_mutex_lock(&gate);
    while (count < n && count < MOST &&
           !pthread_create(&threads[count], NULL, wait_at_gate, &gate))
        count++;
    pthread_mutex_unlock(&gate);
    for (unsigned i = 1; i < count; i++)
        pthread_join(threads[i], NULL);
    return count;
}

size_t deit_os_l2_bytes(void)
{
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return bytes > 0 ? (size_t)bytes : 0;
}

void deit_os_prefer_large_pages(void *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    (void)madvise(block, bytes / DEIT_LARGE_PAGE * DEIT_LARGE_PAGE, MADV_HUGEPAGE);
#else
    (void)block;
    (void)bytes;
#endif
}
