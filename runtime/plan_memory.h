/*
 * runtime/plan_memory.h: life spans to offsets in one arena.
 */
#ifndef DEIT_RUNTIME_PLAN_MEMORY_H
#define DEIT_RUNTIME_PLAN_MEMORY_H

#include <stddef.h>

#include "runtime/include/deit.h"

/* A buffer that is alive from step 'first' to step 'last', both included. */
struct deit_memory_range {
    size_t bytes; /* 0: needs no memory */
    int first, last;
    int shares;   /* another range whose memory this one takes over, or -1 */
    size_t offset; /* the answer, a multiple of DEIT_ALIGNMENT */
};

struct deit_memory_plan {
    struct deit_memory_range *ranges;
    size_t n_ranges;
    size_t total_bytes; /* the answer */
};

/*
 * Places all ranges so that two which are alive at the same time never overlap, with one
 * alignment unit between neighbours for ASan to poison.  Returns DEIT_ERR_LIMIT above
 * 'max_bytes'.
 */
enum deit_status deit_plan_memory(struct deit_memory_plan *plan, size_t max_bytes,
                                  struct deit_error *err);

#endif
