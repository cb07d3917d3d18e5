/*
 * cli/inspect_options.c: the command line of deit-inspect.
 *
 * The names of stages are the library's: which of them a model goes through is known when its
 * graph has been rewritten, so --after is checked there.
 */
#include "cli/inspect_options.h"

#include <string.h>

static const char usage[] =
    "Usage: deit-inspect [OPTION]... [MODEL]\n"
    "Say what a model is: format, inputs and outputs, weights, architecture and work.\n"
    "MODEL is what deit-run --model takes; without one, it is the built-in model.\n"
    "\n"
    "What to show beside that\n"
    "      --graph               the graph: as loaded, after each pass that changed it, and\n"
    "                            as it is planned\n"
    "      --after STAGE         of the graph, one stage alone: loaded, folded, a pass as\n"
    "                            raise_attention, or final; implies --graph\n"
    "      --plan                steps with tiles and kernels, weights, and memory\n"
    "      --dot                 nothing but the final graph, or the one that --after names,\n"
    "                            for Graphviz\n"
    "  -v, --verbose             name the tensors that the model does not need\n"
    "  -f, --format text|json    json: one object (default: text)\n"
    "\n"
    "For which session\n"
    "  -b, --batch N             images per run at most (default: 1)\n"
    "      --size HxW            height and width of the input (default: the model's own)\n"
    "  -p, --precision auto|f32|bf16x3|bf16x6|bf16|int8\n"
    "                            arithmetic of --plan (default: auto, which is f32)\n"
    "  -t, --threads N           threads of --plan (default: the CPUs this process may use)\n"
    "      --max-memory BYTES    refuse a plan that needs more for one image; K, M, G for\n"
    "                            10^3, 10^6, 10^9 (default: 512M)\n"
    "      --allow-nonfinite     accept weights that are NaN or infinite\n"
    "      --follow-links        follow links out of the model's folder\n"
    "\n"
    "  -h, --help                print this and exit\n"
    "  -V, --version             print the version and exit\n"
    "\n"
    "The environment variable DEIT_CPU limits the instructions of --plan: scalar, avx2,\n"
    "avx512, avx512_bf16, amx or neon.\n"
    "\n"
    "Exit status: 0 if all went well; 1 if the model or a write failed; 2 for wrong usage, or\n"
    "what this model or build cannot do.\n";

enum {
    OPTION_GRAPH = 256,
    OPTION_AFTER,
    OPTION_PLAN,
    OPTION_DOT,
    OPTION_SIZE,
    OPTION_MAX_MEMORY,
    OPTION_ALLOW_NONFINITE,
    OPTION_FOLLOW_LINKS
};

static const struct option long_options[] = {
    { "graph", no_argument, NULL, OPTION_GRAPH },
    { "after", required_argument, NULL, OPTION_AFTER },
    { "plan", no_argument, NULL, OPTION_PLAN },
    { "dot", no_argument, NULL, OPTION_DOT },
    { "verbose", no_argument, NULL, 'v' },
    { "format", required_argument, NULL, 'f' },
    { "batch", required_argument, NULL, 'b' },
    { "size", required_argument, NULL, OPTION_SIZE },
    { "precision", required_argument, NULL, 'p' },
    { "threads", required_argument, NULL, 't' },
    { "max-memory", required_argument, NULL, OPTION_MAX_MEMORY },
    { "allow-nonfinite", no_argument, NULL, OPTION_ALLOW_NONFINITE },
    { "follow-links", no_argument, NULL, OPTION_FOLLOW_LINKS },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

static const struct deit_options command = {
    .program = "deit-inspect",
    .usage = usage,
    .letters = ":vf:b:p:t:hV",
    .table = long_options,
};

static const char *const format_names[] = { "text", "json", NULL };

enum { MAX_SIDE = 65536 };

/* One side, whose text ends at 'end'. */
static bool parse_side(const char *text, const char *end, uint32_t *side)
{
    uint32_t sum = 0;
    if (text == end)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return false;
        sum = sum * 10 + (uint32_t)(*text - '0');
        if (sum > MAX_SIDE)
            return false;
    }
    *side = sum;
    return sum > 0;
}

