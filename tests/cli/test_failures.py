"""Failures of models, outputs and the world around: what is said, what is left behind."""

import os
import resource
import signal
import subprocess
import time

import support
from support import Case, Model, run, start, write_png


class Models(Case):
    def setUp(self):
        super().setUp()
        write_png("a.png")

    def refused(self, path, *words, code=1):
        result = run("-m", path, "a.png", "--logits", "l.npy")
        self.assert_one_error(result, f"deit-run: {path}", *words, code=code)
        self.assertEqual(result.out, b"")
        self.assertFalse(os.path.exists("l.npy"))

    def test_missing(self):
        self.refused("no.safetensors", "No such file")

    def test_damaged(self):
        with open(self.model, "rb") as f:
            data = f.read()
        for cut in (0, 7, 100, len(data) - 1):
            with open("cut.safetensors", "wb") as f:
                f.write(data[:cut])
            self.refused("cut.safetensors")

    def test_a_missing_tensor_is_named(self):
        model = Model()
        del model.tensors["blocks.0.attn.proj.weight"]
        model.save("part.safetensors")
        self.refused("part.safetensors", "blocks.0.attn.proj.weight")

    def test_a_model_fails_even_if_no_image_is_good(self):
        result = run("-m", "no.safetensors", "no.png")
        self.assert_one_error(result, "deit-run: no.safetensors: ")

    def test_an_empty_folder(self):
        os.mkdir("models")
        self.refused("models")

    def test_several_models_in_a_folder_are_listed(self):
        os.mkdir("models")
        for name in ("one", "two"):
            Model().save(f"models/{name}.safetensors")
        self.refused("models", "one.safetensors", "two.safetensors")

    def test_formats_that_are_not_read(self):
        with open("weights.pth", "wb") as f:
            f.write(b"PK\x03\x04" + bytes(100))
        self.refused("weights.pth", "safetensors", code=2)

    def test_without_a_model_there_is_an_answer_or_a_hint(self):
        result = run("a.png")
        if result.code == 0:
            self.assertRegex(result.errors[0], r"\Adeit-run: built-in .*, 10 classes "
                                               r"\(\w+ \.\.\. \w+\); f32, ")
            self.assertIn("deit-run -m FOLDER photo.jpg", result.errors[1])
            self.assertEqual(len(result.errors), 2)
        else:
            self.assert_one_error(result, "-m", code=2)


class Images(Case):
    def test_images_that_fail_do_not_spoil_the_others(self):
        write_png("a.png")
        with open("a.png", "rb") as f:
            data = f.read()
        for name, content in (("cut.png", data[:60]), ("empty.png", b""),
                              ("x.gif", b"GIF89a" + data), ("text.jpg", b"hello")):
            with open(name, "wb") as f:
                f.write(content)
        os.mkdir("dir")
        names = ["cut.png", "a.png", "empty.png", "x.gif", "a.png", "text.jpg", "dir", "no.png"]
        for batch in ("1", "3", "8"):
            result = self.run_model("-q", "-f", "json", "-b", batch, *names, code=1)
            self.assertEqual([r["file"] for r in result.json], names)
            self.assertEqual([r["file"] for r in result.json if "error" not in r], ["a.png"] * 2)
            self.assertEqual(result.errors, [f"deit-run: {r['file']}: {r['error']}"
                                             for r in result.json if "error" in r])
        expected = self.run_model("-f", "json", "a.png").json[0]
        self.assertEqual(result.json[1], expected)

    def test_threads_keep_answers_and_failures_in_order(self):
        """Threads read the photos of a batch together, or without -b answer photos of their own;
        those that fail leave no gap in either."""
        names = []
        for i in range(23):
            names.append(f"{i}.png")
            if i % 5 == 3:
                with open(names[-1], "wb") as f:
                    f.write(b"hello")
            elif i % 7 != 2:  # which is missing
                write_png(names[-1], width=20 + 40 * (i % 3), seed=i)
        alone = [run("-m", self.model, "-q", "-f", "json", "--logits", f"{name}.npy", name)
                 for name in names]
        expected = [result.json[0] for result in alone]
        self.assertEqual(sum("error" in e for e in expected), 7)
        for options in ("-t1 -b23", "-t2 -b4", "-t4 -b23", "-t5 -b3", "-t1", "-t2", "-t3", "-t40"):
            with self.subTest(options):
                result = self.run_model("-q", "-f", "json", *options.split(),
                                        "--logits", "all.npy", *names, code=1)
                self.assertEqual(result.json, expected)
                self.assertEqual(result.errors, [f"deit-run: {r['file']}: {r['error']}"
                                                 for r in expected if "error" in r])
                rows = support.read_npy("all.npy")
                for i, name in enumerate(names):
                    self.assertEqual(rows.row(i).tobytes(), support.read_npy(f"{name}.npy").data)

    def test_a_photo_per_thread_fills_the_same_arrays(self):
        names = [write_png(f"{i}.png", seed=i) for i in range(11)] + ["no.png"]
        files = ("--logits", "l.npy", "--features", "f.npy", "--save-input", "x.npy")
        arrays = []
        for options in ("-b12", "-t1", "-t2", "-t5"):
            self.run_model("-q", *options.split(), *files, *names, code=1)
            arrays.append([support.read_npy(name).data for name in files[1::2]])
            self.assertEqual(arrays[-1], arrays[0], options)

    def test_a_photo_per_thread_may_have_no_finite_answer(self):
        model = support.Model()
        model.tensors["head.bias"][1][3] = float("inf")
        model.save("bad.safetensors")
        names = [write_png(f"{i}.png", seed=i) for i in range(5)]
        result = run("-m", "bad.safetensors", "--allow-nonfinite", "-q", "-t", "2", *names)
        reason = "the model's answer is not finite (NaN or infinity)"
        self.assertEqual((result.code, result.out), (1, b""))
        self.assertEqual(result.errors, [f"deit-run: {name}: {reason}" for name in names])

    def test_nothing_is_left_out_when_all_fail(self):
        result = self.run_model("no.png", "--logits", "l.npy", code=1)
        self.assert_one_error(result, "deit-run: no.png: ")
        self.assertEqual(result.out, b"")
        self.assertEqual(support.read_npy("l.npy").shape, (1, 12))

    def test_an_unsupported_image_is_a_failed_image(self):
        with open("x.webp", "wb") as f:
            f.write(b"RIFF\x24\0\0\0WEBPVP8 " + bytes(100))
        self.assert_one_error(self.run_model("-q", "x.webp", code=1), "deit-run: x.webp: ", "WebP")


