/*
 * loaders/folder.c: from a path to the files of a model.
 *
 * People hand over what a download left on the disk: a folder, a file in it, a checkpoint of
 * another kind.  Content decides, not the extension, and every refusal says what to do instead.
 */
#include "loaders/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loaders/source_file.h"
#include "runtime/error.h"

enum { MAX_CANDIDATES = 4096, PROBE_BYTES = 64 };

static const char pickle_message[] =
    "%s: is a PyTorch pickle, which may run code when it is read; save it once as safetensors: "
    "python3 -c \"import torch; from safetensors.torch import save_file; "
    "s = torch.load('FILE', map_location='cpu', weights_only=True); "
    "save_file({k: v.contiguous() for k, v in s.get('model', s).items()}, 'model.safetensors')\"";

char *deit_path_join(const char *folder, const char *name)
{
    size_t n = strlen(folder);
    const char *slash = n == 0 || folder[n - 1] == '/' ? "" : "/";
    char *path = NULL;
    return asprintf(&path, "%s%s%s", folder, slash, name) < 0 ? NULL : path;
}

char *deit_path_beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash - path) + 1 : 0;
    char *result = NULL;
    return asprintf(&result, "%.*s%s", n, path, name) < 0 ? NULL : result;
}

void deit_located_done(struct deit_located *located)
{
    free(located->weights);
    free(located->config);
    free(located->preprocessor);
    *located = (struct deit_located){ 0 };
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* ------------------------------------------------------------------ files */

/* A plausible safetensors file: a header length that fits, and '{' behind it. */
static bool is_safetensors(const unsigned char *head, size_t n, uint64_t file_bytes)
{
    uint64_t length = 0;
    if (n < 9)
        return false;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | head[i];
    return head[8] == '{' && length <= file_bytes - 8;
}

static bool is_json(const unsigned char *head, size_t n)
{
    size_t i = 0;
    while (i < n && (head[i] == ' ' || head[i] == '\t' || head[i] == '\n' || head[i] == '\r'))
        i++;
    return i < n && head[i] == '{' && !memchr(head, 0, n);
}

/* ir_version first, a small number, then another field of ModelProto. */
bool deit_is_onnx(const unsigned char *head, size_t n)
{
    static const unsigned char next[] = { 0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42 };
    return n >= 3 && head[0] == 0x08 && head[1] > 0 && head[1] < 64 &&
           memchr(next, head[2], sizeof next);
}

static bool is_pickle(const unsigned char *head, size_t n)
{
    return n >= 4 && (!memcmp(head, "PK\3\4", 4) || (head[0] == 0x80 && head[1] <= 5));
}

static enum deit_status probe_file(const char *path, struct deit_located *located,
                                   struct deit_error *err)
{
    struct deit_source *source = NULL;
    enum deit_status status = deit_source_open_file(path, &source, err);
    if (status != DEIT_OK)
        return status;

    unsigned char head[PROBE_BYTES] = { 0 };
    size_t n = source->bytes < sizeof head ? (size_t)source->bytes : sizeof head;
    uint64_t file_bytes = source->bytes;
    status = deit_source_read(source, 0, n, head, err);
    deit_source_release(source);
    if (status != DEIT_OK)
        return status;

    if (is_safetensors(head, n, file_bytes))
        return DEIT_OK;
    located->is_index = is_json(head, n);
    if (located->is_index)
        return DEIT_OK;
    if (is_pickle(head, n))
        return deit_fail(err, DEIT_ERR_UNSUPPORTED, pickle_message, path);
    if (n >= 8 && !memcmp(head, "version ", 8))
        return deit_fail(err, DEIT_ERR_FORMAT,
                         "%s: is a pointer of Git LFS, not the file itself; 'git lfs pull' "
                         "fetches it", path);
    located->is_onnx = deit_is_onnx(head, n) || ends_with(path, ".onnx");
    return DEIT_OK; /* whatever is wrong, the safetensors reader tells it with numbers */
}

/* ------------------------------------------------------------------ folders */

struct candidates {
    char **names;
    size_t n;
};

static void candidates_done(struct candidates *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->names[i]);
    free(c->names);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "x-00001-of-00003.safetensors": a part, that only its index makes a model of. */
static bool is_shard_name(const char *name)
{
    const char *of = strstr(name, "-of-");
    return of && of - name >= 6 && of[-6] == '-' && ends_with(name, ".safetensors");
}

/* All names in the folder that end with 'end', in bytewise order; *c is to be freed always. */
static enum deit_status list_folder(const char *path, const char *end, bool shards,
                                    struct candidates *c, struct deit_error *err)
{
    *c = (struct candidates){ .names = calloc(MAX_CANDIDATES, sizeof *c->names) };
    DIR *folder = opendir(path);
    if (!folder || !c->names) {
        int reason = errno;
        if (folder)
            closedir(folder);
        candidates_done(c);
        *c = (struct candidates){ 0 };
        return folder ? deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path)
                      : deit_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(reason));
    }
    enum deit_status status = DEIT_OK;
    struct dirent *entry;
    while (c->n < MAX_CANDIDATES && (entry = readdir(folder)) != NULL) {
        if (!ends_with(entry->d_name, end) || (!shards && is_shard_name(entry->d_name)))
            continue;
        c->names[c->n] = strdup(entry->d_name);
        if (!c->names[c->n]) {
            status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
            break;
        }
        c->n++;
    }
    closedir(folder);
    qsort(c->names, c->n, sizeof *c->names, compare_strings);
    return status;
}

