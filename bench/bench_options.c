/*
 * bench/bench_options.c: the command line of deit-bench.
 *
 * The ways of deit-run: all that is wrong about usage is found before anything is opened, and
 * told as cli/common/options.h does it.  Lists are deit-bench's own.
 */
#include "bench/bench_options.h"

#include <stdlib.h>
#include <string.h>

#include "cli/common/options.h"

static const char usage[] =
    "Usage: deit-bench [OPTION]...\n"
    "Measure how fast models run, and how near that is to what the machine can do.\n"
    "\n"
    "What is measured; without one of these, load and runs of whole models:\n"
    "      --ops                 the steps of a model, each run alone\n"
    "      --images FOLDER       its photos, from the file to the five best classes\n"
    "      --kernels             every kernel of every instruction set, on one thread\n"
    "\n"
    "  -m, --model PATH|NAME     a model file or folder, or an architecture, which gets random\n"
    "                            weights; again for more models\n"
    "                            (default: deit_tiny_patch16_224)\n"
    "  -p, --precision LIST      of auto, f32, bf16x3, bf16x6, bf16, int8 (default: auto)\n"
    "  -t, --threads LIST        of numbers of threads (default: the CPUs this process may use)\n"
    "  -b, --batch LIST          of images per run (default: 1)\n"
    "                            lists are split at commas; every combination is measured\n"
    "      --tensor FILE.npy     run on (N, channels, height, width) f32, not on random values;\n"
    "                            the timed runs take its first images, as many as the batch\n"
    "      --logits FILE.npy     write the logits of all images, (N, classes) f32\n"
    "      --seconds S           time of the timed runs of a combination (default: 2), or of\n"
    "                            each step or kernel (default: 0.05)\n"
    "      --min-runs N, --max-runs N\n"
    "                            how many at least and at most (default: 5 and 10000)\n"
    "      --steps               tell also where the time of a model goes\n"
    "  -f, --format text|json|csv\n"
    "                            json: one object a line (default: text)\n"
    "      --compare FILE.json   show the time that the same case took in a run of -f json,\n"
    "                            and the ratio: more than 1 is faster now\n"
    "      --fail-above PERCENT  exit with 1 if a case takes that much more time than there\n"
    "  -h, --help                print this and exit\n"
    "  -V, --version             print the version and exit\n"
    "\n"
    "Times are in milliseconds: load is open, plan and pack; first is the first run; the others\n"
    "are quantiles of the timed runs.  GFLOP/s counts two operations for each multiply-add of\n"
    "the model as it is written ('run': as it is executed); peak is what a loop of nothing but\n"
    "the precision's instruction reaches here and now, on as many threads.\n"
    "\n"
    "The environment variable DEIT_CPU limits the instructions that are used: scalar, avx2,\n"
    "avx512, avx512_bf16, amx or neon.\n"
    "\n"
    "Exit status: 0 if all went well; 1 if a model, a file or a write failed, though the other\n"
    "combinations are measured, or by --fail-above; 2 for wrong usage, or what a model or this\n"
    "build cannot do.\n";

enum {
    OPTION_TENSOR = 256,
    OPTION_LOGITS,
    OPTION_SECONDS,
    OPTION_MIN_RUNS,
    OPTION_MAX_RUNS,
    OPTION_STEPS,
    OPTION_OPS,
    OPTION_IMAGES,
    OPTION_KERNELS,
    OPTION_COMPARE,
    OPTION_FAIL_ABOVE
};

