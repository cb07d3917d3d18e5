"""Models written by real exporters, and a trained one: answers against PyTorch's."""

import csv
import os

import support
from support import Case, difference, needs_onnx, read_npy, run, shared, write_npy, write_png

# Architectures that are not read from safetensors yet.
OTHER_FAMILIES = ("cait", "tinyvit", "mini-deit")

# Logits of a trained DeiT-Ti: PyTorch's own f32 is within 2.3e-5 of f64 on these photos, while a
# GELU by tanh is 3e-2 off and a LayerNorm epsilon of 1e-5 5e-4.
TRAINED_LIMIT = 2e-4


def read_table(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


class Exports(Case):
    def check(self, model, stem, reference_diff, output="logits"):
        result = run("-q", "-m", model, "--tensor", stem + ".input.npy", f"--{output}", "out.npy")
        self.assertEqual(result.code, 0, result.err)
        golden, out = read_npy(f"{stem}.{output}.npy"), read_npy("out.npy")
        self.assertEqual(out.shape, golden.shape)
        largest = max(map(abs, golden.values))
        limit = max(5 * reference_diff, 5e-6 * max(1.0, largest))
        self.assertLessEqual(difference(out.values, golden.values), limit)

    def test_exports(self):
        count = 0
        for row in read_table(shared("exports", "manifest.tsv")):
            if not row["kind"].startswith("safetensors") or row["family"] in OTHER_FAMILIES:
                continue
            with self.subTest(row["name"]):
                self.check(shared("exports", row["model"]), shared("exports") + "/" + row["name"],
                           float(row["reference_diff"]),
                           "features" if row["outputs"] == "features" else "logits")
            count += 1
        self.assertGreater(count, 8)

    def test_onnx_exports(self):
        """Graphs in f32 strictly; in half precision as far as their own reference is off."""
        needs_onnx()
        count = 0
        for row in read_table(shared("exports", "manifest.tsv")):
            if not row["kind"].startswith("onnx"):
                continue
            model, stem = shared("exports", row["model"]), shared("exports") + "/" + row["name"]
            output = "features" if row["outputs"] == "features" else "logits"
            with self.subTest(row["name"]):
                if row["dtype"] == "f32":
                    self.check(model, stem, float(row["reference_diff"]), output)
                elif row["dtype"] in ("f16", "bf16"):
                    self.check(model, stem, float(row["limit"]) / 5, output)
                else:
                    result = run("-q", "-m", model, "--tensor", stem + ".input.npy")
                    self.assert_one_error(result, "node", code=2)
            count += 1
        self.assertGreater(count, 40)

    def test_both_heads_of_a_graph(self):
        needs_onnx()
        for head in ("cls", "dist"):
            stem = shared("exports", "ts16_tuple.onnx")[:-len(".onnx")]
            result = run("-q", "-m", stem + ".onnx", "--head", head, "--tensor",
                         stem + ".input.npy", "--logits", "out.npy")
            self.assertEqual(result.code, 0, result.err)
            golden = read_npy(f"{stem}.logits_{head}.npy")
            self.assertLessEqual(difference(read_npy("out.npy").values, golden.values), 1e-5)

    def test_graphs_of_a_fixed_batch(self):
        """Groups of the graph's own batch, the last one filled up: each row as if it were alone."""
        needs_onnx()
        for name in ("ts11_plain_fixed1", "onnxsim_ts11_plain_fixed"):
            stem = shared("exports", name + ".onnx")[:-len(".onnx")]
            given = read_npy(stem + ".input.npy")
            rows = [given.row(i % given.shape[0]) for i in range(5)]
            write_npy("x.npy", [v for row in rows for v in row], (5, *given.shape[1:]))
            result = run("-q", "-m", stem + ".onnx", "--tensor", "x.npy", "--logits", "out.npy")
            self.assertEqual(result.code, 0, result.err)
            golden, out = read_npy(stem + ".logits.npy"), read_npy("out.npy")
            self.assertEqual(out.shape, (5, golden.shape[1]))
            for i in range(5):
                self.assertLessEqual(difference(out.row(i), golden.row(i % given.shape[0])), 1.3e-5)

    def test_photos_for_a_graph_of_a_fixed_batch(self):
        """One at a time, and each thread has its own: as if each came alone."""
        needs_onnx()
        model = shared("exports", "ts11_plain_fixed1.onnx")
        names = [write_png(f"{i}.png", seed=i) for i in range(5)]
        alone = b"".join(run("-q", "-m", model, "-f", "json", name).out for name in names)
        for options in ("-t1", "-t2", "-t2 -b3"):
            result = run("-q", "-m", model, "-f", "json", *options.split(), *names)
            self.assertEqual((result.code, result.out), (0, alone), result.err)

    def test_features_of_exports(self):
        for row in read_table(shared("exports", "manifest.tsv")):
            stem = shared("exports") + "/" + row["name"]
            if (row["kind"].startswith("safetensors") and row["family"] not in OTHER_FAMILIES
                    and os.path.exists(stem + ".features.npy")):
                with self.subTest(row["name"]):
                    self.check(shared("exports", row["model"]), stem, float(row["reference_diff"]),
                               "features")

    def test_pairs(self):
        for row in read_table(shared("pairs", "manifest.tsv")):
            stem = shared("pairs") + "/" + row["name"]
            with self.subTest(row["name"]):
                self.check(stem + ".safetensors", stem, float(row["ort_diff"]))

    def test_pairs_give_the_same_bits(self):
        needs_onnx()
        for row in read_table(shared("pairs", "manifest.tsv")):
            stem = shared("pairs") + "/" + row["name"]
            with self.subTest(row["name"]):
                self.check(stem + ".safetensors", stem, float(row["ort_diff"]))
                by_safetensors = read_npy("out.npy").data
                self.check(stem + ".onnx", stem, float(row["ort_diff"]))
                self.assertEqual(read_npy("out.npy").data, by_safetensors)


class Trained(Case):
    def test_photos(self):
        model = shared("weights", "deit_tiny_patch16_224.safetensors")
        names = [row["file"] for row in read_table(shared("golden", "photos.tsv"))][:3]
        photos = [shared("photos", name) for name in names]
        for recipe, golden in (("fb", "logits.npy"), ("timm", "logits_timm.npy"),
                               ("hf", "logits_hf.npy")):
            result = run("-m", model, "-r", recipe, "-f", "json", "--logits", "l.npy", *photos)
            self.assertEqual(result.code, 0, result.err)
            expected, logits = read_npy(shared("golden", golden)), read_npy("l.npy")
            self.assertEqual(logits.shape, (3, 1000))
            for i, record in enumerate(result.json):
                row = expected.row(i)
                self.assertLess(difference(logits.row(i), row), TRAINED_LIMIT)
                best = record["predictions"][0]
                self.assertEqual(best["index"], max(range(1000), key=lambda c: row[c]))
                self.assertFalse(best["label"].startswith("class "))
        run("-m", model, "-r", "fb", photos[0], "--save-input", "x.npy")
        saved = read_npy("x.npy")
        self.assertEqual(saved.shape, (1, 3, 224, 224))
        # The bytes of the crop are equal; scaling them may round differently.
        expected = read_npy(shared("golden", "input_00.npy"))
        self.assertLess(difference(saved.values, expected.values), 1e-6)


if __name__ == "__main__":
    support.main()
