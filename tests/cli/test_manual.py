"""The man pages and the completion say what the program and the header say."""

import os
import re
import shutil
import subprocess

import support
from support import Case, SOURCE, run

MAN = os.path.join(SOURCE, "cli", "man")
COMPLETION = os.path.join(SOURCE, "cli", "completion", "deit-run.bash")


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return f.read()


class Manual(Case):
    def options(self):
        return set(re.findall(r"--[a-z-]+[a-z]", run("--help").text))

    def test_the_page_has_every_option_once(self):
        page = read(MAN, "deit-run.1")
        described = re.findall(r"^\.It (?:Fl (\w) , )?Fl \\-([a-z-]+)", page, re.M)
        self.assertEqual(sorted("--" + name for _, name in described), sorted(self.options()))
        for short, name in described:
            if short:
                self.assertRegex(run("--help").text, rf"-{short}, --{name}\b")

    def test_the_page_has_every_function_of_the_header(self):
        header = read(SOURCE, "runtime", "include", "deit.h")
        functions = set(re.findall(r"^DEIT_API [^;(]*?(deit_\w+)\(", header, re.M | re.S))
        self.assertGreater(len(functions), 30)
        page = read(MAN, "deit.3")
        synopsis, description = page.split(".Sh DESCRIPTION")
        self.assertEqual(set(re.findall(r"^\.F[no] (deit_\w+)", synopsis, re.M)), functions)
        for name in functions - {"deit_isa_name", "deit_version", "deit_labels_close",
                                 "deit_labels_count", "deit_session_free"}:
            self.assertIn(name, description)
        for status in re.findall(r"^    (DEIT_(?:OK|ERR_\w+))", header, re.M):
            self.assertIn(".It Dv " + status, page)

    def test_the_pages_have_no_mistakes_of_form(self):
        if not shutil.which("groff"):
            self.skipTest("groff is not installed")
        for page in ("deit-run.1", "deit.3"):
            done = subprocess.run(["groff", "-ww", "-mdoc", "-Tutf8", os.path.join(MAN, page)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
            self.assertEqual(done.stderr, b"")
            self.assertGreater(len(done.stdout), 1000)

    def complete(self, *words):
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _deit_run; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        command = ["bash", "--norc", "-c", script, "bash", COMPLETION, "deit-run", *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.stderr, b"")
        return set(done.stdout.decode().split("\n")) - {""}

    def test_completion(self):
        if not shutil.which("bash"):
            self.skipTest("bash is not installed")
        for name in ("a.png", "b.JPG", "c.txt", "d.npy", "m.safetensors", "two words.png"):
            with open(name, "w", encoding="utf-8"):
                pass
        os.mkdir("dir")
        self.assertEqual(self.complete("--"), self.options())
        self.assertEqual(self.complete("--f"),
                         {"--files-from", "--follow-links", "--format", "--features"})
        self.assertEqual(self.complete("-f", ""), {"text", "json", "csv"})
        self.assertEqual(self.complete("-k", ""), set())
        self.assertEqual(self.complete(""), {"dir", "a.png", "b.JPG", "two words.png"})
        self.assertEqual(self.complete("-m", ""), {"dir", "m.safetensors"})
        self.assertEqual(self.complete("--logits", "d"), {"dir", "d.npy"})
        self.assertEqual(self.complete("-l", "c"), {"c.txt"})

    def test_completion_knows_the_values(self):
        for option in ("--head", "--recipe", "--pillow", "--precision", "--format"):
            values, = re.findall(rf"{option} ([a-z0-9|]+)", run("--help").text)
            self.assertEqual(self.complete(option, ""), set(values.split("|")))


if __name__ == "__main__":
    support.main()
