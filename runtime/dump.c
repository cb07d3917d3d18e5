/*
 * runtime/dump.c: what all dumps share: writing, names, and what is said of a node.
 *
 * Names come from files.  Control characters in them would let a file forge lines of a dump,
 * so they are replaced here, as in messages.
 */
#include "runtime/dump.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/error.h"

/* ------------------------------------------------------------------ writing */

void deit_write(struct deit_writer *writer, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t bytes = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    if (!writer->is_stopped && bytes)
        writer->is_stopped = writer->write(writer->ctx, text, bytes) != 0;
}

enum deit_status deit_writer_end(const struct deit_writer *writer, struct deit_error *err)
{
    return writer->is_stopped ? deit_fail(err, DEIT_ERR_INTERRUPTED, "the dump was stopped")
                              : DEIT_OK;
}

static int write_piece(const char *text, size_t bytes, void *writer_)
{
    struct deit_writer *writer = writer_;
    writer->is_stopped = writer->write(writer->ctx, text, bytes) != 0;
    return writer->is_stopped ? -1 : 0;
}

enum deit_status deit_write_json(struct deit_writer *writer, json_t *root,
                                 struct deit_error *err)
{
    bool ok = root && json_dump_callback(root, write_piece, writer, JSON_INDENT(2)) == 0;
    json_decref(root);
    if (ok)
        deit_write(writer, "\n");
    else if (!writer->is_stopped)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory for the dump");
    return deit_writer_end(writer, err);
}

/* ------------------------------------------------------------------ names and numbers */

char *deit_dump_name(const char *name, char *text)
{
    snprintf(text, DEIT_DUMP_NAME, "%s", name);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return text;
}

static void print_axes(const struct deit_axes_attrs *axes, char *text)
{
    size_t used = 0;
    for (uint32_t i = 0; i < axes->n && i < DEIT_MAX_RANK; i++)
        used += (size_t)snprintf(text + used, DEIT_DUMP_NAME - used, "%s%d", i ? " " : "axes ",
                                 axes->axis[i]);
}

static void print_linear(const struct deit_node *node, char *text)
{
    snprintf(text, DEIT_DUMP_NAME, "%s%s%s%s",
             deit_node_input(node, DEIT_LINEAR_BIAS) >= 0 ? "bias" : "no bias",
             node->attrs.linear.activation == DEIT_ACTIVATION_GELU ? ", gelu" : "",
             deit_node_input(node, DEIT_LINEAR_SCALE) >= 0 ? ", scale" : "",
             deit_node_input(node, DEIT_LINEAR_RESIDUAL) >= 0 ? ", residual" : "");
}

static void print_heads(const struct deit_heads_attrs *attrs, char *text)
{
    if (attrs->pool_mean)
        snprintf(text, DEIT_DUMP_NAME, "%u on the mean of tokens", attrs->n_heads);
    else
        snprintf(text, DEIT_DUMP_NAME, "%u on %s", attrs->n_heads,
                 attrs->n_heads == 2 ? "two tokens" : "one token");
}

char *deit_dump_detail(const struct deit_node *node, char *text)
{
    const union deit_attrs *attrs = &node->attrs;
    text[0] = '\0';
    switch (node->kind) {
    case DEIT_NODE_PATCH_EMBED:
        snprintf(text, DEIT_DUMP_NAME, "patch %u x %u, %u prefix", attrs->patch_embed.patch_height,
                 attrs->patch_embed.patch_width, attrs->patch_embed.n_prefix);
        break;
    case DEIT_NODE_LAYERNORM:
        snprintf(text, DEIT_DUMP_NAME, "eps %g", (double)attrs->layernorm.eps);
        break;
    case DEIT_NODE_ATTENTION:
        snprintf(text, DEIT_DUMP_NAME, "%u x %u, scale %.4g", attrs->attention.n_heads,
                 attrs->attention.head_dim, (double)attrs->attention.scale);
        break;
    case DEIT_NODE_CONV: case DEIT_NODE_AVERAGE_POOL:
        snprintf(text, DEIT_DUMP_NAME, "%u x %u, stride %u x %u", attrs->window.kernel_height,
                 attrs->window.kernel_width, attrs->window.stride_height,
                 attrs->window.stride_width);
        break;
    case DEIT_NODE_LINEAR: print_linear(node, text); break;
    case DEIT_NODE_HEADS: print_heads(&attrs->heads, text); break;
    case DEIT_NODE_TRANSPOSE: print_axes(&attrs->transpose, text); break;
    case DEIT_NODE_CAST:
        snprintf(text, DEIT_DUMP_NAME, "to %s", deit_dtype_name(attrs->cast.to));
        break;
    case DEIT_NODE_SOFTMAX: case DEIT_NODE_CONCAT: case DEIT_NODE_GATHER:
        snprintf(text, DEIT_DUMP_NAME, "axis %d", attrs->axis.axis);
        break;
    default:
        break;
    }
    return text;
}

double deit_dump_macs(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_kind *kind = deit_kind_of(node);
    return kind->macs ? kind->macs(graph, node) : 0;
}

static size_t function_of(const struct deit_node *node)
{
    size_t function = node->kind == DEIT_NODE_UNARY    ? (size_t)node->attrs.unary
                      : node->kind == DEIT_NODE_BINARY ? (size_t)node->attrs.binary
                                                       : 0;
    assert(function < DEIT_DUMP_FUNCTIONS);
    return (size_t)node->kind * DEIT_DUMP_FUNCTIONS + function;
}

size_t deit_dump_count_kinds(const struct deit_graph *graph, struct deit_kind_count *counts)
{
    memset(counts, 0, DEIT_DUMP_KINDS * sizeof *counts);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct deit_kind_count *count = &counts[function_of(&graph->nodes[i])];
        count->name = deit_node_kind_name(&graph->nodes[i]);
        count->n++;
    }
    size_t n = 0;
    for (size_t i = 0; i < DEIT_DUMP_KINDS; i++)
        if (counts[i].n)
            counts[n++] = counts[i];
    return n;
}

char *deit_dump_stage_name(const struct deit_stage *stage, char *text)
{
    if (stage->nth > 1)
        snprintf(text, DEIT_DUMP_NAME, "%s.%u", stage->name, stage->nth);
    else
        snprintf(text, DEIT_DUMP_NAME, "%s", stage->name);
    return text;
}
