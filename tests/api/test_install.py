"""An installed library is all that a program needs: README's "In C", built and run.

    test_install.py files|LANGUAGE-KIND BUILD MESON [COMPILER...]

'files' looks at what is installed.  LANGUAGE is c99 or c++11, KIND is shared or static; MESON is
the command that made the folder BUILD, as one shell word list.  The build is installed to a
folder of the test's own, and pkg-config says how to compile there.
"""

import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

from support import SOURCE, expect, read, run, skip

MODEL = os.path.join(SOURCE, "tests", "fixtures", "models", "plain", "model.safetensors")

# Every file that others rely on; "lib" may be any folder of libraries.
INSTALLED = [
    "bin/deit-run",
    "include/deit.h",
    "lib/libdeit.a",
    "lib/libdeit.so",
    "lib/libdeit.so.0",
    "lib/pkgconfig/deit.pc",
    "share/bash-completion/completions/deit-run",
    "share/man/man1/deit-run.1",
    "share/man/man3/deit.3",
]


def example():
    """The first block of C under the README's heading."""
    section = re.search(r"^## In C\n(.*?)(?=^## |\Z)", read(os.path.join(SOURCE, "README.md")),
                        re.MULTILINE | re.DOTALL)
    expect(section, 'README.md has no section "In C"')
    block = re.search(r"^```c\n(.*?)^```$", section.group(1), re.MULTILINE | re.DOTALL)
    expect(block, 'README.md, "In C": no block of C')
    return block.group(1)


def write_png(path, width, height):
    """A photo of a kind: colours that run into each other."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes(c for x in range(width)
                                  for c in (255 * x // width, 255 * y // height, (7 * x * y) % 256))
                    for y in range(height))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2,
                                                                   0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Stage:
    """An installation in a folder that is not where it will be in the end."""

    def __init__(self, root, build, meson):
        self.root = root
        run([*shlex.split(meson), "install", "-C", build, "--no-rebuild", "--destdir", root])
        self.files = sorted(os.path.join(place, name) for place, _, names in os.walk(root)
                            for name in names)

    def find(self, name):
        found = [f for f in self.files if f.endswith("/" + name)]
        expect(len(found) == 1, "%s is installed %d times" % (name, len(found)))
        return found[0]

    def pkg_config(self, *args):
        """The root of another system, as for a cross build: paths of the stage come out right."""
        environment = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=self.root,
                           PKG_CONFIG_PATH=os.path.dirname(self.find("deit.pc")),
                           PKG_CONFIG_ALLOW_SYSTEM_CFLAGS="1", PKG_CONFIG_ALLOW_SYSTEM_LIBS="1")
        return shlex.split(run([os.environ.get("PKG_CONFIG", "pkg-config"), *args, "deit"],
                               env=environment))


def check_files(stage):
    for name in INSTALLED:
        folder, rest = name.split("/", 1)
        pattern = r"/%s/%s(\.gz)?$" % (folder, re.escape(rest))
        if folder == "lib":
            pattern = r"/lib(32|64)?/([^/]+/)?%s$" % re.escape(rest)
        expect(any(re.search(pattern, f) for f in stage.files), "%s is not installed" % name)
    headers = [f for f in stage.files if f.endswith(".h")]
    expect(len(headers) == 1, "one header is public, but %s are installed" % headers)


def build_program(stage, place, language, kind, compiler):
    """README's program, as it says to build it, but with every warning an error."""
    source = os.path.join(place, "classify.cc" if language.startswith("c++") else "classify.c")
    program = os.path.join(place, "classify")
    with open(source, "w", encoding="utf-8") as f:
        f.write(example())
    if kind == "static":
        for library in stage.files:
            if re.search(r"/libdeit\.so[.0-9]*$", library):
                os.remove(library)
    flags = stage.pkg_config(*(["--static"] if kind == "static" else []), "--cflags", "--libs")
    run([*compiler, "-std=" + language, "-pedantic", "-Wall", "-Wextra", "-Werror", source, *flags,
         "-o", program])
    return program


def check_answer(stage, program, photo, environment):
    """Five lines "index label logit", largest first: the classes that deit-run finds, too."""
    text = run([program, MODEL, photo], env=environment)
    lines = [re.fullmatch(r"(\d+) (.+) (-?\d+\.\d+)", line) for line in text.splitlines()]
    expect(lines and all(lines), "lines are not 'index label logit':\n" + text)

    answer = run([stage.find("bin/deit-run"), "-m", MODEL, "-f", "json", "-k", "5", photo],
                 env=environment)
    predictions = json.loads(answer)["predictions"]
    expect([int(m.group(1)) for m in lines] == [p["index"] for p in predictions],
           "the program and deit-run differ:\n%s%s" % (text, answer))
    for match, prediction in zip(lines, predictions):
        expect(abs(float(match.group(3)) - prediction["logit"]) < 1e-3,
               "the program and deit-run differ:\n%s%s" % (text, answer))


def check_failure(program, place, environment):
    """A model that is not there is a message that names it, and a failure."""
    missing = os.path.join(place, "missing.safetensors")
    done = subprocess.run([program, missing, missing], env=environment, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    expect(done.returncode == 1 and missing.encode() in done.stderr,
           "for a missing model: code %d, %r" % (done.returncode, done.stderr))


def main():
    what, build, meson, *compiler = sys.argv[1:]
    if what != "files" and not compiler:
        skip("no compiler for " + what)
    with tempfile.TemporaryDirectory() as place:
        stage = Stage(os.path.join(place, "stage"), build, meson)
        if what == "files":
            check_files(stage)
            return
        if not shutil.which(os.environ.get("PKG_CONFIG", "pkg-config")):
            skip("there is no pkg-config")
        language, kind = what.split("-")
        program = build_program(stage, place, language, kind, compiler)
        photo = os.path.join(place, "photo.png")
        write_png(photo, 61, 47)
        environment = {k: v for k, v in os.environ.items() if k != "DEIT_CPU"}
        environment["LD_LIBRARY_PATH"] = os.path.dirname(stage.find("libdeit.a"))
        check_answer(stage, program, photo, environment)
        check_failure(program, place, environment)


if __name__ == "__main__":
    main()