static const struct option long_options[] = {
    { "ops", no_argument, NULL, OPTION_OPS },
    { "images", required_argument, NULL, OPTION_IMAGES },
    { "kernels", no_argument, NULL, OPTION_KERNELS },
    { "model", required_argument, NULL, 'm' },
    { "precision", required_argument, NULL, 'p' },
    { "threads", required_argument, NULL, 't' },
    { "batch", required_argument, NULL, 'b' },
    { "tensor", required_argument, NULL, OPTION_TENSOR },
    { "logits", required_argument, NULL, OPTION_LOGITS },
    { "seconds", required_argument, NULL, OPTION_SECONDS },
    { "min-runs", required_argument, NULL, OPTION_MIN_RUNS },
    { "max-runs", required_argument, NULL, OPTION_MAX_RUNS },
    { "steps", no_argument, NULL, OPTION_STEPS },
    { "format", required_argument, NULL, 'f' },
    { "compare", required_argument, NULL, OPTION_COMPARE },
    { "fail-above", required_argument, NULL, OPTION_FAIL_ABOVE },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

static const struct deit_options command = {
    .program = "deit-bench",
    .usage = usage,
    .letters = ":m:p:t:b:f:hV",
    .table = long_options,
};

/* In the order of enum deit_bench_format. */
static const char *const format_names[] = { "text", "json", "csv", NULL };

enum {
    MAX_RUNS = 1000000,
    MAX_SECONDS = 86400,
    MAX_PERCENT = 10000,
    ITEM_BYTES = 32 /* of one item of a list, with its zero */
};

/* Digits, and perhaps a point and digits. */
static bool parse_decimal(int option, int high, double *value)
{
    static const char digits[] = "0123456789";
    size_t whole = strspn(optarg, digits);
    size_t part = optarg[whole] == '.' ? strspn(optarg + whole + 1, digits) : 0;
    size_t length = whole + (part > 0 ? part + 1 : 0);
    if (whole > 0 && optarg[length] == '\0' && strtod(optarg, NULL) <= high) {
        *value = strtod(optarg, NULL);
        return true;
    }
    return deit_options_fail_usage(&command, "--%s: '%s' is not a number from 0 to %d",
                                   deit_options_name(&command, option), optarg, high);
}

/* One thing is measured at a time. */
static bool set_mode(int option, enum deit_bench_mode mode, struct deit_bench_options *o)
{
    if (o->mode != DEIT_BENCH_MODELS && o->mode != mode)
        return deit_options_fail_usage(&command, "--%s: one of --ops, --images and --kernels",
                                       deit_options_name(&command, option));
    o->mode = mode;
    return true;
}

static bool add_model(struct deit_bench_options *o)
{
    if (o->n_models == DEIT_BENCH_MAX_LIST)
        return deit_options_fail_usage(&command, "--model: more than %d", DEIT_BENCH_MAX_LIST);
    return deit_options_parse_file(&command, 'm', optarg, &o->models[o->n_models++]);
}

/* Item 'i' of a list of option -p, -t or -b. */
static bool parse_item(int option, const char *text, size_t i, struct deit_bench_options *o)
{
    size_t value = 0;
    bool is_good;

    switch (option) {
    case 'p':
        is_good = deit_options_parse_choice(&command, option, text, deit_options_precisions,
                                            &value);
        o->precisions[i] = (enum deit_precision)value;
        o->n_precisions = i + 1;
        return is_good;
    case 't':
        is_good = deit_options_parse_count(&command, option, text, DEIT_OPTIONS_MAX_THREADS,
                                           &value);
        o->threads[i] = (unsigned)value;
        o->n_threads = i + 1;
        return is_good;
    default:
        is_good = deit_options_parse_count(&command, option, text, DEIT_OPTIONS_MAX_BATCH,
                                           &value);
        o->batches[i] = value;
        o->n_batches = i + 1;
        return is_good;
    }
}

static bool parse_list(int option, struct deit_bench_options *o)
{
    const char *at = optarg;
    for (size_t i = 0; i < DEIT_BENCH_MAX_LIST; i++) {
        char item[ITEM_BYTES];
        size_t length = strcspn(at, ",");
        if (length >= sizeof item)
            return deit_options_fail_usage(&command, "--%s: '%s' is too long",
                                           deit_options_name(&command, option), at);
        memcpy(item, at, length);
        item[length] = '\0';
        if (!parse_item(option, item, i, o))
            return false;
        if (at[length] == '\0')
            return true;
        at += length + 1;
    }
    return deit_options_fail_usage(&command, "--%s: more than %d",
                                   deit_options_name(&command, option), DEIT_BENCH_MAX_LIST);
}

/* Options that have a long name only. */
static bool parse_long_option(int option, struct deit_bench_options *o)
{
    struct deit_bench_settings *settings = &o->settings;

    switch (option) {
    case OPTION_OPS:
        return set_mode(option, DEIT_BENCH_OPS, o);
    case OPTION_IMAGES:
        return set_mode(option, DEIT_BENCH_PHOTOS, o)
               && deit_options_parse_file(&command, option, optarg, &settings->images);
    case OPTION_KERNELS:
        return set_mode(option, DEIT_BENCH_KERNELS, o);
    case OPTION_TENSOR:
        return deit_options_parse_file(&command, option, optarg, &settings->tensor);
    case OPTION_LOGITS:
        return deit_options_parse_file(&command, option, optarg, &settings->logits);
    case OPTION_SECONDS:
        return parse_decimal(option, MAX_SECONDS, &settings->seconds);
    case OPTION_MIN_RUNS:
        return deit_options_parse_count(&command, option, optarg, MAX_RUNS, &settings->min_runs);
    case OPTION_MAX_RUNS:
        return deit_options_parse_count(&command, option, optarg, MAX_RUNS, &settings->max_runs);
    case OPTION_COMPARE:
        return deit_options_parse_file(&command, option, optarg, &o->compare);
    case OPTION_FAIL_ABOVE:
        return parse_decimal(option, MAX_PERCENT, &o->fail_above);
    default: /* OPTION_STEPS */
        settings->has_steps = true;
        return true;
    }
}

static bool parse_option(int option, struct deit_bench_options *o)
{
    size_t choice = 0;

    switch (option) {
    case 'm':
        return add_model(o);
    case 'p': case 't': case 'b':
        return parse_list(option, o);
    case 'f':
        if (!deit_options_parse_choice(&command, option, optarg, format_names, &choice))
            return false;
        o->format = (enum deit_bench_format)choice;
        return true;
    default:
        return parse_long_option(option, o);
    }
}

/* What does not go together; called before defaults are filled in. */
static bool check_mode(const struct deit_bench_options *o)
{
    const struct deit_bench_settings *settings = &o->settings;
    bool has_case = o->n_models + o->n_precisions + o->n_threads + o->n_batches > 0;
    bool has_arrays = settings->tensor || settings->logits || settings->has_steps;

    if (o->mode == DEIT_BENCH_KERNELS && has_case)
        return deit_options_fail_usage(
            &command, "--kernels has no models, precisions, threads and batches");
    if (o->mode != DEIT_BENCH_MODELS && has_arrays)
        return deit_options_fail_usage(
            &command, "--tensor, --logits and --steps are for whole models");
    if (o->format == DEIT_BENCH_CSV && settings->has_steps)
        return deit_options_fail_usage(&command, "--steps: a table of csv has no place for them");
    if (o->fail_above >= 0.0 && !o->compare)
        return deit_options_fail_usage(&command, "--fail-above needs --compare");
    return true;
}

/* What was not asked for becomes a list of one. */
static void fill_defaults(struct deit_bench_options *o)
{
    if (o->n_models == 0)
        o->models[o->n_models++] = "deit_tiny_patch16_224";
    if (o->n_precisions == 0)
        o->precisions[o->n_precisions++] = DEIT_PRECISION_AUTO;
    if (o->n_threads == 0)
        o->threads[o->n_threads++] = 0;
    if (o->n_batches == 0)
        o->batches[o->n_batches++] = 1;
    if (o->settings.seconds < 0.0)
        o->settings.seconds =
            o->mode == DEIT_BENCH_OPS || o->mode == DEIT_BENCH_KERNELS ? 0.05 : 2.0;
}

static bool check_usage(const struct deit_bench_options *o)
{
    const struct deit_bench_settings *settings = &o->settings;
    size_t n = o->n_models * o->n_precisions * o->n_threads * o->n_batches;

    if (settings->min_runs > settings->max_runs)
        return deit_options_fail_usage(&command, "--min-runs is %zu, but --max-runs is %zu",
                                       settings->min_runs, settings->max_runs);
    if (settings->logits && n > 1)
        return deit_options_fail_usage(
            &command, "--logits is one file, but there are %zu combinations", n);
    return true;
}

bool deit_bench_options_parse(int argc, char **argv, struct deit_bench_options *options,
                              enum deit_exit *code)
{
    struct deit_bench_options o = {
        .fail_above = -1.0,
        .settings = { .seconds = -1.0, .min_runs = 5, .max_runs = 10000 },
    };
    int option;

    *code = DEIT_EXIT_USAGE;
    while ((option = deit_options_next(&command, argc, argv, code)) > DEIT_OPTIONS_END)
        if (!parse_option(option, &o))
            return false;
    if (option == DEIT_OPTIONS_STOP)
        return false;
    if (optind < argc)
        return deit_options_fail_usage(&command, "'%s' is not an option; a model is -m MODEL",
                                       argv[optind]);
    if (!check_mode(&o))
        return false;
    fill_defaults(&o);
    if (!check_usage(&o) || !deit_options_parse_cpu(&command, &o.settings.max_isa))
        return false;

    *options = o;
    *code = DEIT_EXIT_OK;
    return true;
}
