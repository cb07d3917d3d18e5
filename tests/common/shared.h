/*
 * tests/common/shared.h: where test data is.
 *
 * DEIT_SOURCE_ROOT is the checkout.  DEIT_SHARED is the shared test data, by default a folder
 * 'shared' beside the checkout, which may be missing.
 */
#ifndef DEIT_TESTS_COMMON_SHARED_H
#define DEIT_TESTS_COMMON_SHARED_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DEIT_TEST_SKIPPED = 77 };

/* A file of the project: "tests/fixtures/...". */
static inline const char *deit_test_fixture(char *path, size_t room, const char *name)
{
    const char *root = getenv("DEIT_SOURCE_ROOT");
    snprintf(path, room, "%s/%s", root ? root : ".", name);
    return path;
}

/* Leaves the program as skipped, saying why, unless the shared test data has 'name'. */
static inline const char *deit_test_shared(char *path, size_t room, const char *name)
{
    struct stat st;
    const char *shared = getenv("DEIT_SHARED"), *root = getenv("DEIT_SOURCE_ROOT");
    if (shared)
        snprintf(path, room, "%s/%s", shared, name);
    else
        snprintf(path, room, "%s/../shared/%s", root ? root : ".", name);
    if (stat(path, &st)) {
        fprintf(stderr, "skipped: the shared test data (DEIT_SHARED) has no %s\n", name);
        exit(DEIT_TEST_SKIPPED);
    }
    return path;
}

#endif
