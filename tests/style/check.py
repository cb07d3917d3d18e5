"""Checks one rule of the house: first on snippets made up for it, then on the project.

    check.py RULE ROOT

RULE "all" only sees to it that each rule is run by some test: the others are its arguments.
    check.py all RULE...
"""

import sys

from rules import rules
from tree import File, read


def complaints_about(rule, snippet):
    return list(rule([File(path, text) for path, text in snippet.items()]))


def check_itself(rule):
    """A rule that cannot fail says nothing; one that fails too early says wrong things."""
    for snippet in rule.bad:
        if not complaints_about(rule, snippet):
            sys.exit("the rule does not see what is wrong in %r" % snippet)
    for snippet in rule.good:
        complaints = complaints_about(rule, snippet)
        if complaints:
            sys.exit("the rule complains about %r: %s" % (snippet, complaints))


def check_tree(rule, root):
    files = read(root)
    if not any(f.folder == "runtime" for f in files):
        sys.exit("no sources in %s" % root)
    complaints = list(rule(files))
    for path, line, text in complaints:
        print("%s:%d: %s" % (path, line, text), file=sys.stderr)
    return 1 if complaints else 0


def main():
    name, *rest = sys.argv[1:]
    if name == "all":
        if sorted(rest) != sorted(rules):
            sys.exit("rules are %s, but %s are run" % (sorted(rules), sorted(rest)))
        return 0
    check_itself(rules[name])
    return check_tree(rules[name], rest[0])


if __name__ == "__main__":
    sys.exit(main())
