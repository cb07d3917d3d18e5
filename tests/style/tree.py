"""The project's files, and C as a checker sees it: without comments and strings."""

import os
import re

# Folders with sources; what a build writes is elsewhere.
FOLDERS = ("ops", "runtime", "models", "loaders", "cli", "bench", "tests")
LIBRARY = ("ops", "runtime", "models", "loaders")

C = (".c", ".h", ".inc")
TEXT = C + (".py", ".md", ".build", ".txt", ".sh", ".1", ".3", ".bash", ".yml", ".cfg", ".toml")
NAMES = ("bootstrap", "meson_options.txt", "run", "LICENSE")

TOKENS = re.compile(r"""
      /\*.*?\*/               # a comment
    | //[^\n]*
    | "(?:\\.|[^"\\\n])*"     # a string
    | '(?:\\.|[^'\\\n])*'
    """, re.VERBOSE | re.DOTALL)


class File:
    """A path, written from the root with slashes, and what is in it."""

    def __init__(self, path, text):
        self.path, self.text = path, text

    @property
    def folder(self):
        return self.path.split("/")[0]

    @property
    def is_c(self):
        return self.path.endswith(C)

    @property
    def lines(self):
        return self.text.split("\n")

    @property
    def code(self):
        """Lines without comments; strings and characters are empty, so nothing in them counts."""
        return TOKENS.sub(blank, self.text).split("\n")


def blank(match):
    token = match.group()
    if token[0] == "/":
        return " " + "\n" * token.count("\n")
    return token[0] + token[-1]


def is_text(name):
    return name.endswith(TEXT) or name in NAMES


def read(root):
    """Every text file below 'root' that is the project's."""
    files = []
    for folder in sorted(FOLDERS) + [".ci"]:
        for place, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            files += [os.path.join(place, name) for name in sorted(names) if is_text(name)]
    files += [os.path.join(root, name) for name in sorted(os.listdir(root))
              if is_text(name) and os.path.isfile(os.path.join(root, name))]
    return [load(root, path) for path in files]


def load(root, path):
    with open(path, encoding="utf-8") as f:
        return File(os.path.relpath(path, root).replace(os.sep, "/"), f.read())
