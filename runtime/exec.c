/*
 * runtime/exec.c: one inference.
 *
 * All threads enter one region and walk the list of steps together; in a step they claim tiles
 * from a counter until none is left, then meet at a barrier.  Claiming costs tens of
 * nanoseconds and lets a thread whose core has another tenant simply do fewer tiles.  The
 * caller's parallel_for gives no promise that its calls run at once, so there each step is a
 * loop of its own and no barrier is needed.
 */
#include "runtime/exec.h"

#include <sched.h>
#include <time.h>

#include "ops/fp_state.h"
#include "runtime/error.h"

enum { SPINS = 4096 }; /* polls of the barrier before the core is given away */

struct run {
    struct deit_exec *exec;
    size_t batch;
    size_t step; /* of the caller's loop, of n_threads calls */
    unsigned n_threads;
    atomic_uint arrived, phase;
    atomic_size_t stop_after; /* the last step to run */
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t greatest_common_divisor(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Claim i of n in a shuffled order: a walk whose stride shares no factor with n. */
static size_t shuffled(size_t i, size_t n, size_t seed)
{
    size_t stride = seed % n;
    while (greatest_common_divisor(stride, n) != 1)
        stride++;
    return (i * stride + seed / n) % n;
}

static void run_tiles(const struct run *run, size_t step_index, unsigned thread,
                      unsigned n_threads)
{
    const struct deit_exec *exec = run->exec;
    const struct deit_plan *plan = exec->plan;
    const struct deit_step *step = &plan->steps[step_index];
    size_t n = step->n_tiles(step->op, run->batch), i;
    struct deit_tile tile = {
        .kernels = plan->kernels,
        .batch = run->batch,
        .n_threads = n_threads,
        .scratch = plan->arena + plan->scratch_offset + thread * plan->scratch_bytes,
    };
    atomic_size_t *claims = &exec->claims[step_index];
    while ((i = atomic_fetch_add_explicit(claims, 1, memory_order_relaxed)) < n) {
        tile.index = exec->shuffle ? shuffled(i, n, exec->shuffle) : i;
        step->run(step->op, &tile);
    }
}

/* Spins, then yields: with more threads than free cores, spinning alone would stall them all. */
static void wait_for_all(struct run *run, unsigned n_threads)
{
    unsigned phase = atomic_load_explicit(&run->phase, memory_order_acquire);
    if (atomic_fetch_add_explicit(&run->arrived, 1, memory_order_acq_rel) + 1 == n_threads) {
        atomic_store_explicit(&run->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&run->phase, phase + 1, memory_order_release);
        return;
    }
    for (unsigned spins = 0; atomic_load_explicit(&run->phase, memory_order_acquire) == phase;
         spins++) {
        if (spins >= SPINS)
            sched_yield();
#if defined(__x86_64__)
        else
            __builtin_ia32_pause();
#endif
    }
}

static bool asked_to_stop(const struct deit_exec *exec)
{
    return exec->interrupt && exec->interrupt(exec->ctx);
}

static void report_step(const struct deit_exec *exec, size_t step, uint64_t *since)
{
    if (!exec->on_step)
        return;
    uint64_t now = now_ns();
    exec->on_step(exec->ctx, exec->plan->steps[step].name, now - *since);
    *since = now_ns();
}

/* The body of a region: thread 0 also polls and reports, between its last tile and the barrier. */
static void walk_steps(void *run_, unsigned thread, unsigned n_threads)
{
    struct run *run = run_;
    const struct deit_exec *exec = run->exec;
    unsigned fp_state = deit_fp_enter();
    uint64_t since = exec->on_step ? now_ns() : 0;

    for (size_t s = 0; s < exec->plan->n_steps; s++) {
        run_tiles(run, s, thread, n_threads);
        if (thread == 0 && asked_to_stop(exec))
            atomic_store_explicit(&run->stop_after, s, memory_order_relaxed);
        if (n_threads > 1)
            wait_for_all(run, n_threads);
        if (thread == 0)
            report_step(exec, s, &since);
        /* A step and not a flag: thread 0 may be at the next poll before others are here. */
        if (s >= atomic_load_explicit(&run->stop_after, memory_order_relaxed))
            break;
    }
    deit_fp_leave(fp_state);
}

/* Call 'index' of the caller's loop over one step: its own scratch, any number of tiles. */
static void loop_body(void *run_, size_t index)
{
    const struct run *run = run_;
    unsigned fp_state = deit_fp_enter();
    run_tiles(run, run->step, (unsigned)index, run->n_threads);
    deit_fp_leave(fp_state);
}

static void loop_steps(struct run *run, unsigned n_threads)
{
    const struct deit_exec *exec = run->exec;
    uint64_t since = exec->on_step ? now_ns() : 0;
    run->n_threads = n_threads;
    for (run->step = 0; run->step < exec->plan->n_steps; run->step++) {
        exec->team->parallel_for(exec->team->parallel_ctx, n_threads, loop_body, run);
        report_step(exec, run->step, &since);
        if (asked_to_stop(exec)) {
            atomic_store(&run->stop_after, run->step);
            return;
        }
    }
}

enum deit_status deit_exec_run(struct deit_exec *exec, size_t batch, struct deit_error *err)
{
    struct run run = { .exec = exec, .batch = batch, .stop_after = SIZE_MAX };
    unsigned n_threads = deit_team_size(exec->team);

    for (size_t s = 0; s < exec->plan->n_steps; s++)
        atomic_store_explicit(&exec->claims[s], 0, memory_order_relaxed);
    if (asked_to_stop(exec))
        run.stop_after = 0;
    else if (n_threads == 1)
        walk_steps(&run, 0, 1);
    else if (exec->team->parallel_for)
        loop_steps(&run, n_threads);
    else
        exec->team->region(n_threads, walk_steps, &run);

    if (run.stop_after != SIZE_MAX)
        return deit_fail(err, DEIT_ERR_INTERRUPTED, "the run was interrupted");
    return DEIT_OK;
}
