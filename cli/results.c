/*
 * cli/results.c: the answers of deit-run on standard output, as text, JSON or CSV.
 *
 * Records are collected in memory and written by write(): stdio would report a full disk or a
 * closed pipe at some later call, without saying why.
 */
#include "cli/results.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/common/text.h"

struct deit_results {
    struct deit_results_options options;
    FILE *stream; /* into 'bytes' */
    char *bytes;
    size_t n_bytes;
    float *probabilities; /* n_classes */
    size_t *order;        /* top or n_classes, whichever is less */
    size_t n_order;
};

/* JSON and CSV write numbers so that the same float is read back. */
#define NUMBER "%.9g"

struct deit_results *deit_results_create(const struct deit_results_options *options)
{
    struct deit_results *results = calloc(1, sizeof *results);
    if (!results)
        return NULL;
    size_t n = options->n_classes;
    results->options = *options;
    results->n_order = options->top < n ? options->top : n;
    results->stream = open_memstream(&results->bytes, &results->n_bytes);
    results->probabilities = calloc(n + 1, sizeof *results->probabilities);
    results->order = calloc(results->n_order + 1, sizeof *results->order);
    if (!results->stream || !results->probabilities || !results->order) {
        deit_results_free(results);
        return NULL;
    }
    if (options->format == DEIT_RUN_CSV)
        fputs("file,rank,index,label,probability,logit,error\r\n", results->stream);
    return results;
}

void deit_results_free(struct deit_results *results)
{
    if (!results)
        return;
    if (results->stream)
        fclose(results->stream);
    free(results->bytes);
    free(results->probabilities);
    free(results->order);
    free(results);
}

/* Calls 'write' (deit_text_write or one of its kin) with the name of class 'index'. */
static void write_label(FILE *out, const deit_labels *labels, size_t index,
                        void (*write)(FILE *, const char *))
{
    char number[32];
    const char *label = labels ? deit_labels_get(labels, index) : NULL;
    if (!label) {
        snprintf(number, sizeof number, "class %zu", index);
        label = number;
    }
    write(out, label);
}

void deit_results_write_label(FILE *out, const deit_labels *labels, size_t index)
{
    write_label(out, labels, index, deit_text_write);
}

static void answer_text(struct deit_results *results, const char *file)
{
    FILE *out = results->stream;
    deit_text_write(out, file);
    fputc('\n', out);
    for (size_t i = 0; i < results->n_order; i++) {
        size_t index = results->order[i];
        fprintf(out, "%7.1f %%  ", 100.0 * (double)results->probabilities[index]);
        write_label(out, results->options.labels, index, deit_text_write);
        fputc('\n', out);
    }
}

static void answer_json(struct deit_results *results, const char *file, const float *logits)
{
    FILE *out = results->stream;
    fputs("{\"file\": ", out);
    deit_text_write_json(out, file);
    fputs(", \"predictions\": [", out);
    for (size_t i = 0; i < results->n_order; i++) {
        size_t index = results->order[i];
        fprintf(out, "%s{\"index\": %zu, \"label\": ", i ? ", " : "", index);
        write_label(out, results->options.labels, index, deit_text_write_json);
        fprintf(out, ", \"probability\": " NUMBER ", \"logit\": " NUMBER "}",
                (double)results->probabilities[index], (double)logits[index]);
    }
    fputs("]}\n", out);
}

static void answer_csv(struct deit_results *results, const char *file, const float *logits)
{
    FILE *out = results->stream;
    for (size_t i = 0; i < results->n_order; i++) {
        size_t index = results->order[i];
        deit_text_write_csv(out, file);
        fprintf(out, ",%zu,%zu,", i + 1, index);
        write_label(out, results->options.labels, index, deit_text_write_csv);
        fprintf(out, "," NUMBER "," NUMBER ",\r\n", (double)results->probabilities[index],
                (double)logits[index]);
    }
}

void deit_results_answer(struct deit_results *results, const char *file, const float *logits)
{
    size_t n = results->options.n_classes;
    if (n > 0) {
        deit_softmax(n, logits, results->probabilities);
        results->n_order = deit_top_k(n, logits, results->options.top, results->order);
    }
    switch (results->options.format) {
    case DEIT_RUN_TEXT:
        if (n > 0) /* features alone are in their file; nothing is to be said here */
            answer_text(results, file);
        break;
    case DEIT_RUN_JSON:
        answer_json(results, file, logits);
        break;
    case DEIT_RUN_CSV:
        answer_csv(results, file, logits);
        break;
    }
}

void deit_results_error(struct deit_results *results, const char *file, const char *reason)
{
    FILE *out = results->stream;
    switch (results->options.format) {
    case DEIT_RUN_TEXT:
        break;
    case DEIT_RUN_JSON:
        fputs("{\"file\": ", out);
        deit_text_write_json(out, file);
        fputs(", \"error\": ", out);
        deit_text_write_json(out, reason);
        fputs("}\n", out);
        break;
    case DEIT_RUN_CSV:
        deit_text_write_csv(out, file);
        fputs(",,,,,,", out);
        deit_text_write_csv(out, reason);
        fputs("\r\n", out);
        break;
    }
}

bool deit_results_is_pending(const struct deit_results *results)
{
    return ftello(results->stream) > 0;
}

/* Whether a write that failed may be tried again: a caller's pipe may be set not to block. */
static bool may_retry(void)
{
    struct pollfd wait = { .fd = STDOUT_FILENO, .events = POLLOUT };
    if (errno != EAGAIN)
        return errno == EINTR;
    poll(&wait, 1, -1);
    return true;
}

int deit_results_flush(struct deit_results *results)
{
    if (fflush(results->stream) != 0)
        return ENOMEM;
    size_t at = 0, end = (size_t)ftello(results->stream);
    while (at < end) {
        ssize_t n = write(STDOUT_FILENO, results->bytes + at, end - at);
        if (n < 0 && may_retry())
            continue;
        if (n < 0)
            return errno;
        at += (size_t)n;
    }
    return fseeko(results->stream, 0, SEEK_SET) == 0 ? 0 : errno;
}
