"""deit-bench as a user runs it: what it refuses, and that its numbers hang together.

    test_bench.py DEIT_BENCH DEIT_RUN
"""

import array
import csv
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODEL = os.path.join(SOURCE, "tests", "fixtures", "models", "plain", "model.safetensors")
PHOTOS = os.path.join(SOURCE, "models", "builtin", "photos")
PAGE = os.path.join(SOURCE, "bench", "man", "deit-bench.1")
QUICK = ("--seconds", "0", "--min-runs", "3", "--max-runs", "3")

LEVELS = ["scalar", "avx2", "avx512", "avx512_bf16", "amx"]

# What scripts rely on.
MACHINE = set("kind version cpu compiler cpus peaks memory".split())
KEYS = {
    "model": """model precision isa threads batch runs load_ms first_ms min_ms median_ms p10_ms
                p90_ms images_per_second gflop gflop_executed gflops peak_gflops peak_drift
                percent_of_peak peak_rss_mb""",
    "op": """model precision isa threads batch op shape number tiles runs min_ms median_ms p10_ms
             p90_ms total_ms percent_of_time gflop gflops peak_gflops peak_drift
             percent_of_peak""",
    "photos": """model precision isa threads batch images photos runs decode_ms preprocess_ms
                 run_ms answer_ms one_core_ms ms_per_photo photos_per_second efficiency
                 peak_rss_mb""",
    "kernel": """isa kernel shape threads runs min_ns median_ns p10_ns p90_ns amount gbs gflops
                 peak_gflops peak_drift percent_of_peak ghz percent_at_clock""",
}
KEYS = {kind: keys.split() for kind, keys in KEYS.items()}

bench = run = None


