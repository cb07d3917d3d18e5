/* loaders/folder.h: what a path given for a model means. */
#ifndef DEIT_LOADERS_FOLDER_H
#define DEIT_LOADERS_FOLDER_H

#include <stdbool.h>

#include "runtime/include/deit.h"

struct deit_located {
    char *weights; /* a .safetensors file, an index of several, or an ONNX file */
    bool is_index, is_onnx;
    /* Beside it, or one level above a folder named 'onnx'; NULL if there is none. */
    char *config;       /* config.json */
    char *preprocessor; /* preprocessor_config.json */
};

/*
 * A file is told by its content, a folder by what it holds.  DEIT_ERR_UNSUPPORTED names a
 * format that this library does not read, and the cure.
 */
enum deit_status deit_folder_locate(const char *path, struct deit_located *located,
                                    struct deit_error *err);
void deit_located_done(struct deit_located *located);

/* Whether a file begins as ONNX files do; n bytes of it, more than a few are not needed. */
bool deit_is_onnx(const unsigned char *head, size_t n);

/* "folder/name", or "name" beside a file without a folder; malloc'ed, NULL: out of memory. */
char *deit_path_join(const char *folder, const char *name);

/* The path of 'name' in the folder that holds the file 'path'. */
char *deit_path_beside(const char *path, const char *name);

#endif