class Outputs(Case):
    def setUp(self):
        super().setUp()
        for i in range(20):
            write_png(f"{i:02}.png", seed=i)
        self.files = sorted(os.listdir("."))

    def test_a_closed_pipe_ends_quietly(self):
        for args in ((), ("-f", "json"), ("-f", "csv"), ("--logits", "l.npy")):
            with start("-m", self.model, "-q", "-b", "1", *args, ".") as process:
                process.stdout.close()
                self.assertEqual(process.stderr.read(), b"")
                self.assertEqual(process.wait(60), 1)
            self.assert_only_files(*self.files)
        for option in ("--help", "--version"):
            with start(option) as process:
                process.stdout.close()
                self.assertEqual(process.stderr.read(), b"")
                self.assertIn(process.wait(60), (0, 1))  # it may have been faster

    def test_a_full_disk_under_standard_output(self):
        for args in ((), ("-f", "json"), ("-f", "csv"), ("--logits", "l.npy"), ("-h",), ("-V",)):
            with open("/dev/full", "wb") as full:
                result = run("-m", self.model, ".", *args, stdout=full)
            self.assert_one_error(result, "deit-run: standard output: No space left on device")
            self.assert_only_files(*self.files)

    def test_a_full_disk_under_an_array(self):
        result = self.run_model(".", "--logits", "/dev/full", code=1)
        self.assert_one_error(result, "deit-run: /dev/full: cannot write: No space left on device")

    def test_a_file_that_may_not_grow_further(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

        result = self.run_model("-q", ".", "--logits", "l.npy", "--save-input", "x.npy", code=1,
                                preexec_fn=limit)
        self.assert_one_error(result, "deit-run: x.npy: cannot write: File too large")
        self.assert_only_files(*self.files)

    def test_a_closed_standard_output_is_not_mistaken_for_a_file(self):
        done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", support.program, "-q", "-m",
                               self.model, "--logits", "l.npy", "00.png"],
                              stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output", done.stderr)
        self.assert_only_files(*self.files)

    def test_a_pipe_that_does_not_block_gets_everything(self):
        end, pipe = os.pipe()
        os.set_blocking(pipe, False)
        with start("-m", self.model, "-q", "-f", "json", "-k", "12", *[self.folder] * 40,
                   stdout=pipe) as process, open(end, "rb") as out:
            os.close(pipe)
            time.sleep(0.2)  # it fills the pipe, more than which it has to say
            data = out.read()
            self.assertEqual((process.wait(60), process.stderr.read()), (0, b""))
        self.assertGreater(len(data), 500000)
        self.assertEqual(data.count(b"\n"), 40 * len(self.files))

    def test_a_signal_leaves_no_file(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with start("-m", self.model, "-q", "-k", "1", "--files-from", "-", "--logits",
                       "l.npy") as process:
                process.stdin.write(b"00.png\n")
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), b"00.png\n")
                self.assertEqual(len(os.listdir(".")), len(self.files) + 1)  # the one being written
                process.send_signal(number)
                self.assertEqual(process.wait(60), -number)
                self.assertEqual(process.stderr.read(), b"")
            self.assert_only_files(*self.files)

    def test_a_signal_stops_all_threads(self):
        """A folder without end, as far as anyone can wait: each thread drops what it does."""
        for options in ("-t3", "-t3 -b4"):
            with (start("-m", self.model, "-q", "-k", "1", *options.split(), "--logits", "l.npy",
                        *["."] * 5000, stderr=subprocess.PIPE) as process):
                self.assertEqual(process.stdout.readline(), b"./00.png\n")
                process.send_signal(signal.SIGINT)
                process.stdout.read()
                self.assertEqual(process.wait(60), -signal.SIGINT)
                self.assertEqual(process.stderr.read(), b"")
            self.assert_only_files(*self.files)


if __name__ == "__main__":
    support.main()
