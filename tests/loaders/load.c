/* tests/loaders/load.c: what test_detect and test_config share. */
#include "tests/loaders/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void must(enum deit_status status, const struct deit_error *err)
{
    if (status != DEIT_OK)
        fail_msg("%s: %s", deit_status_name(status), err->message);
}

static unsigned char *file_of(const struct recipe *recipe, size_t *bytes)
{
    struct made m;
    made_init(&m);
    made_model(&m, recipe);
    unsigned char *file = made_file(&m, bytes);
    made_done(&m);
    return file;
}

/* The graph holds the bytes only by reference, and no test here reads weights. */
enum deit_status load_recipe(const struct recipe *recipe, struct deit_loaded *loaded,
                             struct deit_error *err)
{
    size_t bytes;
    unsigned char *file = file_of(recipe, &bytes);
    enum deit_status status = deit_load_memory(file, bytes, "made", loaded, err);
    free(file);
    return status;
}

enum deit_status load_with(const struct recipe *recipe, const char *config,
                           const char *preprocessor, struct deit_loaded *loaded,
                           struct deit_error *err)
{
    size_t bytes;
    unsigned char *file = file_of(recipe, &bytes);
    const char *folder = make_folder();
    make_file(folder, "model.safetensors", file, bytes);
    if (config)
        make_text(folder, "config.json", config);
    if (preprocessor)
        make_text(folder, "preprocessor_config.json", preprocessor);
    enum deit_status status = deit_load_path(folder, loaded, err);
    remove_folder(folder);
    free(file);
    return status;
}

void expect_refusal(const struct recipe *recipe, const char *config, enum deit_status expected,
                    const char *const *says)
{
    struct deit_loaded loaded;
    struct deit_error err = { 0 };
    enum deit_status status = config ? load_with(recipe, config, NULL, &loaded, &err)
                                     : load_recipe(recipe, &loaded, &err);
    if (status == DEIT_OK) {
        deit_loaded_done(&loaded);
        fail_msg("loaded, but should say '%s'; config %s", says[0], config ? config : "none");
    }
    for (; *says; says++)
        if (!strstr(err.message, *says))
            fail_msg("says     %s\n  expected %s", err.message, *says);
    assert_int_equal(status, expected);
}
