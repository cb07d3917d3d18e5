/*
 * bench/peak_clock.c: a chain of additions, each of which waits for the one before.
 *
 * The sum of two registers takes one cycle on every CPU there is.  Not the sum of a register and
 * a constant: newer ones do several of those in one.
 */
#include "bench/peak.h"

#if defined(__x86_64__)

void deit_peak_clock(size_t turns)
{
    size_t sum = 0;
    __asm__ volatile("1:\n\t"
                     ".rept 64\n\t"
                     "add %2, %1\n\t"
                     ".endr\n\t"
                     "dec %0\n\t"
                     "jnz 1b"
                     : "+r"(turns), "+r"(sum)
                     : "r"((size_t)1)
                     : "cc");
}

#else

void deit_peak_clock(size_t turns)
{
    size_t sum = 0;
    __asm__ volatile("1:\n\t"
                     ".rept 64\n\t"
                     "add %1, %1, %2\n\t"
                     ".endr\n\t"
                     "subs %0, %0, #1\n\t"
                     "b.ne 1b"
                     : "+r"(turns), "+r"(sum)
                     : "r"((size_t)1)
                     : "cc");
}

#endif
