"""NPY files in and out: --tensor, --logits, --features, --save-input."""

import math
import os
import stat
import struct

import support
from support import (Case, LIMIT, Model, difference, npy_bytes, png_bytes, random_input, read_npy,
                     run, write_npy, write_png)

ELEMENTS = 3 * 16 * 16


class Answers(Case):
    """The small model's answers against its own forward pass in double precision."""

    def test_logits_and_features(self):
        values = random_input(3)
        write_npy("x.npy", values, (3, 3, 16, 16))
        self.run_model("--tensor", "x.npy", "--logits", "l.npy", "--features", "f.npy")
        logits, features = read_npy("l.npy"), read_npy("f.npy")
        self.assertEqual((logits.shape, features.shape), ((3, 12), (3, 64)))
        for i in range(3):
            image = values[i * ELEMENTS:(i + 1) * ELEMENTS]
            expected = self.plain.logits(image)
            self.assertLess(difference(logits.row(i), expected), LIMIT)
            self.assertLess(difference(features.row(i), self.plain.features(image)), LIMIT)

    def test_heads_of_a_distilled_model(self):
        model = Model(distilled=True)
        model.save("dist.safetensors")
        values = random_input(1, seed=8)
        write_npy("x.npy", values, (1, 3, 16, 16))
        seen = {}
        for head in ("avg", "cls", "dist"):
            result = run("-m", "dist.safetensors", "--tensor", "x.npy", "--head", head, "-q",
                         "--logits", "l.npy", "--features", "f.npy")
            self.assertEqual(result.code, 0, result.err)
            seen[head] = read_npy("l.npy").values
            self.assertLess(difference(seen[head], model.logits(values, head)), LIMIT)
            self.assertLess(difference(read_npy("f.npy").values, model.features(values)), LIMIT)
        result = run("-m", "dist.safetensors", "--tensor", "x.npy", "--logits", "l.npy")
        self.assertEqual(read_npy("l.npy").values, seen["avg"])

    def test_heads_of_a_plain_model(self):
        write_npy("x.npy", random_input(1), (1, 3, 16, 16))
        answers = [self.run_model("--tensor", "x.npy", "--head", h).out for h in ("avg", "cls")]
        self.assertEqual(answers[0], answers[1])
        result = self.run_model("--tensor", "x.npy", "--head", "dist", code=2)
        self.assert_one_error(result, "--head dist", code=2)

    def test_the_limit_of_these_tests_can_fail(self):
        values = random_input(1)
        write_npy("x.npy", values, (1, 3, 16, 16))
        self.run_model("--tensor", "x.npy", "--logits", "l.npy")
        exact, self.plain._mlp = self.plain._mlp, self.tanh_mlp
        self.addCleanup(setattr, self.plain, "_mlp", exact)
        self.assertGreater(difference(read_npy("l.npy").values, self.plain.logits(values)), LIMIT)

    def tanh_mlp(self, token):
        hidden = [0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v ** 3)))
                  for v in self.plain._linear("blocks.0.mlp.fc1", token)]
        return self.plain._linear("blocks.0.mlp.fc2", hidden)

    def test_a_headless_model(self):
        Model(classes=0).save("headless.safetensors")
        write_npy("x.npy", random_input(2), (2, 3, 16, 16))
        headless = ("-m", "headless.safetensors", "--tensor", "x.npy")
        self.assert_one_error(run(*headless), "--features", code=2)
        self.assert_one_error(run(*headless, "--features", "f.npy", "--logits", "l.npy"), code=2)
        self.assert_only_files("headless.safetensors", "x.npy")
        result = run(*headless, "--features", "f.npy", "-q", "-f", "json")
        self.assertEqual((result.code, result.err), (0, b""))
        self.assertEqual(result.json, [{"file": f"x.npy#{i}", "predictions": []} for i in range(2)])
        self.assertEqual(read_npy("f.npy").shape[0], 2)
        self.assertEqual(run(*headless, "--features", "f.npy").out, b"")

    def test_another_size_resizes_the_position_table(self):
        write_npy("x.npy", random_input(2, size=24), (2, 3, 24, 24))
        self.run_model("--tensor", "x.npy", "--logits", "l.npy")
        self.assertEqual(read_npy("l.npy").shape, (2, 12))
        write_npy("x.npy", [0.5] * (3 * 16 * 32), (1, 3, 16, 32))
        self.run_model("--tensor", "x.npy", "--logits", "l.npy")
        self.assertEqual(read_npy("l.npy").shape, (1, 12))


