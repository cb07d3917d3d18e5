/* tests/loaders/load.h: from a made model to what the loader finds in it. */
#ifndef DEIT_TESTS_LOADERS_LOAD_H
#define DEIT_TESTS_LOADERS_LOAD_H

#include "loaders/open.h"
#include "tests/loaders/make.h"

/* Loads the model of a recipe from memory. */
enum deit_status load_recipe(const struct recipe *recipe, struct deit_loaded *loaded,
                             struct deit_error *err);

/* The same through a folder with a config.json and a preprocessor_config.json, or NULL. */
enum deit_status load_with(const struct recipe *recipe, const char *config,
                           const char *preprocessor, struct deit_loaded *loaded,
                           struct deit_error *err);

/* Fails the test unless loading fails like this; the message must contain all of 'says'. */
void expect_refusal(const struct recipe *recipe, const char *config, enum deit_status status,
                    const char *const *says);

/* Fails the test, with the message, unless 'status' is DEIT_OK. */
void must(enum deit_status status, const struct deit_error *err);

#endif
