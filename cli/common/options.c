/*
 * cli/common/options.c: the command line of a program, and what wrong usage of it looks like.
 *
 * getopt_long() splits it; its own messages are off, because ours escape what they quote and
 * are one line with a hint.  Values are read strictly.  strtoull() is not enough: it takes
 * signs, spaces and other bases, and "-1" becomes a very large number that only shows much
 * later.
 */
#include "cli/common/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const deit_options_precisions[] = { "auto", "f32", "bf16x3", "bf16x6", "bf16", "int8",
                                                NULL };

/* ------------------------------------------------------------------ the command line */

bool deit_options_fail_usage(const struct deit_options *options, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    deit_report_error(options->program, NULL, message);
    fprintf(stderr, "Try '%s --help' for more information.\n", options->program);
    return false;
}

const char *deit_options_name(const struct deit_options *options, int option)
{
    const struct option *o = options->table;
    while (o->name && o->val != option)
        o++;
    return o->name;
}

/* A failure of getopt_long(): 'option' is '?' or ':'. */
static bool fail_option(const struct deit_options *options, int option, char **argv)
{
    const char *name = deit_options_name(options, optopt);
    if (option == ':')
        return deit_options_fail_usage(options, "--%s needs a value", name);
    if (optopt == 0)
        return deit_options_fail_usage(options, "unknown or ambiguous option '%s'",
                                       argv[optind - 1]);
    if (name)
        return deit_options_fail_usage(options, "--%s takes no value", name);
    return deit_options_fail_usage(options, "unknown option '-%c'", optopt);
}

/* Prints what --help or --version ask for. */
static enum deit_exit print(const struct deit_options *options, const char *text)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return DEIT_EXIT_OK;
    if (errno != EPIPE)
        deit_report_error(options->program, "standard output", strerror(errno));
    return DEIT_EXIT_FAILED;
}

int deit_options_next(const struct deit_options *options, int argc, char **argv,
                      enum deit_exit *code)
{
    char version[64];

    opterr = 0;
    int option = getopt_long(argc, argv, options->letters, options->table, NULL);
    switch (option) {
    case -1:
        return DEIT_OPTIONS_END;
    case 'h':
        *code = print(options, options->usage);
        return DEIT_OPTIONS_STOP;
    case 'V':
        snprintf(version, sizeof version, "%s %s\n", options->program, deit_version());
        *code = print(options, version);
        return DEIT_OPTIONS_STOP;
    case '?': case ':':
        fail_option(options, option, argv);
        *code = DEIT_EXIT_USAGE;
        return DEIT_OPTIONS_STOP;
    default:
        return option;
    }
}

/* ------------------------------------------------------------------ values */

/* Names for a message, "a, b, c"; what does not fit is cut off. */
struct list {
    char text[128];
    size_t length;
};

static void add_name(struct list *list, const char *name)
{
    if (list->length < sizeof list->text)
        list->length += (size_t)snprintf(list->text + list->length,
                                         sizeof list->text - list->length, "%s%s",
                                         list->length > 0 ? ", " : "", name);
}

/* Reads the digits at '*text' and moves it behind them; false if there are none or too many. */
static bool read_digits(const char **text, uint64_t *value)
{
    const char *s = *text;
    uint64_t sum = 0;

    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        uint64_t digit = (uint64_t)(*s - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *text = s;
    *value = sum;
    return true;
}

static bool read_amount(const char *text, uint64_t *value)
{
    uint64_t number, unit = 1;
    if (!read_digits(&text, &number) || number == 0)
        return false;

    switch (*text) {
    case 'k': case 'K': unit = 1000; break;
    case 'm': case 'M': unit = 1000000; break;
    case 'g': case 'G': unit = 1000000000; break;
    case '\0': break;
    default: return false;
    }
    if (*text != '\0' && text[1] != '\0')
        return false;
    if (number > UINT64_MAX / unit)
        return false;
    *value = number * unit;
    return true;
}

bool deit_options_parse_choice(const struct deit_options *options, int option, const char *text,
                               const char *const *names, size_t *choice)
{
    struct list list = { .length = 0 };
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *choice = i;
            return true;
        }
        add_name(&list, names[i]);
    }
    return deit_options_fail_usage(options, "--%s: '%s' is none of %s",
                                   deit_options_name(options, option), text, list.text);
}

bool deit_options_parse_count(const struct deit_options *options, int option, const char *text,
                              size_t high, size_t *count)
{
    const char *end = text;
    uint64_t number;
    if (read_digits(&end, &number) && *end == '\0' && number >= 1 && number <= high) {
        *count = (size_t)number;
        return true;
    }
    return deit_options_fail_usage(options, "--%s: '%s' is not a number from 1 to %zu",
                                   deit_options_name(options, option), text, high);
}

bool deit_options_parse_amount(const struct deit_options *options, int option, const char *text,
                               uint64_t *amount)
{
    if (read_amount(text, amount))
        return true;
    return deit_options_fail_usage(options, "--%s: '%s' is not a number above 0, with K, M or G "
                                            "behind it or without",
                                   deit_options_name(options, option), text);
}

bool deit_options_parse_file(const struct deit_options *options, int option, const char *text,
                             const char **file)
{
    if (!*text)
        return deit_options_fail_usage(options, "--%s: the name is empty",
                                       deit_options_name(options, option));
    *file = text;
    return true;
}

bool deit_options_parse_cpu(const struct deit_options *options, enum deit_isa *max_isa)
{
    const char *cpu = getenv("DEIT_CPU");
    if (!cpu || !*cpu)
        return true;

    struct list list = { .length = 0 };
    for (int isa = DEIT_ISA_SCALAR; isa <= DEIT_ISA_NEON; isa++) {
        const char *name = deit_isa_name((enum deit_isa)isa);
        if (!name)
            continue;
        if (strcmp(cpu, name) == 0) {
            *max_isa = (enum deit_isa)isa;
            return true;
        }
        add_name(&list, name);
    }
    return deit_options_fail_usage(options, "DEIT_CPU: '%s' is none of %s", cpu, list.text);
}
