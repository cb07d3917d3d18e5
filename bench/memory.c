/*
 * bench/memory.c: how fast memory beyond a core's own caches is read and copied.
 *
 * Bandwidth is shared, so what counts is what all threads get at the same time: the median over
 * pieces of the buffers, and not the fastest ones, which only had the others out of the way.
 */
#include "bench/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/quantiles.h"
#include "bench/workers.h"
#include "cli/common/progress.h"
#include "runtime/os.h"

enum { PASSES = 5, PIECE = 1 << 20 };

typedef uint64_t vector __attribute__((vector_size(16)));

struct measurement {
    size_t bytes;
    unsigned char *blocks; /* (threads, bytes) */
    double *times;         /* (threads, PASSES, pieces) */
    double *read, *copy;   /* (threads) bytes in a nanosecond */
};

/* Four sums: one would wait for itself. */
static void read_piece(const unsigned char *piece, size_t bytes)
{
    const vector *at = (const void *)piece;
    vector a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
    for (size_t i = 0; i + 4 <= bytes / sizeof *at; i += 4) {
        a += at[i];
        b += at[i + 1];
        c += at[i + 2];
        d += at[i + 3];
    }
    a = (a + b) + (c + d);
    volatile uint64_t kept = a[0] + a[1]; /* or the work could be dropped */
    (void)kept;
}

static double since(uint64_t start)
{
    return (double)(deit_progress_now_ns() - start);
}

static double time_reads(const unsigned char *block, size_t bytes, double *times)
{
    size_t n = 0;
    for (size_t pass = 0; pass < PASSES; pass++)
        for (size_t at = 0; at + PIECE <= bytes; at += PIECE) {
            uint64_t start = deit_progress_now_ns();
            read_piece(block + at, PIECE);
            times[n++] = since(start);
        }
    return PIECE / deit_bench_quantiles(times, n).median;
}

/* From the first half of the block to the second. */
static double time_copies(unsigned char *block, size_t bytes, double *times)
{
    size_t n = 0;
    for (size_t pass = 0; pass < PASSES; pass++)
        for (size_t at = 0; at + PIECE <= bytes / 2; at += PIECE) {
            uint64_t start = deit_progress_now_ns();
            memcpy(block + bytes / 2 + at, block + at, PIECE);
            times[n++] = since(start);
        }
    return 2 * PIECE / deit_bench_quantiles(times, n).median;
}

static void measure(void *measurement_, unsigned thread)
{
    struct measurement *m = measurement_;
    unsigned char *block = m->blocks + thread * m->bytes;
    double *times = m->times + thread * PASSES * (m->bytes / PIECE);

    memset(block, 1, m->bytes); /* its pages are then near this thread */
    m->read[thread] = time_reads(block, m->bytes, times);
    m->copy[thread] = time_copies(block, m->bytes, times);
}

struct deit_bench_bandwidth deit_bench_bandwidth(unsigned threads, size_t bytes)
{
    struct deit_bench_bandwidth sum = { 0 };
    bytes = bytes / (2 * PIECE) * (2 * PIECE);
    if (bytes == 0)
        bytes = 2 * PIECE;

    struct measurement m = {
        .bytes = bytes,
        .blocks = aligned_alloc(PIECE, threads * bytes),
        .times = calloc(threads * (bytes / PIECE), PASSES * sizeof *m.times),
        .read = calloc(threads, sizeof *m.read),
        .copy = calloc(threads, sizeof *m.copy),
    };
    if (m.blocks)
        deit_os_prefer_large_pages(m.blocks, threads * bytes);
    if (m.blocks && m.times && m.read && m.copy && deit_bench_workers_run(threads, measure, &m))
        for (unsigned i = 0; i < threads; i++) {
            sum.read_gbs += m.read[i];
            sum.copy_gbs += m.copy[i];
        }
    free(m.blocks);
    free(m.times);
    free(m.read);
    free(m.copy);
    return sum;
}
