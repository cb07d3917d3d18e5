/* runtime/dump.h: graphs and plans as text for people and programs. */
#ifndef DEIT_RUNTIME_DUMP_H
#define DEIT_RUNTIME_DUMP_H

#include "runtime/graph.h"
#include "runtime/plan.h"

/* 'plan' may be NULL: then shapes and nodes alone. */
enum deit_status deit_dump(const struct deit_graph *graph, const struct deit_plan *plan,
                           enum deit_dump_format format, deit_write_fn *write, void *ctx,
                           struct deit_error *err);

#endif
