/*
 * bench/peak.h: how fast this machine can multiply and add, measured.
 *
 * A percentage of a number from a data sheet says little: clocks depend on the instruction, on
 * the neighbours and on the minute.  So the best possible loop runs beside what is measured.
 */
#ifndef DEIT_BENCH_PEAK_H
#define DEIT_BENCH_PEAK_H

#include <stddef.h>

/*
 * 'n' turns of products with 'x' and sums with 'y' in every lane of every accumulator, fused
 * where the ISA can: acc = acc * x + y.  With an x of -1 none overflows or becomes denormal.  The
 * sum of the accumulators is returned so that no compiler drops the work.
 */
typedef float deit_peak_fn(size_t n, float x, float y);

/* A loop and the floating point operations of one turn; a multiply-add counts as two. */
struct deit_peak_loop {
    deit_peak_fn *run;
    unsigned flop;
};

extern const struct deit_peak_loop deit_peak_scalar, deit_peak_avx2, deit_peak_avx512;

/*
 * deit_peak_gflops() runs the loop of an ISA, named as deit_isa_name() does, for a tenth of a
 * second on 'threads' threads at once, but on no more than the CPUs this process may use.
 *
 * Returns their billions of operations a second together; 0 if there is no loop for the ISA or
 * the threads cannot be started.
 */
double deit_peak_gflops(const char *isa, unsigned threads);

#endif
