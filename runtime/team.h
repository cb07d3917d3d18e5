/*
 * runtime/team.h: the threads of a session.
 *
 * A team is a small table: an OpenMP region (the default), the caller's parallel_for, or what a
 * test puts in.  One thread never enters either.  After fork() the workers do not exist in the
 * child, so a team that finds itself in another process than its creator's runs on one thread.
 */
#ifndef DEIT_RUNTIME_TEAM_H
#define DEIT_RUNTIME_TEAM_H

#include <stddef.h>

#include "runtime/include/deit.h"

/* Called on each thread of a region; n_threads may be less than was asked for. */
typedef void deit_team_body_fn(void *arg, unsigned thread, unsigned n_threads);

/* Calls body(arg, 0, n) ... body(arg, n - 1, n) at the same time, 1 <= n <= n_threads. */
typedef void deit_team_region_fn(unsigned n_threads, deit_team_body_fn *body, void *arg);

struct deit_team {
    unsigned n_threads;
    deit_team_region_fn *region;         /* either this, */
    deit_parallel_for_fn *parallel_for;  /* or this, */
    void *parallel_ctx;                  /* or one thread */
    long pid;
};

void deit_team_init(struct deit_team *team, unsigned n_threads, deit_team_region_fn *region,
                    deit_parallel_for_fn *parallel_for, void *parallel_ctx);

/* The threads that a run may use now: 1 in a forked child. */
unsigned deit_team_size(const struct deit_team *team);

/* Runs fn(arg, 0) ... fn(arg, n - 1), claimed one by one by the team's threads. */
void deit_team_for(struct deit_team *team, size_t n, void (*fn)(void *arg, size_t index),
                   void *arg);

/* The OpenMP region; NULL in a build without OpenMP. */
extern deit_team_region_fn *const deit_team_region_openmp;

#endif
