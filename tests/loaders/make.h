/*
 * tests/loaders/make.h: small safetensors files, made in memory.
 *
 * The writer is the test's own, so that reader and writer cannot share a mistake.
 */
#ifndef DEIT_TESTS_LOADERS_MAKE_H
#define DEIT_TESTS_LOADERS_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct made {
    char *header; /* JSON without the outer braces */
    size_t header_bytes;
    unsigned char *data;
    size_t data_bytes;
};

void made_init(struct made *m);
void made_done(struct made *m);

/* Adds an F32 tensor filled with small seeded numbers; 'dims' ends with -1. */
void made_add(struct made *m, const char *name, const int *dims);

/* The same with a dtype of 'bytes_each' bytes, filled with zeros. */
void made_add_type(struct made *m, const char *name, const char *dtype, size_t bytes_each,
                   const int *dims);

/* The whole file, malloc'ed. */
unsigned char *made_file(const struct made *m, size_t *bytes);

/* A file of a header as it is, and 'data_bytes' zeros. */
unsigned char *made_raw(const char *header, size_t data_bytes, size_t *bytes);

/* ------------------------------------------------------------------ models */

enum style { STYLE_TIMM, STYLE_TIMM_GAMMA, STYLE_HF4, STYLE_HF5 };

/* A vision transformer; zeros mean the default beside the field. */
struct recipe {
    enum style style;
    const char *prefix;    /* "" */
    const char *body;      /* "" */
    int width;             /* 64 */
    int depth;             /* 2 */
    int hidden;            /* 96 */
    int channels;          /* 3 */
    int patch_h, patch_w;  /* 8 */
    int n_patches;         /* 9 */
    int n_classes;         /* 10; -1: headless */
    bool no_cls, dist, one_head, no_prefix_positions, layer_scale;
    bool fc_norm, no_norm;
    bool no_bias[3];       /* of q, k, v; timm: the first stands for all */
    const char *without;   /* leave this tensor out */
    const char *extra;     /* add this one, (2, 2) */
    const char *misshapen; /* give this one a row more */
};

void made_model(struct made *m, const struct recipe *recipe);

/* ------------------------------------------------------------------ folders */

/* A new empty folder under TMPDIR; static storage for one path at a time. */
const char *make_folder(void);
void make_file(const char *folder, const char *name, const void *data, size_t bytes);
void make_text(const char *folder, const char *name, const char *text);
void remove_folder(const char *folder);

/* folder/name, in static storage. */
const char *path_in(const char *folder, const char *name);

#endif
