/*
 * ops/cpu.c: what the CPU has and the operating system switched on.
 *
 * The compiler's __builtin_cpu_supports() differs between gcc and clang in the names that it
 * knows and says nothing about tile state, so CPUID and XCR0 are read here.  Both matter: an
 * instruction whose registers the system does not save on a task switch faults.
 */
#include "ops/cpu.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    /* CPUID leaf 1, ECX */
    FMA = 1 << 12,
    OSXSAVE = 1 << 27,
    AVX = 1 << 28,
    F16C = 1 << 29,
    /* leaf 7 subleaf 0, EBX */
    AVX2 = 1 << 5,
    AVX512F = 1 << 16,
    AVX512DQ = 1 << 17,
    AVX512BW = 1 << 30,
    /* ECX */
    AVX512_VNNI = 1 << 11,
    /* EDX */
    AMX_BF16 = 1 << 22,
    AMX_TILE = 1 << 24,
    AMX_INT8 = 1 << 25,
    /* leaf 7 subleaf 1, EAX */
    AVX512_BF16 = 1 << 5,
    /* XCR0 */
    STATE_YMM = 0x6,      /* xmm and the upper halves of ymm */
    STATE_ZMM = 0xe6,     /* and mask registers, the upper halves of zmm, zmm16-31 */
    STATE_TILE = 0x60000, /* tile configuration and data */
};
static const uint32_t AVX512VL = UINT32_C(1) << 31; /* leaf 7 subleaf 0, EBX; no int holds it */

static uint64_t enabled_state(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has(uint64_t word, uint64_t bits)
{
    return (word & bits) == bits;
}

static enum deit_level find_level(void)
{
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, OSXSAVE | AVX | FMA | F16C))
        return DEIT_LEVEL_SCALAR;
    const uint64_t state = enabled_state();
    if (!has(state, STATE_YMM) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, AVX2))
        return DEIT_LEVEL_SCALAR;
    if (!has(state, STATE_ZMM) || !has(b, AVX512F | AVX512DQ | AVX512BW | AVX512VL))
        return DEIT_LEVEL_AVX2;

    uint32_t a1 = 0, b1, c1, d1;
    if (a < 1 || !__get_cpuid_count(7, 1, &a1, &b1, &c1, &d1) || !has(a1, AVX512_BF16) ||
        !has(c, AVX512_VNNI))
        return DEIT_LEVEL_AVX512;
    if (!has(state, STATE_TILE) || !has(d, AMX_TILE | AMX_BF16 | AMX_INT8))
        return DEIT_LEVEL_AVX512_BF16;
    return DEIT_LEVEL_AMX;
}

enum deit_level deit_cpu_level(void)
{
    /* A virtual machine's host answers CPUID, slowly: it is asked once. */
    static atomic_int known;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (!level) {
        level = (int)find_level();
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }
    return (enum deit_level)level;
}

#elif defined(__aarch64__)

/* Every 64-bit Arm has it. */
enum deit_level deit_cpu_level(void)
{
    return DEIT_LEVEL_NEON;
}

#else

enum deit_level deit_cpu_level(void)
{
    return DEIT_LEVEL_SCALAR;
}

#endif
