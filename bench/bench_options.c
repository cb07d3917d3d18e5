/*
 * bench/bench_options.c: the command line of deit-bench.
 *
 * The ways of deit-run: getopt_long() splits, its messages are replaced by ours, and all that is
 * wrong about usage is found before anything is opened.
 */
#include "bench/bench_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common/options.h"

static const char usage[] =
    "Usage: deit-bench [OPTION]...\n"
    "Measure how fast models run, and how near that is to what the machine can do.\n"
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
    "      --seconds S           time of the timed runs of a combination (default: 2)\n"
    "      --min-runs N, --max-runs N\n"
    "                            how many at least and at most (default: 5 and 10000)\n"
    "      --steps               tell also where the time goes\n"
    "  -f, --format text|json    json: one object a line (default: text)\n"
    "  -h, --help                print this and exit\n"
    "  -V, --version             print the version and exit\n"
    "\n"
    "Times are in milliseconds: load is open, plan and pack; first is the first run; the others\n"
    "are quantiles of the timed runs.  GFLOP/s counts two operations for each multiply-add of\n"
    "the model as it is written; peak is what a loop of multiply-adds reaches here and now, on\n"
    "as many threads.\n"
    "\n"
    "The environment variable DEIT_CPU limits the instructions that are used: scalar, avx2,\n"
    "avx512, avx512_bf16, amx or neon.\n"
    "\n"
    "Exit status: 0 if all went well; 1 if a model, a file or a write failed, though the other\n"
    "combinations are measured; 2 for wrong usage, or what a model or this build cannot do.\n";

enum {
    OPTION_TENSOR = 256,
    OPTION_LOGITS,
    OPTION_SECONDS,
    OPTION_MIN_RUNS,
    OPTION_MAX_RUNS,
    OPTION_STEPS
};

static const char short_options[] = ":m:p:t:b:f:hV";

