"""Options, usage errors and exit codes of deit-run."""

import os
import re

import support
from support import Case, run, write_png


class Options(Case):
    def setUp(self):
        super().setUp()
        write_png("a.png")

    def test_help_is_complete_and_on_standard_output(self):
        for option in ("-h", "--help"):
            result = run(option)
            self.assertEqual((result.code, result.err), (0, b""))
        for name in ("model top labels head recipe pillow precision threads batch format "
                     "files-from tensor logits features save-input max-pixels max-memory "
                     "allow-nonfinite follow-links recursive quiet verbose no-progress help "
                     "version").split():
            self.assertIn("--" + name, result.text)
        self.assertLessEqual(max(map(len, result.text.splitlines())), 90)

    def test_version(self):
        for option in ("-V", "--version"):
            result = run(option)
            self.assertEqual((result.code, result.err), (0, b""))
            self.assertRegex(result.text, r"\Adeit-run \d+\.\d+\.\d+\n\Z")

    def test_no_operand(self):
        self.assert_usage_error(run(), "no image")
        self.assert_usage_error(run("-m", self.model), "no image")
        self.assert_usage_error(run("-m", "missing"), "no image")

    def test_unknown_options(self):
        self.assert_usage_error(run("--colour", "a.png"), "'--colour'")
        self.assert_usage_error(run("-x", "a.png"), "'-x'")
        self.assert_usage_error(run("-qx", "a.png"), "'-x'")
        self.assert_usage_error(run("--quiet=yes", "a.png"), "--quiet", "no value")

    def test_options_without_their_value(self):
        for option in ("-m", "-k", "-l", "-r", "-p", "-t", "-b", "-f", "--head", "--pillow",
                       "--files-from", "--tensor", "--logits", "--features", "--save-input",
                       "--max-pixels", "--max-memory"):
            with self.subTest(option):
                self.assert_usage_error(run("a.png", option), "needs a value")

    def test_bad_values(self):
        for option, values in {
            "-k": ("0", "-1", "x", "", "1x", " 1", "99999999999999999999999"),
            "-t": ("0", "-2", "many", "1.5", "1025"),
            "-b": ("0", "-2", "1e3", "100000"),
            "-f": ("xml", "JSON", ""),
            "-r": ("torch", "TIMM"),
            "-p": ("f64", "fp32"),
            "--head": ("both", "mean"),
            "--pillow": ("11", "14", ""),
            "--max-pixels": ("0", "-1", "1T", "1KB", "K", "20000000000G"),
            "--max-memory": ("0", "x", "1.5G", "18446744073709551616"),
            "--logits": ("",),
        }.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    self.assert_usage_error(run("a.png", option, value),
                                            f"'{value}'" if value else "--")

    def test_quoted_values_cannot_forge_lines(self):
        self.assert_usage_error(run("-f", "x\ndeit-run: \x1b[2J", "a.png"), "x\\u000a",
                                "\\u001b[2J")

    def test_tensor_excludes_images(self):
        self.assert_usage_error(run("--tensor", "x.npy", "a.png"), "--tensor")
        self.assert_usage_error(run("--tensor", "x.npy", "--files-from", "-"), "--files-from")

    def test_two_outputs_need_two_files(self):
        self.assert_usage_error(run("--logits", "x.npy", "--features", "x.npy", "a.png"),
                                "'x.npy'")

    def test_cpu_variable(self):
        for value in ("scalar", ""):
            self.run_model("a.png", env={"DEIT_CPU": value})
        result = self.run_model("a.png", env={"DEIT_CPU": "scalar"})
        self.assertIn("; f32, scalar, ", result.errors[-1])
        self.assert_usage_error(run("-m", self.model, "a.png", env={"DEIT_CPU": "avx3"}),
                                "DEIT_CPU", "'avx3'", "avx512_bf16")

    def test_options_may_follow_operands_and_two_dashes_end_them(self):
        self.assertEqual(len(self.run_model("a.png", "-k", "2").text.splitlines()), 3)
        os.rename("a.png", "-k.png")
        self.run_model("--", "-k.png")
        self.assertTrue(self.run_model("-f", "json", "--", "-k.png").json[0]["predictions"])

    def test_the_last_of_several_wins(self):
        self.assertEqual(len(self.run_model("a.png", "-k", "2", "--top=4").text.splitlines()), 5)
        self.assertEqual(self.run_model("a.png", "-v", "-q").err, b"")
        self.assertNotEqual(self.run_model("a.png", "-q", "-v").err, b"")

    def test_top_is_at_most_all_classes(self):
        self.assertEqual(len(self.run_model("a.png").text.splitlines()), 1 + 5)
        self.assertEqual(len(self.run_model("-k", "1000000", "a.png").text.splitlines()), 1 + 12)

    def test_precisions_that_are_not_built_say_so(self):
        for precision in ("auto", "f32"):
            self.run_model("-p", precision, "a.png")
        for precision in ("bf16x3", "bf16x6", "bf16", "int8"):
            result = run("-m", self.model, "-p", precision, "a.png")
            self.assertIn(result.code, (0, 2))
            if result.code == 2:
                self.assert_one_error(result, code=2)
                self.assertEqual(result.out, b"")
            else:
                self.assertIn(f"; {precision}, ", result.errors[-1])

    def test_threads_and_batches_give_the_same_bytes(self):
        for i in range(9):
            write_png(f"{i}.png", seed=i)
        expected = self.run_model("-f", "json", "-t", "1", "-b", "1", ".").out
        for threads, batch in (("2", "1"), ("1", "4"), ("3", "7"), ("2", "65536")):
            got = self.run_model("-f", "json", "-t", threads, "-b", batch, ".").out
            self.assertEqual(got, expected)

    def test_recipes(self):
        write_png("wide.png", width=61, height=23)
        answers = {r: self.run_model("-f", "json", "-r", r, "wide.png").out
                   for r in ("auto", "timm", "fb", "hf")}
        self.assertEqual(answers["auto"], answers["timm"])
        self.assertEqual(len(set(answers.values())), 3)
        for pillow in ("12", "13"):
            self.run_model("--pillow", pillow, "wide.png")

    def test_limits(self):
        result = run("-m", self.model, "--max-pixels", "100", "a.png")
        self.assert_one_error(result, "deit-run: a.png: ")
        self.run_model("--max-pixels", "1K", "a.png")
        self.run_model("--max-pixels", "1m", "--max-memory", "1G", "a.png")

    def test_quiet_and_verbose(self):
        quiet = self.run_model("-q", "a.png")
        self.assertEqual(quiet.err, b"")
        verbose = self.run_model("-v", "a.png")
        self.assertEqual(verbose.out, quiet.out)
        for word in ("model: ", "recipe: timm", "plan: f32", "times: "):
            self.assertTrue([e for e in verbose.errors if e.startswith("deit-run: " + word)], word)

    def test_verbose_lists_unused_tensors(self):
        model = support.Model()
        model.tensors["extra\x1b[31m"] = model.tensors["norm.bias"]
        model.save("extra.safetensors")
        result = run("-v", "-m", "extra.safetensors", "a.png")
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("deit-run: unused tensor: extra\\u001b[31m", result.errors)

    def test_closing_line(self):
        line, = self.run_model("a.png").errors
        self.assertRegex(line, r"\Adeit-run: " + re.escape(self.model)
                         + r": .*, 12 classes; f32, \w+, \d+ threads?, \d+\.\d ms\Z")
        for style in ("json", "csv"):
            self.assertEqual(self.run_model("-f", style, "a.png").err, b"")


if __name__ == "__main__":
    support.main()
