"""What the tests of the public face share: running programs, skipping, reading the header."""

import os
import re
import subprocess
import sys

SKIPPED = 77
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEADER = os.path.join(SOURCE, "runtime", "include", "deit.h")


def skip(reason):
    print("skipped: " + reason, file=sys.stderr)
    sys.exit(SKIPPED)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def run(command, **more):
    """Runs a program to its end and returns what it printed; a failure ends the test."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                          encoding="utf-8", errors="replace", **more)
    if done.returncode != 0:
        sys.exit("%s\nended with %d:\n%s%s" % (" ".join(command), done.returncode, done.stdout,
                                               done.stderr))
    return done.stdout


def expect(condition, message):
    if not condition:
        sys.exit(message)


def public_functions(header):
    """The name of each DEIT_API function and the line on which its declaration begins."""
    found = []
    for match in re.finditer(r"^DEIT_API\b([^;]*);", header, re.MULTILINE):
        name = re.search(r"(\w+)\s*\(", match.group(1)).group(1)
        found.append((name, header.count("\n", 0, match.start())))
    return found
