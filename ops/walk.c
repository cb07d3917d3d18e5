/*
 * ops/walk.c: loops whose number is known when a plan is made, as an odometer.
 *
 * It turns once per innermost run, so its cost is shared by all elements of the run: joining
 * loops matters more than what a turn costs.
 */
#include "ops/walk.h"

#include <stdbool.h>

/* Whether loop 'outer' goes on where loop 'inner' ends, for every operand. */
static bool continues(const struct deit_walk *walk, size_t outer, size_t inner)
{
    for (size_t k = 0; k < DEIT_WALK_OPERANDS; k++)
        if (walk->stride[outer][k] != walk->stride[inner][k] * (ptrdiff_t)walk->n[inner])
            return false;
    return true;
}

static void copy_loop(struct deit_walk *walk, size_t to, size_t from)
{
    for (size_t k = 0; k < DEIT_WALK_OPERANDS; k++)
        walk->stride[to][k] = walk->stride[from][k];
}

void deit_walk_join(struct deit_walk *walk)
{
    size_t kept = 0;
    for (size_t i = 0; i < walk->rank; i++) {
        if (walk->n[i] == 1)
            continue;
        if (kept && continues(walk, kept - 1, i)) {
            walk->n[kept - 1] *= walk->n[i];
            copy_loop(walk, kept - 1, i);
            continue;
        }
        walk->n[kept] = walk->n[i];
        copy_loop(walk, kept, i);
        kept++;
    }
    if (!kept) {
        walk->n[0] = 1;
        for (size_t k = 0; k < DEIT_WALK_OPERANDS; k++)
            walk->stride[0][k] = 1;
        kept = 1;
    }
    walk->rank = kept;
}

size_t deit_walk_count(const struct deit_walk *walk)
{
    size_t count = 1;
    for (size_t i = 0; i < walk->rank; i++)
        count *= walk->n[i];
    return count;
}

void deit_walk_seek(const struct deit_walk *walk, size_t index, struct deit_walk_at *at)
{
    *at = (struct deit_walk_at){ .i = { 0 } };
    for (size_t i = walk->rank; i-- > 0;) {
        at->i[i] = index % walk->n[i];
        index /= walk->n[i];
        for (size_t k = 0; k < DEIT_WALK_OPERANDS; k++)
            at->offset[k] += (ptrdiff_t)at->i[i] * walk->stride[i][k];
    }
}

void deit_walk_advance(const struct deit_walk *walk, struct deit_walk_at *at, size_t n)
{
    size_t i = walk->rank - 1;
    at->i[i] += n;
    for (size_t k = 0; k < DEIT_WALK_OPERANDS; k++)
        at->offset[k] += (ptrdiff_t)n * walk->stride[i][k];
    while (i && at->i[i] == walk->n[i]) {
        at->i[i] = 0;
        at->i[i - 1]++;
        for (size_t k = 0; k < DEIT_WALK_OPERANDS; k++)
            at->offset[k] +=
                walk->stride[i - 1][k] - (ptrdiff_t)walk->n[i] * walk->stride[i][k];
        i--;
    }
}
