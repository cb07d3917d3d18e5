/* tests/images/support.h: manifests, checksums and files for the image tests. */
#ifndef DEIT_TESTS_IMAGES_SUPPORT_H
#define DEIT_TESTS_IMAGES_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/include/deit.h"

enum { MAX_FIELDS = 12, MAX_ROWS = 200 };

struct manifest {
    char *text;
    size_t n_rows;
    const char *rows[MAX_ROWS][MAX_FIELDS]; /* without the heading; "" behind the last field */
};

/* Reads tab-separated lines; fails the test if there are none. */
void manifest_open(struct manifest *manifest, const char *path);
void manifest_close(struct manifest *manifest);

/* The whole file; the caller frees it. */
uint8_t *read_whole(const char *path, size_t *bytes);

void write_whole(const char *path, const void *data, size_t bytes);

uint32_t crc32_of(const void *data, size_t bytes);

/* Fails the test, naming 'what', unless 'crc' is the eight hexadecimal digits. */
void expect_crc(const char *what, uint32_t crc, const char *digits);

/* Fails unless 'err' is one line about 'name' that also has each of the words. */
void expect_message(const struct deit_error *err, const char *name, const char *const *words);
#define expect_words(err, name, ...) \
    expect_message(err, name, (const char *const[]){ __VA_ARGS__, NULL })

/* Joins a folder and a name. */
const char *join(char *path, size_t room, const char *folder, const char *name);

#endif
