/*
 * bench/peak_avx512_bf16.c: dot products of pairs of bf16 and of quads of bytes.
 *
 * vdpbf16ps multiplies 32 pairs and adds them to 16 floats: 64 operations; vpdpbusd 64 pairs of
 * bytes: 128.  They start as often as there are units for them, one or two in a cycle, and take
 * up to six cycles, so twenty-four chains keep them busy.  In assembly: written with intrinsics,
 * gcc 12 copies the sums of vpdpbusd through the stack and the loop reads 40 % of the truth.
 */
#include "bench/peak.h"

#include <stdint.h>

#define ACCUMULATORS \
    "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23"

#define CLOBBERS \
    "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
        "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", \
        "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25"

/* A turn of 'instruction' on every sum.  Each pair of products cancels out: no sum grows. */
#define LOOP(instruction, turns, a, b) \
    __asm__ volatile("vpbroadcastd %1, %%zmm24\n\t" \
                     "vpbroadcastd %2, %%zmm25\n\t" \
                     ".irp acc, " ACCUMULATORS "\n\t" \
                     "vpxord %%zmm\\acc, %%zmm\\acc, %%zmm\\acc\n\t" \
                     ".endr\n" \
                     "1:\n\t" \
                     ".irp acc, " ACCUMULATORS "\n\t" \
                     instruction " %%zmm25, %%zmm24, %%zmm\\acc\n\t" \
                     ".endr\n\t" \
                     "dec %0\n\t" \
                     "jnz 1b\n\t" \
                     "vzeroupper" \
                     : "+r"(turns) \
                     : "m"(a), "m"(b) \
                     : CLOBBERS)

enum { N_ACCUMULATORS = 24, LANES = 16 };

static void run_bf16(size_t turns)
{
    static const uint32_t a = 0x3f403f40, b = 0xbf803f80; /* 0.75 0.75, -1 1 */
    LOOP("vdpbf16ps", turns, a, b);
}

static void run_int8(size_t turns)
{
    static const uint32_t a = 0x5b5b5b5b, b = 0xb34db34d; /* 91, unsigned; 77 -77 */
    LOOP("vpdpbusd", turns, a, b);
}

const struct deit_peak_loop deit_peak_bf16_avx512 = {
    .instruction = "vdpbf16ps", .level = DEIT_LEVEL_AVX512_BF16, .type = DEIT_PEAK_BF16,
    .per_turn = N_ACCUMULATORS, .ops = 2 * 2 * LANES, .run = run_bf16
};

const struct deit_peak_loop deit_peak_int8_avx512 = {
    .instruction = "vpdpbusd", .level = DEIT_LEVEL_AVX512_BF16, .type = DEIT_PEAK_INT8,
    .per_turn = N_ACCUMULATORS, .ops = 2 * 4 * LANES, .run = run_int8
};
