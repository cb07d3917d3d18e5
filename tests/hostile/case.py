"""A hostile case: files in a folder of its own, a command, and what must be said.

A category is a module whose cases() yields them.  'words' is a part of the message that no
other failure has; an accepted case has none and must be answered with exit 0.
"""

import os
import sys

sys.path.insert(0, os.path.abspath(__file__ + "/../../cli"))
import support  # noqa: E402

FIXTURES = os.path.join(support.SOURCE, "tests", "fixtures")


class Case:
    """'files' maps names to bytes, or to a function of the path that makes what is there.

    'start' is called with the folder and the running program, all of whose ends are then pipes,
    and returns what it has read of the answer.
    """

    def __init__(self, name, files, args, words=None, code=1, inspect=False, stdin=None,
                 shows=None, start=None, either=False):
        self.name, self.files, self.args = name, files, list(args)
        self.words = [words] if isinstance(words, str) else words
        self.code = code if words is not None else 0
        self.inspect, self.stdin, self.shows, self.start = inspect, stdin, shows, start
        self.either = either  # the answer is right, or the error is

    @property
    def is_accepted(self):
        return self.words is None

    def make(self, folder):
        for name, content in self.files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if callable(content):
                content(path)
            else:
                with open(path, "wb") as f:
                    f.write(content)


def link(target):
    return lambda path: os.symlink(target, path)


def hard_link(target):
    return lambda path: os.link(os.path.join(os.path.dirname(path), target), path)


def fifo(path):
    os.mkfifo(path)


def folder(path):
    os.mkdir(path)


def sparse(start, size):
    """A file with 'start' in front that claims 'size' bytes and takes no room."""
    def make(path):
        with open(path, "wb") as f:
            f.write(start)
            f.truncate(size)
    return make


def repeated(start, piece, n, end):
    """A file too large to be made in memory, which would count as the program's (ru_maxrss)."""
    def make(path):
        with open(path, "wb") as f:
            f.write(start)
            block = piece * max(1, (1 << 16) // len(piece))
            whole, rest = divmod(n, len(block) // len(piece))
            for _ in range(whole):
                f.write(block)
            f.write(piece * rest + end)
    return make


_plain = {}


def plain_model(**more):
    """The small model of the programs' tests; made once, it must not be changed."""
    key = tuple(sorted(more.items()))
    if key not in _plain:
        _plain[key] = support.Model(**more)
    return _plain[key]


def photo():
    return support.png_bytes(20, 18, support.gradient(1))
