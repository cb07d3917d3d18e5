"""Models of real exporters, changed: what means nothing changes nothing, and one strange node
leaves everything else raised.

    test_changed.py DEIT_RUN TEST_RAISED

Each float ONNX model of the shared test data runs again with its nodes in a random order and all
names replaced: the answer stays within its limit, and the graph has the same nodes of each kind.
Transformers run with a strange node: the answer is ONNX Runtime's, and the raised nodes are all
still there.
"""

import csv
import os
import random
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx
import onnxruntime

import changes

SOURCE = os.environ.get("DEIT_SOURCE_ROOT") or os.path.abspath(__file__ + "/../../..")
SHARED = os.environ.get("DEIT_SHARED") or os.path.join(os.path.dirname(SOURCE), "shared")
TRANSFORMERS = ("deit", "deit-distilled", "hf-deit", "hf-vit", "deit3")

# A strange node in front of a LayerNorm or behind a linear takes no raised node away; what it may
# add: itself, and the sum that was an epilogue of the linear before it.
MOST_NEW_NODES = 2

deit_run = test_raised = None


class Model:
    """A row of a table of the shared test data."""

    def __init__(self, folder, row):
        self.name = row["name"]
        self.path = os.path.join(SHARED, folder, row.get("model") or self.name + ".onnx")
        self.stem = os.path.join(SHARED, folder, self.name)
        self.is_transformer = row.get("family", "deit") in TRANSFORMERS
        self.is_f32 = row.get("dtype", "f32") == "f32"
        self.output = "features" if row.get("outputs") == "features" else "logits"
        self.reference_diff = float(row.get("reference_diff") or row["ort_diff"])
        self.loose_limit = float(row.get("limit") or 0)
        self.is_mean = row.get("outputs") == "mean2"

    @property
    def golden(self):
        return np.load(f"{self.stem}.{self.output}.npy")

    def limit(self, golden):
        strict = max(5 * self.reference_diff, 5e-6 * max(1.0, np.abs(golden).max()))
        return strict if self.is_f32 else self.loose_limit


def models():
    for folder in ("exports", "pairs"):
        with open(os.path.join(SHARED, folder, "manifest.tsv"), encoding="utf-8") as f:
            for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
                if (row.get("kind", "onnx").startswith("onnx")
                        and row.get("dtype", "f32") in ("f32", "f16", "bf16")):
                    yield Model(folder, row)


def count_nodes(path):
    """{kind: nodes}, and the number of those that passes raised."""
    done = subprocess.run([test_raised, "--counts", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(word.split("=") for word in done.stdout.split())
    counts = {kind: int(n) for kind, n in counts.items()}
    return counts, sum(n for kind, n in counts.items() if kind.startswith("+"))


def ask_onnxruntime(model, path, images):
    """Group by group, if the graph has a batch of its own."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    port = session.get_inputs()[0]
    batch = port.shape[0] if isinstance(port.shape[0], int) else len(images)
    answers = []
    for i in range(0, len(images), batch):
        outputs = session.run(None, {port.name: images[i:i + batch]})
        answers.append((outputs[0] + outputs[1]) / 2 if model.is_mean else outputs[0])
    return np.concatenate(answers)


class Changed(unittest.TestCase):
    def setUp(self):
        shelf = tempfile.TemporaryDirectory()
        self.addCleanup(shelf.cleanup)
        self.path = os.path.join(shelf.name, "model.onnx")
        self.answer = os.path.join(shelf.name, "answer.npy")

    def run_model(self, model):
        done = subprocess.run([deit_run, "-q", "-m", self.path, "--tensor",
                               model.stem + ".input.npy", "--" + model.output, self.answer],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return np.load(self.answer)

    def assert_close(self, answer, expected, limit):
        self.assertEqual(answer.shape, expected.shape)
        self.assertLessEqual(np.abs(answer - expected).max(), limit)

    def test_order_and_names(self):
        count = 0
        for number, model in enumerate(models()):
            with self.subTest(model.name):
                draw = random.Random(number)
                changed = onnx.load(model.path)
                changes.shuffle_model(changed, draw)
                changes.strip_names(changed, draw)
                onnx.save(changed, self.path)
                golden = model.golden
                self.assert_close(self.run_model(model), golden, model.limit(golden))
                self.assertEqual(count_nodes(self.path), count_nodes(model.path))
            count += 1
        self.assertGreater(count, 40)

    def check_strange(self, change, fewest, new_nodes):
        """Changes each transformer in which there is a place for it."""
        count = 0
        for place, model in enumerate(models()):
            changed = onnx.load(model.path)
            if not (model.is_transformer and model.is_f32 and change(changed, place)):
                continue
            count += 1
            with self.subTest(model.name):
                onnx.save(changed, self.path)
                golden = model.golden
                expected = ask_onnxruntime(model, self.path, np.load(model.stem + ".input.npy"))
                self.assertGreater(np.abs(expected - golden).max(), 20 * model.limit(golden),
                                   "the change is not seen")
                self.assert_close(self.run_model(model), expected, model.limit(expected))
                counts, raised = count_nodes(self.path)
                counts_before, raised_before = count_nodes(model.path)
                self.assertEqual(raised, raised_before, counts)
                self.assertLessEqual(sum(counts.values()),
                                     sum(counts_before.values()) + new_nodes, counts)
        print(f"{change.__name__}: {count} models")
        self.assertGreaterEqual(count, fewest)

    def test_scaled_residual(self):
        self.check_strange(changes.scale_residual, 30, MOST_NEW_NODES)

    def test_relu_on_a_residual(self):
        self.check_strange(changes.relu_residual, 30, MOST_NEW_NODES)

    def test_tanh_on_a_branch(self):
        self.check_strange(changes.tanh_branch, 30, MOST_NEW_NODES)

    def test_other_epsilon(self):
        self.check_strange(changes.other_epsilon, 30, 0)


def main():
    global deit_run, test_raised
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} DEIT_RUN TEST_RAISED [TEST]...")
    deit_run, test_raised = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    if not os.path.exists(os.path.join(SHARED, "exports", "manifest.tsv")):
        print(f"skipped: {SHARED} has no exports; DEIT_SHARED names the shared test data")
        sys.exit(77)
    unittest.main()


main()
