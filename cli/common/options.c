/*
 * cli/common/options.c: values of command line options, read strictly.
 *
 * strtoull() is not enough: it takes signs, spaces and other bases, and "-1" becomes a very
 * large number that only shows much later.
 */
#include "cli/common/options.h"

#include <string.h>

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

bool deit_options_count(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    uint64_t number;
    if (!read_digits(&text, &number) || *text != '\0' || number < low || number > high)
        return false;
    *value = number;
    return true;
}

bool deit_options_amount(const char *text, uint64_t *value)
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

size_t deit_options_choice(const char *text, size_t n, const char *const *names)
{
    size_t i = 0;
    while (i < n && strcmp(text, names[i]) != 0)
        i++;
    return i;
}
