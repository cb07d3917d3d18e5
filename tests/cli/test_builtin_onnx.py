"""The built-in weights as a real exporter wrote them to ONNX: both loaders give the same answer."""

import os

import support
from support import SOURCE, Case, difference, needs_onnx, read_npy, run

FIXTURES = os.path.join(SOURCE, "tests", "fixtures")
INPUT = os.path.join(FIXTURES, "builtin.input.npy")
MODEL = os.path.join(FIXTURES, "builtin.onnx")

# Rounding, as in test_builtin.py.
LIMIT = 2e-5


class BuiltinAsOnnx(Case):
    def logits(self, *model):
        return run("-q", *model, "--tensor", INPUT, "--logits", "out.npy")

    def test_both_loaders_agree(self):
        needs_onnx()
        result = self.logits("-m", MODEL)
        self.assertEqual(result.code, 0, result.err)
        by_onnx = read_npy("out.npy")
        self.assertEqual(self.logits().code, 0)
        self.assertLessEqual(difference(by_onnx.values, read_npy("out.npy").values), LIMIT)


if __name__ == "__main__":
    support.main()
