/*
 * tests/check/main.c: kernel_check, which holds every kernel against its contract.
 *
 * Each level that this machine can run is checked twice: as the system left rounding and
 * denormals, and as the runtime sets them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/fp_state.h"
#include "tests/check/check.h"

enum { SKIPPED = 77 };

const struct named_check all_checks[] = {
    { "gemm_f32", check_gemm_f32 },
    { "pack_f32", check_pack_f32 },
    { "gemm_bf16", check_gemm_bf16 },
    { "split_bf16", check_split_bf16 },
    { "pack_bf16", check_pack_bf16 },
    { "interleave_bf16", check_interleave_bf16 },
    { "gelu_f32", check_gelu_f32 },
    { "layernorm_f32", check_layernorm_f32 },
    { "softmax_f32", check_softmax_f32 },
    { "elementwise_f32", check_elementwise_f32 },
    { "widen_f32", check_widen_f32 },
    { "resample_x_u8", check_resample_x_u8 },
    { "resample_y_u8", check_resample_y_u8 },
    { "normalise_u8", check_normalise_u8 },
};
const size_t n_all_checks = sizeof all_checks / sizeof *all_checks;

static const struct {
    const char *name;
    enum deit_level level;
} levels[] = {
    { "scalar", DEIT_LEVEL_SCALAR },
    { "avx2", DEIT_LEVEL_AVX2 },
    { "avx512", DEIT_LEVEL_AVX512 },
    { "avx512_bf16", DEIT_LEVEL_AVX512_BF16 },
};
enum { N_LEVELS = sizeof levels / sizeof *levels };

static const char usage[] =
    "usage: kernel_check [--level scalar|avx2|avx512|avx512_bf16] [--seed N] [--self-test]\n"
    "\n"
    "  --level      this instruction set's table; without it all that run here.  Exit 77 if\n"
    "               the CPU or this build lacks it\n"
    "  --seed N     of the random numbers; without it another one each time\n"
    "  --self-test  checks kernels that are broken on purpose: each must be caught\n";

static bool has_level(size_t i, struct deit_kernels *kernels)
{
    deit_kernels_init(kernels, levels[i].level);
    return kernels->level == levels[i].level;
}

static void check_level(struct check *c, uint64_t seed)
{
    for (int mode = 0; mode < 2; mode++) {
        const unsigned before = mode ? deit_fp_enter() : 0;
        for (size_t i = 0; i < n_all_checks; i++)
            run_check(c, &all_checks[i], seed + (uint64_t)mode);
        if (mode)
            deit_fp_leave(before);
    }
}

struct request {
    const char *level;
    uint64_t seed;
    bool is_self_test;
};

/* Returns 0, or the exit code. */
static int parse(int argc, char **argv, struct request *request)
{
    for (int i = 1; i < argc; i++) {
        char *end;
        if (!strcmp(argv[i], "--level") && i + 1 < argc) {
            request->level = argv[++i];
        } else if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
            request->seed = strtoull(argv[++i], &end, 0);
            if (*end || end == argv[i])
                return fputs(usage, stderr), 2;
        } else if (!strcmp(argv[i], "--self-test")) {
            request->is_self_test = true;
        } else {
            const bool is_help = !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h");
            fputs(usage, is_help ? stdout : stderr);
            exit(is_help ? 0 : 2);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct request request = { .seed = (uint64_t)time(NULL) };
    const int status = parse(argc, argv, &request);
    if (status)
        return status;
    printf("kernel_check: seed %llu\n", (unsigned long long)request.seed);
    if (request.is_self_test)
        return every_broken_kernel_is_caught(request.seed) ? 0 : 1;

    size_t n_checks = 0, n_failed = 0, n_levels = 0;
    bool is_known = false;
    for (size_t i = 0; i < N_LEVELS; i++) {
        if (request.level && strcmp(request.level, levels[i].name))
            continue;
        is_known = true;
        struct deit_kernels kernels;
        if (!has_level(i, &kernels)) {
            printf("kernel_check: %s skipped: %s\n", levels[i].name,
                   deit_cpu_level() < levels[i].level ? "this CPU does not have it"
                                                      : "not part of this build");
            continue;
        }
        n_levels++;
        struct check c = { .kernels = &kernels, .level = levels[i].name };
        check_level(&c, request.seed);
        n_checks += c.n_checks;
        n_failed += c.n_failed;
    }
    if (!is_known)
        return fputs(usage, stderr), 2;
    if (n_levels == 0)
        return SKIPPED;
    printf("kernel_check: %zu checks, %zu failed\n", n_checks, n_failed);
    return n_failed != 0;
}
