/*
 * runtime/plan_memory.c: greedy placement, largest first.
 *
 * Ranges that share memory form one group that lives as long as all of them.  The largest
 * group goes first, each to the lowest gap between those already placed that are alive at the
 * same time: close to optimal for the few large buffers of a transformer.
 */
#include "runtime/plan_memory.h"

#include <stdbool.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "runtime/memory.h"

struct group {
    size_t bytes;
    int first, last;
    int leader; /* the range that the others share with */
    size_t offset;
};

static int leader_of(const struct deit_memory_plan *plan, int range)
{
    while (plan->ranges[range].shares >= 0)
        range = plan->ranges[range].shares;
    return range;
}

static int by_size_then_leader(const void *a_, const void *b_)
{
    const struct group *a = a_, *b = b_;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->leader - b->leader;
}

static size_t make_groups(const struct deit_memory_plan *plan, struct group *groups)
{
    for (size_t i = 0; i < plan->n_ranges; i++)
        groups[i] = (struct group){ .leader = (int)i, .first = plan->ranges[i].first,
                                    .last = plan->ranges[i].last };
    for (size_t i = 0; i < plan->n_ranges; i++) {
        const struct deit_memory_range *range = &plan->ranges[i];
        struct group *group = &groups[leader_of(plan, (int)i)];
        if (range->bytes > group->bytes)
            group->bytes = range->bytes;
        if (range->first < group->first)
            group->first = range->first;
        if (range->last > group->last)
            group->last = range->last;
    }
    size_t n = 0;
    for (size_t i = 0; i < plan->n_ranges; i++)
        if (groups[i].bytes)
            groups[n++] = groups[i];
    qsort(groups, n, sizeof *groups, by_size_then_leader);
    return n;
}

/* The lowest offset at which group n fits beside the placed groups 0 to n - 1. */
static size_t lowest_gap(const struct group *groups, size_t n)
{
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        const struct group *other = &groups[i];
        bool together = other->first <= groups[n].last && groups[n].first <= other->last;
        bool overlap = other->offset < offset + groups[n].bytes + DEIT_ALIGNMENT &&
                       offset < other->offset + other->bytes + DEIT_ALIGNMENT;
        if (together && overlap) {
            offset = other->offset + deit_align(other->bytes) + DEIT_ALIGNMENT;
            i = (size_t)-1; /* a higher place may meet one that was passed */
        }
    }
    return offset;
}

enum deit_status deit_plan_memory(struct deit_memory_plan *plan, size_t max_bytes,
                                  struct deit_error *err)
{
    struct group *groups = calloc(plan->n_ranges ? plan->n_ranges : 1, sizeof *groups);
    if (!groups)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the memory plan");

    size_t total = 0, n = make_groups(plan, groups);
    for (size_t i = 0; i < n; i++) {
        groups[i].offset = lowest_gap(groups, i);
        size_t end;
        if (__builtin_add_overflow(groups[i].offset, deit_align(groups[i].bytes), &end) ||
            end > max_bytes) {
            free(groups);
            return deit_fail(err, DEIT_ERR_LIMIT,
                             "the plan needs more than %zu bytes of memory beyond the weights",
                             max_bytes);
        }
        plan->ranges[groups[i].leader].offset = groups[i].offset;
        if (end > total)
            total = end;
    }
    for (size_t i = 0; i < plan->n_ranges; i++)
        plan->ranges[i].offset = plan->ranges[leader_of(plan, (int)i)].offset;
    plan->total_bytes = total;
    free(groups);
    return DEIT_OK;
}
