/*
 * bench/steps.c: where the time of a run goes, by the names of its steps.
 *
 * A model has a hundred steps and more, most of them the same in each block; a number in a name
 * that stands between dots is therefore dropped, and what is left sums up the blocks.  A plain
 * table with a linear search is enough: there are some ten names.
 */
#include "bench/steps.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 256 };

/* Sums over all runs. */
struct step {
    char name[DEIT_STEP_NAME];
    size_t n;
    double ms;
};

struct deit_bench_steps {
    size_t n;
    struct step list[MAX_NAMES];
};

struct deit_bench_steps *deit_bench_steps_create(void)
{
    return calloc(1, sizeof(struct deit_bench_steps));
}

void deit_bench_step_shorten(const char *name, char *text)
{
    size_t n = 0;
    while (*name && n + 1 < DEIT_STEP_NAME) {
        size_t digits = strspn(name, "0123456789");
        bool is_number = digits > 0 && (n == 0 || text[n - 1] == '.' || text[n - 1] == '/')
                         && strchr("./", name[digits]) != NULL; /* the end of the name, too */
        text[n++] = is_number ? '*' : *name;
        name += is_number ? digits : 1;
    }
    text[n] = '\0';
}

static struct step *find(struct deit_bench_steps *steps, const char *name)
{
    for (size_t i = 0; i < steps->n; i++)
        if (strcmp(steps->list[i].name, name) == 0)
            return &steps->list[i];
    bool is_full = steps->n == MAX_NAMES;
    struct step *step = &steps->list[is_full ? MAX_NAMES - 1 : steps->n++];
    strcpy(step->name, is_full ? "(others)" : name);
    return step;
}

void deit_bench_steps_add(void *steps, const char *name, uint64_t ns)
{
    char text[DEIT_STEP_NAME];
    deit_bench_step_shorten(name, text);
    struct step *step = find(steps, text);
    step->n++;
    step->ms += (double)ns / 1e6;
}

void deit_bench_steps_reset(struct deit_bench_steps *steps)
{
    for (size_t i = 0; steps && i < steps->n; i++) {
        steps->list[i].n = 0;
        steps->list[i].ms = 0.0;
    }
}

bool deit_bench_steps_list(const struct deit_bench_steps *steps, size_t n_runs,
                           struct deit_records *records)
{
    double total = 0.0;
    for (size_t i = 0; i < steps->n; i++)
        total += steps->list[i].ms;
    for (size_t i = 0; i < steps->n; i++) {
        const struct step *step = &steps->list[i];
        struct deit_record *record = deit_records_add(records);
        if (!record)
            return false;
        deit_record_init(record, "step", "ms");
        deit_record_copy(record, "name", DEIT_LOOK("steps"), step->name);
        deit_record_count(record, "number", DEIT_LOOK("number", 6), step->n / n_runs);
        deit_record_number(record, "ms", DEIT_LOOK("ms", 9, 3), step->ms / (double)n_runs);
        deit_record_number(record, "percent", DEIT_LOOK("%", 6, 1), 100.0 * step->ms / total);
    }
    return true;
}

void deit_bench_steps_free(struct deit_bench_steps *steps)
{
    free(steps);
}
