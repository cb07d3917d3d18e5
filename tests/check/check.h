/*
 * tests/check/check.h: the harness of the kernel checks.
 *
 * It is a small one of its own because a check is not a yes or no: it runs one kernel over many
 * shapes, in buffers that show where it reads and writes, against a bound worked out from the
 * inputs.  The same checks run on kernels that are broken on purpose, and must then fail.
 */
#ifndef DEIT_TESTS_CHECK_CHECK_H
#define DEIT_TESTS_CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/kernels.h"

/* What all checks of one table share. */
struct check {
    const struct deit_kernels *kernels;
    const char *level, *kernel; /* names for messages */
    uint64_t random;            /* state of the generator */
    size_t n_checks, n_failed;
    bool is_quiet; /* failures are counted, not printed */
};

/* One kernel or a few that belong together. */
typedef void check_fn(struct check *c);
check_fn check_gemm_f32, check_pack_f32;
check_fn check_gemm_bf16, check_split_bf16, check_pack_bf16, check_interleave_bf16;
check_fn check_gelu_f32, check_layernorm_f32, check_softmax_f32, check_elementwise_f32;
check_fn check_widen_f32;
check_fn check_resample_x_u8, check_resample_y_u8, check_normalise_u8;

struct named_check {
    const char *name;
    check_fn *run;
};
extern const struct named_check all_checks[];
extern const size_t n_all_checks;

/* Runs one of them from a given seed; the counts of 'c' go on. */
void run_check(struct check *c, const struct named_check *check, uint64_t seed);

/* Counts; prints the message if 'is_ok' is false, up to a limit per kernel. */
void expect(struct check *c, bool is_ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Memory of an exact size.  Right before it lies a canary.  If it is 'tight', an inaccessible
 * page follows its last byte, else another canary.  All bytes start as 0xff, which no kernel may
 * keep or use: as floats they are NaN.
 */
struct buffer {
    void *data;
    size_t bytes;
    unsigned char *map;
    size_t map_bytes;
    size_t canary_after;
};
void buffer_init(struct buffer *b, size_t bytes, bool is_tight);
void buffer_done(struct buffer *b);
bool buffer_is_intact(const struct buffer *b);

/* The same with floats: random ones in [-1, 1) times 'size'. */
float *buffer_init_random(struct check *c, struct buffer *b, size_t n, float size, bool is_tight);

/* True if it came back; false, and counted as a failure, if it touched an inaccessible page. */
bool survives(struct check *c, void (*call)(void *context), void *context);

uint64_t random_bits(struct check *c);
size_t random_below(struct check *c, size_t n);
float random_float(struct check *c); /* in [-1, 1) */
float random_normal(struct check *c);

/* Half the distance between 1 and the next float: what one rounding costs, relatively. */
#define ROUNDING 0x1p-24

/* The distance of floats at 'x', not below the smallest normal one's. */
double ulp(double x);

/* Equal in every bit, or both NaN. */
bool same_float(float a, float b);

/* Self-test: true if every kernel that is broken on purpose is caught. */
bool every_broken_kernel_is_caught(uint64_t seed);

#endif
