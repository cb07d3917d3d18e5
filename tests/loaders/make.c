/* tests/loaders/make.c: the writer and the models of the loaders' tests. */
#include "tests/loaders/make.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void need(bool ok)
{
    if (ok)
        return;
    fputs("tests/loaders: out of memory or no room for files\n", stderr);
    abort();
}

void made_init(struct made *m)
{
    *m = (struct made){ .header = strdup("") };
    need(m->header);
}

void made_done(struct made *m)
{
    free(m->header);
    free(m->data);
}

void made_add_type(struct made *m, const char *name, const char *dtype, size_t bytes_each,
                   const int *dims)
{
    char shape[128] = "";
    size_t count = 1, used = 0;
    for (; *dims >= 0; dims++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%d", used ? ", " : "",
                                 *dims);
        count *= (size_t)*dims;
    }
    size_t begin = m->data_bytes, end = begin + count * bytes_each;
    char *entry = NULL;
    need(asprintf(&entry,
                  "%s\"%s\": {\"dtype\": \"%s\", \"shape\": [%s], \"data_offsets\": [%zu, %zu]}",
                  m->header_bytes ? ", " : "", name, dtype, shape, begin, end) >= 0);
    size_t n = strlen(entry);
    m->header = realloc(m->header, m->header_bytes + n + 1);
    m->data = realloc(m->data, end + 1);
    need(m->header && m->data);
    memcpy(m->header + m->header_bytes, entry, n + 1);
    m->header_bytes += n;
    memset(m->data + begin, 0, end - begin);
    m->data_bytes = end;
    free(entry);
}

void made_add(struct made *m, const char *name, const int *dims)
{
    size_t begin = m->data_bytes;
    made_add_type(m, name, "F32", sizeof(float), dims);
    uint32_t state = (uint32_t)begin + 1;
    for (size_t at = begin; at < m->data_bytes; at += sizeof(float)) {
        state = state * 1664525u + 1013904223u;
        float value = (float)(state >> 8) / 16777216.0f * 0.1f - 0.05f;
        memcpy(m->data + at, &value, sizeof value);
    }
}

static unsigned char *put_together(const char *open, const char *header, size_t header_bytes,
                                   const char *close, const void *data, size_t data_bytes,
                                   size_t *bytes)
{
    uint64_t length = strlen(open) + header_bytes + strlen(close);
    unsigned char *file = calloc(1, 8 + (size_t)length + data_bytes + 1);
    need(file);
    unsigned char *to = file;
    memcpy(to, &length, 8);
    to += 8;
    memcpy(to, open, strlen(open));
    to += strlen(open);
    memcpy(to, header, header_bytes);
    to += header_bytes;
    memcpy(to, close, strlen(close));
    to += strlen(close);
    if (data)
        memcpy(to, data, data_bytes);
    *bytes = 8 + (size_t)length + data_bytes;
    return file;
}

unsigned char *made_file(const struct made *m, size_t *bytes)
{
    return put_together("{", m->header, m->header_bytes, "}", m->data, m->data_bytes, bytes);
}

unsigned char *made_raw(const char *header, size_t data_bytes, size_t *bytes)
{
    return put_together("", header, strlen(header), "", NULL, data_bytes, bytes);
}

/* ------------------------------------------------------------------ models */

struct names {
    const char *block, *norm1, *qkv[3], *proj, *norm2, *fc1, *fc2, *scale1, *scale2;
    const char *patch, *cls, *dist, *positions, *norm;
};

#define HF_OUTSIDE                                                                               \
    .patch = "embeddings.patch_embeddings.projection", .cls = "embeddings.cls_token",            \
    .dist = "embeddings.distillation_token", .positions = "embeddings.position_embeddings",      \
    .norm = "layernorm", .norm1 = "layernorm_before", .norm2 = "layernorm_after"
#define TIMM                                                                                     \
    .patch = "patch_embed.proj", .cls = "cls_token", .dist = "dist_token",                       \
    .positions = "pos_embed", .norm = "norm", .block = "blocks.", .norm1 = "norm1",              \
    .norm2 = "norm2", .qkv = { "attn.qkv" }, .proj = "attn.proj", .fc1 = "mlp.fc1",              \
    .fc2 = "mlp.fc2"

static const struct names names[] = {
    [STYLE_TIMM] = { TIMM, .scale1 = "ls1.gamma", .scale2 = "ls2.gamma" },
    [STYLE_TIMM_GAMMA] = { TIMM, .scale1 = "gamma_1", .scale2 = "gamma_2" },
    [STYLE_HF4] = { HF_OUTSIDE, .block = "encoder.layer.",
                    .qkv = { "attention.attention.query", "attention.attention.key",
                             "attention.attention.value" },
                    .proj = "attention.output.dense", .fc1 = "intermediate.dense",
                    .fc2 = "output.dense" },
    [STYLE_HF5] = { HF_OUTSIDE, .block = "layers.",
                    .qkv = { "attention.q_proj", "attention.k_proj", "attention.v_proj" },
                    .proj = "attention.o_proj", .fc1 = "mlp.fc1", .fc2 = "mlp.fc2" },
};

