"""Precisions: how far each is from float64, what runs for it, and that loaders agree to the bit."""

import os

import support
from support import SOURCE, Case, difference, needs_onnx, read_npy, run, shared
from test_exports import read_table

FIXTURES = os.path.join(SOURCE, "tests", "fixtures")
INPUT = os.path.join(FIXTURES, "builtin.input.npy")
GOLDEN = os.path.join(FIXTURES, "builtin.logits.npy")

PARTS = {"bf16": 1, "bf16x3": 2, "bf16x6": 3}

# The built-in model, logits of up to 4.4.  A part holds 8 bits, so each one more takes off a
# factor of 2^8 until f32's own rounding is left.  Measured at scalar and vdpbf16ps: bf16 1.2e-2,
# bf16x3 1.7e-5, bf16x6 2.0e-6; the limits are three times that.  f32: 1.5e-6.
BUILTIN_LIMITS = {"bf16": 3.4e-2, "bf16x3": 5e-5, "bf16x6": 6e-6}

# A trained DeiT-Ti on 50 photos against float64.  Measured at vdpbf16ps: bf16 0.123, bf16x3
# 2.4e-4, bf16x6 9.7e-6; of bf16 one photo alone is above 0.1.  bf16x6 must be as near as
# PyTorch's own f32, 2.3e-5.
PHOTO_LIMITS = {"bf16": 0.2, "bf16x3": 2.7e-4, "bf16x6": 2.3e-5}

LEVELS = ("scalar", "avx512_bf16", "amx")


class Builtin(Case):
    def logits(self, precision, *model, cpu=""):
        result = run("-q", *model, "-p", precision, "--tensor", INPUT, "--logits", "out.npy",
                     env={"DEIT_CPU": cpu} if cpu else None)
        self.assertEqual(result.code, 0, result.err)
        return read_npy("out.npy")

    def test_accuracy(self):
        golden = read_npy(GOLDEN)
        for precision, limit in BUILTIN_LIMITS.items():
            for cpu in LEVELS:
                with self.subTest(precision=precision, cpu=cpu):
                    out = self.logits(precision, cpu=cpu)
                    self.assertEqual(out.shape, golden.shape)
                    self.assertLessEqual(difference(out.values, golden.values), limit)

    def test_a_part_less_is_told_apart(self):
        """Each limit is below what the next shorter precision reaches."""
        golden = read_npy(GOLDEN)
        for precision, shorter in (("bf16x6", "bf16x3"), ("bf16x3", "bf16")):
            off = difference(self.logits(shorter).values, golden.values)
            self.assertGreater(off, BUILTIN_LIMITS[precision])

    def test_auto_is_f32(self):
        self.assertEqual(self.logits("auto").data, self.logits("f32").data)
        self.assertNotEqual(self.logits("auto").data, self.logits("bf16x6").data)

    def test_batch_and_threads(self):
        for precision in PARTS:
            alone = self.logits(precision, "-b", "1", "-t", "1").data
            self.assertEqual(self.logits(precision, "-b", "3", "-t", "2").data, alone)


class Loaders(Case):
    """The same weights as ONNX, where they are stored (k, n), and as safetensors."""

    def test_pairs_give_the_same_bits(self):
        needs_onnx()
        for row in read_table(shared("pairs", "manifest.tsv")):
            stem = shared("pairs") + "/" + row["name"]
            for precision in PARTS:
                with self.subTest(row["name"], precision=precision):
                    answers = []
                    for ending in (".safetensors", ".onnx"):
                        result = run("-q", "-m", stem + ending, "-p", precision, "--tensor",
                                     stem + ".input.npy", "--logits", "out.npy")
                        self.assertEqual(result.code, 0, result.err)
                        answers.append(read_npy("out.npy").data)
                    self.assertEqual(*answers)


class Photos(Case):
    """All 50 by what this machine has; three by plain C."""

    def check(self, photos, precision, cpu=""):
        model = shared("weights", "deit_tiny_patch16_224.safetensors")
        result = run("-q", "-m", model, "-r", "fb", "-p", precision, "--logits", "l.npy", *photos,
                     env={"DEIT_CPU": cpu} if cpu else None)
        self.assertEqual(result.code, 0, result.err)
        golden = read_npy(shared("golden", "logits_f64.npy"), "<f8")
        logits = read_npy("l.npy")
        self.assertEqual(logits.shape, (len(photos), 1000))
        for i in range(len(photos)):
            self.assertLessEqual(difference(logits.row(i), golden.row(i)),
                                 PHOTO_LIMITS[precision], photos[i])

    def test_photos(self):
        names = [row["file"] for row in read_table(shared("golden", "photos.tsv"))]
        photos = [shared("photos", name) for name in names]
        self.assertEqual(len(photos), 50)
        for precision in PARTS:
            with self.subTest(precision):
                self.check(photos, precision)
                self.check(photos[:3], precision, "scalar")


class Notes(Case):
    def plan(self, *args, cpu=""):
        result = run("-v", *args, "--tensor", INPUT, env={"DEIT_CPU": cpu} if cpu else None)
        self.assertEqual(result.code, 0, result.err)
        return [line for line in result.errors if line.startswith("deit-run: plan: ")]

    def test_what_runs_is_told(self):
        for precision in PARTS:
            first, note = self.plan("-p", precision, cpu="avx2")
            self.assertRegex(first, f": {precision} by (avx2|scalar) kernels,")
            self.assertIn(f"products of {precision} are plain C", note)
        first, = self.plan("-p", "f32", cpu="scalar")
        self.assertIn(": f32 by scalar kernels,", first)

    def test_the_instruction_is_used_where_it_is(self):
        lines = self.plan("-p", "bf16")
        if " by avx512_bf16 " not in lines[0] and " by amx " not in lines[0]:
            self.skipTest("this CPU or build has no bf16 products")
        self.assertEqual(len(lines), 1)
        self.assertNotRegex(self.plan()[0], "bf16|amx")

    def test_weights_take_their_parts(self):
        """Two bytes an element and part; the heads and what is added stay f32."""
        def weights(precision):
            words = self.plan("-p", precision)[0].split()
            return float(words[words.index("weights") + 1])
        f32 = weights("f32")
        for precision, n_parts in PARTS.items():
            self.assertAlmostEqual(weights(precision) / f32, n_parts / 2, delta=0.02)

    def test_int8_is_refused(self):
        result = run("-p", "int8", "--tensor", INPUT)
        self.assert_one_error(result, "int8", code=2)


if __name__ == "__main__":
    support.main()
