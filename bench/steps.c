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

struct deit_bench_steps {
    size_t n;
    struct deit_bench_step list[MAX_NAMES]; /* sums over all runs */
};

struct deit_bench_steps *deit_bench_steps_create(void)
{
    return calloc(1, sizeof(struct deit_bench_steps));
}

/* "blocks.11.mlp" becomes "blocks.*.mlp". */
static void shorten(const char *name, char *text, size_t room)
{
    size_t n = 0;
    while (*name && n + 1 < room) {
        size_t digits = strspn(name, "0123456789");
        bool is_number = digits > 0 && (n == 0 || text[n - 1] == '.' || text[n - 1] == '/')
                         && strchr("./", name[digits]) != NULL; /* the end of the name, too */
        text[n++] = is_number ? '*' : *name;
        name += is_number ? digits : 1;
    }
    text[n] = '\0';
}

static struct deit_bench_step *find(struct deit_bench_steps *steps, const char *name)
{
    for (size_t i = 0; i < steps->n; i++)
        if (strcmp(steps->list[i].name, name) == 0)
            return &steps->list[i];
    bool is_full = steps->n == MAX_NAMES;
    struct deit_bench_step *step = &steps->list[is_full ? MAX_NAMES - 1 : steps->n++];
    strcpy(step->name, is_full ? "(others)" : name);
    return step;
}

void deit_bench_steps_add(void *steps, const char *name, uint64_t ns)
{
    char text[sizeof((struct deit_bench_step *)0)->name];
    shorten(name, text, sizeof text);
    struct deit_bench_step *step = find(steps, text);
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

struct deit_bench_step *deit_bench_steps_list(const struct deit_bench_steps *steps, size_t n_runs,
                                              size_t *n)
{
    struct deit_bench_step *list = malloc((steps->n + 1) * sizeof *list);
    if (!list)
        return NULL;
    for (size_t i = 0; i < steps->n; i++) {
        list[i] = steps->list[i];
        list[i].n /= n_runs;
        list[i].ms /= (double)n_runs;
    }
    *n = steps->n;
    return list;
}

void deit_bench_steps_free(struct deit_bench_steps *steps)
{
    free(steps);
}
