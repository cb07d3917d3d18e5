"""What the linker sees of the library.

    test_symbols.py shared|static LIBRARY

The shared library shows the functions of deit.h, all of them and nothing else.  The static one
cannot hide what its own files share, but all of it bears our prefix.
"""

import shutil
import sys

from support import HEADER, expect, public_functions, read, run, skip

# The linker's own marks of sections, on some systems.
LINKER = {"_init", "_fini", "_edata", "_end", "__bss_start"}


def main():
    kind, library = sys.argv[1:]
    if not shutil.which("nm"):
        skip("there is no nm")
    scope = ["--dynamic"] if kind == "shared" else ["--extern-only"]
    listing = run(["nm", "--defined-only", "--format=posix", *scope, library])
    names = {line.split()[0].split("@")[0] for line in listing.splitlines() if " " in line}
    names -= LINKER
    functions = {name for name, _ in public_functions(read(HEADER))}

    expect(functions <= names, "missing: %s" % sorted(functions - names))
    if kind == "shared":
        expect(names <= functions, "visible, but not public: %s" % sorted(names - functions))
    foreign = sorted(name for name in names if not name.startswith("deit_"))
    expect(not foreign, "names of others: %s" % foreign)


if __name__ == "__main__":
    main()