static bool parse_size(int option, struct deit_inspect_options *o)
{
    const char *cross = strchr(optarg, 'x');
    uint32_t height, width;
    if (!cross || !parse_side(optarg, cross, &height) ||
        !parse_side(cross + 1, optarg + strlen(optarg), &width))
        return deit_options_fail_usage(&command,
                                       "--%s: '%s' is not HxW with numbers from 1 to %d",
                                       deit_options_name(&command, option), optarg, MAX_SIDE);
    o->height = height;
    o->width = width;
    return true;
}

static bool parse_value(int option, struct deit_inspect_options *o)
{
    size_t n = 0;
    bool is_good;

    switch (option) {
    case 'f':
        is_good = deit_options_parse_choice(&command, option, optarg, format_names, &n);
        o->format = (enum deit_inspect_format)n;
        return is_good;
    case 'p':
        is_good = deit_options_parse_choice(&command, option, optarg, deit_options_precisions, &n);
        o->precision = (enum deit_precision)n;
        return is_good;
    case 't':
        is_good = deit_options_parse_count(&command, option, optarg, DEIT_OPTIONS_MAX_THREADS, &n);
        o->threads = (unsigned)n;
        return is_good;
    case 'b':
        return deit_options_parse_count(&command, option, optarg, DEIT_OPTIONS_MAX_BATCH,
                                        &o->batch);
    case OPTION_MAX_MEMORY:
        return deit_options_parse_amount(&command, option, optarg, &o->max_memory);
    case OPTION_SIZE:
        return parse_size(option, o);
    default: /* OPTION_AFTER */
        return deit_options_parse_file(&command, option, optarg, &o->after);
    }
}

static bool parse_option(int option, struct deit_inspect_options *o)
{
    switch (option) {
    case OPTION_GRAPH: o->has_graph = true; return true;
    case OPTION_PLAN: o->has_plan = true; return true;
    case OPTION_DOT: o->has_dot = true; return true;
    case OPTION_ALLOW_NONFINITE: o->allow_nonfinite = true; return true;
    case OPTION_FOLLOW_LINKS: o->follow_links = true; return true;
    case 'v': o->is_verbose = true; return true;
    default: return parse_value(option, o);
    }
}

static bool check_usage(struct deit_inspect_options *o, char **operands, size_t n_operands)
{
    if (n_operands > 1)
        return deit_options_fail_usage(&command, "one model at a time, but '%s' is a second one",
                                       operands[1]);
    if (n_operands == 1 && !*operands[0])
        return deit_options_fail_usage(&command, "the name of the model is empty");
    if (o->has_dot && (o->has_graph || o->has_plan || o->format != DEIT_INSPECT_TEXT))
        return deit_options_fail_usage(&command, "--dot is the whole output: not with %s",
                                       o->has_graph  ? "--graph"
                                       : o->has_plan ? "--plan"
                                                     : "--format json");
    o->model = n_operands ? operands[0] : NULL;
    o->has_graph |= o->after && !o->has_dot;
    return true;
}

bool deit_inspect_options_parse(int argc, char **argv, struct deit_inspect_options *options,
                                enum deit_exit *code)
{
    struct deit_inspect_options o = { .model = NULL };
    int option;

    *code = DEIT_EXIT_USAGE;
    while ((option = deit_options_next(&command, argc, argv, code)) > DEIT_OPTIONS_END)
        if (!parse_option(option, &o))
            return false;
    if (option == DEIT_OPTIONS_STOP)
        return false;
    if (!check_usage(&o, argv + optind, (size_t)(argc - optind)) ||
        !deit_options_parse_cpu(&command, &o.max_isa))
        return false;

    *options = o;
    *code = DEIT_EXIT_OK;
    return true;
}
