"""deit-inspect: its options, and that what it says of a model, its graph and its plan is so."""

import csv
import json
import os
import re
import shutil
import struct
import subprocess

import support
from support import Case, SOURCE, needs_onnx, run, shared

FIXTURES = os.path.join(SOURCE, "tests", "fixtures", "models")
MAN = os.path.join(SOURCE, "cli", "man", "deit-inspect.1")
COMPLETION = os.path.join(SOURCE, "cli", "completion", "deit-inspect.bash")

# ------------------------------------------------------------------ a small ONNX file


def field(number, value):
    """One field of a protobuf message: a varint, or anything with a length."""
    def varint(n):
        out = b""
        while n > 127:
            out += bytes([n & 127 | 128])
            n >>= 7
        return out + bytes([n])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor_info(name, dims):
    shape = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def floats(name, dims, values):
    data = struct.pack(f"<{len(values)}f", *values)
    return b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, name) + field(9, data)


def write_onnx(path, node_name="act", opset=17):
    """relu(x) of an open batch, an initializer that nobody reads, and a producer."""
    node = field(1, "x") + field(2, "y") + field(3, node_name) + field(4, "Relu")
    graph = (field(1, node) + field(2, "g") + field(5, floats("spare", [2], [1.0, 2.0]))
             + field(11, tensor_info("x", ["N", 3, 8, 8]))
             + field(12, tensor_info("y", ["N", 3, 8, 8])))
    with open(path, "wb") as f:
        f.write(field(1, 8) + field(2, "by hand") + field(3, "1.2") + field(7, graph)
                + field(8, field(1, "") + field(2, opset)))
    return path


# ------------------------------------------------------------------ what holds of all answers


def final_kinds(facts):
    return facts["stages"][-1]["kinds"]


def deit_kinds(depth):
    """Of the last block only the rows that the heads read: two selections, queries apart."""
    return {"patch_embed": 1, "layernorm": 2 * depth + 1, "linear": 4 * depth + 1,
            "attention": depth, "heads": 1, "first_rows": 2}


def owner(ranges, entry):
    """The buffer whose memory this one takes over, in the end."""
    while entry["shares"] is not None:
        entry = ranges[entry["shares"]]
    return entry["id"]


def clashes(memory):
    """Pairs of buffers that are alive together and overlap though they do not share."""
    ranges = {r["id"]: r for r in memory["ranges"]}
    for a in ranges.values():
        for b in ranges.values():
            together = a["first"] <= b["last"] and b["first"] <= a["last"]
            overlap = (a["offset"] < b["offset"] + b["bytes"]
                       and b["offset"] < a["offset"] + a["bytes"])
            if a["id"] < b["id"] and together and overlap:
                if owner(ranges, a) != owner(ranges, b):
                    yield a, b


class InspectCase(Case):
    def facts(self, *args, **more):
        result = run("-f", "json", *args, **more)
        self.assertEqual((result.code, result.err), (0, b""))
        return json.loads(result.text)

    def text(self, *args, **more):
        result = run(*args, **more)
        self.assertEqual((result.code, result.err), (0, b""))
        return result.text

    def check_memory(self, memory, n_threads):
        self.assertEqual(list(clashes(memory)), [])
        ends = [r["offset"] + r["bytes"] for r in memory["ranges"]]
        self.assertLessEqual(max(ends), memory["buffer_bytes"])
        self.assertLessEqual(memory["peak_bytes"], memory["buffer_bytes"])
        self.assertLessEqual(max(r["bytes"] for r in memory["ranges"]), memory["peak_bytes"])
        self.assertGreaterEqual(memory["arena_bytes"], memory["buffer_bytes"]
                                + n_threads * memory["scratch_bytes"])
        for entry in memory["ranges"]:
            self.assertEqual(entry["offset"] % 64, 0)
            self.assertLessEqual(entry["first"], entry["last"])


# ------------------------------------------------------------------ options


