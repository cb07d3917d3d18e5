/*
 * cli/inspect_text.c: the output of deit-inspect for people.
 *
 * Labels stand in one column and values in the next, so that two models can be compared line by
 * line; numbers that are counted have their thousands apart.
 */
#include "cli/inspect_text.h"

#include <stdio.h>
#include <string.h>

#include "cli/common/text.h"

/* ------------------------------------------------------------------ pieces */

int deit_inspect_write(void *out_, const char *text, size_t bytes)
{
    FILE *out = out_;
    while (bytes > 0) {
        const char *newline = memchr(text, '\n', bytes);
        size_t n = newline ? (size_t)(newline - text) : bytes;
        deit_text_write_part(out, text, n);
        if (newline)
            fputc('\n', out);
        n += newline != NULL;
        text += n;
        bytes -= n;
    }
    return ferror(out);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void write_label(FILE *out, const char *label)
{
    fprintf(out, "  %-14s", label);
}

/* "5,717,416" */
static void write_number(FILE *out, json_int_t number)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, number);
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            fputc(',', out);
        fputc(digits[i], out);
    }
}

static void write_bytes(FILE *out, json_int_t bytes)
{
    if (bytes < 10000)
        fprintf(out, "%" JSON_INTEGER_FORMAT " bytes", bytes);
    else if (bytes < 1000 * 1000)
        fprintf(out, "%.1f kB", (double)bytes / 1e3);
    else
        fprintf(out, "%.1f MB", (double)bytes / 1e6);
}

/* ------------------------------------------------------------------ what the model is */

static void write_format(FILE *out, const json_t *facts)
{
    write_label(out, "format");
    deit_text_write(out, text_of(facts, "format") ? text_of(facts, "format") : "unknown");
    if (number_of(facts, "opset"))
        fprintf(out, ", opset %" JSON_INTEGER_FORMAT, number_of(facts, "opset"));
    if (number_of(facts, "ir_version"))
        fprintf(out, ", IR version %" JSON_INTEGER_FORMAT, number_of(facts, "ir_version"));
    if (text_of(facts, "producer")) {
        fputs(", by ", out);
        deit_text_write(out, text_of(facts, "producer"));
    }
    fputc('\n', out);
}

static size_t longest_name(const json_t *ports, size_t longest)
{
    size_t i;
    json_t *port;
    json_array_foreach(ports, i, port) {
        const char *name = text_of(port, "name");
        if (name && strlen(name) > longest)
            longest = strlen(name);
    }
    return longest;
}

static void write_port(FILE *out, const json_t *port, size_t width)
{
    const json_t *shape = json_object_get(port, "shape"), *dim;
    const char *name = text_of(port, "name") ? text_of(port, "name") : "?";
    size_t i;
    deit_text_write(out, name);
    fprintf(out, "%*s  %s ", strlen(name) < width ? (int)(width - strlen(name)) : 0, "",
            text_of(port, "dtype"));
    if (!json_is_array(shape)) {
        fputs("of a shape that the input decides\n", out);
        return;
    }
    fputc('(', out);
    json_array_foreach(shape, i, dim) {
        fputs(i ? ", " : "", out);
        if (json_is_integer(dim))
            fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(dim));
        else
            fputc('?', out);
    }
    fputs(")\n", out);
}

static void write_ports(FILE *out, const json_t *facts)
{
    const json_t *inputs = json_object_get(facts, "inputs");
    const json_t *outputs = json_object_get(facts, "outputs"), *port;
    size_t i, width = longest_name(outputs, longest_name(inputs, 0));
    json_array_foreach(inputs, i, port) {
        write_label(out, i == 0 ? "inputs" : "");
        write_port(out, port, width);
    }
    json_array_foreach(outputs, i, port) {
        write_label(out, i == 0 ? "outputs" : "");
        write_port(out, port, width);
    }
}

static void write_weights(FILE *out, const json_t *facts)
{
    json_t *stored = json_object_get(facts, "stored_bytes"), *bytes;
    const char *dtype, *separator = "";
    write_label(out, "parameters");
    write_number(out, number_of(facts, "parameters"));
    fputs(", stored in ", out);
    write_bytes(out, number_of(facts, "weight_bytes"));
    fputc('\n', out);
    write_label(out, "tensors");
    json_object_foreach(stored, dtype, bytes) {
        fprintf(out, "%s%s ", separator, dtype);
        write_bytes(out, json_integer_value(bytes));
        separator = ", ";
    }
    fputs(*separator ? "\n" : "none\n", out);
}