class Images(Case):
    def test_rows_are_inputs_and_failures_are_nan(self):
        write_png("a.png", seed=1)
        write_png("b.png", seed=2)
        for batch in ("1", "2", "5"):
            self.run_model("-b", batch, "b.png", "no.png", "a.png", "a.txt", "--logits", "l.npy",
                           "--features", "f.npy", "--save-input", "x.npy", code=1)
            for name, shape in (("l", (12,)), ("f", (64,)), ("x", (3, 16, 16))):
                array = read_npy(name + ".npy")
                self.assertEqual(array.shape, (4, *shape))
                for row, is_good in enumerate((True, False, True, False)):
                    self.assertEqual({math.isnan(v) for v in array.row(row)}, {not is_good})
                self.assertNotEqual(array.row(0), array.row(2))

    def test_saved_input_is_what_tensor_takes(self):
        for i in range(10):
            write_png(f"{i}.png", seed=i)
        self.run_model(".", "--save-input", "x.npy", "--logits", "1.npy", "--features", "f.npy")
        self.run_model("--tensor", "x.npy", "--save-input", "y.npy", "--logits", "2.npy",
                       "--features", "g.npy")
        for a, b in (("x.npy", "y.npy"), ("1.npy", "2.npy"), ("f.npy", "g.npy")):
            self.assertEqual(read_npy(a).shape[0], 10)
            with open(a, "rb") as f, open(b, "rb") as g:
                self.assertEqual(f.read(), g.read())

    def test_saved_input_is_normalised(self):
        colour = (10, 128, 250)
        with open("plain.png", "wb") as f:
            f.write(png_bytes(40, 30, colour))
        for recipe in ("timm", "fb"):
            self.run_model("-r", recipe, "plain.png", "--save-input", "x.npy")
            values = read_npy("x.npy").values
            for c, (mean, std) in enumerate(zip((.485, .456, .406), (.229, .224, .225))):
                expected = (colour[c] / 255 - mean) / std
                self.assertLess(difference(values[c * 256:c * 256 + 256], [expected] * 256), 1e-6)

    def test_the_number_of_rows_may_come_last(self):
        names = b"".join(write_png(f"{i}.png", seed=i).encode() + b"\n" for i in range(25))
        self.run_model("--files-from", "-", "-b", "4", "--logits", "l.npy", input=names)
        self.assertEqual(read_npy("l.npy").shape, (25, 12))

    def test_a_written_file_is_that_of_numpy(self):
        write_npy("x.npy", random_input(2), (2, 3, 16, 16))
        self.run_model("--tensor", "x.npy", "--save-input", "y.npy")
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 16, 16), }"
        with open("y.npy", "rb") as f:
            self.assertEqual(f.read(128), b"\x93NUMPY\x01\x00\x76\x00" + header.ljust(117) + b"\n")


class Nonfinite(Case):
    REASON = "the model's answer is not finite (NaN or infinity)"

    def test_a_row_that_is_not_finite_is_an_error(self):
        values = random_input(3)
        values[ELEMENTS + 5] = math.nan
        write_npy("x.npy", values, (3, 3, 16, 16))
        args = ("--tensor", "x.npy", "--logits", "l.npy", "--features", "f.npy", "--save-input",
                "y.npy")
        for batch in ("1", "3"):
            result = self.run_model("-f", "json", "-b", batch, *args, code=1)
            self.assertEqual(result.errors, [f"deit-run: x.npy#1: {self.REASON}"])
            self.assertEqual(result.json[1], {"file": "x.npy#1", "error": self.REASON})
            self.assertIn("predictions", result.json[0])
            self.assertIn("predictions", result.json[2])
            for name in ("l.npy", "f.npy"):
                array = read_npy(name)
                self.assertEqual([any(map(math.isnan, array.row(i))) for i in range(3)],
                                 [False, True, False])
            self.assertEqual(read_npy("y.npy").data, values.tobytes())
        text = self.run_model("-q", *args, code=1).text
        self.assertNotIn("nan", text.lower())
        self.assertEqual(text.count("x.npy#"), 2)

    def test_weights_that_are_not_finite(self):
        model = Model()
        model.tensors["head.bias"][1][3] = math.inf
        model.save("bad.safetensors")
        write_png("a.png")
        result = run("-m", "bad.safetensors", "a.png", "--logits", "l.npy")
        self.assert_one_error(result, "bad.safetensors", "head.bias")
        self.assertEqual(result.out, b"")
        self.assert_only_files("a.png", "bad.safetensors")

        result = run("-m", "bad.safetensors", "--allow-nonfinite", "-q", "a.png",
                     "--logits", "l.npy")
        self.assertEqual((result.code, result.out), (1, b""))
        self.assertEqual(result.errors, [f"deit-run: a.png: {self.REASON}"])
        self.assertTrue(all(map(math.isnan, read_npy("l.npy").values)))