static const struct option long_options[] = {
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
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

/* In the order of the enums they stand for. */
static const char *const format_names[] = { "text", "json" };
static const char *const precision_names[] = { "auto", "f32", "bf16x3", "bf16x6", "bf16", "int8" };

enum {
    MAX_THREADS = 4096,
    MAX_BATCH = 65536,
    MAX_RUNS = 1000000,
    MAX_SECONDS = 86400,
    ITEM_BYTES = 32 /* of one item of a list, with its zero */
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static bool fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool fail_usage(const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    deit_report_error("deit-bench", NULL, message);
    fputs("Try 'deit-bench --help' for more information.\n", stderr);
    return false;
}

/* "model" for 'm', NULL for what is no option. */
static const char *long_name(int option)
{
    const struct option *o = long_options;
    while (o->name && o->val != option)
        o++;
    return o->name;
}

static bool parse_choice(int option, const char *text, size_t n, const char *const *names,
                         size_t *choice)
{
    size_t found = deit_options_choice(text, n, names);
    if (found < n) {
        *choice = found;
        return true;
    }
    char list[128] = "";
    for (size_t i = 0, at = 0; i < n && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", names[i]);
    return fail_usage("--%s: '%s' is none of %s", long_name(option), text, list);
}

static bool parse_count(int option, const char *text, uint64_t high, size_t *count)
{
    uint64_t value;
    if (!deit_options_count(text, 1, high, &value))
        return fail_usage("--%s: '%s' is not a number from 1 to %llu", long_name(option), text,
                          (unsigned long long)high);
    *count = (size_t)value;
    return true;
}

/* Digits, and perhaps a point and digits. */
static bool parse_seconds(const char *text, double *seconds)
{
    static const char digits[] = "0123456789";
    size_t whole = strspn(text, digits);
    size_t part = text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;
    size_t length = whole + (part > 0 ? part + 1 : 0);
    if (whole > 0 && text[length] == '\0' && strtod(text, NULL) <= MAX_SECONDS) {
        *seconds = strtod(text, NULL);
        return true;
    }
    return fail_usage("--seconds: '%s' is not a number from 0 to %d", text, MAX_SECONDS);
}

static bool parse_file(int option, const char **file)
{
    *file = optarg;
    return *optarg || fail_usage("--%s: the name is empty", long_name(option));
}

static bool add_model(struct deit_bench_options *o)
{
    if (o->n_models == DEIT_BENCH_MAX_LIST)
        return fail_usage("--model: more than %d", DEIT_BENCH_MAX_LIST);
    return parse_file('m', &o->models[o->n_models++]);
}

/* Item 'i' of a list of option -p, -t or -b. */
static bool parse_item(int option, const char *text, size_t i, struct deit_bench_options *o)
{
    size_t value = 0;
    bool is_good;

    switch (option) {
    case 'p':
        is_good = parse_choice(option, text, COUNT_OF(precision_names), precision_names, &value);
        o->precisions[i] = (enum deit_precision)value;
        o->n_precisions = i + 1;
        return is_good;
    case 't':
        is_good = parse_count(option, text, MAX_THREADS, &value);
        o->threads[i] = (unsigned)value;
        o->n_threads = i + 1;
        return is_good;
    default:
        is_good = parse_count(option, text, MAX_BATCH, &value);
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
            return fail_usage("--%s: '%s' is too long", long_name(option), at);
        memcpy(item, at, length);
        item[length] = '\0';
        if (!parse_item(option, item, i, o))
            return false;
        if (at[length] == '\0')
            return true;
        at += length + 1;
    }
    return fail_usage("--%s: more than %d", long_name(option), DEIT_BENCH_MAX_LIST);
}

/* A getopt failure: 'option' is '?' or ':'. */
static bool fail_option(int option, char **argv)
{
    if (option == ':')
        return fail_usage("--%s needs a value", long_name(optopt));
    if (optopt == 0)
        return fail_usage("unknown or ambiguous option '%s'", argv[optind - 1]);
    if (long_name(optopt))
        return fail_usage("--%s takes no value", long_name(optopt));
    return fail_usage("unknown option '-%c'", optopt);
}

static bool parse_option(int option, char **argv, struct deit_bench_options *o)
{
    struct deit_bench_settings *settings = &o->settings;
    size_t choice = 0;
    bool is_good;

    switch (option) {
    case 'm': return add_model(o);
    case 'p': case 't': case 'b': return parse_list(option, o);
    case OPTION_TENSOR: return parse_file(option, &settings->tensor);
    case OPTION_LOGITS: return parse_file(option, &settings->logits);
    case OPTION_SECONDS: return parse_seconds(optarg, &settings->seconds);
    case OPTION_MIN_RUNS: return parse_count(option, optarg, MAX_RUNS, &settings->min_runs);
    case OPTION_MAX_RUNS: return parse_count(option, optarg, MAX_RUNS, &settings->max_runs);
    case OPTION_STEPS: settings->has_steps = true; return true;
    case 'f':
        is_good = parse_choice(option, optarg, COUNT_OF(format_names), format_names, &choice);
        o->format = (enum deit_bench_format)choice;
        return is_good;
    default:
        return fail_option(option, argv);
    }
}

static bool parse_environment(struct deit_bench_options *o)
{
    const char *cpu = getenv("DEIT_CPU");
    if (!cpu || !*cpu)
        return true;

    char list[128] = "";
    size_t at = 0;
    for (int isa = DEIT_ISA_SCALAR; isa <= DEIT_ISA_NEON; isa++) {
        const char *name = deit_isa_name((enum deit_isa)isa);
        if (!name)
            continue;
        if (strcmp(cpu, name) == 0) {
            o->settings.max_isa = (enum deit_isa)isa;
            return true;
        }
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", name);
    }
    return fail_usage("DEIT_CPU: '%s' is none of %s", cpu, list);
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
}

static bool check_usage(const struct deit_bench_options *o)
{
    const struct deit_bench_settings *settings = &o->settings;
    size_t n = o->n_models * o->n_precisions * o->n_threads * o->n_batches;

    if (settings->min_runs > settings->max_runs)
        return fail_usage("--min-runs is %zu, but --max-runs is %zu", settings->min_runs,
                          settings->max_runs);
    if (settings->logits && n > 1)
        return fail_usage("--logits is one file, but there are %zu combinations", n);
    return true;
}

/* Prints what --help or --version ask for. */
static enum deit_exit print(const char *text)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return DEIT_EXIT_OK;
    if (errno != EPIPE)
        deit_report_error("deit-bench", "standard output", strerror(errno));
    return DEIT_EXIT_FAILED;
}

bool deit_bench_options_parse(int argc, char **argv, struct deit_bench_options *options,
                              enum deit_exit *code)
{
    struct deit_bench_options o = {
        .settings = { .seconds = 2.0, .min_runs = 5, .max_runs = 10000 },
    };
    int option;

    *code = DEIT_EXIT_USAGE;
    opterr = 0;
    while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            char version[64];
            snprintf(version, sizeof version, "deit-bench %s\n", deit_version());
            *code = print(option == 'h' ? usage : version);
            return false;
        }
        if (!parse_option(option, argv, &o))
            return false;
    }
    if (optind < argc)
        return fail_usage("'%s' is not an option; a model is -m MODEL", argv[optind]);
    fill_defaults(&o);
    if (!check_usage(&o) || !parse_environment(&o))
        return false;

    *options = o;
    *code = DEIT_EXIT_OK;
    return true;
}
