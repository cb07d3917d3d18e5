"""The rules of the house that a program can check.

A rule looks at all files and yields complaints, (path, line, what is wrong).  Beside each stand
snippets that break it and a few that come near without: the first show that the rule can fail,
the others that it does not fail too early.
"""

import re

from tree import LIBRARY

# Tables of data are as long as the data.
TABLES = ("models/imagenet_names.c",)

MAX_LINES = 600
MAX_COLUMNS = 100

rules = {}


def rule(name, bad, good=()):
    """Registers a function as rule 'name'.  'bad' and 'good' are lists of {path: text}."""
    def register(function):
        function.bad, function.good = bad, good
        rules[name] = function
        return function
    return register


def c_files(files, *folders):
    return [f for f in files if f.is_c and (not folders or f.folder in folders)]


def find_calls(file, names):
    """The places where one of these functions is called."""
    pattern = re.compile(r"(?<![\w.])(?<!->)(%s)\s*\(" % "|".join(names))
    for number, line in enumerate(file.code, 1):
        for match in pattern.finditer(line):
            yield number, match.group(1)


# ------------------------------------------------------------------ what may include what

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')

# Each layer reaches right: itself and what stands here.  "public" is the library's header.
REACH = {
    "public": (),
    "ops": (),
    "runtime": ("public", "ops"),
    "models": ("public", "runtime"),
    "loaders": ("public", "runtime", "models"),
    "cli/common": ("public",),
    "cli": ("public", "cli/common"),
    "bench": ("public", "ops", "runtime", "models", "loaders", "cli", "cli/common"),
    "tests": ("public", "ops", "runtime", "models", "loaders", "cli", "cli/common", "bench"),
}

# Image formats are the loaders' business; jansson also writes what the others tell as JSON.
FORMAT_HEADERS = ("png.h", "zlib.h", "jpeglib.h", "jerror.h", "turbojpeg.h")


def layer_of(path):
    if path in ("runtime/include/deit.h", "deit.h"):
        return "public"
    if path.startswith("cli/common/"):
        return "cli/common"
    folder = path.split("/")[0]
    return folder if folder in REACH and "/" in path else None


def includes(file):
    """Quoted strings are gone from code, so the lines are read as they are."""
    for number, (line, code) in enumerate(zip(file.lines, file.code), 1):
        match = INCLUDE.match(line)
        if match and INCLUDE.match(code.replace('""', '"x"')):
            yield number, match.group(1), match.group(2)


@rule("includes", bad=[
    {"ops/a.c": '#include "runtime/graph.h"\n'},
    {"ops/a.c": '#include "deit.h"\n'},
    {"runtime/a.c": '#include "models/deit.h"\n'},
    {"runtime/a.c": '#  include "loaders/json.h"\n'},
    {"models/a.c": '#include "ops/kernels.h"\n'},
    {"models/a.c": '#include "loaders/json.h"\n'},
    {"loaders/a.c": '#include "ops/cpu.h"\n'},
    {"loaders/a.c": '#include "cli/common/npy.h"\n'},
    {"loaders/a.c": '#include "tests/common/shared.h"\n'},
    {"cli/a.c": '#include "runtime/error.h"\n'},
    {"cli/common/a.c": '#include "cli/run_options.h"\n'},
    {"cli/a.c": '#include "bench/peak.h"\n'},
    {"bench/a.c": '#include "tests/common/shared.h"\n'},
    {"runtime/include/deit.h": '#include "runtime/graph.h"\n'},
    {"runtime/a.c": '#include "graph.h"\n'},
    {"runtime/a.c": '#include "../ops/cpu.h"\n'},
    {"runtime/a.c": '#include <png.h>\n'},
    {"cli/a.c": '#include <jpeglib.h>\n'},
], good=[
    {"ops/a.c": '#include "ops/kernels.h"\n#include <immintrin.h>\n'},
    {"runtime/a.c": '#include "ops/kernels.h"\n#include "runtime/include/deit.h"\n'},
    {"loaders/a.c": '#include <jansson.h>\n#include "models/detect.h"\n'},
    {"cli/a.c": '#include "deit.h"\n#include "cli/common/npy.h"\n#include "cli/run_state.h"\n'},
    {"bench/a.c": '#include "runtime/os.h"\n'},
    {"ops/a.c": '/*\n#include "runtime/graph.h"\n*/\n'},
])
def check_includes(files):
    for file in c_files(files):
        own = layer_of(file.path)
        for number, bracket, target in includes(file):
            layer = layer_of(target)
            if bracket == "<":
                if target in FORMAT_HEADERS and own not in ("loaders", "tests"):
                    yield file.path, number, "<%s>: only loaders know file formats" % target
            elif layer is None:
                yield file.path, number, '"%s" is not written from the root' % target
            elif layer != own and layer not in REACH[own]:
                yield file.path, number, '%s includes "%s"' % (own, target)