class Tensors(Case):
    """What --tensor accepts, and how it refuses."""

    def write(self, data, name="x.npy"):
        with open(name, "wb") as f:
            f.write(data)

    def refused(self, *words):
        result = self.run_model("--tensor", "x.npy", "--logits", "l.npy", code=1)
        self.assert_one_error(result, "deit-run: x.npy: ", *words)
        self.assertEqual(result.out, b"")
        self.assertFalse(os.path.exists("l.npy"))

    def test_headers_of_other_writers(self):
        values, shape = random_input(1), (1, 3, 16, 16)
        expected = self.run_model("--tensor", write_npy("x.npy", values, shape)).out
        for version in (1, 2, 3):
            self.write(npy_bytes(values, shape, version=version))
            self.assertEqual(self.run_model("--tensor", "x.npy").out, expected)
        for header in ("{'shape': (1, 3, 16, 16), 'fortran_order': False, 'descr': '<f4'}",
                       '{"descr":"<f4","fortran_order":False,"shape":(1,3,16,16,),}',
                       " { 'descr' : '<f4' , 'fortran_order' : False ,"
                       " 'shape' : ( 1L, 3L ,16L,16 ) } ",
                       "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 16, 16), }"
                       + " " * 5000):
            self.write(npy_bytes(values, shape, header=header))
            self.assertEqual(self.run_model("--tensor", "x.npy").out, expected)

    def test_damaged_headers(self):
        values, shape = random_input(1), (1, 3, 16, 16)
        good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 16, 16)}"
        for header in ("", "{}", good[:-1], good + "}", good + "x",
                       good.replace("'descr'", "'type'"),
                       good.replace("False", "0"), good.replace("False", "Falsehood"),
                       good.replace("(1,", "(-1,"), good.replace("(1,", "(1 1,"),
                       good.replace("(1, 3", "[1, 3"), good.replace("16)", "16"),
                       good.replace("}", ", 'shape': (1, 3, 16, 16)}"),
                       good.replace("}", ", 'more': 1}"), good.replace("'<f4'", "'<f4"),
                       good.replace("(1, 3", "(99999999999999999999, 3"),
                       good.replace("(1, 3, 16, 16)", "(1, 3, 16, 16, 1, 1, 1, 1, 1)"),
                       good.replace("'<f4'", "[('a', '<f4')]"), good.replace("'<f4'", "<f4"),
                       good.replace("16)", "16)\0")):
            with self.subTest(header):
                self.write(npy_bytes(values, shape, header=header))
                self.refused("NPY header")
        data = npy_bytes(values, shape)
        for length in (0, 5, 8, 9, 11, 40):
            self.write(data[:length])
            self.refused("header")
        self.write(data[:8] + b"\xff\xff" + data[10:])
        self.refused("header")
        self.write(data[:6] + b"\x02\x00" + struct.pack("<I", 0xffffffff) + data[10:])
        self.refused("header")
        self.write(data[:6] + b"\x04\x00" + data[8:])
        self.refused("version 4.0")
        self.write(b"PK\x03\x04" + data)
        self.refused("not an NPY file")

    def test_sizes_are_checked_before_anything_is_answered(self):
        data = npy_bytes(random_input(2), (2, 3, 16, 16))
        for wrong in (data[:-1], data + b"\0", data[:-4 * ELEMENTS]):
            self.write(wrong)
            self.refused(str(len(wrong)), str(len(data)))
        self.write(npy_bytes([], (2 ** 62, 3, 16, 16)))
        self.refused("too large")
        self.write(npy_bytes([], (2 ** 40, 3, 16, 16)))
        self.refused("bytes")

    def test_shapes_and_types(self):
        for shape in ((3, 16, 16), (1, 1, 16, 16), (1, 4, 16, 16), (1, 16, 16, 3), (5,),
                      (1, 3, 16, 16, 1)):
            with self.subTest(shape):
                self.write(npy_bytes([0.0] * math.prod(shape), shape))
                self.refused(str(shape), "(N, 3, 16, 16)")
        self.write(npy_bytes([0.0], ()))
        self.refused("not an array")
        for descr in ("<f8", ">f4", "<f2", "|u1"):
            self.write(npy_bytes(random_input(1), (1, 3, 16, 16), descr=descr))
            self.refused(f"'{descr}'", "'<f4'")
        self.write(npy_bytes(random_input(1), (1, 3, 16, 16), fortran=True))
        self.refused("Fortran")

    def test_sizes_that_the_model_cannot_take(self):
        for height, width in ((16, 7), (4, 4), (20, 16)):
            self.write(npy_bytes([0.0] * (3 * height * width), (1, 3, height, width)))
            self.refused(f"{height} x {width}", "16 x 16")
        self.write(npy_bytes([], (1, 3, 0, 16)))
        self.refused("(1, 3, 0, 16)")

    def test_no_rows(self):
        write_npy("x.npy", [], (0, 3, 16, 16))
        result = self.run_model("--tensor", "x.npy", "--logits", "l.npy")
        self.assertEqual((result.out, result.err), (b"", b""))
        self.assertEqual(read_npy("l.npy").shape, (0, 12))

    def test_a_missing_file(self):
        self.assert_one_error(self.run_model("--tensor", "no.npy", code=1),
                              "deit-run: no.npy: No such file")

    def test_a_pipe(self):
        data = npy_bytes(random_input(20), (20, 3, 16, 16))
        result = self.run_model("-f", "json", "--tensor", "/dev/stdin", input=data)
        self.assertEqual(len(result.json), 20)
        result = self.run_model("-f", "json", "-b", "4", "--tensor", "/dev/stdin", "--logits",
                                "l.npy", input=data[:-1], code=1)
        self.assertEqual(len(result.json), 16)
        self.assert_one_error(result, "/dev/stdin: ends before its last row")
        self.assert_only_files()