class Options(InspectCase):
    def test_help_is_complete_and_on_standard_output(self):
        for option in ("-h", "--help"):
            result = run(option)
            self.assertEqual((result.code, result.err), (0, b""))
        for name in ("graph after plan dot verbose format batch size precision threads "
                     "max-memory allow-nonfinite follow-links help version").split():
            self.assertIn("--" + name, result.text)
        self.assertLessEqual(max(map(len, result.text.splitlines())), 90)

    def test_version(self):
        self.assertRegex(self.text("-V"), r"\Adeit-inspect \d+\.\d+\.\d+\n\Z")

    def test_wrong_usage(self):
        self.assert_usage_error(run("--colour"), "'--colour'")
        self.assert_usage_error(run("-x"), "'-x'")
        self.assert_usage_error(run(self.model, "second"), "'second'")
        self.assert_usage_error(run(""), "empty")
        for option in ("-f", "-b", "-p", "-t", "--size", "--after", "--max-memory"):
            self.assert_usage_error(run(option), "needs a value")
        for more in ("--graph", "--plan", "--format=json"):
            self.assert_usage_error(run("--dot", more), "--dot", more.split("=")[0])

    def test_bad_values(self):
        for option, values in {
            "-f": ("xml", "csv", ""),
            "-b": ("0", "-2", "100000"),
            "-t": ("0", "many", "1025"),
            "-p": ("f64",),
            "--size": ("224", "224x", "x224", "0x1", "1x0", "-1x5", "+1x5", "8X8", "8x8x8",
                       "8 x8", "65537x1", "99999999999999999999x1", ""),
            "--max-memory": ("0", "1KB"),
            "--after": ("",),
        }.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    self.assert_usage_error(run(self.model, option, value),
                                            f"'{value}'" if value else "--")
        self.assert_usage_error(run(self.model, env={"DEIT_CPU": "avx3"}), "'avx3'")

    def test_a_model_that_is_no_good(self):
        self.assert_one_error(run("missing"), "missing: ")
        with open("text.txt", "wb") as f:
            f.write(b"hello")
        result = run("text.txt")
        self.assertIn(result.code, (1, 2))
        self.assertEqual(result.out, b"")

    def test_a_damaged_graph(self):
        needs_onnx()
        with open("bad.onnx", "wb") as f:
            f.write(b"\x08\x08nonsense")
        self.assert_one_error(run("bad.onnx"), "bad.onnx: ")

    def test_what_this_build_cannot_do(self):
        result = run(self.model, "--plan", "-p", "int8")
        self.assertIn(result.code, (0, 2))
        if result.code == 2:
            self.assert_one_error(result, "int8", code=2)

    def test_an_unknown_stage_lists_the_known_ones(self):
        for more in ((), ("--dot",), ("-f", "json")):
            result = run(self.model, "--after", "raise_everything", *more)
            self.assert_one_error(result, "'raise_everything'", "loaded, folded, ", "final")
            self.assertEqual(result.out, b"")

    def test_a_closed_pipe_is_quiet(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = run(self.model, stdout=writer)
        os.close(writer)
        self.assertEqual((result.code, result.err), (1, b""))

    def test_a_full_disk_is_one_line(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            self.assert_one_error(run(self.model, stdout=full), "standard output")

    def test_without_a_model(self):
        result = run()
        if result.code == 2:
            self.assert_one_error(result, "no built-in model", code=2)
        else:
            self.assertTrue(result.text.startswith("built-in\n"))


# ------------------------------------------------------------------ models


class Models(InspectCase):
    def test_facts(self):
        facts = self.facts(self.model)
        n = sum(len(values) for _, values in self.plain.tensors.values())
        for key, value in {
            "file": self.model, "format": "safetensors", "producer": None, "opset": None,
            "ir_version": None, "height": 16, "width": 16, "classes": 12, "heads": 1,
            "features": 64, "parameters": n, "weight_bytes": 4 * n,
            "stored_bytes": {"f32": 4 * n}, "unused_tensors": [],
        }.items():
            self.assertEqual(facts[key], value, key)
        self.assertTrue(facts["architecture"].startswith("DeiT, width 64, depth 1, 1 head, "
                                                         "patch 8, 16 x 16"))
        self.assertEqual(facts["inputs"], [{"name": "pixels", "dtype": "f32",
                                            "shape": [None, 3, None, None]}])
        self.assertEqual(facts["outputs"], [{"name": "logits", "dtype": "f32",
                                             "shape": [None, 12]}])

    def test_work(self):
        """Multiply-adds by hand: 4 patches, 5 tokens, one block, one head."""
        w, hidden, tokens = 64, 128, 5
        macs = (4 * 3 * 8 * 8 * w + tokens * (3 * w * w + w * w + 2 * w * hidden)
                + 2 * tokens * tokens * w + 12 * w)
        facts = self.facts(self.model)
        self.assertAlmostEqual(facts["gmac"] * 1e9, macs, delta=1)
        self.assertAlmostEqual(facts["gflop"], 2 * facts["gmac"])
        larger = self.facts(self.model, "--size", "32x16", "-b", "3")
        self.assertEqual((larger["height"], larger["width"]), (32, 16))
        self.assertGreater(larger["gmac"], 1.7 * facts["gmac"])
        self.assertLess(larger["gmac"], 2.1 * facts["gmac"])

    def test_fixtures(self):
        for name, family in (("plain", "DeiT"), ("distilled", "distilled DeiT"),
                             ("deit3", "DeiT III"), ("hf", "")):
            with self.subTest(name):
                facts = self.facts(os.path.join(FIXTURES, name))
                self.assertTrue(facts["architecture"].startswith(family + ", " if family else ""))
                depth = int(re.search(r"depth (\d+)", facts["architecture"]).group(1))
                self.assertEqual(final_kinds(facts)["attention"], depth)
                self.assertEqual(facts["stages"][-1]["n_nodes"],
                                 sum(final_kinds(facts).values()))
                text = self.text(os.path.join(FIXTURES, name))
                self.assertIn(facts["architecture"], text)
        self.assertEqual(final_kinds(self.facts(os.path.join(FIXTURES, "distilled"))),
                         deit_kinds(2))

    def test_unused_tensors(self):
        model = support.Model()
        model.tensors["extra\x1b[31m"] = model.tensors["norm.bias"]
        model.save("extra.safetensors")
        self.assertEqual(self.facts("extra.safetensors")["unused_tensors"], ["extra\x1b[31m"])
        self.assertIn("1 tensor (-v", self.text("extra.safetensors"))
        self.assertNotIn("extra\\u001b", self.text("extra.safetensors"))
        self.assertIn("  extra\\u001b[31m\n", self.text("-v", "extra.safetensors"))

    def test_onnx(self):
        write_onnx("relu.onnx")
        result = run("-f", "json", "relu.onnx")
        if result.code == 2:
            self.skipTest("a build without ONNX")
        facts = json.loads(result.text)
        self.assertEqual((facts["format"], facts["opset"], facts["ir_version"]), ("onnx", 17, 8))
        self.assertEqual(facts["producer"], "by hand 1.2")
        self.assertEqual(facts["unused_tensors"], ["spare"])
        self.assertEqual(facts["inputs"], [{"name": "x", "dtype": "f32",
                                            "shape": [None, 3, 8, 8]}])
        self.assertTrue(facts["architecture"].startswith("ONNX graph, 1 node"))
        self.assertEqual(final_kinds(facts), {"relu": 1})
        self.assertIn("onnx, opset 17, IR version 8, by by hand 1.2\n", self.text("relu.onnx"))

    def test_names_cannot_forge_lines(self):
        write_onnx("relu.onnx", node_name='a"\n\\\x1b[2Jfinal: 99 nodes\u202e')
        if run("relu.onnx").code == 2:
            self.skipTest("a build without ONNX")
        for args in ((), ("--graph",), ("--plan",), ("--dot",)):
            text = self.text(*args, "relu.onnx")
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\u202e", text)
            self.assertFalse([line for line in text.split("\n") if line.startswith("\x1b")])
            self.assertNotIn("\nfinal: 99", text)
        node = self.facts("relu.onnx", "--after", "final")["graph"][0]["nodes"][0]
        self.assertEqual(node["name"], 'a"\n\\\x1b[2Jfinal: 99 nodes\u202e')


# ------------------------------------------------------------------ graphs


class Graphs(InspectCase):
    def test_stages(self):
        facts = self.facts(self.model, "--graph")
        names = [stage["name"] for stage in facts["stages"]]
        self.assertEqual(names[:2] + names[-1:], ["loaded", "folded", "final"])
        self.assertEqual([stage["name"] for stage in facts["graph"]], names)
        for stage in facts["stages"][2:-1]:
            self.assertGreater(stage["changes"], 0)
        for stage, full in zip(facts["stages"], facts["graph"]):
            self.assertEqual(stage["kinds"], full["kinds"])
            self.assertEqual(len(full["nodes"]), stage["n_nodes"])
            self.assertEqual(sum(stage["kinds"].values()), stage["n_nodes"])
        final = facts["graph"][-1]
        self.assertEqual(sum(n["macs"] for n in final["nodes"]), final["macs"])

    def test_nodes_come_after_what_they_read(self):
        for stage in self.facts(self.model, "--graph")["graph"]:
            for i, node in enumerate(stage["nodes"]):
                for value in filter(None, node["inputs"]):
                    self.assertLess(value.get("node", -1), i)
                for value in filter(None, node["outputs"]):
                    self.assertEqual(value["node"], i)

    def test_one_stage(self):
        for stage in ("loaded", "folded", "fuse_residual", "select_rows", "raise_heads", "drop_identities.2",
                      "final"):
            one, = self.facts(self.model, "--after", stage)["graph"]
            self.assertEqual(one["name"], stage)
            text = self.text(self.model, "--after", stage)
            self.assertRegex(text, rf"(?m)^{re.escape(stage)}: {one['n_nodes']} nodes")
            self.assertEqual(len(re.findall(r"(?m)^ +\d+  [a-z]", text)), one["n_nodes"])

    def test_batch_and_size(self):
        stage, = self.facts(self.model, "--after", "final", "-b", "5", "--size", "24x32")["graph"]
        self.assertEqual(stage["nodes"][0]["inputs"][0]["shape"], [5, 3, 24, 32])
        self.assertEqual(stage["outputs"][0]["shape"], [5, 12])

    def check_dot(self, text, n_nodes):
        self.assertTrue(text.startswith("digraph ") and text.endswith("}\n"))
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "S", text)
        self.assertNotIn('"', bare)
        self.assertEqual(bare.count("{"), bare.count("}"))
        self.assertEqual(bare.count("["), bare.count("]"))
        defined = set(re.findall(r"(?m)^  ([nvo]\d+) \[", bare))
        self.assertEqual({name for name in defined if name[0] == "n"},
                         {f"n{i}" for i in range(n_nodes)})
        edges = re.findall(r"(?m)^  (\w+) -> (\w+)", bare)
        self.assertLessEqual({name for edge in edges for name in edge}, defined)
        self.assertEqual({a for a, _ in edges} | {b for _, b in edges}, defined)

    def test_dot(self):
        stages = self.facts(self.model)["stages"]
        self.check_dot(self.text(self.model, "--dot"), stages[-1]["n_nodes"])
        for stage in stages:
            self.check_dot(self.text(self.model, "--dot", "--after", stage["name"]),
                           stage["n_nodes"])

    def test_dot_is_what_graphviz_reads(self):
        if not shutil.which("dot"):
            self.skipTest("Graphviz is not installed")
        done = subprocess.run(["dot", "-Tplain"], input=self.text(self.model, "--dot").encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        self.assertEqual(done.stderr, b"")


# ------------------------------------------------------------------ plans


class Plans(InspectCase):
    def test_steps(self):
        facts = self.facts(self.model, "--plan", "--after", "final", "-t", "2")
        plan, nodes = facts["plan"], facts["graph"][0]["nodes"]
        self.assertEqual((plan["threads"], plan["batch"], plan["precision"]), (2, 1, "f32"))
        self.assertEqual({step["node"] for step in plan["steps"]}, set(range(len(nodes))))
        for step in plan["steps"]:
            self.assertEqual(step["kind"], nodes[step["node"]]["kind"])
            self.assertGreater(step["tiles"], 0)
        self.assertEqual(sum(step["weight_bytes"] for step in plan["steps"]),
                         plan["weight_bytes"])
        # Columns come in panels of up to 48; this model is 64 wide.
        padded = sum(len(values) if len(shape) < 2 else
                     -(-shape[0] // 48) * 48 * (len(values) // shape[0])
                     for shape, values in self.plain.tensors.values())
        self.assertLessEqual(plan["weight_bytes"], 4 * padded)
        self.assertGreater(plan["weight_bytes"], 0.9 * facts["weight_bytes"])
        text = self.text(self.model, "--plan", "-t", "2")
        self.assertIn(f"{len(plan['steps'])} steps; tiles are for a batch of 1\n", text)
        self.assertIn(f"arena: {plan['memory']['arena_bytes']} bytes", text)

    def test_kernels_follow_the_cpu(self):
        plan = self.facts(self.model, "--plan", env={"DEIT_CPU": "scalar"})["plan"]
        self.assertEqual(plan["isa"], "scalar")
        for step in plan["steps"]:
            if step["kind"] == "linear":
                self.assertRegex(step["kernel"], r"\Agemm_f32 \d+x\d+ scalar(, gelu_f32)?\Z")
        self.assertEqual(sum("gelu" in step["kernel"] for step in plan["steps"]), 1)

    def test_steps_of_bf16(self):
        """Products by name, and activations that go from one to the next as parts."""
        f32 = self.facts(self.model, "--plan")["plan"]
        for precision, n_parts in (("bf16", 1), ("bf16x3", 2), ("bf16x6", 3)):
            plan = self.facts(self.model, "--plan", "-p", precision)["plan"]
            self.assertEqual(plan["precision"], precision)
            # Producers write parts: no step splits them.
            self.assertEqual([s["name"] for s in plan["steps"]],
                             [s["name"] for s in f32["steps"]])
            for step in plan["steps"]:
                if step["kind"] in ("linear", "patch_embed"):
                    self.assertRegex(step["kernel"], r"\Agemm_bf16 \d+x\d+ \w+(, gelu_f32)?"
                                                     r"(, split_bf16)?\Z")
                    self.assertEqual("gelu" in step["kernel"], "split" in step["kernel"])
                if step["kind"] == "layernorm":
                    is_last = "split_bf16" not in step["kernel"]
                    self.assertEqual(is_last, step["name"] == "norm", step)
            text = self.text(self.model, "--plan", "-p", precision)
            self.assertIn(f", as {n_parts} bf16 part{'s' if n_parts > 1 else ''}\n", text)

    def test_memory(self):
        for name in ("plain", "distilled", "deit3", "hf"):
            for args, n_threads in ((("-t", "1"), 1), (("-t", "3", "-b", "4"), 3)):
                with self.subTest(name=name, args=args):
                    plan = self.facts(os.path.join(FIXTURES, name), "--plan", *args)["plan"]
                    self.check_memory(plan["memory"], plan["threads"])
                    self.assertLessEqual(plan["threads"], n_threads)

    def test_the_check_of_memory_can_fail(self):
        memory = self.facts(self.model, "--plan")["plan"]["memory"]
        for entry in memory["ranges"]:
            entry["offset"] = 0
        self.assertNotEqual(list(clashes(memory)), [])

    def test_a_larger_batch_needs_more(self):
        small, large = (self.facts(self.model, "--plan", "-b", n)["plan"] for n in ("1", "8"))
        self.assertEqual(large["batch"], 8)
        self.assertGreater(large["memory"]["buffer_bytes"], 6 * small["memory"]["buffer_bytes"])
        self.assertEqual(large["weight_bytes"], small["weight_bytes"])

    def test_limits(self):
        self.assert_one_error(run(self.model, "--plan", "--max-memory", "1K"), "1000 bytes")
        self.assertEqual(run(self.model, "--max-memory", "1K").code, 0)


# ------------------------------------------------------------------ exported models


class Exports(InspectCase):
    def setUp(self):
        super().setUp()
        needs_onnx()

    def rows(self):
        with open(shared("exports", "manifest.tsv"), encoding="utf-8") as f:
            for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row["kind"].startswith("onnx") and row["dtype"] in ("f32", "f16", "bf16"):
                    yield row, shared("exports", row["model"])

    def test_architectures(self):
        families = {"deit": "DeiT", "deit-distilled": "distilled DeiT", "deit3": "DeiT III"}
        n = 0
        for row, path in self.rows():
            if row["family"] not in families or row["outputs"] == "features":
                continue
            n += 1
            with self.subTest(row["name"]):
                facts = self.facts(path)
                family, *rest = facts["architecture"].split(", ")
                self.assertEqual(family, families[row["family"]])
                depth, = (int(part.split()[1]) for part in rest if part.startswith("depth"))
                kinds = final_kinds(facts)
                kinds.pop("cast", None)  # an input of half precision is rounded to it
                self.assertEqual(kinds, deit_kinds(depth))
                self.assertLessEqual(facts["stages"][-1]["n_nodes"], 7 * depth + 7)
                self.assertRegex(row["opset"], rf"\A{facts['opset']}\b.* "
                                               rf"\(IR {facts['ir_version']}\)")
        self.assertGreater(n, 10)

    def test_plans(self):
        for row, path in self.rows():
            with self.subTest(row["name"]):
                plan = self.facts(path, "--plan", "-b", "2", "-t", "2")["plan"]
                self.check_memory(plan["memory"], plan["threads"])

    def test_pairs_have_the_same_steps(self):
        folder = shared("pairs")
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".onnx"):
                continue
            with self.subTest(name):
                onnx = os.path.join(folder, name)
                one = self.facts(onnx, "--plan", "-b", "2")
                other = self.facts(onnx[:-len("onnx")] + "safetensors", "--plan", "-b", "2")
                self.assertEqual(one["architecture"], other["architecture"])
                self.assertAlmostEqual(one["gmac"], other["gmac"], delta=0.02 * one["gmac"])
                for key in ("kind", "kernel", "tiles", "weight_bytes"):
                    self.assertEqual([step[key] for step in one["plan"]["steps"]],
                                     [step[key] for step in other["plan"]["steps"]], key)


# ------------------------------------------------------------------ the manual


class Manual(InspectCase):
    def options(self):
        return set(re.findall(r"--[a-z-]+[a-z]", self.text("--help"))) - {"--model"}

    def test_the_page_has_every_option_once(self):
        with open(MAN, encoding="utf-8") as f:
            described = re.findall(r"^\.It (?:Fl (\w) , )?Fl \\-([a-z-]+)", f.read(), re.M)
        self.assertEqual(sorted("--" + name for _, name in described), sorted(self.options()))
        for short, name in described:
            if short:
                self.assertRegex(self.text("--help"), rf"-{short}, --{name}\b")

    def test_the_page_names_every_key(self):
        with open(MAN, encoding="utf-8") as f:
            page = f.read().split(".Sh JSON")[1]
        facts = self.facts(self.model, "--plan", "--graph")
        for level in (facts, facts["plan"], facts["stages"][0], facts["plan"]["steps"][0],
                      facts["plan"]["memory"], facts["plan"]["memory"]["ranges"][0]):
            for key in level:
                self.assertIn(key, page)

    def test_the_page_has_no_mistakes_of_form(self):
        if not shutil.which("groff"):
            self.skipTest("groff is not installed")
        done = subprocess.run(["groff", "-ww", "-mdoc", "-Tutf8", MAN], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=True)
        self.assertEqual(done.stderr, b"")

    def complete(self, *words):
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  '_deit_inspect; printf "%s\\n" "${COMPREPLY[@]}"')
        command = ["bash", "--norc", "-c", script, "bash", COMPLETION, "deit-inspect", *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.stderr, b"")
        return set(done.stdout.decode().split("\n")) - {""}

    def test_completion(self):
        if not shutil.which("bash"):
            self.skipTest("bash is not installed")
        for name in ("a.onnx", "b.SAFETENSORS", "c.txt"):
            with open(name, "w", encoding="utf-8"):
                pass
        os.mkdir("dir")
        self.assertEqual(self.complete("--"), self.options())
        self.assertEqual(self.complete(""), {"dir", "a.onnx", "b.SAFETENSORS"})
        self.assertEqual(self.complete("-f", ""), {"text", "json"})
        precisions, = re.findall(r"--precision ([a-z0-9|]+)", self.text("--help"))
        self.assertEqual(self.complete("-p", ""), set(precisions.split("|")))


if __name__ == "__main__":
    support.main()
