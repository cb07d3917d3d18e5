/*
 * bench/peak.h: how fast this machine can multiply and add, measured.
 *
 * A percentage of a number from a data sheet says little: clocks depend on the instruction, on
 * the neighbours and on the minute.  So the best possible loop runs beside what is measured.
 */
#ifndef DEIT_BENCH_PEAK_H
#define DEIT_BENCH_PEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/cpu.h"

/* What is multiplied. */
enum deit_peak_type { DEIT_PEAK_F32, DEIT_PEAK_BF16, DEIT_PEAK_INT8 };

/*
 * 'turns' > 0 turns of a loop of nothing but one instruction, on as many independent sums as
 * keep its units busy, all in registers.  The values never grow and never become denormal.
 */
typedef void deit_peak_fn(size_t turns);

struct deit_peak_loop {
    const char *instruction; /* as assemblers call it */
    enum deit_level level;   /* that has it */
    enum deit_peak_type type;
    unsigned per_turn; /* instructions */
    unsigned ops;      /* of one instruction: two for each multiply-add */
    deit_peak_fn *run;
};

extern const struct deit_peak_loop deit_peak_f32_scalar, deit_peak_f32_avx2,
    deit_peak_f32_avx512, deit_peak_bf16_avx512, deit_peak_int8_avx512, deit_peak_bf16_amx,
    deit_peak_int8_amx;

/* 'turns' chains of DEIT_PEAK_CLOCK_CYCLES instructions that wait for each other, a cycle each. */
enum { DEIT_PEAK_CLOCK_CYCLES = 64 };
deit_peak_fn deit_peak_clock;

struct deit_peak {
    double gflops;    /* 10^9 operations a second, of all threads together */
    double ghz;       /* the clock meanwhile, the mean over the threads; 0: not known */
    double per_cycle; /* instructions a thread starts in a cycle; 0: not known */
};

/* The loops of this machine in ascending order, up to 'max_level'; '*n' is their number. */
const struct deit_peak_loop *const *deit_peak_loops(enum deit_level max_level, size_t *n);

/*
 * The loop that bounds a precision at an ISA, named as the library names both: "bf16" on "amx"
 * is bound by its tiles, on "avx512" by f32's multiply-adds.  NULL if there is none here.
 */
const struct deit_peak_loop *deit_peak_loop_for(const char *precision, const char *isa);

/*
 * deit_peak_measure() runs a loop for 'ns' on 'threads' threads at once, but on no more than
 * the CPUs this process may use.  All is 0 for a NULL loop and if the threads cannot be had.
 */
struct deit_peak deit_peak_measure(const struct deit_peak_loop *loop, unsigned threads,
                                   uint64_t ns);

/* The clock of this thread at this moment, in some five microseconds. */
double deit_peak_ghz(void);

/* A peak before or after a measurement, long enough to hold that against it. */
struct deit_peak deit_peak_around(const struct deit_peak_loop *loop, unsigned threads);

#endif
