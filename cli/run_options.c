/*
 * cli/run_options.c: the command line of deit-run.
 *
 * getopt_long() splits it; its own messages are off, because ours escape what they quote and
 * are one line with a hint.  Everything that can be wrong about usage is found here, before a
 * file is opened.
 */
#include "cli/run_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common/options.h"

static const char usage[] =
    "Usage: deit-run [OPTION]... IMAGE|FOLDER...\n"
    "Say what is on photos: the most probable classes of each, by a DeiT model.\n"
    "\n"
    "Model\n"
    "  -m, --model PATH          a .safetensors file, a .safetensors.index.json or a folder\n"
    "                            that holds one (default: the built-in model)\n"
    "  -l, --labels FILE         class names: text, one a line, or JSON with id2label\n"
    "                            (default: those of the model)\n"
    "      --head avg|cls|dist   which head's logits: both averaged, of the class token, of\n"
    "                            the distillation token (default: avg)\n"
    "      --allow-nonfinite     accept weights that are NaN or infinite\n"
    "      --follow-links        follow links out of the model's folder, and, with\n"
    "                            --recursive, links to folders\n"
    "\n"
    "Input\n"
    "      --files-from FILE     read more names from FILE, one a line; - is standard input\n"
    "      --recursive           look into subfolders too\n"
    "      --tensor FILE.npy     take (N, 3, height, width) f32 in place of images\n"
    "  -r, --recipe auto|timm|fb|hf\n"
    "                            how photos are resized, cropped and normalised\n"
    "                            (default: auto, what the model's folder says)\n"
    "      --pillow 12|13        whose resizing to match to the byte (default: 13)\n"
    "      --max-pixels N        refuse larger images; K, M, G for 10^3, 10^6, 10^9\n"
    "                            (default: 100M)\n"
    "      --max-memory BYTES    refuse images and models that need more, each; K, M, G as\n"
    "                            above (default: 400M for decoding, 512M for a model's run)\n"
    "\n"
    "Output\n"
    "  -k, --top N               classes to print, or all if there are fewer (default: 5)\n"
    "  -f, --format text|json|csv\n"
    "                            json: one object a line (default: text)\n"
    "      --logits FILE.npy     write (N, classes) f32\n"
    "      --features FILE.npy   write (N, width) f32, what the heads see\n"
    "      --save-input FILE.npy write the preprocessed (N, 3, height, width) f32\n"
    "  -q, --quiet               print results and errors only\n"
    "  -v, --verbose             tell about model, preprocessing, plan and times\n"
    "      --no-progress         no progress line on a terminal\n"
    "\n"
    "Speed\n"
    "  -p, --precision auto|f32|bf16x3|bf16x6|bf16|int8\n"
    "                            arithmetic (default: auto, which is f32)\n"
    "  -t, --threads N           threads (default: the CPUs this process may use)\n"
    "  -b, --batch N             images per run at most (default: 8, or 1 for one image)\n"
    "\n"
    "  -h, --help                print this and exit\n"
    "  -V, --version             print the version and exit\n"
    "\n"
    "The environment variable DEIT_CPU limits the instructions that are used: scalar, avx2,\n"
    "avx512, avx512_bf16, amx or neon.\n"
    "\n"
    "Exit status: 0 if all went well; 1 if a model, an image or a write failed, though the\n"
    "other images are answered; 2 for wrong usage, or what this model or build cannot do.\n";

enum {
    OPTION_HEAD = 256,
    OPTION_PILLOW,
    OPTION_FILES_FROM,
    OPTION_TENSOR,
    OPTION_LOGITS,
    OPTION_FEATURES,
    OPTION_SAVE_INPUT,
    OPTION_MAX_PIXELS,
    OPTION_MAX_MEMORY,
    OPTION_ALLOW_NONFINITE,
    OPTION_FOLLOW_LINKS,
    OPTION_RECURSIVE,
    OPTION_NO_PROGRESS
};

static const char short_options[] = ":m:k:l:r:p:t:b:f:qvhV";

