/*
 * models/random.c: seeded weights, for measuring a model that nobody has trained.
 *
 * Number i is a hash of the seed and i, so pieces can be read in any order, of any size and
 * from any thread, and DeiT-H needs no 2.5 GB to be measured.
 */
#include "models/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/known.h"
#include "runtime/error.h"

enum { N_CLASSES = 1000, MLP_RATIO = 4 };

/* ------------------------------------------------------------------ the source */

struct random_source {
    struct deit_source head;
    uint64_t seed;
    float mean, deviation;
};

/* The finaliser of splitmix64: every bit of the input reaches every bit of the output. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* The sum of four uniform numbers is bell-shaped; its deviation is sqrt(4 / 12). */
static float number_at(const struct random_source *random, uint64_t index)
{
    uint64_t h = mix(random->seed ^ mix(index));
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += ((double)(h >> (16 * i) & 0xffff) + 0.5) / 65536 - 0.5;
    return (float)((double)random->mean + (double)random->deviation * sum * 1.7320508075688772);
}

static enum deit_status random_read(struct deit_source *source, uint64_t offset, size_t n,
                                    void *dst, struct deit_error *err)
{
    (void)err;
    const struct random_source *random = (const struct random_source *)source;
    unsigned char *to = dst;
    while (n) {
        float number = number_at(random, offset / sizeof number);
        size_t skip = (size_t)(offset % sizeof number);
        size_t piece = sizeof number - skip < n ? sizeof number - skip : n;
        memcpy(to, (const unsigned char *)&number + skip, piece);
        to += piece;
        offset += piece;
        n -= piece;
    }
    return DEIT_OK;
}

static void random_close(struct deit_source *source)
{
    free(source);
}

enum deit_status deit_source_open_random(uint64_t seed, float mean, float deviation,
                                         uint64_t bytes, struct deit_source **out,
                                         struct deit_error *err)
{
    static const struct deit_source_ops ops = { .read = random_read, .close = random_close };
    struct random_source *random = malloc(sizeof *random);
    if (!random)
        return deit_fail(err, DEIT_ERR_MEMORY, "random weights: out of memory");
    random->seed = mix(seed);
    random->mean = mean;
    random->deviation = deviation;
    deit_source_init(&random->head, &ops, "random weights", bytes);
    *out = &random->head;
    return DEIT_OK;
}

/* ------------------------------------------------------------------ the tensors */

struct maker {
    struct deit_tensors *tensors;
    uint64_t seed, n_made;
    enum deit_status status;
    struct deit_error *err;
};

static void make(struct maker *m, const char *name, float mean, float deviation,
                 struct deit_shape shape)
{
    if (m->status != DEIT_OK)
        return;
    size_t count = 0;
    deit_shape_count(&shape, &count);
    struct deit_tensor_entry entry = {
        .name = (char *)(uintptr_t)name, .dtype = DEIT_F32, .type_name = "F32", .shape = shape,
        .n_elements = count, .bytes = count * sizeof(float),
    };
    m->status = deit_source_open_random(mix(m->seed) + m->n_made++, mean, deviation, entry.bytes,
                                        &entry.source, m->err);
    if (m->status == DEIT_OK)
        m->status = deit_tensors_add(m->tensors, &entry, m->err);
    deit_source_release(entry.source);
}

static void weights(struct maker *m, const char *name, struct deit_shape shape)
{
    make(m, name, 0.0f, 0.02f, shape);
}

static void norm(struct maker *m, const char *prefix, const char *part, uint32_t d)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s.weight", prefix, part);
    make(m, name, 1.0f, 0.0f, deit_shape_of(1, d));
    snprintf(name, sizeof name, "%s%s.bias", prefix, part);
    make(m, name, 0.0f, 0.0f, deit_shape_of(1, d));
}

static void linear(struct maker *m, const char *prefix, const char *part, uint32_t n, uint32_t k)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s.weight", prefix, part);
    weights(m, name, deit_shape_of(2, n, k));
    snprintf(name, sizeof name, "%s%s.bias", prefix, part);
    weights(m, name, deit_shape_of(1, n));
}

static void block(struct maker *m, const struct deit_known *known, uint32_t index)
{
    uint32_t d = known->width;
    char prefix[32], name[64];
    snprintf(prefix, sizeof prefix, "blocks.%u.", index);
    norm(m, prefix, "norm1", d);
    linear(m, prefix, "attn.qkv", 3 * d, d);
    linear(m, prefix, "attn.proj", d, d);
    norm(m, prefix, "norm2", d);
    linear(m, prefix, "mlp.fc1", MLP_RATIO * d, d);
    linear(m, prefix, "mlp.fc2", d, MLP_RATIO * d);
    for (int i = 1; known->is_deit3 && i <= 2; i++) {
        snprintf(name, sizeof name, "%sls%d.gamma", prefix, i);
        make(m, name, 0.1f, 0.0f, deit_shape_of(1, d));
    }
}

static enum deit_status unknown_name(const char *architecture, struct deit_error *err)
{
    char list[900] = "";
    size_t used = 0;
    for (size_t i = 0; i < deit_n_known && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 deit_known[i].name);
    return deit_fail(err, DEIT_ERR_ARGUMENT, "no architecture '%.60s'; known are %s",
                     architecture, list);
}

enum deit_status deit_random_tensors(const char *architecture, uint64_t seed,
                                     struct deit_tensors *tensors, struct deit_error *err)
{
    const struct deit_known *known = NULL;
    for (size_t i = 0; i < deit_n_known; i++)
        if (!strcmp(deit_known[i].name, architecture))
            known = &deit_known[i];
    if (!known)
        return unknown_name(architecture, err);

    struct maker m = { .tensors = tensors, .seed = seed, .err = err };
    uint32_t d = known->width, grid = known->image / known->patch;
    uint32_t n_prefix = known->is_deit3 ? 0 : known->is_distilled ? 2 : 1;
    weights(&m, "patch_embed.proj.weight", deit_shape_of(4, d, 3, known->patch, known->patch));
    weights(&m, "patch_embed.proj.bias", deit_shape_of(1, d));
    weights(&m, "cls_token", deit_shape_of(3, 1, 1, d));
    if (known->is_distilled)
        weights(&m, "dist_token", deit_shape_of(3, 1, 1, d));
    weights(&m, "pos_embed", deit_shape_of(3, 1, grid * grid + n_prefix, d));
    for (uint32_t i = 0; i < known->depth; i++)
        block(&m, known, i);
    norm(&m, "", "norm", d);
    linear(&m, "", "head", N_CLASSES, d);
    if (known->is_distilled)
        linear(&m, "", "head_dist", N_CLASSES, d);
    return m.status;
}
