"""deit-bench as a user runs it: what it refuses, and that its numbers hang together.

    test_bench.py DEIT_BENCH DEIT_RUN
"""

import array
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODEL = os.path.join(SOURCE, "tests", "fixtures", "models", "plain", "model.safetensors")
PAGE = os.path.join(SOURCE, "bench", "man", "deit-bench.1")
QUICK = ("--seconds", "0", "--min-runs", "3", "--max-runs", "3")

# What scripts rely on.
KEYS = set("""cpu isa compiler model precision threads batch load_ms first_ms median_ms p10_ms
              p90_ms images_per_second gflop gflop_executed gflops peak_gflops percent_of_peak
              peak_rss_mb peak_drift runs version""".split())

bench = run = None


def start(program, *args, cpu=None):
    environment = {k: v for k, v in os.environ.items() if k != "DEIT_CPU"}
    if cpu is not None:
        environment["DEIT_CPU"] = cpu
    return subprocess.run([program, *args], env=environment, timeout=300, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def measure(*args, **more):
    """The objects of a run that has to succeed."""
    done = start(bench, "-m", MODEL, "-f", "json", *QUICK, *args, **more)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def write_npy(path, shape, values):
    header = str({"descr": "<f4", "fortran_order": False, "shape": tuple(shape)})
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode()
                + array.array("f", values).tobytes())


def input_shape(place):
    """Channels, height and width of the model, as deit-run tells them for a wrong tensor."""
    write_npy(os.path.join(place, "wrong.npy"), (1,), [0])
    done = start(run, "-m", MODEL, "--tensor", os.path.join(place, "wrong.npy"))
    return tuple(int(n) for n in re.search(r"takes \(N, (\d+), (\d+), (\d+)\)",
                                           done.stderr).groups())


