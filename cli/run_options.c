/*
 * cli/run_options.c: the command line of deit-run.
 *
 * Everything that can be wrong about usage is found here, before a file is opened; how it is
 * told, cli/common/options.h decides for all programs.
 */
#include "cli/run_options.h"

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
    "                            arithmetic of products (default: auto, which is f32); bf16\n"
    "                            with one, two (x3) or three (x6) parts of each number\n"
    "  -t, --threads N           threads (default: the CPUs this process may use)\n"
    "  -b, --batch N             images per run, shared by all threads (default: an image for\n"
    "                            each thread, or 8 rows of a tensor)\n"
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

static const struct deit_options command = {
    .program = "deit-run",
    .usage = usage,
    .letters = ":m:k:l:r:p:t:b:f:qvhV",
    .table = long_options,
};

/* In the order of the enums they stand for. */
static const char *const head_names[] = { "avg", "cls", "dist", NULL };
static const char *const format_names[] = { "text", "json", "csv", NULL };
static const char *const recipe_names[] = { "auto", "timm", "fb", "hf", NULL };
static const char *const pillow_names[] = { "12", "13", NULL };

static bool parse_file(int option, const char **file)
{
    return deit_options_parse_file(&command, option, optarg, file);
}

static bool parse_choice(int option, const char *const *names, size_t *choice)
{
    return deit_options_parse_choice(&command, option, optarg, names, choice);
}

static bool parse_number_option(int option, struct deit_run_options *o)
{
    size_t count = 0;
    bool is_good;

    switch (option) {
    case 'k':
        return deit_options_parse_count(&command, option, optarg, SIZE_MAX, &o->top);
    case 't':
        is_good = deit_options_parse_count(&command, option, optarg, DEIT_OPTIONS_MAX_THREADS,
                                           &count);
        o->threads = (unsigned)count;
        return is_good;
    case 'b':
        return deit_options_parse_count(&command, option, optarg, DEIT_OPTIONS_MAX_BATCH,
                                        &o->batch);
    case OPTION_MAX_PIXELS:
        return deit_options_parse_amount(&command, option, optarg, &o->max_pixels);
    default:
        return deit_options_parse_amount(&command, option, optarg, &o->max_memory);
    }
}

static bool parse_choice_option(int option, struct deit_run_options *o)
{
    size_t choice = 0;
    bool is_good;

    switch (option) {
    case OPTION_HEAD:
        is_good = parse_choice(option, head_names, &choice);
        o->head = (enum deit_run_head)choice;
        return is_good;
    case 'f':
        is_good = parse_choice(option, format_names, &choice);
        o->format = (enum deit_run_format)choice;
        return is_good;
    case 'r':
        is_good = parse_choice(option, recipe_names, &choice);
        o->recipe = (enum deit_recipe_kind)choice;
        return is_good;
    case 'p':
        is_good = parse_choice(option, deit_options_precisions, &choice);
        o->precision = (enum deit_precision)choice;
        return is_good;
    default:
        is_good = parse_choice(option, pillow_names, &choice);
        o->pillow = 12 + (int)choice;
        return is_good;
    }
}

static bool parse_option(int option, struct deit_run_options *o)
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
    default: /* 'v' */
        o->is_verbose = true;
        o->is_quiet = false;
        return true;
    }
}

static bool check_usage(const struct deit_run_options *o)
{
    const char *const outputs[] = { o->logits, o->features, o->save_input };
    const size_t n_outputs = sizeof outputs / sizeof *outputs;

    if (o->tensor && (o->n_operands > 0 || o->files_from))
        return deit_options_fail_usage(
            &command, "--tensor takes the place of images, but %s is given too",
            o->n_operands > 0 ? "an image" : "--files-from");
    if (!o->tensor && !o->files_from && o->n_operands == 0)
        return deit_options_fail_usage(&command, "no image or folder is given");
    for (size_t i = 0; i < n_outputs; i++)
        for (size_t j = i + 1; j < n_outputs; j++)
            if (outputs[i] && outputs[j] && strcmp(outputs[i], outputs[j]) == 0)
                return deit_options_fail_usage(&command, "'%s' is to hold two different outputs",
                                               outputs[i]);
    return true;
}

bool deit_run_options_parse(int argc, char **argv, struct deit_run_options *options,
                            enum deit_exit *code)
{
    struct deit_run_options o = { .top = 5, .pillow = 13, .has_progress = true };
    int option;

    *code = DEIT_EXIT_USAGE;
    while ((option = deit_options_next(&command, argc, argv, code)) > DEIT_OPTIONS_END)
        if (!parse_option(option, &o))
            return false;
    if (option == DEIT_OPTIONS_STOP)
        return false;
    o.operands = argv + optind;
    o.n_operands = (size_t)(argc - optind);
    if (!check_usage(&o) || !deit_options_parse_cpu(&command, &o.max_isa))
        return false;

    *options = o;
    *code = DEIT_EXIT_OK;
    return true;
}
