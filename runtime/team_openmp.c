/*
 * runtime/team_openmp.c: the one parallel region of the library.
 *
 * The size is asked for inside: a host that already runs a region may leave one thread.
 */
#include "runtime/team.h"

#ifdef _OPENMP
#include <omp.h>

static void region(unsigned n_threads, deit_team_body_fn *body, void *arg)
{
#pragma omp parallel num_threads(n_threads)
    body(arg, (unsigned)omp_get_thread_num(), (unsigned)omp_get_num_threads());
}

deit_team_region_fn *const deit_team_region_openmp = region;
#else
deit_team_region_fn *const deit_team_region_openmp = NULL;
#endif