static const struct option long_options[] = {
    { "model", required_argument, NULL, 'm' },
    { "top", required_argument, NULL, 'k' },
    { "labels", required_argument, NULL, 'l' },
    { "head", required_argument, NULL, OPTION_HEAD },
    { "recipe", required_argument, NULL, 'r' },
    { "pillow", required_argument, NULL, OPTION_PILLOW },
    { "precision", required_argument, NULL, 'p' },
    { "threads", required_argument, NULL, 't' },
    { "batch", required_argument, NULL, 'b' },
    { "format", required_argument, NULL, 'f' },
    { "files-from", required_argument, NULL, OPTION_FILES_FROM },
    { "tensor", required_argument, NULL, OPTION_TENSOR },
    { "logits", required_argument, NULL, OPTION_LOGITS },
    { "features", required_argument, NULL, OPTION_FEATURES },
    { "save-input", required_argument, NULL, OPTION_SAVE_INPUT },
    { "max-pixels", required_argument, NULL, OPTION_MAX_PIXELS },
    { "max-memory", required_argument, NULL, OPTION_MAX_MEMORY },
    { "allow-nonfinite", no_argument, NULL, OPTION_ALLOW_NONFINITE },
    { "follow-links", no_argument, NULL, OPTION_FOLLOW_LINKS },
    { "recursive", no_argument, NULL, OPTION_RECURSIVE },
    { "quiet", no_argument, NULL, 'q' },
    { "verbose", no_argument, NULL, 'v' },
    { "no-progress", no_argument, NULL, OPTION_NO_PROGRESS },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

/* In the order of the enums they stand for. */
static const char *const head_names[] = { "avg", "cls", "dist" };
static const char *const format_names[] = { "text", "json", "csv" };
static const char *const recipe_names[] = { "auto", "timm", "fb", "hf" };
static const char *const pillow_names[] = { "12", "13" };
static const char *const precision_names[] = { "auto", "f32", "bf16x3", "bf16x6", "bf16", "int8" };

/* Far above any machine, and low enough for sizes that are products. */
enum { MAX_THREADS = 4096, MAX_BATCH = 65536 };

static bool fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool fail_usage(const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    deit_report_error("deit-run", NULL, message);
    fputs("Try 'deit-run --help' for more information.\n", stderr);
    return false;
}

/* "top" for 'k', NULL for what is no option. */
static const char *long_name(int option)
{
    const struct option *o = long_options;
    while (o->name && o->val != option)
        o++;
    return o->name;
}

static bool parse_choice(int option, size_t n, const char *const *names, size_t *choice)
{
    size_t found = deit_options_choice(optarg, n, names);
    if (found < n) {
        *choice = found;
        return true;
    }
    char list[128] = "";
    for (size_t i = 0, at = 0; i < n && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", names[i]);
    return fail_usage("--%s: '%s' is none of %s", long_name(option), optarg, list);
}

static bool parse_count(int option, uint64_t high, uint64_t *count)
{
    if (deit_options_count(optarg, 1, high, count))
        return true;
    return fail_usage("--%s: '%s' is not a number from 1 to %llu", long_name(option), optarg,
                      (unsigned long long)high);
}

static bool parse_amount(int option, uint64_t *amount)
{
    if (deit_options_amount(optarg, amount))
        return true;
    return fail_usage("--%s: '%s' is not a number above 0, with K, M or G behind it or without",
                      long_name(option), optarg);
}

static bool parse_file(int option, const char **file)
{
    *file = optarg;
    return *optarg || fail_usage("--%s: the name is empty", long_name(option));
}

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static bool parse_number_option(int option, struct deit_run_options *o)
{
    uint64_t count = 0;
    bool is_good;

    switch (option) {
    case 'k':
        is_good = parse_count(option, SIZE_MAX, &count);
        o->top = (size_t)count;
        return is_good;
    case 't':
        is_good = parse_count(option, MAX_THREADS, &count);
        o->threads = (unsigned)count;
        return is_good;
    case 'b':
        is_good = parse_count(option, MAX_BATCH, &count);
        o->batch = (size_t)count;
        return is_good;
    case OPTION_MAX_PIXELS:
        return parse_amount(option, &o->max_pixels);
    default:
        return parse_amount(option, &o->max_memory);
    }
}

static bool parse_choice_option(int option, struct deit_run_options *o)
{
    size_t choice = 0;
    bool is_good;

    switch (option) {
    case OPTION_HEAD:
        is_good = parse_choice(option, COUNT_OF(head_names), head_names, &choice);
        o->head = (enum deit_run_head)choice;
        return is_good;
    case 'f':
        is_good = parse_choice(option, COUNT_OF(format_names), format_names, &choice);
        o->format = (enum deit_run_format)choice;
        return is_good;
    case 'r':
        is_good = parse_choice(option, COUNT_OF(recipe_names), recipe_names, &choice);
        o->recipe = (enum deit_recipe_kind)choice;
        return is_good;
    case 'p':
        is_good = parse_choice(option, COUNT_OF(precision_names), precision_names, &choice);
        o->precision = (enum deit_precision)choice;
        return is_good;
    default:
        is_good = parse_choice(option, COUNT_OF(pillow_names), pillow_names, &choice);
        o->pillow = 12 + (int)choice;
        return is_good;
    }
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

static bool parse_option(int option, char **argv, struct deit_run_options *o)
{
    switch (option) {
    case 'm': return parse_file(option, &o->model);
    case 'l': return parse_file(option, &o->labels);
    case OPTION_FILES_FROM: return parse_file(option, &o->files_from);
    case OPTION_TENSOR: return parse_file(option, &o->tensor);
    case OPTION_LOGITS: return parse_file(option, &o->logits);
    case OPTION_FEATURES: return parse_file(option, &o->features);
    case OPTION_SAVE_INPUT: return parse_file(option, &o->save_input);
    case 'k': case 't': case 'b': case OPTION_MAX_PIXELS: case OPTION_MAX_MEMORY:
        return parse_number_option(option, o);
    case OPTION_HEAD: case 'f': case 'r': case 'p': case OPTION_PILLOW:
        return parse_choice_option(option, o);
    case OPTION_ALLOW_NONFINITE: o->allow_nonfinite = true; return true;
    case OPTION_FOLLOW_LINKS: o->follow_links = true; return true;
    case OPTION_RECURSIVE: o->is_recursive = true; return true;
    case OPTION_NO_PROGRESS: o->has_progress = false; return true;
    case 'q':
        o->is_quiet = true;
        o->is_verbose = false;
        return true;
    case 'v':
        o->is_verbose = true;
        o->is_quiet = false;
        return true;
    default:
        return fail_option(option, argv);
    }
}

static bool parse_environment(struct deit_run_options *o)
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
            o->max_isa = (enum deit_isa)isa;
            return true;
        }
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", name);
    }
    return fail_usage("DEIT_CPU: '%s' is none of %s", cpu, list);
}