# ------------------------------------------------------------------ what the layers never do

SPEAKING = ("printf", "vprintf", "fprintf", "vfprintf", "puts", "fputs", "putchar", "putc", "fputc",
            "perror", "psignal", "syslog")
LEAVING = ("exit", "_exit", "_Exit", "quick_exit", "abort", "raise", "kill")
ENVIRONMENT = ("getenv", "secure_getenv", "setenv", "putenv", "setlocale")


@rule("quiet", bad=[
    {"runtime/a.c": 'void f(void)\n{\n    printf("%d\\n", 1);\n}\n'},
    {"ops/a.c": 'static int f(void) { return puts ("x"); }\n'},
    {"loaders/a.c": "void f(void) { fprintf(stderr, \"x\"); }\n"},
    {"models/a.c": "void f(void) { exit(1); }\n"},
    {"models/a.c": "void f(void) { if (!x) abort(); }\n"},
    {"runtime/a.c": "void f(void) { perror(0); }\n"},
    {"runtime/a.c": 'int f(void) { return getenv("HOME") != 0; }\n'},
], good=[
    {"runtime/a.c": 'void f(char *s) { snprintf(s, 9, "printf(%d)", 1); }\n'},
    {"runtime/a.c": "/* never calls abort() */\n"},
    {"runtime/a.c": "void f(struct s *s) { s->exit(1); deit_exit(2); s->on.raise(3); }\n"},
    {"cli/a.c": 'void f(void) { printf("x"); }\n'},
])
def check_quiet(files):
    for file in c_files(files, *LIBRARY):
        for number, name in find_calls(file, SPEAKING):
            yield file.path, number, "the library never prints: %s()" % name
        for number, name in find_calls(file, LEAVING):
            yield file.path, number, "the library never ends a program: %s()" % name
        for number, name in find_calls(file, ENVIRONMENT):
            yield file.path, number, "the library has no environment: %s()" % name


MEMORY = ("malloc", "calloc", "realloc", "reallocarray", "free", "aligned_alloc", "posix_memalign",
          "memalign", "strdup", "strndup", "alloca", "mmap", "munmap")
FILES = ("fopen", "fdopen", "freopen", "fclose", "fread", "fwrite", "fseek", "open", "openat",
         "close", "read", "write", "pread", "pwrite", "stat", "fstat")
THREADS = ("pthread_create", "thrd_create", "fork", "clone", "omp_set_num_threads")


@rule("pure", bad=[
    {"ops/a.c": "void *f(void) { return malloc(1); }\n"},
    {"ops/avx2/a.c": "void f(void *p) { free(p); }\n"},
    {"ops/a.c": 'void f(void) { FILE *g = fopen("x", "r"); }\n'},
    {"ops/a.c": "int f(void) { return pthread_create(0, 0, 0, 0); }\n"},
    {"ops/a.h": "static inline void *f(void) { return alloca(8); }\n"},
    {"ops/a.c": "#pragma omp for\n"},
    {"ops/a.c": "#include <stdio.h>\n"},
], good=[
    {"ops/a.c": "void f(void) { deit_read(1); } /* free() */\n"},
    {"runtime/a.c": "void *f(void) { return malloc(1); }\n"},
])
def check_pure(files):
    for file in c_files(files, "ops"):
        for number, name in find_calls(file, MEMORY + FILES + THREADS):
            yield file.path, number, "arithmetic alone, but it calls %s()" % name
        for number, line in enumerate(file.code, 1):
            if re.match(r"\s*#\s*pragma\s+omp\b", line):
                yield file.path, number, "ops starts no threads"
            if re.match(r"\s*#\s*include\s*<(stdio|stdlib|pthread|threads|omp)\.h>", line):
                yield file.path, number, "arithmetic needs no such header"


