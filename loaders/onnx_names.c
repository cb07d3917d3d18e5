/*
 * loaders/onnx_names.c: a hash table with open addressing.
 *
 * A file decides how many names there are, up to a few hundred thousand, so a list that is
 * scanned would let a small file keep a loader busy for minutes.
 */
#include "loaders/onnx_names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void deit_onnx_names_init(struct deit_onnx_names *names, const struct deit_onnx_names *parent)
{
    *names = (struct deit_onnx_names){ .parent = parent };
}

void deit_onnx_names_done(struct deit_onnx_names *names)
{
    free(names->slots);
    *names = (struct deit_onnx_names){ 0 };
}

/* FNV-1a. */
static size_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

/* The slot that holds a name, or the free one where it belongs; there is always a free one. */
static struct deit_onnx_name *find(const struct deit_onnx_names *names, const char *text)
{
    size_t i = hash(text) & (names->room - 1);
    while (names->slots[i].text && strcmp(names->slots[i].text, text) != 0)
        i = (i + 1) & (names->room - 1);
    return &names->slots[i];
}

static bool grow(struct deit_onnx_names *names)
{
    struct deit_onnx_names bigger = { .parent = names->parent, .n = names->n,
                                      .room = names->room ? 2 * names->room : 64 };
    bigger.slots = calloc(bigger.room, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < names->room; i++)
        if (names->slots[i].text)
            *find(&bigger, names->slots[i].text) = names->slots[i];
    free(names->slots);
    *names = bigger;
    return true;
}

bool deit_onnx_names_set(struct deit_onnx_names *names, const char *text, int number)
{
    if (2 * (names->n + 1) > names->room && !grow(names))
        return false;
    struct deit_onnx_name *slot = find(names, text);
    names->n += !slot->text;
    *slot = (struct deit_onnx_name){ .text = text, .number = number };
    return true;
}

int deit_onnx_names_get(const struct deit_onnx_names *names, const char *text)
{
    for (; names; names = names->parent) {
        const struct deit_onnx_name *slot = names->room ? find(names, text) : NULL;
        if (slot && slot->text)
            return slot->number;
    }
    return -1;
}
