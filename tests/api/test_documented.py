"""Every public function is explained: in deit.h, and by name in the manual.

    test_documented.py header|manual
"""

import os
import sys

from support import HEADER, SOURCE, expect, public_functions, read, skip

MANUAL = os.path.join(SOURCE, "cli", "man", "deit.3")


def undocumented(header):
    """Functions without a comment right above; a block of declarations shares one."""
    lines = header.split("\n")
    starts = dict((line, name) for name, line in public_functions(header))
    missing = []
    explained = False
    for number, line in enumerate(lines):
        if number in starts and not explained:
            missing.append(starts[number])
        if line.rstrip().endswith("*/") and not line.lstrip().startswith("/* ---"):
            explained = True
        elif not line.strip():
            explained = False
    return missing


def unmentioned(header, manual):
    plain = manual.replace("\\-", "-").replace("\\_", "_")
    words = set("".join(c if c.isalnum() or c == "_" else " " for c in plain).split())
    return [name for name, _ in public_functions(header) if name not in words]


def check_itself():
    header = "/* Says. */\nDEIT_API int deit_a(void);\nDEIT_API int\ndeit_b(int x);\n\n" \
             "/* ----- part */\n\nDEIT_API int deit_c(void);\n"
    expect(undocumented(header) == ["deit_c"], "a function without a comment is not seen")
    expect(unmentioned(header, "deit_a deit_bb\n.BR deit_c ()") == ["deit_b"],
           "a function that the manual lacks is not seen")


def main():
    check_itself()
    header = read(HEADER)
    expect(len(public_functions(header)) > 20, "deit.h declares next to nothing")
    if sys.argv[1] == "header":
        missing = undocumented(header)
        expect(not missing, "deit.h does not explain " + ", ".join(missing))
    else:
        if not os.path.exists(MANUAL):
            skip("there is no deit.3")
        missing = unmentioned(header, read(MANUAL))
        expect(not missing, "deit.3 does not mention " + ", ".join(missing))


if __name__ == "__main__":
    main()
