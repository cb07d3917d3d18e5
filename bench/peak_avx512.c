/*
 * bench/peak_avx512.c: fused multiply-adds of 16 floats, as many as the CPU starts.
 *
 * Two units of four cycles each need eight chains to be busy; sixteen leave slack and fit the
 * thirty-two registers.  The count and the jump of a turn have units of their own.  So the loop
 * has to reach 16 lanes x 2 operations x 2 instructions x clock, and half of it on CPUs with
 * one unit of that width.
 */
#include "bench/peak.h"

#define ACCUMULATORS "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"

enum { N_ACCUMULATORS = 16, LANES = 16 };

/* acc = acc * -1 + 0.001: two values in turn. */
static void run(size_t turns)
{
    static const float factor = -1.0f, term = 0.001f;
    __asm__ volatile("vbroadcastss %1, %%zmm16\n\t"
                     "vbroadcastss %2, %%zmm17\n\t"
                     ".irp acc, " ACCUMULATORS "\n\t"
                     "vpxord %%zmm\\acc, %%zmm\\acc, %%zmm\\acc\n\t"
                     ".endr\n"
                     "1:\n\t"
                     ".irp acc, " ACCUMULATORS "\n\t"
                     "vfmadd213ps %%zmm17, %%zmm16, %%zmm\\acc\n\t"
                     ".endr\n\t"
                     "dec %0\n\t"
                     "jnz 1b\n\t"
                     "vzeroupper"
                     : "+r"(turns)
                     : "m"(factor), "m"(term)
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
                       "xmm16", "xmm17");
}

const struct deit_peak_loop deit_peak_f32_avx512 = {
    .instruction = "vfmadd zmm", .level = DEIT_LEVEL_AVX512, .type = DEIT_PEAK_F32,
    .per_turn = N_ACCUMULATORS, .ops = 2 * LANES, .run = run
};
