/*
 * bench/machine.h: on what a measurement is made, and what that can do.
 */
#ifndef DEIT_BENCH_MACHINE_H
#define DEIT_BENCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/memory.h"
#include "bench/peak.h"
#include "deit.h"

enum { DEIT_MACHINE_PEAKS = 32 };

/* One loop on one number of threads. */
struct deit_machine_peak {
    const struct deit_peak_loop *loop;
    unsigned threads;
    struct deit_peak peak;
};

struct deit_bench_machine {
    char cpu[128];      /* "Intel(R) Xeon(R) Platinum 8488C" */
    char isa[16];       /* the highest that CPU, build and DEIT_CPU allow */
    char compiler[64];  /* "gcc 12.2.0" */
    char governor[32];  /* "performance"; empty if the system does not tell */
    char affinity[128]; /* CPUs that this process may run on, "0-3,8"; empty: not known */
    char caches[128];   /* of CPU 0, "L1d 48K, L1i 64K, L2 2048K"; empty: not known */
    unsigned cpus;      /* that affinity and quota leave */

    /* With one thread, and with as many as there are CPUs if those are more. */
    size_t n_peaks;
    struct deit_machine_peak peaks[DEIT_MACHINE_PEAKS];
    size_t memory_bytes; /* of each thread, that are read and copied */
    size_t n_memory;
    struct { unsigned threads; struct deit_bench_bandwidth is; } memory[2];
};

/* Asks the system.  An ISA of DEIT_ISA_AUTO is no limit. */
void deit_bench_machine_init(struct deit_bench_machine *machine, enum deit_isa max_isa);

/* Measures what the CPU can do, up to that ISA: some tenths of a second. */
void deit_bench_machine_measure(struct deit_bench_machine *machine, enum deit_isa max_isa);

/* "f32", "bf16", "int8" */
const char *deit_peak_type_name(enum deit_peak_type type);

#endif