def start(program, *args, cpu=None):
    environment = {k: v for k, v in os.environ.items() if k != "DEIT_CPU"}
    if cpu is not None:
        environment["DEIT_CPU"] = cpu
    return subprocess.run([program, *args], env=environment, timeout=600, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def measure_any(*args, **more):
    """The objects of a run that has to succeed."""
    done = start(bench, "-f", "json", *QUICK, *args, **more)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(*args, **more):
    return measure_any("-m", MODEL, *args, **more)


def table(*args):
    """Heading and rows of a table, and the lines about the machine above it."""
    done = start(bench, *QUICK, *args)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    blanks = [i for i, line in enumerate(lines[:-1]) if not line]
    heading = blanks[-1] + 1
    return lines[heading], lines[heading + 1:-1], lines[:heading]


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
        self.refuse("--kernels", "-t", "1", part="--kernels has no models")
        self.refuse("--kernels", "-m", MODEL, part="--kernels has no models")
        self.refuse("--kernels", "--ops", part="--ops: one of --ops, --images and --kernels")
        self.refuse("--ops", "--images", "x", part="--images: one of")
        self.refuse("--ops", "--tensor", "x.npy", part="for whole models")
        self.refuse("--images", "x", "--steps", part="for whole models")
        self.refuse("--images", "", part="empty")
        self.refuse("--steps", "-f", "csv", part="--steps")
        self.refuse("--fail-above", "5", part="--fail-above needs --compare")
        self.refuse("--compare", "x", "--fail-above", "-5", part="--fail-above: '-5' is not")
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
        self.refuse("-f", "xml", part="'xml' is none of text, json, csv")
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
    def check_speed(self, result):
        """What every kind says about its peak."""
        self.assertEqual(set(result) - {"affinity", "governor", "caches", "steps"},
                         MACHINE | set(KEYS[result["kind"]]))
        if result["peak_gflops"] is None:
            self.assertIsNone(result["percent_of_peak"])
            self.assertIsNone(result["peak_drift"])
        elif result["gflops"] is not None:
            self.assertGreater(result["peak_gflops"], 0)
            self.assertAlmostEqual(result["percent_of_peak"],
                                   100 * result["gflops"] / result["peak_gflops"], 4)

    def check(self, result):
        self.assertEqual(result["kind"], "model")
        self.check_speed(result)
        self.assertEqual(result["runs"], 3)
        self.assertLessEqual(result["min_ms"], result["p10_ms"])
        self.assertLessEqual(result["p10_ms"], result["median_ms"])
        self.assertLessEqual(result["median_ms"], result["p90_ms"])
        seconds = result["median_ms"] / 1e3
        self.assertAlmostEqual(result["images_per_second"] * seconds / result["batch"], 1, 6)
        self.assertAlmostEqual(result["gflops"] * seconds / result["batch"] / result["gflop"], 1,
                               6)
        self.assertGreater(result["peak_rss_mb"], 1)
        self.assertGreater(result["load_ms"], 0)

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

    def test_each_precision_has_its_peak(self):
        """The peaks of f32 and bf16 are factors apart, so a wrong one is far off."""
        for cpu in ("avx2", "avx512", None):
            for result in measure("-t", "1", "-p", "f32,bf16,bf16x3", cpu=cpu):
                highest = {}  # of each type, up to the instruction set that ran
                for peak in result["peaks"]:
                    if peak["threads"] == 1 and LEVELS.index(peak["isa"]) <= LEVELS.index(
                            result["isa"]):
                        highest[peak["type"]] = peak["gflops"]
                wanted = "bf16" if result["precision"] != "f32" and "bf16" in highest else "f32"
                nearest = min(highest, key=lambda t: abs(math.log(
                    highest[t] / result["peak_gflops"])))
                self.assertEqual(nearest, wanted, (cpu, result["precision"], highest))

    def test_steps_add_up(self):
        result = measure("-t", "1", "--steps")[0]
        names = [step["name"] for step in result["steps"]]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(any(".*." in name for name in names), names)
        total = sum(step["ms"] for step in result["steps"])
        self.assertLess(total, 1.2 * result["p90_ms"] + 1)
        self.assertGreater(total, 0)

    def test_the_table_has_a_row_for_each(self):
        heading, rows, machine = table("-m", MODEL, "-b", "1,2", "-t", "1")
        self.assertTrue(heading.startswith("model "))
        self.assertEqual(len(rows), 2)
        self.assertEqual({len(row) for row in rows}, {len(heading)})
        for number, name in enumerate(("CPU ", "ISA ", "compiler ", "CPUs ", "governor ",
                                       "caches ", "", "peak ")):
            self.assertTrue(machine[number].startswith(name), machine[number])
        self.assertTrue(any(line.startswith("memory ") for line in machine))

    def test_operators(self):
        results = measure("--ops", "-t", "1", "-b", "2")
        model = measure("-t", "1", "-b", "2", "--steps")[0]
        for result in results:
            self.check_speed(result)
            self.assertGreaterEqual(result["runs"], 3)
            self.assertAlmostEqual(result["total_ms"], result["number"] * result["median_ms"], 6)
        self.assertAlmostEqual(sum(r["percent_of_time"] for r in results), 100, 4)
        # They are the steps of the model, and their work is all that is executed.
        self.assertEqual(sum(r["number"] for r in results),
                         sum(step["number"] for step in model["steps"]))
        for step in model["steps"]:
            self.assertTrue(any(r["op"].startswith(step["name"]) for r in results), step["name"])
        work = sum(r["number"] * r["gflop"] for r in results if r["gflop"] is not None)
        self.assertAlmostEqual(work / (2 * model["gflop_executed"]), 1, 6)
        self.assertGreater(max(r["number"] for r in results), 1)

    def test_operators_as_a_table(self):
        heading, rows, _ = table("--ops", "-m", MODEL, "-t", "1")
        self.assertIn("operator", heading)
        self.assertEqual({len(row) for row in rows}, {len(heading)})

    def test_kernels(self):
        results = measure_any("--kernels")
        for result in results:
            self.check_speed(result)
            self.assertGreater(result["median_ns"], 0)
            self.assertEqual(result["gbs"] is None, result["gflops"] is not None)
        cases = [(r["isa"], r["kernel"], r["shape"]) for r in results]
        self.assertEqual(len(cases), len(set(cases)))
        # Scalar fills the whole table, which is in the order of the header.
        with open(os.path.join(SOURCE, "ops", "kernels.h"), encoding="utf-8") as f:
            fields = re.search(r"struct deit_kernels \{(.*?)\};", f.read(), re.DOTALL).group(1)
        names = set(re.findall(r"\b\*?(\w+)(?=[;,])", fields)) - {"level", "bf16_level", "enter", "leave"}
        self.assertEqual({r["kernel"] for r in results if r["isa"] == "scalar"}, names)

    def test_kernels_up_to_a_level(self):
        self.assertEqual({r["isa"] for r in measure_any("--kernels", cpu="scalar")}, {"scalar"})

    def test_photos(self):
        results = measure("--images", PHOTOS, "-t", "1,2", "-b", "1,3")
        self.assertEqual([(r["threads"], r["batch"]) for r in results],
                         [(1, 1), (1, 3), (2, 1), (2, 3)])
        n = len([name for name in os.listdir(PHOTOS) if name.endswith(".jpg")])
        for result in results:
            self.assertEqual(set(result) - {"affinity", "governor", "caches"},
                             MACHINE | set(KEYS["photos"]))
            self.assertEqual(result["photos"], n)
            stages = sum(result[key + "_ms"] for key in ("decode", "preprocess", "run", "answer"))
            self.assertAlmostEqual(result["one_core_ms"] / stages, 1, 6)
            self.assertAlmostEqual(result["ms_per_photo"] * result["photos_per_second"], 1000, 3)
            self.assertGreater(result["efficiency"], 0)

    def test_photos_that_cannot_be(self):
        with tempfile.TemporaryDirectory() as place:
            done = start(bench, "-m", MODEL, "--images", place, *QUICK)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(place, done.stderr)
            with open(os.path.join(place, "broken.jpg"), "wb") as f:
                f.write(b"\xff\xd8\xff\xe0")
            done = start(bench, "-m", MODEL, "--images", place, *QUICK)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("broken.jpg", done.stderr)


class Machine(unittest.TestCase):
    def test_peaks(self):
        result = measure("-t", "1")[0]
        threads = sorted({p["threads"] for p in result["peaks"]})
        self.assertEqual(threads, [1, result["cpus"]] if result["cpus"] > 1 else [1])
        one = [p for p in result["peaks"] if p["threads"] == 1]
        self.assertEqual(one[0]["isa"], "scalar")
        self.assertEqual(len({p["instruction"] for p in one}), len(one))
        for peak in result["peaks"]:
            self.assertIn(peak["type"], ("f32", "bf16", "int8"))
            for key in ("gflops", "per_cycle", "ghz"):
                self.assertGreater(peak[key], 0)
        for memory in result["memory"]:
            self.assertGreater(memory["read_gbs"], 0)
            self.assertGreater(memory["copy_gbs"], 0)
        self.assertEqual([m["threads"] for m in result["memory"]], threads)

    def test_no_peak_above_the_limit(self):
        result = measure("-t", "1", cpu="scalar")[0]
        self.assertEqual({p["isa"] for p in result["peaks"]}, {"scalar"})

    def test_affinity(self):
        cpu = min(os.sched_getaffinity(0))
        done = subprocess.run(["taskset", "-c", str(cpu), bench, "-m", MODEL, "-f", "json",
                               *QUICK], stdout=subprocess.PIPE, check=True, encoding="utf-8")
        result = json.loads(done.stdout)
        self.assertEqual((result["cpus"], result["affinity"]), (1, str(cpu)))


class Csv(unittest.TestCase):
    def read(self, *args):
        environment = {k: v for k, v in os.environ.items() if k != "DEIT_CPU"}
        done = subprocess.run([bench, "-f", "csv", *QUICK, *args], env=environment, timeout=600,
                              stdout=subprocess.PIPE, check=True)
        text = done.stdout.decode("utf-8")
        self.assertEqual(text.count("\r\n"), text.count("\n"))
        rows = list(csv.reader(text.splitlines()))
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})
        return [dict(zip(rows[0], row)) for row in rows[1:]]

    def test_it_has_the_fields_of_json(self):
        for args in (("-m", MODEL, "-b", "1,2"), ("-m", MODEL, "--ops"), ("--kernels",),
                     ("-m", MODEL, "--images", PHOTOS)):
            rows = self.read(*args)
            kind = rows[0]["kind"]
            self.assertEqual(list(rows[0]), ["kind", "version", "cpu", "compiler", *KEYS[kind]])
        self.assertEqual(rows[0]["images"], PHOTOS)


