/*
 * ops/cpu.h: which instruction sets this CPU and its operating system offer.
 *
 * Levels are ordered: one that is higher on its architecture has all of the lower ones.
 */
#ifndef DEIT_OPS_CPU_H
#define DEIT_OPS_CPU_H

enum deit_level {
    DEIT_LEVEL_SCALAR = 1,
    DEIT_LEVEL_AVX2, /* with FMA and F16C */
    DEIT_LEVEL_AVX512, /* F, BW, DQ, VL */
    DEIT_LEVEL_AVX512_BF16, /* and VNNI */
    DEIT_LEVEL_AMX, /* tiles, bf16, int8 */
    DEIT_LEVEL_NEON
};

/* The highest level that is usable here: instructions present and their state enabled. */
enum deit_level deit_cpu_level(void);

#endif
