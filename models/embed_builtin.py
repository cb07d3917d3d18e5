"""Writes the C file that links the built-in model into the library.

usage: embed_builtin.py MODEL CONFIG OUT

The assembler reads the files by .incbin, which takes no time and no memory whatever their
size; the C file is written anew whenever one of them changes, so that it is compiled again.
"""
import os
import sys

TEMPLATE = """/* Made by models/embed_builtin.py. */
#include "models/builtin.h"

#define EMBED(symbol, path)                                     \\
    __asm__(".section .rodata\\n"                                \\
            ".balign 64\\n"                                      \\
            ".globl " #symbol "\\n.hidden " #symbol "\\n"         \\
            ".globl " #symbol "_end\\n.hidden " #symbol "_end\\n" \\
            #symbol ":\\n.incbin \\"" path "\\"\\n"                \\
            #symbol "_end:\\n.byte 0\\n"                          \\
            ".text\\n");                                         \\
    extern const char symbol[], symbol##_end[]

EMBED(deit_builtin_model, "%(model)s");
EMBED(deit_builtin_config, "%(config)s");

bool deit_builtin_get(struct deit_builtin *builtin)
{
    builtin->model = deit_builtin_model;
    builtin->model_bytes = (size_t)(deit_builtin_model_end - deit_builtin_model);
    builtin->config = deit_builtin_config;
    builtin->config_bytes = (size_t)(deit_builtin_config_end - deit_builtin_config);
    return true;
}
"""


def quoted(path):
    """The path inside an assembler string inside a C string."""
    path = os.path.abspath(path)
    for _ in range(2):
        path = path.replace("\\", "\\\\").replace('"', '\\"')
    return path


def main():
    model, config, out = sys.argv[1:]
    with open(out, "w", encoding="utf-8") as f:
        f.write(TEMPLATE % {"model": quoted(model), "config": quoted(config)})


main()
