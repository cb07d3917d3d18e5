/*
 * runtime/dump.h: graphs and plans as text for people and programs.
 */
#ifndef DEIT_RUNTIME_DUMP_H
#define DEIT_RUNTIME_DUMP_H

#include <jansson.h>

#include "runtime/graph.h"
#include "runtime/passes.h"
#include "runtime/plan.h"

/* Where text goes: the first call of the caller's function that says stop is the last one. */
struct deit_writer {
    deit_write_fn *write;
    void *ctx;
    bool is_stopped;
};

void deit_write(struct deit_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The status of a dump that is through: DEIT_OK, or DEIT_ERR_INTERRUPTED if it was stopped. */
enum deit_status deit_writer_end(const struct deit_writer *writer, struct deit_error *err);

/* Writes 'root' as text, and releases it; NULL: it could not be built. */
enum deit_status deit_write_json(struct deit_writer *writer, json_t *root,
                                 struct deit_error *err);

/* ------------------------------------------------------------------ names and numbers */

enum { DEIT_DUMP_NAME = 256 };

/* A name in one line, into a buffer of DEIT_DUMP_NAME bytes, which is returned. */
char *deit_dump_name(const char *name, char *text);

/* What a node does beyond its kind, "3 heads of 64", into the same; "" if there is nothing. */
char *deit_dump_detail(const struct deit_node *node, char *text);

/* Multiply-adds of a node of fixed shapes. */
double deit_dump_macs(const struct deit_graph *graph, const struct deit_node *node);

struct deit_kind_count {
    const char *name; /* of a kind; elementwise nodes count by their function */
    size_t n;         /* above 0 */
};

enum { DEIT_DUMP_FUNCTIONS = 32, DEIT_DUMP_KINDS = DEIT_N_NODE_KINDS * DEIT_DUMP_FUNCTIONS };

/* Fills in at most DEIT_DUMP_KINDS counts, in the order of node_kinds.inc; returns how many. */
size_t deit_dump_count_kinds(const struct deit_graph *graph, struct deit_kind_count *counts);

/* ------------------------------------------------------------------ graphs */

/* "drop_identities", "drop_identities.2": what a stage is called, into DEIT_DUMP_NAME bytes. */
char *deit_dump_stage_name(const struct deit_stage *stage, char *text);

void deit_dump_stage_text(struct deit_writer *writer, const struct deit_stage *stage,
                          bool has_nodes);
void deit_dump_stage_dot(struct deit_writer *writer, const struct deit_stage *stage);
json_t *deit_dump_stage_json(const struct deit_stage *stage, bool has_nodes);

void deit_dump_nodes_text(struct deit_writer *writer, const struct deit_graph *graph);

/* ------------------------------------------------------------------ plans */

/* The bytes that are alive at once at most, in-place results counted once. */
size_t deit_dump_peak(const struct deit_graph *graph, const struct deit_plan *plan);

enum { DEIT_DUMP_KERNEL = 64 };

/* "gemm_f32 9x48 avx512", into a buffer of DEIT_DUMP_KERNEL bytes, which is returned. */
char *deit_dump_kernel(const struct deit_plan *plan, const struct deit_step *step, char *text);

/* Packed bytes of the weights that step 'index' reads. */
size_t deit_dump_step_weights(const struct deit_plan *plan, size_t index);

/* 'graph' is the one that 'plan' was made of. */
enum deit_status deit_dump_plan(const struct deit_graph *graph, const struct deit_plan *plan,
                                enum deit_dump_format format, deit_write_fn *write, void *ctx,
                                struct deit_error *err);

#endif