@rule("region", bad=[
    {"runtime/a.c": "\n"},
    {"runtime/a.c": "#pragma omp parallel\n", "loaders/b.c": "# pragma omp  parallel for\n"},
    {"runtime/a.c": "#pragma omp parallel\n#pragma omp parallel\n"},
], good=[
    {"runtime/a.c": "#pragma omp parallel num_threads(2)\n/*\n#pragma omp parallel\n*/\n"},
    {"runtime/a.c": "#pragma omp parallel\n", "tests/b.c": "#pragma omp parallel\n"},
])
def check_region(files):
    """Every parallel run of the library goes through one region; a host is another matter."""
    found = [(file.path, number) for file in c_files(files, *LIBRARY)
             for number, line in enumerate(file.code, 1)
             if re.match(r"\s*#\s*pragma\s+omp\s.*\bparallel\b", line)]
    for path, number in found[1:]:
        yield path, number, "another parallel region; the first is in %s:%d" % found[0]
    if not found:
        yield "runtime", 1, "no parallel region at all"


# ------------------------------------------------------------------ how a file looks


@rule("length", bad=[
    {"runtime/a.c": "/* a */\n" + "int x;\n" * MAX_LINES},
    {"tests/unit/a.c": "/* a */\n" + "int x;\n" * MAX_LINES},
], good=[
    {"runtime/a.c": "/* a */\n" + "int x;\n" * (MAX_LINES - 1)},
    {TABLES[0]: "/* a */\n" + "int x;\n" * (2 * MAX_LINES)},
])
def check_length(files):
    for file in c_files(files):
        n = file.text.count("\n")
        if n > MAX_LINES and file.path not in TABLES:
            yield file.path, n, "%d lines; %d are enough for one purpose" % (n, MAX_LINES)


@rule("opening", bad=[
    {"ops/a.c": "#include <stddef.h>\n"},
    {"bench/a.c": "\n/* late */\n"},
    {"runtime/a.h": "#ifndef A\n#define A\n#endif\n"},
], good=[{"ops/a.c": "/* What it is for. */\n"}])
def check_opening(files):
    for file in c_files(files):
        if not file.text.startswith("/*"):
            yield file.path, 1, "does not begin with a comment that says what it is for"


@rule("lines", bad=[
    {"ops/a.c": "int\tx;\n"},
    {"ops/a.c": "/* " + "x" * MAX_COLUMNS + " */\n"},
    {"ops/a.c": "int x; \n"},
    {"ops/a.c": "int x;\r\n"},
    {"ops/a.c": "int x;"},
    {"tests/a.py": "x = 1 \n"},
], good=[
    {"ops/a.c": "x" * MAX_COLUMNS + "\n"},
    {"ops/a.c": "\u00e9" * MAX_COLUMNS + "\n"},
    {TABLES[0]: "x" * 2 * MAX_COLUMNS + "\n"},
])
def check_lines(files):
    for file in files:
        if not file.path.endswith((".c", ".h", ".inc", ".py")):
            continue
        if file.text and not file.text.endswith("\n"):
            yield file.path, len(file.lines), "the last line has no end"
        for number, line in enumerate(file.lines, 1):
            if "\t" in line:
                yield file.path, number, "a tab"
            if line != line.rstrip():
                yield file.path, number, "blanks at the end of the line"
            if file.is_c and len(line) > MAX_COLUMNS and file.path not in TABLES:
                yield file.path, number, "%d columns" % len(line)


# A path of somebody's machine means nothing elsewhere.  In two parts: this file is read, too.
PRIVATE = re.compile("(?<![\\w.])/(?:%s)/" % "|".join(("wo" "rk", "ho" "me", "ro" "ot", "Us" "ers")))


@rule("places", bad=[
    {"README.md": "see /wo" "rk/main\n"},
    {"ops/a.c": "/* /ho" "me/me/x */\n"},
    {"tests/a.py": "x = '/ro" "ot/x'\n"},
], good=[
    {"README.md": "a/wo" "rk/x, ./wo" "rk/y, /usr/share, build/ho" "me/\n"},
])
def check_places(files):
    for file in files:
        for number, line in enumerate(file.lines, 1):
            for match in PRIVATE.finditer(line):
                yield file.path, number, "a path of one machine: %s" % match.group()
