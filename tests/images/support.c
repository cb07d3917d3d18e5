/*
 * tests/images/support.c: see support.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/images/support.h"

uint8_t *read_whole(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s: cannot be opened", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    uint8_t *data = malloc((size_t)size + 1);
    assert_non_null(data);
    *bytes = fread(data, 1, (size_t)size, file);
    assert_int_equal(*bytes, size);
    data[size] = 0;
    fclose(file);
    return data;
}

void write_whole(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

void manifest_open(struct manifest *manifest, const char *path)
{
    size_t bytes;
    memset(manifest, 0, sizeof *manifest);
    manifest->text = (char *)read_whole(path, &bytes);
    char *next = strchr(manifest->text, '\n');
    assert_non_null(next);
    next++;
    while (*next) {
        assert_true(manifest->n_rows < MAX_ROWS);
        const char **fields = manifest->rows[manifest->n_rows++];
        char *end = strchr(next, '\n');
        assert_non_null(end);
        *end = '\0';
        for (size_t i = 0; i < MAX_FIELDS; i++) {
            fields[i] = next;
            next += strcspn(next, "\t");
            if (*next)
                *next++ = '\0';
        }
        next = end + 1;
    }
    assert_true(manifest->n_rows > 0);
}

void manifest_close(struct manifest *manifest)
{
    free(manifest->text);
    manifest->text = NULL;
}

uint32_t crc32_of(const void *data, size_t bytes)
{
    static uint32_t table[256];
    const uint8_t *p = data;
    uint32_t crc = ~UINT32_C(0);
    for (uint32_t i = 0; !table[255] && i < 256; i++) {
        uint32_t x = i;
        for (int bit = 0; bit < 8; bit++)
            x = x >> 1 ^ (x & 1 ? UINT32_C(0xedb88320) : 0);
        table[i] = x;
    }
    for (size_t i = 0; i < bytes; i++)
        crc = crc >> 8 ^ table[(crc ^ p[i]) & 255];
    return ~crc;
}

void expect_crc(const char *what, uint32_t crc, const char *digits)
{
    char found[9];
    snprintf(found, sizeof found, "%08x", (unsigned)crc);
    if (strcmp(found, digits))
        fail_msg("%s: checksum %s, expected %s", what, found, digits);
}

void expect_message(const struct deit_error *err, const char *name, const char *const *words)
{
    if (strncmp(err->message, name, strlen(name)) || strncmp(err->message + strlen(name), ": ", 2)
        || strchr(err->message, '\n'))
        fail_msg("message is not one line about '%s': '%s'", name, err->message);
    for (; *words; words++)
        if (!strstr(err->message, *words))
            fail_msg("message lacks '%s': '%s'", *words, err->message);
}

const char *join(char *path, size_t room, const char *folder, const char *name)
{
    int n = snprintf(path, room, "%s/%s", folder, name);
    assert_true(n > 0 && (size_t)n < room);
    return path;
}
