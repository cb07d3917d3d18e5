"""The model that is linked in: PyTorch's answers, a shipped photo, and the same weights by their files."""

import os

import support
from support import SOURCE, Case, difference, read_npy, run

INPUT = os.path.join(SOURCE, "tests", "fixtures", "builtin.input.npy")
GOLDEN = os.path.join(SOURCE, "tests", "fixtures", "builtin.logits.npy")
FOLDER = os.path.join(SOURCE, "models", "builtin")

# Rounding: measured at most 5e-6 on 5,000 photos, with logits of up to 10.
LIMIT = 2e-5


class Builtin(Case):
    def logits(self, *model):
        result = run("-q", *model, "--tensor", INPUT, "--logits", "out.npy")
        self.assertEqual(result.code, 0, result.err)
        return read_npy("out.npy")

    def test_the_answers_are_pytorchs(self):
        golden, out = read_npy(GOLDEN), self.logits()
        self.assertEqual(out.shape, golden.shape)
        self.assertLessEqual(difference(out.values, golden.values), LIMIT)

    def test_its_folder_gives_the_same_bits(self):
        self.assertEqual(self.logits().data, self.logits("-m", FOLDER).data)

    def test_a_shipped_photo(self):
        result = run("-f", "json", os.path.join(FOLDER, "photos", "cat.jpg"))
        self.assertEqual(result.code, 0, result.err)
        predictions = result.json[0]["predictions"]
        self.assertEqual(predictions[0]["label"], "cat")
        self.assertEqual(len(predictions), 5)


if __name__ == "__main__":
    support.main()
