/*
 * models/known.c: published architectures.
 *
 * Weights alone never need this table; it is for measuring without weights, and for the number
 * of heads, which no tensor shows and a timm config may leave to the architecture's name.
 */
#include "models/known.h"

#include <string.h>

#define TINY 192, 12, 3
#define SMALL 384, 12, 6
#define MEDIUM 512, 12, 8
#define BASE 768, 12, 12
#define LARGE 1024, 24, 16
#define HUGE 1280, 32, 16

const struct deit_known deit_known[] = {
    { "deit_tiny_patch16_224", TINY, 16, 224, false, false },
    { "deit_small_patch16_224", SMALL, 16, 224, false, false },
    { "deit_base_patch16_224", BASE, 16, 224, false, false },
    { "deit_base_patch16_384", BASE, 16, 384, false, false },
    { "deit_tiny_distilled_patch16_224", TINY, 16, 224, true, false },
    { "deit_small_distilled_patch16_224", SMALL, 16, 224, true, false },
    { "deit_base_distilled_patch16_224", BASE, 16, 224, true, false },
    { "deit_base_distilled_patch16_384", BASE, 16, 384, true, false },
    { "deit3_small_patch16_224", SMALL, 16, 224, false, true },
    { "deit3_small_patch16_384", SMALL, 16, 384, false, true },
    { "deit3_medium_patch16_224", MEDIUM, 16, 224, false, true },
    { "deit3_base_patch16_224", BASE, 16, 224, false, true },
    { "deit3_base_patch16_384", BASE, 16, 384, false, true },
    { "deit3_large_patch16_224", LARGE, 16, 224, false, true },
    { "deit3_large_patch16_384", LARGE, 16, 384, false, true },
    { "deit3_huge_patch14_224", HUGE, 14, 224, false, true },
    { "vit_tiny_patch16_224", TINY, 16, 224, false, false },
    { "vit_small_patch16_224", SMALL, 16, 224, false, false },
    { "vit_base_patch16_224", BASE, 16, 224, false, false },
};

const size_t deit_n_known = sizeof deit_known / sizeof *deit_known;

uint32_t deit_known_heads(const char *architecture)
{
    static const struct {
        const char *prefix;
        uint32_t n_heads;
    } families[] = {
        { "deit_tiny_", 3 },   { "deit_small_", 6 },  { "deit_base_", 12 },
        { "deit3_small_", 6 }, { "deit3_medium_", 8 }, { "deit3_base_", 12 },
        { "deit3_large_", 16 }, { "deit3_huge_", 16 },
        { "vit_tiny_", 3 },    { "vit_small_", 6 },   { "vit_medium_", 8 },
        { "vit_base_", 12 },   { "vit_large_", 16 },  { "vit_huge_", 16 },
        { "vit_giant_", 16 },  { "vit_gigantic_", 16 },
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (!strncmp(architecture, families[i].prefix, strlen(families[i].prefix)))
            return families[i].n_heads;
    return 0;
}
