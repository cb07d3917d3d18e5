/* models/known.h: architectures by timm's name. */
#ifndef DEIT_MODELS_KNOWN_H
#define DEIT_MODELS_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One that random weights can be made for. */
struct deit_known {
    const char *name;
    uint32_t width, depth, n_heads, patch, image;
    bool is_distilled;
    bool is_deit3; /* layer scale, no position for the class token */
};

extern const struct deit_known deit_known[];
extern const size_t deit_n_known;

/* The heads that timm gives an architecture of this name, known above or not; 0: no idea. */
uint32_t deit_known_heads(const char *architecture);

#endif
