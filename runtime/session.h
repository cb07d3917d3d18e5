/*
 * runtime/session.h: sessions with what only tests and measurements ask for.
 */
#ifndef DEIT_RUNTIME_SESSION_H
#define DEIT_RUNTIME_SESSION_H

#include "ops/kernels.h"
#include "runtime/exec.h"
#include "runtime/include/deit.h"
#include "runtime/specialise.h"
#include "runtime/team.h"

struct deit_session_hooks {
    deit_team_region_fn *region; /* in place of OpenMP's */
    enum deit_passes passes;
    size_t shuffle;              /* claim order of tiles, see runtime/exec.h */
    void (*change_kernels)(struct deit_kernels *kernels); /* after they were chosen */
};

/* deit_session_create() is this with 'hooks' NULL. */
enum deit_status deit_session_create_with(deit_model *model,
                                          const struct deit_session_options *options,
                                          const struct deit_session_hooks *hooks,
                                          deit_session **session, struct deit_error *err);

/* What a session runs, so that single steps can be.  Both stay the session's. */
const struct deit_exec *deit_session_exec(const deit_session *session);
const struct deit_graph *deit_session_graph(const deit_session *session);

#endif
