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

/* The leader of each range; chains may be long, so each link is followed once. */
static void find_leaders(const struct deit_memory_plan *plan, int *leaders)
{
    for (size_t i = 0; i < plan->n_ranges; i++)
        leaders[i] = -1;
    for (size_t i = 0; i < plan->n_ranges; i++) {
        int leader = (int)i;
        while (leaders[leader] < 0 && plan->ranges[leader].shares >= 0)
            leader = plan->ranges[leader].shares;
        if (leaders[leader] >= 0)
            leader = leaders[leader];
        for (int at = (int)i; at >= 0 && leaders[at] < 0; at = plan->ranges[at].shares)
            leaders[at] = leader;
    }
}

static int by_size_then_leader(const void *a_, const void *b_)
{
    const struct group *a = a_, *b = b_;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->leader - b->leader;
}

static size_t make_groups(const struct deit_memory_plan *plan, const int *leaders,
                          struct group *groups)
{
    for (size_t i = 0; i < plan->n_ranges; i++)
        groups[i] = (struct group){ .leader = (int)i, .first = plan->ranges[i].first,
                                    .last = plan->ranges[i].last };
    for (size_t i = 0; i < plan->n_ranges; i++) {
        const struct deit_memory_range *range = &plan->ranges[i];
        struct group *group = &groups[leaders[i]];
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

/* The lowest offset at which group n fits beside those placed, which 'order' has by offset. */
static size_t lowest_gap(const struct group *groups, size_t n, const size_t *order)
{
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        const struct group *other = &groups[order[i]];
        bool together = other->first <= groups[n].last && groups[n].first <= other->last;
        bool overlap = other->offset < offset + groups[n].bytes + DEIT_ALIGNMENT &&
                       offset < other->offset + other->bytes + DEIT_ALIGNMENT;
        if (together && overlap)
            offset = other->offset + deit_align(other->bytes) + DEIT_ALIGNMENT;
    }
    return offset;
}

/* Adds group n to the n that are in order. */
static void insert(const struct group *groups, size_t n, size_t *order)
{
    size_t i = n;
    for (; i > 0 && groups[order[i - 1]].offset > groups[n].offset; i--)
        order[i] = order[i - 1];
    order[i] = n;
}

/* 'groups', 'order' and 'leaders' are work space for a number per range. */
static enum deit_status place(struct deit_memory_plan *plan, size_t max_bytes,
                              struct group *groups, size_t *order, int *leaders,
                              struct deit_error *err)
{
    find_leaders(plan, leaders);
    size_t total = 0, n = make_groups(plan, leaders, groups);
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; status == DEIT_OK && i < n; i++) {
        size_t end;
        groups[i].offset = lowest_gap(groups, i, order);
        if (groups[i].bytes > max_bytes ||
            __builtin_add_overflow(groups[i].offset, deit_align(groups[i].bytes), &end) ||
            end > max_bytes)
            status = deit_fail(err, DEIT_ERR_LIMIT,
                               "the plan needs more than %zu bytes of memory beyond the weights",
                               max_bytes);
        else
            total = end > total ? end : total;
        plan->ranges[groups[i].leader].offset = groups[i].offset;
        insert(groups, i, order);
    }
    if (status != DEIT_OK)
        return status;
    for (size_t i = 0; i < plan->n_ranges; i++)
        plan->ranges[i].offset = plan->ranges[leaders[i]].offset;
    plan->total_bytes = total;
    return DEIT_OK;
}

enum deit_status deit_plan_memory(struct deit_memory_plan *plan, size_t max_bytes,
                                  struct deit_error *err)
{
    struct group *groups = calloc(plan->n_ranges + 1, sizeof *groups);
    size_t *order = calloc(plan->n_ranges + 1, sizeof *order);
    int *leaders = calloc(plan->n_ranges + 1, sizeof *leaders);
    enum deit_status status = DEIT_OK;
    if (groups && order && leaders)
        status = place(plan, max_bytes, groups, order, leaders, err);
    else
        status = deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the memory plan");
    free(groups);
    free(order);
    free(leaders);
    return status;
}