static enum deit_status several(const char *path, const struct candidates *c,
                                struct deit_error *err)
{
    char list[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < c->n && used < sizeof list - 1; i++) {
        int n = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", c->names[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return deit_fail(err, DEIT_ERR_ARGUMENT, "%s: holds several models, give one of: %s", path,
                     list);
}

static bool holds(const char *folder, const char *name)
{
    char *path = deit_path_join(folder, name);
    bool is_there = path && deit_file_exists(path);
    free(path);
    return is_there;
}

/* The only file of its kind, or NULL in *name if there is none. */
static enum deit_status the_only(const char *path, const char *end, bool shards, char **name,
                                 struct deit_error *err)
{
    struct candidates c;
    *name = NULL;
    enum deit_status status = list_folder(path, end, shards, &c, err);
    if (status == DEIT_OK && c.n > 1)
        status = several(path, &c, err);
    if (status == DEIT_OK && c.n == 1) {
        *name = strdup(c.names[0]);
        if (!*name)
            status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    }
    candidates_done(&c);
    return status;
}

/* No model: says what the folder does hold. */
static enum deit_status nothing_in(const char *path, struct deit_error *err)
{
    static const char *const pickles[] = { ".bin", ".pth", ".pt" };
    char *name = NULL;
    struct candidates c;
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; status == DEIT_OK && i < sizeof pickles / sizeof *pickles; i++) {
        status = list_folder(path, pickles[i], true, &c, err);
        if (status == DEIT_OK && c.n)
            name = deit_path_join(path, c.names[0]);
        candidates_done(&c);
        if (name) {
            status = deit_fail(err, DEIT_ERR_UNSUPPORTED, pickle_message, name);
            free(name);
            return status;
        }
    }
    if (status != DEIT_OK)
        return status;
    return deit_fail(err, DEIT_ERR_IO,
                     "%s: no model.safetensors, model.safetensors.index.json, model.onnx or "
                     "other .safetensors or .onnx file in this folder", path);
}

/* One of several kinds: the only file of all of them, or NULL in *name. */
static enum deit_status the_only_of_all(const char *path, char **name, struct deit_error *err)
{
    static const char *const ends[] = { ".safetensors.index.json", ".safetensors", ".onnx" };
    char *found[3] = { NULL }, *names[3];
    struct candidates c = { .names = names };
    enum deit_status status = DEIT_OK;
    for (size_t i = 0; status == DEIT_OK && i < 3; i++) {
        bool shards = !found[0]; /* with an index, its parts are no models */
        status = the_only(path, ends[i], shards, &found[i], err);
        if (found[i])
            names[c.n++] = found[i];
    }
    if (status == DEIT_OK && c.n > 1)
        status = several(path, &c, err);
    *name = status == DEIT_OK && c.n ? names[0] : NULL;
    for (size_t i = 0; i < 3; i++)
        if (found[i] != *name)
            free(found[i]);
    return status;
}

/* The name of the weights in a folder. */
static enum deit_status choose(const char *path, char **name, struct deit_error *err)
{
    static const char *const first[] = { "model.safetensors", "model.safetensors.index.json",
                                         "model.onnx", "onnx/model.onnx" };
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (holds(path, first[i])) {
            *name = strdup(first[i]);
            return *name ? DEIT_OK
                         : deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
        }
    enum deit_status status = the_only_of_all(path, name, err);
    return status != DEIT_OK || *name ? status : nothing_in(path, err);
}

/* ------------------------------------------------------------------ both */

/* The path of 'name' above a file in a folder called "onnx", else NULL or no memory. */
static char *path_above(const char *weights, const char *name)
{
    static const char inner[] = "onnx/";
    const char *slash = strrchr(weights, '/');
    size_t n = slash ? (size_t)(slash - weights) + 1 : 0, m = sizeof inner - 1;
    char *path = NULL;
    if (n < m || strncmp(weights + n - m, inner, m) || (n > m && weights[n - m - 1] != '/'))
        return NULL;
    return asprintf(&path, "%.*s%s", (int)(n - m), weights, name) < 0 ? NULL : path;
}

static enum deit_status find_beside(const char *weights, const char *name, char **out,
                                    struct deit_error *err)
{
    *out = NULL;
    char *path = deit_path_beside(weights, name);
    if (!path)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", weights);
    if (!deit_file_exists(path)) {
        free(path);
        path = path_above(weights, name);
    }
    if (path && deit_file_exists(path))
        *out = path;
    else
        free(path);
    return DEIT_OK;
}

enum deit_status deit_folder_locate(const char *path, struct deit_located *out,
                                    struct deit_error *err)
{
    struct deit_located located = { 0 };
    struct stat st;
    if (stat(path, &st) < 0)
        return deit_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(errno));

    enum deit_status status = DEIT_OK;
    char *name = NULL;
    if (S_ISDIR(st.st_mode))
        status = choose(path, &name, err);
    if (status == DEIT_OK) {
        located.weights = name ? deit_path_join(path, name) : strdup(path);
        if (!located.weights)
            status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    }
    free(name);
    if (status == DEIT_OK)
        status = probe_file(located.weights, &located, err);
    if (status == DEIT_OK)
        status = find_beside(located.weights, "config.json", &located.config, err);
    if (status == DEIT_OK)
        status = find_beside(located.weights, "preprocessor_config.json", &located.preprocessor,
                             err);
    if (status != DEIT_OK) {
        deit_located_done(&located);
        return status;
    }
    *out = located;
    return DEIT_OK;
}
