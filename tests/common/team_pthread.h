/*
 * tests/common/team_pthread.h: threads without OpenMP.
 *
 * ThreadSanitizer does not see libgomp's synchronisation; and any number of threads can be
 * had here, whatever the machine.
 */
#ifndef DEIT_TESTS_COMMON_TEAM_PTHREAD_H
#define DEIT_TESTS_COMMON_TEAM_PTHREAD_H

#include "runtime/team.h"

/* A region whose threads are created and joined each time. */
void deit_team_region_pthread(unsigned n_threads, deit_team_body_fn *body, void *arg);

/* A caller's pool: 'ctx' points to the number of threads. */
void deit_parallel_for_pthread(void *ctx, size_t n, void (*fn)(void *arg, size_t index),
                               void *arg);

#endif
