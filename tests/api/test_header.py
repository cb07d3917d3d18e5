"""deit.h alone, as some standard of C or C++, without a warning.

    test_header.py STANDARD COMPILER...

A program may include it before anything else, and twice.
"""

import os
import subprocess
import sys
import tempfile

from support import HEADER, expect, read, run, skip

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wundef"]
C_WARNINGS = ["-Wstrict-prototypes", "-Wmissing-prototypes"]

PROGRAM = """\
#include "deit.h"
#include "deit.h"

int main(void)
{
    struct deit_session_options options;
    options.size = sizeof options;
    return options.size > 0 && DEIT_OK == 0 ? 0 : 1;
}
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    standard, *compiler = sys.argv[1:]
    if not compiler:
        skip("no compiler for " + standard)
    is_cxx = standard.startswith("c++")
    warnings = WARNINGS + ([] if is_cxx else C_WARNINGS)

    with tempfile.TemporaryDirectory() as place:
        source = os.path.join(place, "alone.cc" if is_cxx else "alone.c")
        command = [*compiler, "-std=" + standard, *warnings, "-c", source, "-o", os.devnull]
        write(source, PROGRAM)
        run([*command, "-I", os.path.dirname(HEADER)])

        # A header that is not clean does fail: a copy with a function that is never used.
        write(os.path.join(place, "deit.h"),
              read(HEADER).replace("#define DEIT_H\n", "#define DEIT_H\nstatic int f(void);\n"))
        broken = subprocess.run([*command, "-I", place], stderr=subprocess.DEVNULL, check=False)
        expect(broken.returncode != 0, "the compiler lets anything through")


if __name__ == "__main__":
    main()