class Files(Case):
    """How arrays become files."""

    def setUp(self):
        super().setUp()
        write_png("a.png")

    def test_a_new_file_has_the_usual_rights(self):
        before = os.umask(0o027)
        self.addCleanup(os.umask, before)
        self.run_model("a.png", "--logits", "l.npy")
        self.assertEqual(stat.S_IMODE(os.stat("l.npy").st_mode), 0o640)

    def test_an_old_file_is_replaced_and_keeps_its_rights(self):
        with open("l.npy", "wb") as f:
            f.write(b"x" * 100000)
        os.chmod("l.npy", 0o604)
        self.run_model("a.png", "--logits", "l.npy")
        self.assertEqual(read_npy("l.npy").shape, (1, 12))
        self.assertEqual(stat.S_IMODE(os.stat("l.npy").st_mode), 0o604)
        self.assert_only_files("a.png", "l.npy")

    def test_a_link_stays(self):
        os.mkdir("real")
        with open("real/l.npy", "wb"):
            pass
        os.symlink("real/l.npy", "l.npy")
        self.run_model("a.png", "--logits", "l.npy")
        self.assertTrue(os.path.islink("l.npy"))
        self.assertEqual(read_npy("real/l.npy").shape, (1, 12))

    def test_a_device_is_written_and_not_replaced(self):
        self.run_model("a.png", "--logits", "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_a_pipe_can_take_an_array_of_known_length(self):
        result = self.run_model("a.png", "a.png", "-q", "--logits", "/dev/stderr")
        with open("l.npy", "wb") as f:
            f.write(result.err)
        self.assertEqual(read_npy("l.npy").shape, (2, 12))

    def test_a_tensor_may_be_replaced_by_its_own_answer(self):
        write_npy("x.npy", random_input(9), (9, 3, 16, 16))
        self.run_model("--tensor", "x.npy", "--logits", "x.npy", "-b", "2")
        self.assertEqual(read_npy("x.npy").shape, (9, 12))

    def test_where_nothing_can_be_written(self):
        for path in ("no/l.npy", ".", "a.png/l.npy"):
            result = self.run_model("a.png", "--logits", path, code=1)
            self.assert_one_error(result, f"deit-run: {path}: cannot write: ")
            self.assertEqual(result.out, b"")
        self.assert_only_files("a.png")


if __name__ == "__main__":
    support.main()
