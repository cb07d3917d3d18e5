/*
 * cli/common/text.c: strings from outside, written so that no reader is fooled.
 *
 * The bytes are decoded here and not by the C library: mbrtowc() would depend on the locale,
 * and the programs' output must not.  Damaged UTF-8 gives one U+FFFD for each longest piece
 * that could have begun a character, as Unicode recommends and other decoders do.
 */
#include "cli/common/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { REPLACEMENT = 0xfffd };

enum style { STYLE_TEXT, STYLE_JSON, STYLE_CSV };

/* Decodes the character at 's', which is not empty; returns how many bytes it took. */
static size_t decode(const unsigned char *s, uint32_t *code)
{
    unsigned lead = s[0];
    *code = lead;
    if (lead < 0x80)
        return 1;

    *code = REPLACEMENT;
    if (lead < 0xc2 || lead > 0xf4)
        return 1;

    /* The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF. */
    unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    uint32_t value = lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (s[i] < low || s[i] > high) /* the terminating zero, too */
            return i;
        value = value << 6 | (s[i] & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *code = value;
    return length;
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f)       /* C0, DEL, C1 */
           || code == 0x061c || code == 0x200e || code == 0x200f /* marks of direction */
           || (code >= 0x2028 && code <= 0x202e)                /* separators, embeddings */
           || (code >= 0x2066 && code <= 0x2069);               /* isolates */
}

static void write_styled(FILE *out, const char *text, size_t bytes, enum style style)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t at = 0;

    while (at < bytes && s[at]) {
        uint32_t code;
        size_t length = decode(s + at, &code);
        if (is_control(code))
            fprintf(out, "\\u%04x", (unsigned)code);
        else if (code == REPLACEMENT)
            fputs("\xef\xbf\xbd", out);
        else if (style == STYLE_JSON && (code == '"' || code == '\\'))
            fprintf(out, "\\%c", (int)code);
        else if (style == STYLE_CSV && code == '"')
            fputs("\"\"", out);
        else
            fwrite(s + at, 1, length, out);
        at += length;
    }
}

void deit_text_write(FILE *out, const char *text)
{
    write_styled(out, text, SIZE_MAX, STYLE_TEXT);
}

void deit_text_write_part(FILE *out, const char *text, size_t bytes)
{
    write_styled(out, text, bytes, STYLE_TEXT);
}

void deit_text_write_json(FILE *out, const char *text)
{
    fputc('"', out);
    write_styled(out, text, SIZE_MAX, STYLE_JSON);
    fputc('"', out);
}

void deit_text_write_csv(FILE *out, const char *text)
{
    /* Line ends never reach a field.  Some readers trim spaces that are not in quotes. */
    size_t length = strlen(text);
    bool is_quoted = strpbrk(text, "\",") != NULL
                     || (length > 0 && (text[0] == ' ' || text[length - 1] == ' '));
    if (is_quoted)
        fputc('"', out);
    write_styled(out, text, SIZE_MAX, STYLE_CSV);
    if (is_quoted)
        fputc('"', out);
}
