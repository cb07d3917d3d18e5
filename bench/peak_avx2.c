/*
 * bench/peak_avx2.c: fused multiply-adds of 8 floats, as many as the CPU starts.
 *
 * Two units of four or five cycles each need eight or ten chains to be busy; twelve leave slack
 * and fit the sixteen registers.  The count and the jump of a turn have units of their own.  So
 * the loop has to reach 8 lanes x 2 operations x 2 instructions x clock.  It is written in
 * assembly because compilers move registers to the stack where they see fit.
 */
#include "bench/peak.h"

#define ACCUMULATORS "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"

enum { N_ACCUMULATORS = 12, LANES = 8 };

/* acc = acc * -1 + 0.001: two values in turn. */
static void run(size_t turns)
{
    static const float factor = -1.0f, term = 0.001f;
    __asm__ volatile("vbroadcastss %1, %%ymm12\n\t"
                     "vbroadcastss %2, %%ymm13\n\t"
                     ".irp acc, " ACCUMULATORS "\n\t"
                     "vxorps %%ymm\\acc, %%ymm\\acc, %%ymm\\acc\n\t"
                     ".endr\n"
                     "1:\n\t"
                     ".irp acc, " ACCUMULATORS "\n\t"
                     "vfmadd213ps %%ymm13, %%ymm12, %%ymm\\acc\n\t"
                     ".endr\n\t"
                     "dec %0\n\t"
                     "jnz 1b\n\t"
                     "vzeroupper"
                     : "+r"(turns)
                     : "m"(factor), "m"(term)
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13");
}

const struct deit_peak_loop deit_peak_f32_avx2 = {
    .instruction = "vfmadd ymm", .level = DEIT_LEVEL_AVX2, .type = DEIT_PEAK_F32,
    .per_turn = N_ACCUMULATORS, .ops = 2 * LANES, .run = run
};
