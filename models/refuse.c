/*
 * models/refuse.c: names of parts that change a model's function.
 *
 * Files may carry tensors that a model does not need (a pooler, a mask token, counters), and
 * those are only listed.  But a DeiT with register tokens that are ignored gives wrong answers
 * without a word, so what is known to matter is an error.
 */
#include "models/refuse.h"

#include <stdio.h>
#include <string.h>

#include "runtime/error.h"

struct sign {
    const char *part; /* of "." name "."; so ".x." is a whole component, ".x" begins one */
    const char *meaning;
};

static const struct sign other_families[] = {
    { ".blocks_token_only.", "CaiT (class attention)" },
    { ".proj_l.", "CaiT (talking heads)" },
    { ".proj_w.", "CaiT (talking heads)" },
    { ".conv_l.", "Mini-DeiT (shared blocks)" },
    { ".conv_w.", "Mini-DeiT (shared blocks)" },
    { ".instances.", "Mini-DeiT (shared blocks)" },
    { ".rpe_", "relative positions in attention" },
    { ".rel_pos", "relative positions in attention" },
    { ".relative_position", "relative positions in attention" },
    { ".stages.", "TinyViT, or another network of stages" },
    { ".patch_embed.seq.", "TinyViT, or another network of stages" },
    { ".patch_embed.conv", "a convolutional stem" },
    { ".patch_embed.backbone.", "a convolutional stem" },
    { ".patch_embed.norm.", "a norm after the patch projection" },
    { ".norm_pre.", "a norm before the blocks" },
    { ".reg_token.", "register tokens" },
    { ".register_tokens.", "register tokens" },
    { ".q_norm.", "normalised queries" },
    { ".k_norm.", "normalised keys" },
    { ".attn.norm.", "a norm inside attention" },
    { ".mlp.norm.", "a norm inside the MLP" },
    { ".norm3.", "a third norm in a block" },
    { ".q_bias.", "BEiT" },
    { ".v_bias.", "BEiT" },
    { ".mlp.fc1_g.", "a gated MLP (SwiGLU)" },
    { ".mlp.fc1_x.", "a gated MLP (SwiGLU)" },
    { ".mlp.w12.", "a gated MLP (SwiGLU)" },
    { ".mlp.w1.", "a gated MLP (SwiGLU)" },
    { ".mlp.weights_in.", "a gated MLP (SwiGLU)" },
    { ".mlp.gate_proj.", "a gated MLP (SwiGLU)" },
    { ".lambda1.", "DINOv2" },
    { ".attns.", "parallel blocks" },
    { ".ffns.", "parallel blocks" },
    { ".gating_param.", "ConViT" },
    { ".pos_proj.", "ConViT" },
    { ".attn.gate.", "gated attention" },
    { ".attn_pool.", "attention pooling" },
    { ".pre_logits.", "a layer between norm and head" },
    { ".lora_", "LoRA adapters that are not merged" },
};

/* Suffixes of names that the graph builder reads where a model has the part at all. */
static const struct sign leftovers[] = {
    { ".ls1.gamma.", "a layer scale" }, { ".ls2.gamma.", "a layer scale" },
    { ".gamma_1.", "a layer scale" },   { ".gamma_2.", "a layer scale" },
    { ".qkv.bias.", "a bias" },         { ".query.bias.", "a bias" },
    { ".key.bias.", "a bias" },         { ".value.bias.", "a bias" },
    { ".q_proj.bias.", "a bias" },      { ".k_proj.bias.", "a bias" },
    { ".v_proj.bias.", "a bias" },
};

enum {
    N_OTHER_FAMILIES = sizeof other_families / sizeof *other_families,
    N_LEFTOVERS = sizeof leftovers / sizeof *leftovers
};

/* The first of n signs that the name shows, or n. */
static size_t find_sign(const struct sign *signs, size_t n, const char *name)
{
    char dotted[512];
    if (snprintf(dotted, sizeof dotted, ".%s.", name) >= (int)sizeof dotted)
        return n;
    size_t i = 0;
    while (i < n && !strstr(dotted, signs[i].part))
        i++;
    return i;
}

enum deit_status deit_refuse_other_families(const struct deit_tensors *tensors,
                                            struct deit_error *err)
{
    size_t first = N_OTHER_FAMILIES; /* the earliest in the table says the most */
    const char *shown_by = NULL;
    for (size_t i = 0; i < tensors->n_entries; i++) {
        size_t sign = find_sign(other_families, first, tensors->entries[i].name);
        if (sign < first) {
            first = sign;
            shown_by = tensors->entries[i].name;
        }
    }
    if (!shown_by)
        return DEIT_OK;
    return deit_fail(err, DEIT_ERR_UNSUPPORTED, "%s: %s is not supported (tensor '%s')",
                     tensors->name, other_families[first].meaning, shown_by);
}

enum deit_status deit_refuse_leftovers(const struct deit_tensors *tensors,
                                       struct deit_error *err)
{
    for (size_t i = 0; i < tensors->n_entries; i++) {
        const struct deit_tensor_entry *entry = &tensors->entries[i];
        if (entry->is_used)
            continue;
        size_t sign = find_sign(leftovers, N_LEFTOVERS, entry->name);
        if (sign < N_LEFTOVERS)
            return deit_fail(err, DEIT_ERR_FORMAT,
                             "%s: tensor '%s' is %s that the first block does not have",
                             tensors->name, entry->name, leftovers[sign].meaning);
    }
    return DEIT_OK;
}
