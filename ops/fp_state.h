/*
 * ops/fp_state.h: rounding and denormals of the calling thread.
 *
 * Denormal operands cost a hundred times a normal one, and a host may have left any mode, so
 * each thread sets round-to-nearest with flush-to-zero on entry and restores what was there.
 */
#ifndef DEIT_OPS_FP_STATE_H
#define DEIT_OPS_FP_STATE_H

#if defined(__x86_64__)
#include <xmmintrin.h>

/* All exceptions masked, round to nearest, denormal operands and results are zero. */
static inline unsigned deit_fp_enter(void)
{
    unsigned before = _mm_getcsr();
    _mm_setcsr(0x1f80u | 0x8000u | 0x0040u);
    return before;
}

static inline void deit_fp_leave(unsigned before)
{
    _mm_setcsr(before);
}
#elif defined(__aarch64__)
static inline unsigned deit_fp_enter(void)
{
    unsigned long before, now = 1ul << 24;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(now));
    return (unsigned)before;
}

static inline void deit_fp_leave(unsigned before)
{
    unsigned long value = before;
    __asm__ volatile("msr fpcr, %0" : : "r"(value));
}
#else
static inline unsigned deit_fp_enter(void)
{
    return 0;
}

static inline void deit_fp_leave(unsigned before)
{
    (void)before;
}
#endif

#endif
