/*
 * bench/machine.h: on what a measurement was made.
 */
#ifndef DEIT_BENCH_MACHINE_H
#define DEIT_BENCH_MACHINE_H

struct deit_bench_machine {
    char cpu[128];     /* "Intel(R) Xeon(R) Platinum 8488C" */
    char compiler[64]; /* "gcc 12.2.0" */
    char governor[32]; /* "performance"; empty if the system does not tell */
};

void deit_bench_machine_init(struct deit_bench_machine *machine);

#endif