static void write_unused(FILE *out, const json_t *facts, bool is_verbose)
{
    const json_t *unused = json_object_get(facts, "unused_tensors"), *name;
    size_t n = json_array_size(unused), i;
    if (n == 0)
        return;
    write_label(out, "unused");
    fprintf(out, "%zu tensor%s%s\n", n, n == 1 ? "" : "s", is_verbose ? "" : " (-v names them)");
    if (!is_verbose)
        return;
    json_array_foreach(unused, i, name) {
        write_label(out, "");
        deit_text_write(out, json_string_value(name));
        fputc('\n', out);
    }
}

static void write_work(FILE *out, const json_t *facts)
{
    double gmac = json_number_value(json_object_get(facts, "gmac"));
    write_label(out, "work");
    fprintf(out, "%.4g Gmac, %.4g GFLOP for an image of %" JSON_INTEGER_FORMAT
            " x %" JSON_INTEGER_FORMAT "\n",
            gmac, 2 * gmac, number_of(facts, "height"), number_of(facts, "width"));
}

static void write_answers(FILE *out, const json_t *facts)
{
    json_int_t n_classes = number_of(facts, "classes"), n_heads = number_of(facts, "heads");
    write_label(out, "answers");
    if (n_classes)
        fprintf(out, "%" JSON_INTEGER_FORMAT " classes by %" JSON_INTEGER_FORMAT " head%s, ",
                n_classes, n_heads, n_heads == 1 ? "" : "s");
    fprintf(out, "%" JSON_INTEGER_FORMAT " features\n", number_of(facts, "features"));
}

/* ------------------------------------------------------------------ the graph in numbers */

static void write_stages(FILE *out, const json_t *stages)
{
    size_t i;
    const json_t *stage;
    fprintf(out, "\n%-24s %8s %8s\n", "graph after", "nodes", "changes");
    json_array_foreach(stages, i, stage) {
        fprintf(out, "  %-22s %8" JSON_INTEGER_FORMAT, text_of(stage, "name"),
                number_of(stage, "n_nodes"));
        if (number_of(stage, "changes"))
            fprintf(out, " %8" JSON_INTEGER_FORMAT, number_of(stage, "changes"));
        fputc('\n', out);
    }
}

static void write_count(FILE *out, json_int_t n)
{
    if (n)
        fprintf(out, " %8" JSON_INTEGER_FORMAT, n);
    else
        fprintf(out, " %8s", "-");
}

/* Raised kinds come first: those of the final graph, then what else was loaded. */
static void write_kinds(FILE *out, const json_t *stages)
{
    json_t *first = json_object_get(json_array_get(stages, 0), "kinds");
    json_t *last = json_object_get(json_array_get(stages, json_array_size(stages) - 1), "kinds");
    json_t *n;
    const char *kind;
    fprintf(out, "\n%-24s %8s %8s\n", "nodes of kind", "loaded", "final");
    json_object_foreach(last, kind, n) {
        fprintf(out, "  %-22s", kind);
        write_count(out, number_of(first, kind));
        write_count(out, json_integer_value(n));
        fputc('\n', out);
    }
    json_object_foreach(first, kind, n) {
        if (json_object_get(last, kind))
            continue;
        fprintf(out, "  %-22s", kind);
        write_count(out, json_integer_value(n));
        write_count(out, 0);
        fputc('\n', out);
    }
}

void deit_inspect_write_summary(FILE *out, const json_t *facts, bool is_verbose)
{
    deit_text_write(out, text_of(facts, "file"));
    fputc('\n', out);
    write_format(out, facts);
    write_label(out, "architecture");
    deit_text_write(out,
                    text_of(facts, "architecture") ? text_of(facts, "architecture") : "unknown");
    fputc('\n', out);
    write_ports(out, facts);
    write_answers(out, facts);
    write_weights(out, facts);
    write_unused(out, facts, is_verbose);
    write_work(out, facts);
    write_stages(out, json_object_get(facts, "stages"));
    write_kinds(out, json_object_get(facts, "stages"));
}