class Compare(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.file = os.path.join(self.place.name, "saved.json")

    def save(self, *results):
        with open(self.file, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(result) + "\n" for result in results)

    def compare(self, *args):
        return start(bench, "-m", MODEL, "-f", "json", *QUICK, "--compare", self.file, *args)

    def test_the_same_case_is_found(self):
        saved = measure("-b", "1,2", "-t", "1")
        saved[0]["median_ms"], saved[1]["median_ms"] = 1.5, 1e-3
        self.save({"kind": "op"}, *saved)
        done = self.compare("-b", "2,1,3", "-t", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        two, one, three = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual((one["saved"], two["saved"], three["saved"]), (1.5, 1e-3, None))
        self.assertIsNone(three["ratio"])
        self.assertAlmostEqual(one["ratio"] * one["median_ms"] / 1.5, 1, 6)
        self.assertAlmostEqual(two["ratio"] * two["median_ms"] / 1e-3, 1, 6)
        heading, rows, _ = table("-m", MODEL, "-t", "1", "-b", "1,3", "--compare", self.file)
        self.assertRegex(heading, r" saved +ratio$")
        self.assertRegex(rows[1], r" - +-$")
        self.assertEqual({len(row) for row in rows}, {len(heading)})

    def test_the_last_of_several_counts(self):
        saved = measure("-t", "1")[0]
        self.save(dict(saved, median_ms=5), dict(saved, median_ms=7),
                  dict(saved, median_ms=9, batch=64), dict(saved, median_ms=9, isa="none"))
        self.assertEqual(json.loads(self.compare("-t", "1").stdout)["saved"], 7)

    def test_kernels_and_operators(self):
        for args in (("--kernels",), ("--ops", "-m", MODEL, "-t", "1")):
            self.save(*measure_any(*args))
            for result in measure_any(*args, "--compare", self.file):
                self.assertGreater(result["ratio"], 0)

    def test_too_slow_fails(self):
        saved = measure("-t", "1")[0]
        for time, options, code in ((1e-6, (), 0), (1e-6, ("--fail-above", "10"), 1),
                                    (1e6, ("--fail-above", "10"), 0)):
            self.save(dict(saved, median_ms=time))
            done = self.compare("-t", "1", *options)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual("more time now" in done.stderr, code == 1)
        done = self.compare("-t", "1", "-b", "5", "--fail-above", "10")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no case", done.stderr)

    def test_another_machine_is_told(self):
        self.save(dict(measure("-t", "1")[0], cpu="Another CPU"))
        done = self.compare("-t", "1")
        self.assertEqual(done.returncode, 0)
        self.assertIn("its cpu is 'Another CPU'", done.stderr)

    def test_files_that_are_none(self):
        for text, part in (("", "no result"), ("{", "line 1"), ('{"a": 1}\n', "line 1"),
                           ('{"kind": "op"}\n[]\n', "line 2"),
                           ('{"kind": "a", "kind": "b"}\n', "line 1")):
            with open(self.file, "w", encoding="utf-8") as f:
                f.write(text)
            done = self.compare()
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(part, done.stderr)
        os.unlink(self.file)
        done = self.compare()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr.count(self.file), 1)


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
