"""Operands, folders, lists of names and labels."""

import fcntl
import os
import pty
import select
import time
import unittest

import support
from support import Case, Model, run, start, write_png


class Folders(Case):
    NAMES = ["Z.PNG", "a-b.png", "a.JpEg", "a.png", "b.jpeg", "c.jpg", "é.png"]

    def setUp(self):
        super().setUp()
        os.makedirs("photos/a")
        os.makedirs("photos/dir.png")
        for i, name in enumerate(self.NAMES):
            write_png("photos/" + name, seed=i)
        for name in ("a/1.png", "a/0.jpg", "dir.png/x.png"):
            write_png("photos/" + name)
        for name in ("notes.txt", "png", "x.png.bak", "x.gif"):
            with open("photos/" + name, "w", encoding="utf-8"):
                pass

    def names(self, *args, code=0):
        result = self.run_model("-f", "json", *args, code=code)
        return [record["file"] for record in result.json]

    def test_a_folder_stands_for_its_photos_in_bytewise_order(self):
        self.assertEqual(self.names("photos"), ["photos/" + n for n in self.NAMES])

    def test_paths_print_as_given(self):
        self.assertEqual(self.names("./photos/")[0], "./photos/Z.PNG")
        os.chdir("photos")
        self.assertEqual(self.names(".")[0], "./Z.PNG")
        self.assertEqual(self.names("..//photos/a.png"), ["..//photos/a.png"])

    def test_recursive_is_in_bytewise_order_of_paths(self):
        names = self.names("--recursive", "photos")
        every = self.NAMES + ["a/0.jpg", "a/1.png", "dir.png/x.png"]
        self.assertEqual(names, ["photos/" + n for n in sorted(every, key=str.encode)])

    def test_files_and_folders_mix(self):
        self.assertEqual(self.names("photos/c.jpg", "photos/a", "photos/c.jpg"),
                         ["photos/c.jpg", "photos/a/0.jpg", "photos/a/1.png", "photos/c.jpg"])

    def test_a_folder_without_photos_is_an_error(self):
        os.makedirs("empty/below")
        for args in (["empty"], ["--recursive", "empty"]):
            self.assert_one_error(self.run_model("-q", *args, code=1), "deit-run: empty: no .jpg")
        write_png("empty/below/x.png")
        self.run_model("-q", "empty", code=1)
        self.assertEqual(self.names("--recursive", "empty"), ["empty/below/x.png"])
        self.assertEqual(self.names("empty", "photos/a.png", code=1), ["empty", "photos/a.png"])

    def test_links(self):
        os.symlink("../a.png", "photos/a/link.png")
        os.symlink("gone", "photos/a/broken.png")
        os.symlink("..", "photos/a/up")
        os.symlink(os.path.abspath("photos/a"), "to_a")
        self.assertEqual(self.names("to_a", code=1), ["to_a/" + n for n in
                                                      ("0.jpg", "1.png", "broken.png", "link.png")])
        self.assertEqual(len(self.names("--recursive", "photos/a", code=1)), 4)
        os.remove("photos/a/broken.png")
        # A folder inside itself is entered once and then reported.
        result = self.run_model("-f", "json", "--recursive", "--follow-links", "photos/a", code=1)
        self.assertIn("photos/a/up/Z.PNG", [r["file"] for r in result.json])
        self.assertEqual(len([r for r in result.json if "error" in r]), 1)

    def test_what_is_no_file_is_not_taken_from_a_folder(self):
        os.mkfifo("photos/pipe.png")
        self.assertEqual(len(self.names("photos")), len(self.NAMES))