class Usage(unittest.TestCase):
    def refuse(self, *args, part, cpu=None):
        done = start(bench, *args, cpu=cpu)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertTrue(done.stderr.startswith("deit-bench: "), done.stderr)
        self.assertIn(part, done.stderr)

    def test_wrong_usage(self):
        self.refuse("photo.jpg", part="'photo.jpg' is not an option")
        self.refuse("--kernels", part="unknown or ambiguous")
        self.refuse("--ops", part="unknown or ambiguous")
        self.refuse("--images", "x", part="unknown or ambiguous")
        self.refuse("-x", part="-x")
        self.refuse("-m", part="--model needs a value")
        self.refuse("-m", "", part="empty")
        self.refuse("-t", "0", part="--threads: '0'")
        self.refuse("-t", "1025", part="--threads: '1025' is not a number from 1 to 1024")
        self.refuse("-t", "1,,2", part="--threads: ''")
        self.refuse("-t", "1,2,", part="--threads: ''")
        self.refuse("-b", "-1", part="--batch: '-1'")
        self.refuse("-b", "1," * 64 + "1", part="more than 64")
        self.refuse("-p", "f32,f64", part="'f64' is none of auto, f32")
        self.refuse("-f", "csv", part="'csv' is none of text, json")
        for seconds in ("", "-1", "1.", ".5", "1e3", "nan", "86401", "1 "):
            self.refuse("--seconds", seconds, part="--seconds")
        self.refuse("--min-runs", "3", "--max-runs", "2", part="--min-runs is 3")
        self.refuse("--logits", "x.npy", "-b", "1,2", part="2 combinations")
        self.refuse(part="DEIT_CPU: 'sse' is none of scalar", cpu="sse")

    def test_help_and_version(self):
        done = start(bench, "--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        options = set(re.findall(r"--[a-z-]+[a-z]", done.stdout))
        with open(PAGE, encoding="utf-8") as f:
            page = f.read()
        described = re.findall(r"^\.It (?:Fl \w , )?Fl \\-([a-z-]+)", page, re.MULTILINE)
        self.assertEqual(sorted("--" + name for name in described), sorted(options))
        self.assertRegex(start(bench, "-V").stdout, r"^deit-bench \d+\.\d+\.\d+\n$")

    def test_models_that_cannot_be(self):
        done = start(bench, "-m", "no_such_architecture", *QUICK)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("deit_tiny_patch16_224", done.stderr)
        done = start(bench, "-m", "no/such/file", "-m", MODEL, "-f", "json", *QUICK)
        self.assertEqual(done.returncode, 1)
        self.assertIn("deit-bench: no/such/file: ", done.stderr)
        self.assertEqual(json.loads(done.stdout)["model"], MODEL)


class Numbers(unittest.TestCase):
    def check(self, result):
        self.assertLessEqual(KEYS, set(result))
        self.assertEqual(result["runs"], 3)
        self.assertLessEqual(result["p10_ms"], result["median_ms"])
        self.assertLessEqual(result["median_ms"], result["p90_ms"])
        seconds = result["median_ms"] / 1e3
        self.assertAlmostEqual(result["images_per_second"] * seconds / result["batch"], 1, 6)
        self.assertAlmostEqual(result["gflops"] * seconds / result["batch"] / result["gflop"], 1,
                               6)
        self.assertGreater(result["peak_rss_mb"], 1)
        self.assertGreater(result["load_ms"], 0)
        if result["peak_gflops"] is not None:
            self.assertGreater(result["peak_gflops"], 0)
            self.assertAlmostEqual(result["percent_of_peak"],
                                   100 * result["gflops"] / result["peak_gflops"], 4)

    def test_a_sweep_has_every_combination(self):
        results = measure("-t", "1,2", "-b", "1,3", "-p", "f32")
        self.assertEqual([r["batch"] for r in results], [1, 3, 1, 3])
        self.assertIn([r["threads"] for r in results],
                      ([1, 1, 2, 2], [1, 1, 1, 1]))  # the latter in a build without OpenMP
        for result in results:
            self.check(result)
        self.assertEqual(len({r["gflop"] for r in results}), 1)

    def test_each_instruction_set_has_its_peak(self):
        for isa in ("scalar", "avx2", "avx512"):
            result = measure("-t", "1", cpu=isa)[0]
            self.check(result)
            if result["isa"] == isa:
                self.assertIsNotNone(result["peak_gflops"], isa)

    def test_steps_add_up(self):
        result = measure("-t", "1", "--steps")[0]
        names = [step["name"] for step in result["steps"]]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(any(".*." in name for name in names), names)
        total = sum(step["ms"] for step in result["steps"])
        self.assertLess(total, 1.2 * result["p90_ms"] + 1)
        self.assertGreater(total, 0)

    def test_the_table_has_a_row_for_each(self):
        done = start(bench, "-m", MODEL, "-b", "1,2", "-t", "1", *QUICK)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.split("\n")
        self.assertTrue(lines[0].startswith("CPU "))
        heading = next(i for i, line in enumerate(lines) if line.startswith("model "))
        rows = [line for line in lines[heading + 1:] if line]
        self.assertEqual(len(rows), 2)
        self.assertEqual({len(row) for row in rows}, {len(lines[heading])})


class Arrays(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)

    def path(self, name):
        return os.path.join(self.place.name, name)

    def write_input(self, n):
        shape = input_shape(self.place.name)
        count = n * shape[0] * shape[1] * shape[2]
        write_npy(self.path("x.npy"), (n, *shape), [(i * 37 % 101) / 25 - 2 for i in range(count)])
        return self.path("x.npy")

    def test_logits_are_those_of_deit_run(self):
        tensor = self.write_input(5)
        done = start(run, "-q", "-m", MODEL, "--tensor", tensor, "--logits", self.path("run.npy"))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("run.npy"), "rb") as f:
            expected = f.read()
        for batch in ("1", "2", "5", "7"):
            measure("-b", batch, "--tensor", tensor, "--logits", self.path("bench.npy"))
            with open(self.path("bench.npy"), "rb") as f:
                self.assertEqual(f.read(), expected, "batch " + batch)

    def test_arrays_that_do_not_fit(self):
        write_npy(self.path("flat.npy"), (2, 3), [0] * 6)
        _, height, width = input_shape(self.place.name)
        write_npy(self.path("grey.npy"), (1, 1, height, width), [0] * height * width)
        for name, part in (("flat.npy", "shape (2, 3)"), ("grey.npy", "1 channels"),
                           ("missing.npy", "missing.npy")):
            done = start(bench, "-m", MODEL, "--tensor", self.path(name), *QUICK)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(part, done.stderr)
        tensor = self.write_input(1)
        done = start(bench, "-m", MODEL, "--tensor", tensor, "--logits", self.path("no/y.npy"),
                     *QUICK)
        self.assertEqual((done.returncode, done.stdout), (1, ""))


if __name__ == "__main__":
    bench, run = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
