/* runtime/team.c: team set-up, and loops that are not the executor's. */
#include "runtime/team.h"

#include <stdatomic.h>
#include <unistd.h>

void deit_team_init(struct deit_team *team, unsigned n_threads, deit_team_region_fn *region,
                    deit_parallel_for_fn *parallel_for, void *parallel_ctx)
{
    *team = (struct deit_team){
        .n_threads = parallel_for || region ? n_threads : 1,
        .region = parallel_for ? NULL : region,
        .parallel_for = parallel_for,
        .parallel_ctx = parallel_ctx,
        .pid = (long)getpid(),
    };
}

unsigned deit_team_size(const struct deit_team *team)
{
    return team->n_threads > 1 && team->pid == (long)getpid() ? team->n_threads : 1;
}

struct loop {
    size_t n;
    void (*fn)(void *arg, size_t index);
    void *arg;
    atomic_size_t next;
};

static void run_loop(void *loop_, unsigned thread, unsigned n_threads)
{
    (void)thread;
    (void)n_threads;
    struct loop *loop = loop_;
    size_t i;
    while ((i = atomic_fetch_add_explicit(&loop->next, 1, memory_order_relaxed)) < loop->n)
        loop->fn(loop->arg, i);
}

void deit_team_for(struct deit_team *team, size_t n, void (*fn)(void *arg, size_t index),
                   void *arg)
{
    struct loop loop = { .n = n, .fn = fn, .arg = arg };
    unsigned size = deit_team_size(team);
    if (size == 1)
        run_loop(&loop, 0, 1);
    else if (team->parallel_for)
        team->parallel_for(team->parallel_ctx, n, fn, arg);
    else
        team->region(size, run_loop, &loop);
}
