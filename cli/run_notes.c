/*
 * cli/run_notes.c: what deit-run tells beside its results, on standard error.
 *
 * A person who sees percentages should see at once who gave them: a model of ten classes is
 * sure of itself on any photo.  Programs read json or csv and are not told unless they ask.
 */
#include "cli/run_notes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/common/text.h"

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static double mean_ms(const struct deit_run *run)
{
    return run->n_answered ? (double)run->times.run_ns / 1e6 / (double)run->n_answered : 0.0;
}

/* "tench" of "tench, Tinca tinca". */
static void write_short_label(const struct deit_run *run, size_t index)
{
    const char *label = deit_labels_get(run->labels, index);
    if (label && label[strcspn(label, ",")] == ',' && *label != ',')
        deit_text_write_part(stderr, label, strcspn(label, ","));
    else
        deit_results_write_label(stderr, run->labels, index);
}

/* "distilled DeiT, 10 classes (airplane ... truck)" */
static void write_model(const struct deit_run *run)
{
    const char *architecture = run->info.architecture ? run->info.architecture : "model";
    size_t n = run->info.n_classes;

    deit_text_write_part(stderr, architecture, strcspn(architecture, ","));
    if (n == 0) {
        fputs(", no classes", stderr);
        return;
    }
    fprintf(stderr, ", %zu class%s", n, n == 1 ? "" : "es");
    if (run->labels) {
        fputs(" (", stderr);
        write_short_label(run, 0);
        if (n > 1) {
            fputs(n > 2 ? " ... " : ", ", stderr);
            write_short_label(run, n - 1);
        }
        fputc(')', stderr);
    }
}

static void write_closing(const struct deit_run *run)
{
    const struct deit_session_info *plan = &run->plan;
    bool is_builtin = !run->options.model;

    fputs("deit-run: ", stderr);
    deit_text_write(stderr, run->model_name);
    fputs(is_builtin ? " " : ": ", stderr);
    write_model(run);
    fprintf(stderr, "; %s, %s, %u thread%s, %.1f ms%s\n", plan->precision, plan->isa,
            plan->threads, plural(plan->threads), mean_ms(run),
            run->n_answered > 1 ? " an image" : "");
    if (is_builtin)
        fputs("deit-run: for the 1000 ImageNet classes: deit-run -m FOLDER photo.jpg (README, "
              "\"Get a model\")\n", stderr);
}

static void note_model(const struct deit_run *run)
{
    const struct deit_model_info *info = &run->info;
    const char *name;

    fputs("deit-run: model: ", stderr);
    deit_text_write(stderr, run->model_name);
    fprintf(stderr, " (%s): ", info->format ? info->format : "unknown format");
    deit_text_write(stderr, info->architecture ? info->architecture : "unknown architecture");
    fprintf(stderr, "; input %" PRIu32 " x %" PRIu32 " x %" PRIu32 ", %" PRIu32 " classes, %"
            PRIu32 " head%s, %" PRIu32 " features; %" PRIu64 " parameters, %.1f MB stored, "
            "%.2f GFLOP an image\n",
            info->channels, info->height, info->width, info->n_classes, info->n_heads_out,
            plural(info->n_heads_out), info->n_features, info->n_parameters,
            (double)info->weight_bytes / 1e6, info->gflop);
    for (size_t i = 0; (name = deit_model_unused_tensor(run->model, i)) != NULL; i++) {
        fputs("deit-run: unused tensor: ", stderr);
        deit_text_write(stderr, name);
        fputc('\n', stderr);
    }
}

static void note_recipe(const struct deit_recipe *recipe)
{
    static const char *const kinds[] = { "auto", "timm", "fb", "hf" };
    static const char *const filters[] = { "?", "box", "bilinear", "hamming", "bicubic",
                                           "lanczos" };

    fprintf(stderr, "deit-run: recipe: %s; ",
            (size_t)recipe->kind < sizeof kinds / sizeof *kinds ? kinds[recipe->kind] : "?");
    if (recipe->resize == DEIT_RESIZE_SHORT_SIDE)
        fprintf(stderr, "short side to %" PRIu32, recipe->resize_height);
    else if (recipe->resize == DEIT_RESIZE_SQUASH)
        fprintf(stderr, "squashed to %" PRIu32 " x %" PRIu32, recipe->resize_height,
                recipe->resize_width);
    else
        fputs("not resized", stderr);
    if (recipe->resize != DEIT_RESIZE_NONE)
        fprintf(stderr, " (%s, as Pillow %d)",
                (size_t)recipe->filter < sizeof filters / sizeof *filters
                ? filters[recipe->filter] : "?", recipe->pillow);
    fprintf(stderr, ", centre crop of %" PRIu32 " x %" PRIu32 ", mean %g %g %g, std %g %g %g\n",
            recipe->height, recipe->width, (double)recipe->mean[0], (double)recipe->mean[1],
            (double)recipe->mean[2], (double)recipe->std[0], (double)recipe->std[1],
            (double)recipe->std[2]);
}

static void note_plan(const struct deit_run *run)
{
    const struct deit_session_info *plan = &run->plan;
    fprintf(stderr, "deit-run: plan: %s by %s kernels, %u thread%s, ",
            plan->precision, plan->isa, plan->threads, plural(plan->threads));
    if (run->lanes)
        fputs("each with an image of its own, ", stderr);
    else
        fprintf(stderr, "batch of %zu at most, ", plan->max_batch);
    fprintf(stderr, "%" PRIu32 " x %" PRIu32 "; %zu steps, %.2f GFLOP an image, weights %.1f MB, "
            "work space %.1f MB%s\n",
            plan->height, plan->width, plan->n_steps, plan->gflop_executed,
            (double)plan->weight_bytes / 1e6, (double)plan->arena_bytes / 1e6,
            run->lanes ? " a thread" : "");
    if (!strcmp(plan->product_isa, "scalar") && strcmp(plan->precision, "f32"))
        fprintf(stderr, "deit-run: plan: products of %s are plain C: this CPU, build or DEIT_CPU "
                "lacks the instruction for them\n", plan->precision);
}

static void note_times(const struct deit_run *run)
{
    const struct deit_run_times *times = &run->times;
    fprintf(stderr, "deit-run: times: model %.1f ms, plan and weights %.1f ms; %zu input%s: "
            "decoding %.1f ms, preprocessing %.1f ms, running %.1f ms\n",
            (double)times->open_ns / 1e6, (double)times->create_ns / 1e6, run->n_done,
            plural(run->n_done), (double)times->decode_ns / 1e6,
            (double)times->preprocess_ns / 1e6, (double)times->run_ns / 1e6);
}

void deit_run_notes_begin(const struct deit_run *run)
{
    if (!run->options.is_verbose)
        return;
    note_model(run);
    if (!run->options.tensor)
        note_recipe(&run->recipe);
    note_plan(run);
}

void deit_run_notes_end(const struct deit_run *run)
{
    if (run->options.is_verbose)
        note_times(run);
    if (run->options.is_quiet || run->n_answered == 0)
        return;
    if (run->options.is_verbose || run->options.format == DEIT_RUN_TEXT)
        write_closing(run);
}
