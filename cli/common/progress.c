/*
 * cli/common/progress.c: one line on a terminal that says how far the work is.
 *
 * No thread draws it: it is updated between batches, where the work passes anyway, which costs
 * nothing while a batch runs and can never interleave with results.
 */
#include "cli/common/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DELAY_NS 1000000000u
#define INTERVAL_NS 100000000u

enum { BAR_WIDTH = 24 };

uint64_t deit_progress_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void deit_progress_init(struct deit_progress *progress, const char *program, bool is_allowed)
{
    const char *terminal = getenv("TERM");
    bool is_dumb = !terminal || strcmp(terminal, "dumb") == 0;

    *progress = (struct deit_progress){
        .program = program,
        .is_wanted = is_allowed && !is_dumb && isatty(STDERR_FILENO),
        .start_ns = deit_progress_now_ns(),
    };
}

bool deit_progress_is_due(const struct deit_progress *progress)
{
    if (!progress->is_wanted)
        return false;
    uint64_t now = deit_progress_now_ns();
    return now - progress->start_ns >= DELAY_NS
           && (!progress->is_drawn || now - progress->drawn_ns >= INTERVAL_NS);
}

void deit_progress_update(struct deit_progress *progress, size_t done, size_t total)
{
    if (!deit_progress_is_due(progress))
        return;

    uint64_t now = deit_progress_now_ns();
    double rate = (double)done / ((double)(now - progress->start_ns) / 1e9);
    fprintf(stderr, "\r\033[K%s: ", progress->program);
    if (total > 0) {
        size_t shown = done < total ? done : total;
        size_t filled = (size_t)((double)BAR_WIDTH * (double)shown / (double)total);
        fputc('[', stderr);
        for (size_t i = 0; i < BAR_WIDTH; i++)
            fputc(i < filled ? '#' : '.', stderr);
        fprintf(stderr, "] %zu of %zu", done, total);
    } else {
        fprintf(stderr, "%zu done", done);
    }
    fprintf(stderr, ", %.1f a second", rate);
    fflush(stderr);
    progress->is_drawn = true;
    progress->drawn_ns = now;
}

void deit_progress_erase(struct deit_progress *progress)
{
    if (!progress->is_drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->is_drawn = false;
}
