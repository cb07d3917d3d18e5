/*
 * bench/memory.h: how fast memory beyond a core's own caches is read and copied.
 */
#ifndef DEIT_BENCH_MEMORY_H
#define DEIT_BENCH_MEMORY_H

#include <stddef.h>

struct deit_bench_bandwidth {
    double read_gbs; /* 10^9 bytes a second, of all threads together */
    double copy_gbs; /* bytes read and bytes written */
};

/*
 * deit_bench_bandwidth() goes several times through 'bytes' of each of 'threads' threads.  All
 * is 0 if the threads or the memory cannot be had.
 */
struct deit_bench_bandwidth deit_bench_bandwidth(unsigned threads, size_t bytes);

#endif
