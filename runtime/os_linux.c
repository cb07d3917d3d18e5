/*
 * runtime/os_linux.c: CPUs and memory that are ours to use.
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

/* To the cgroup above; false: there is none. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || !path[0])
        return false;
    *slash = '\0';
    return true;
}

/* The tightest quota of the cgroup and those above it, in whole CPUs; 0: none. */
static long quota_count(void)
{
    char path[512];
    long least = 0;
    if (!cgroup_path(path, sizeof path))
        return 0;
    do {
        long quota = read_quota(path);
        if (quota && (!least || quota < least))
            least = quota;
    } while (go_up(path));
    return least;
}

/* One number of a file with nothing else in it; UINT64_MAX: "max", or no such file. */
static uint64_t read_bytes(const char *path, const char *what)
{
    char name[640];
    unsigned long long bytes;
    snprintf(name, sizeof name, "/sys/fs/cgroup%s/%s", path, what);
    FILE *file = fopen(name, "re");
    bool has = file && fscanf(file, "%llu", &bytes) == 1;
    if (file)
        fclose(file);
    return has ? bytes : UINT64_MAX;
}

/* What the cgroup's files have in caches, which give way. */
static uint64_t cached_bytes(const char *path)
{
    char name[640], line[128];
    unsigned long long bytes;
    uint64_t sum = 0;
    snprintf(name, sizeof name, "/sys/fs/cgroup%s/memory.stat", path);
    FILE *file = fopen(name, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "inactive_file %llu", &bytes) == 1 ||
            sscanf(line, "active_file %llu", &bytes) == 1)
            sum += bytes;
    if (file)
        fclose(file);
    return sum;
}

/* What the tightest limit of the cgroup and those above it leaves. */
static uint64_t cgroup_free_memory(void)
{
    char path[512];
    uint64_t least = UINT64_MAX;
    if (!cgroup_path(path, sizeof path))
        return least;
    do {
        uint64_t limit = read_bytes(path, "memory.max"), used = 0;
        if (limit != UINT64_MAX)
            used = read_bytes(path, "memory.current");
        if (limit != UINT64_MAX && used != UINT64_MAX) {
            uint64_t cached = cached_bytes(path);
            used -= cached < used ? cached : used;
            uint64_t left = limit > used ? limit - used : 0;
            least = left < least ? left : least;
        }
    } while (go_up(path));
    return least;
}

/* Swap counts: slow is better than refused. */
static uint64_t system_free_memory(void)
{
    char line[128];
    unsigned long long kilobytes, sum = 0;
    bool has = false;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        bool is_memory = sscanf(line, "MemAvailable: %llu", &kilobytes) == 1;
        if (is_memory || sscanf(line, "SwapFree: %llu", &kilobytes) == 1)
            sum += kilobytes;
        has |= is_memory;
    }
    if (file)
        fclose(file);
    return has ? (uint64_t)sum * 1024 : UINT64_MAX;
}
#else
static uint64_t cgroup_free_memory(void)
{
    return UINT64_MAX;
}

static uint64_t system_free_memory(void)
{
    return UINT64_MAX;
}

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

uint64_t deit_os_free_memory(void)
{
    uint64_t ours = cgroup_free_memory(), all = system_free_memory();
    return ours < all ? ours : all;
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
