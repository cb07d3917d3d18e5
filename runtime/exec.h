/* runtime/exec.h: drives a plan's steps on a team. */
#ifndef DEIT_RUNTIME_EXEC_H
#define DEIT_RUNTIME_EXEC_H

#include <stdatomic.h>

#include "runtime/plan.h"
#include "runtime/team.h"

struct deit_exec {
    const struct deit_plan *plan;
    struct deit_team *team;
    atomic_size_t *claims; /* (n_steps): tiles that are taken */
    size_t shuffle;        /* test: tiles are claimed in an order drawn from it; 0: ascending */
    int (*interrupt)(void *ctx);
    void (*on_step)(void *ctx, const char *name, uint64_t ns);
    void *ctx;
};

/*
 * Runs all steps for 'batch' images, at most the plan's batch.  Returns DEIT_ERR_INTERRUPTED if
 * interrupt() says so.
 */
enum deit_status deit_exec_run(struct deit_exec *exec, size_t batch, struct deit_error *err);

#endif