class Lists(Case):
    def setUp(self):
        super().setUp()
        for name in "abc":
            write_png(name + ".png", seed=ord(name))

    def names(self, data, *args, code=0):
        result = self.run_model("-f", "json", "--files-from", "-", *args, input=data, code=code)
        return [record["file"] for record in result.json]

    def test_one_name_a_line(self):
        every = ["a.png", "b.png", "c.png"]
        self.assertEqual(self.names(b"a.png\nb.png\nc.png\n"), every)
        self.assertEqual(self.names(b"\n\na.png\n\nb.png\nc.png"), every)
        with open("list", "w", encoding="utf-8") as f:
            f.write("c.png\na.png\n")
        result = self.run_model("-f", "json", "--files-from", "list", "b.png")
        self.assertEqual([r["file"] for r in result.json], ["b.png", "c.png", "a.png"])

    def test_a_list_may_name_folders(self):
        os.mkdir("more")
        write_png("more/x.png")
        self.assertEqual(self.names(b"more\na.png\n"), ["more/x.png", "a.png"])

    def test_names_are_exact(self):
        for name in (b" x.png", b"x.png ", b"-m.png", b"#x.png", b"'x'.png", b"tab\t.png"):
            write_png(name)
            self.assertEqual(self.names(name + b"\n"), [name.decode()])

    def test_an_empty_list_is_no_work(self):
        self.assertEqual(self.names(b""), [])
        result = self.run_model("--files-from", "-", "--logits", "l.npy", input=b"\n")
        self.assertEqual((result.out, result.err), (b"", b""))
        self.assertEqual(support.read_npy("l.npy").shape, (0, 12))

    def test_names_that_cannot_be(self):
        self.assertEqual(self.names(b"a.png\nb\0.png\n" + b"x" * 200000 + b"\nc.png\n", code=1),
                         ["a.png", "b", "x" * 64, "c.png"])
        self.assertEqual(self.names(b"y" * 65536, code=1), ["y" * 64])

    def test_a_list_that_cannot_be_read(self):
        self.assert_one_error(self.run_model("--files-from", "missing", code=1),
                              "deit-run: missing: No such file")
        self.assert_one_error(self.run_model("-q", "--files-from", ".", code=1),
                              "deit-run: .: Is a directory")

    def test_answers_do_not_wait_for_names_that_are_not_there_yet(self):
        os.mkdir("more")
        write_png("more/x.png")
        with start("-m", self.model, "-k", "1", "-q", "--files-from", "-") as process:
            for name, answer in ((b"a.png", b"a.png"), (b"more", b"more/x.png"),
                                 (b"b.png", b"b.png")):
                process.stdin.write(name + b"\n")
                process.stdin.flush()
                ready, _, _ = select.select([process.stdout], [], [], 60)
                self.assertTrue(ready, "no answer while the list stays open")
                self.assertEqual(process.stdout.readline(), answer + b"\n")
                process.stdout.readline()
            process.stdin.close()
            self.assertEqual(process.wait(60), 0)

    def test_memory_does_not_grow_with_the_number_of_names(self):
        if support.is_sanitized():
            self.skipTest("AddressSanitizer holds freed memory back")

        def peak():
            with (open("names", "rb") as names, open(os.devnull, "wb") as null,
                  start("-m", self.model, "-q", "--files-from", "-", "--logits", "l.npy",
                        "--save-input", "x.npy", stdout=null, stdin=names) as process):
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0)
            return usage.ru_maxrss

        peaks = []
        for n in (50, 5000):
            with open("names", "w", encoding="utf-8") as f:
                f.writelines(f"{'./' * 100}{'abc'[i % 3]}.png\n" for i in range(n))
            peaks.append(peak())
        # 5000 such names alone take 1000 KB, their results 1300 KB, their inputs 15000 KB.
        self.assertLess(peaks[1] - peaks[0], 700)


