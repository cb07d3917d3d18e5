/*
 * cli/inspect_facts.h: what is known of a model, as one JSON object.
 *
 * Text is made from the same object, so that both formats say the same.
 */
#ifndef DEIT_CLI_INSPECT_FACTS_H
#define DEIT_CLI_INSPECT_FACTS_H

#include <jansson.h>

#include "cli/inspect_options.h"

/*
 * deit_inspect_facts() fills '*facts', the caller's to release, with
 *
 *   file, format, architecture, producer, opset, ir_version
 *   inputs, outputs    name, dtype and shape of each; an open dim is null
 *   height, width, classes, heads, features, parameters
 *   weight_bytes, stored_bytes (by dtype), unused_tensors
 *   gmac, gflop        of one image of that size
 *   stages             of the graph: name, changes, n_nodes, macs, kinds
 *
 * and, if they are asked for, "graph", the stages with their nodes, and "plan".  'session' is
 * NULL without a plan.
 */
enum deit_status deit_inspect_facts(const deit_model *model, const deit_session *session,
                                    const struct deit_inspect_options *options, json_t **facts,
                                    struct deit_error *err);

/* The options of a dump of the stage, or stages, that the user asked for. */
struct deit_dump_options deit_inspect_dump_options(const struct deit_inspect_options *options);

#endif