static bool check_usage(const struct deit_run_options *o)
{
    const char *outputs[] = { o->logits, o->features, o->save_input };

    if (o->tensor && (o->n_operands > 0 || o->files_from))
        return fail_usage("--tensor takes the place of images, but %s is given too",
                          o->n_operands > 0 ? "an image" : "--files-from");
    if (!o->tensor && !o->files_from && o->n_operands == 0)
        return fail_usage("no image or folder is given");
    for (size_t i = 0; i < COUNT_OF(outputs); i++)
        for (size_t j = i + 1; j < COUNT_OF(outputs); j++)
            if (outputs[i] && outputs[j] && strcmp(outputs[i], outputs[j]) == 0)
                return fail_usage("'%s' is to hold two different outputs", outputs[i]);
    return true;
}

/* Prints what --help or --version ask for. */
static enum deit_exit print(const char *text)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return DEIT_EXIT_OK;
    if (errno != EPIPE)
        deit_report_error("deit-run", "standard output", strerror(errno));
    return DEIT_EXIT_FAILED;
}

bool deit_run_options_parse(int argc, char **argv, struct deit_run_options *options,
                            enum deit_exit *code)
{
    struct deit_run_options o = { .top = 5, .pillow = 13, .has_progress = true };
    int option;

    *code = DEIT_EXIT_USAGE;
    opterr = 0;
    while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            char version[64];
            snprintf(version, sizeof version, "deit-run %s\n", deit_version());
            *code = print(option == 'h' ? usage : version);
            return false;
        }
        if (!parse_option(option, argv, &o))
            return false;
    }
    o.operands = argv + optind;
    o.n_operands = (size_t)(argc - optind);
    if (!check_usage(&o) || !parse_environment(&o))
        return false;

    *options = o;
    *code = DEIT_EXIT_OK;
    return true;
}