struct writer {
    struct made *m;
    const struct recipe *r;
};

static void put(struct writer *w, const int *dims, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put(struct writer *w, const int *dims, const char *format, ...)
{
    char name[256];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    if (w->r->without && !strcmp(name, w->r->without))
        return;
    int changed[8] = { 0 };
    if (w->r->misshapen && !strcmp(name, w->r->misshapen)) {
        int n = 0;
        for (; dims[n] >= 0; n++)
            changed[n] = dims[n];
        changed[n] = -1;
        changed[0]++;
        dims = changed;
    }
    made_add(w->m, name, dims);
}

static void put_linear(struct writer *w, const char *before, const char *part, int n, int k,
                       bool has_bias)
{
    put(w, (int[]){ n, k, -1 }, "%s%s.weight", before, part);
    if (has_bias)
        put(w, (int[]){ n, -1 }, "%s%s.bias", before, part);
}

static void put_norm(struct writer *w, const char *before, const char *part, int d)
{
    put(w, (int[]){ d, -1 }, "%s%s.weight", before, part);
    put(w, (int[]){ d, -1 }, "%s%s.bias", before, part);
}

static void put_block(struct writer *w, const char *body, int index, int d, int hidden)
{
    const struct names *n = &names[w->r->style];
    char before[160];
    snprintf(before, sizeof before, "%s%s%d.", body, n->block, index);
    put_norm(w, before, n->norm1, d);
    if (n->qkv[1])
        for (int i = 0; i < 3; i++)
            put_linear(w, before, n->qkv[i], d, d, !w->r->no_bias[i]);
    else
        put_linear(w, before, n->qkv[0], 3 * d, d, !w->r->no_bias[0]);
    put_linear(w, before, n->proj, d, d, true);
    put_norm(w, before, n->norm2, d);
    put_linear(w, before, n->fc1, hidden, d, true);
    put_linear(w, before, n->fc2, d, hidden, true);
    if (w->r->layer_scale && n->scale1) {
        put(w, (int[]){ d, -1 }, "%s%s", before, n->scale1);
        put(w, (int[]){ d, -1 }, "%s%s", before, n->scale2);
    }
}

static void put_heads(struct writer *w, int d, int classes)
{
    const struct recipe *r = w->r;
    const char *before = r->prefix ? r->prefix : "";
    bool hf = r->style >= STYLE_HF4, two = r->dist && !r->one_head;
    put_linear(w, before, !hf ? "head" : two ? "cls_classifier" : "classifier", classes, d, true);
    if (two)
        put_linear(w, before, hf ? "distillation_classifier" : "head_dist", classes, d, true);
}

void made_model(struct made *m, const struct recipe *r)
{
    struct writer w = { m, r };
    const struct names *n = &names[r->style];
    int d = r->width ? r->width : 64, hidden = r->hidden ? r->hidden : 96;
    int patch_h = r->patch_h ? r->patch_h : 8, patch_w = r->patch_w ? r->patch_w : 8;
    int n_prefix = !r->no_cls + r->dist;
    int positions = (r->n_patches ? r->n_patches : 9) + (r->no_prefix_positions ? 0 : n_prefix);
    char body[96];
    snprintf(body, sizeof body, "%s%s", r->prefix ? r->prefix : "", r->body ? r->body : "");

    put(&w, (int[]){ d, r->channels ? r->channels : 3, patch_h, patch_w, -1 }, "%s%s.weight",
        body, n->patch);
    put(&w, (int[]){ d, -1 }, "%s%s.bias", body, n->patch);
    if (!r->no_cls)
        put(&w, (int[]){ 1, 1, d, -1 }, "%s%s", body, n->cls);
    if (r->dist)
        put(&w, (int[]){ 1, 1, d, -1 }, "%s%s", body, n->dist);
    put(&w, (int[]){ 1, positions, d, -1 }, "%s%s", body, n->positions);
    for (int i = 0; i < (r->depth ? r->depth : 2); i++)
        put_block(&w, body, i, d, hidden);
    if (!r->no_norm)
        put_norm(&w, body, n->norm, d);
    if (r->fc_norm)
        put_norm(&w, body, "fc_norm", d);
    if (r->n_classes >= 0)
        put_heads(&w, d, r->n_classes ? r->n_classes : 10);
    if (r->extra)
        made_add(m, r->extra, (int[]){ 2, 2, -1 });
}

/* ------------------------------------------------------------------ folders */

const char *path_in(const char *folder, const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next = (next + 1) % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *make_folder(void)
{
    static char folder[256];
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/deit-test-XXXXXX", tmp ? tmp : "/tmp");
    need(mkdtemp(folder) != NULL);
    return folder;
}

void make_file(const char *folder, const char *name, const void *data, size_t bytes)
{
    FILE *f = fopen(path_in(folder, name), "wb");
    need(f && fwrite(data, 1, bytes, f) == bytes);
    need(fclose(f) == 0);
}

void make_text(const char *folder, const char *name, const char *text)
{
    make_file(folder, name, text, strlen(text));
}

void remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(path_in(folder, entry->d_name));
    closedir(dir);
    rmdir(folder);
}
