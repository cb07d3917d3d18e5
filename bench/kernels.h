/*
 * bench/kernels.h: the kernels as they are measured: what is called, on which sizes.
 *
 * A new kernel is a row of the table in bench/kernel_rows.c.
 */
#ifndef DEIT_BENCH_KERNELS_H
#define DEIT_BENCH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "ops/kernels.h"

/* Numbers in each array of a call, enough for all sizes. */
enum { DEIT_BENCH_WORK = 64 * 3072, DEIT_BENCH_BF16 = 224 * 3 * 3072 };

/* One call: its sizes, and arrays that all calls share. */
struct deit_bench_work {
    const struct deit_kernels *kernels;
    size_t rows, n, k, parts;
    float *x, *y, *z, *w;       /* random values from -3 to 3; y is for results */
    uint8_t *bytes, *bytes_out; /* random; results */
    uint16_t *halves;           /* random floats of 16 bits */
    uint16_t *bf16, *bf16_out;  /* (DEIT_BENCH_BF16) random values from -3 to 3; results */
    struct deit_coeff4 *coeff;
    int32_t *start, *count;
};

/* Sizes that the kernel's tile decides: all its rows, all but one; its columns. */
#define DEIT_BENCH_MR SIZE_MAX
#define DEIT_BENCH_MR_LESS_1 (SIZE_MAX - 1)
#define DEIT_BENCH_NR SIZE_MAX

struct deit_bench_size {
    size_t rows, n, k, parts; /* parts: of bf16, else 0 */
};

struct deit_bench_kernel {
    const char *name;   /* in struct deit_kernels */
    size_t member;      /* where that has the function */
    const char *bound;  /* the precision whose peak bounds it; NULL: memory does */
    void (*tile)(const struct deit_kernels *kernels, size_t *mr, size_t *nr); /* NULL: no tile */
    void (*call)(struct deit_bench_work *work);
    double (*amount)(const struct deit_bench_work *work); /* operations, or bytes moved */
    const char *shape;  /* for printf(): rows, n, k, parts */
    const struct deit_bench_size *sizes;
    size_t n_sizes;
};

extern const struct deit_bench_kernel deit_bench_kernels[];
extern const size_t deit_bench_n_kernels;

#endif