class Labels(Case):
    def setUp(self):
        super().setUp()
        write_png("a.png")

    def labels(self, *args, model=None):
        result = run("-m", model or self.model, "-f", "json", "-k", "2000", "a.png", *args)
        self.assertEqual(result.code, 0, result.err)
        return {p["index"]: p["label"] for p in result.json[0]["predictions"]}

    def write(self, text, name="labels"):
        with open(name, "w", encoding="utf-8") as f:
            f.write(text)
        return name

    def test_without_names_classes_are_numbered(self):
        self.assertEqual(self.labels(), {i: f"class {i}" for i in range(12)})

    def test_text(self):
        self.write("".join(f"thing {i}\n" for i in range(12)))
        self.assertEqual(self.labels("-l", "labels"), {i: f"thing {i}" for i in range(12)})

    def test_more_names_than_classes_are_fine(self):
        self.write("".join(f"thing {i}\n" for i in range(100)))
        self.assertEqual(self.labels("-l", "labels")[11], "thing 11")

    def test_json(self):
        pairs = ", ".join(f'"{i}": "é{i}"' for i in reversed(range(12)))
        self.write('{"id2label": {%s}}' % pairs, "labels.json")
        self.assertEqual(self.labels("-l", "labels.json"), {i: f"é{i}" for i in range(12)})

    def test_fewer_names_than_classes_are_an_error_with_both_numbers(self):
        self.write("".join(f"thing {i}\n" for i in range(11)))
        result = run("-m", self.model, "-l", "labels", "a.png")
        self.assert_one_error(result, "deit-run: labels: ", "11", "12")
        self.assertEqual(result.out, b"")

    def test_labels_that_cannot_be_read(self):
        self.assert_one_error(run("-m", self.model, "-l", "no", "a.png"), "deit-run: no: ")

    def test_the_model_brings_names(self):
        os.mkdir("named")
        Model().save("named/model.safetensors")
        pairs = ", ".join(f'"{i}": "own {i}"' for i in range(12))
        self.write('{"id2label": {%s}}' % pairs, "named/config.json")
        self.assertEqual(self.labels(model="named"), {i: f"own {i}" for i in range(12)})
        result = run("-m", "named", "a.png")
        self.assertIn(", 12 classes (own 0 ... own 11); ", result.errors[-1])
        self.write("".join(f"thing {i}\n" for i in range(12)))
        self.assertEqual(self.labels("-l", "labels", model="named")[0], "thing 0")

    def test_a_thousand_classes_are_those_of_imagenet(self):
        Model(classes=1000).save("imagenet.safetensors")
        labels = self.labels(model="imagenet.safetensors")
        self.assertIn("tench", labels[0])
        self.assertIn("toilet", labels[999])


class Progress(Case):
    def setUp(self):
        super().setUp()
        for name in "ab":
            write_png(name + ".png")

    def on_terminal(self, *args, terminal="xterm"):
        """What a terminal at standard error sees of a run that lasts longer than a second."""
        try:
            master, slave = pty.openpty()
        except OSError as error:
            raise unittest.SkipTest(f"no terminal to be had: {error}") from error
        fcntl.fcntl(master, fcntl.F_SETFL, os.O_NONBLOCK)
        with start("-m", self.model, "-f", "json", "--files-from", "-", *args, stderr=slave,
                   env={**os.environ, "TERM": terminal}) as process:
            os.close(slave)
            process.stdin.write(b"a.png\n")
            process.stdin.flush()
            time.sleep(1.1)
            process.stdin.write(b"b.png\n")
            process.stdin.close()
            self.assertEqual(process.stdout.read().count(b"\n"), 2)
            self.assertEqual(process.wait(60), 0)
        try:
            seen = os.read(master, 65536)
        except OSError:
            seen = b""
        os.close(master)
        return seen

    def test_it_appears_after_a_second_and_is_erased(self):
        seen = self.on_terminal()
        self.assertEqual(seen.count(b"deit-run: 2 done, "), 1, seen)
        self.assertTrue(seen.endswith(b"\r\x1b[K"), seen)

    def test_it_can_be_switched_off(self):
        for args in (["-q"], ["--no-progress"]):
            self.assertEqual(self.on_terminal(*args), b"")
        self.assertEqual(self.on_terminal(terminal="dumb"), b"")


if __name__ == "__main__":
    support.main()
