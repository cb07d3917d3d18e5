"""The three formats of results, read back by other parsers, and what they escape."""

import csv
import io
import math
import os
import re
import struct
import unicodedata

import support
from support import Case, Model, run, write_npy, write_png

# Everything that could end a line, steer a terminal or reverse the order of what is read.
HOSTILE = "".join(chr(c) for c in [*range(1, 0x20), *range(0x7f, 0xa0), 0x61c, 0x200e, 0x200f,
                                   *range(0x2028, 0x202f), *range(0x2066, 0x206a)])
# A file name holds 255 bytes.
HOSTILE_NAMES = [HOSTILE[:64], HOSTILE[64:], "a\nb\r\n\"c\", \x1b[31m\u202ed\\ \t'e"]
INVALID = {b"\xff": "\ufffd", b"\xc3": "\ufffd", b"a\x80b": "a\ufffdb",
           b"\xed\xa0\x80": "\ufffd" * 3,
           b"\xe2\x82": "\ufffd", b"\xf0\x9f\x98": "\ufffd", b"\xc0\xaf": "\ufffd" * 2,
           b"\xf4\x90\x80\x80": "\ufffd" * 4, "€ü😀".encode(): "€ü😀"}


def read_csv(result):
    return list(csv.DictReader(io.StringIO(result.text, newline=""), strict=True))


def escape(text):
    return "".join(f"\\u{ord(c):04x}" if c in HOSTILE else c for c in text)


class Formats(Case):
    def setUp(self):
        super().setUp()
        write_png("a.png", seed=1)
        write_png("b.png", seed=2)

    def softmax(self, logits):
        top = max(logits)
        powers = [math.exp(v - top) for v in logits]
        return [p / math.fsum(powers) for p in powers]

    def test_json(self):
        result = self.run_model("-f", "json", "-k", "12", "--logits", "l.npy", "a.png", "b.png")
        logits = support.read_npy("l.npy")
        self.assertEqual([r["file"] for r in result.json], ["a.png", "b.png"])
        for i, record in enumerate(result.json):
            self.assertEqual(set(record), {"file", "predictions"})
            row = logits.row(i)
            order = sorted(range(12), key=lambda c: (-row[c], c))
            self.assertEqual([p["index"] for p in record["predictions"]], order)
            probabilities = self.softmax(row)
            for p in record["predictions"]:
                self.assertEqual(set(p), {"index", "label", "probability", "logit"})
                self.assertEqual(p["label"], f"class {p['index']}")
                # Nine digits bring the same float back.
                self.assertEqual(struct.pack("<f", p["logit"]), struct.pack("<f", row[p["index"]]))
                self.assertAlmostEqual(p["probability"], probabilities[p["index"]], delta=1e-6)
        number = r"-?\d+(\.\d+)?(e-?\d+)?"
        self.assertRegex(result.text.split("\n")[0], r'\A\{"file": "a.png", "predictions": '
                         rf'\[\{{"index": \d+, "label": "class \d+", "probability": {number}, '
                         rf'"logit": {number}\}}, ')

    def test_csv(self):
        expected = self.run_model("-f", "json", "a.png", "b.png").json
        result = self.run_model("-f", "csv", "a.png", "b.png")
        self.assertTrue(result.text.startswith("file,rank,index,label,probability,logit,error\r\n"))
        self.assertEqual(result.text.count("\n"), result.text.count("\r\n"))
        self.assertTrue(result.text.endswith("\r\n"))
        rows = read_csv(result)
        self.assertEqual(len(rows), 10)
        for i, row in enumerate(rows):
            p = expected[i // 5]["predictions"][i % 5]
            self.assertEqual(row["file"], ("a.png", "b.png")[i // 5])
            self.assertEqual(row["rank"], str(i % 5 + 1))
            self.assertEqual((int(row["index"]), row["label"]), (p["index"], p["label"]))
            self.assertEqual(float(row["probability"]), p["probability"])
            self.assertEqual(float(row["logit"]), p["logit"])
            self.assertEqual(row["error"], "")

    def test_text(self):
        expected = self.run_model("-f", "json", "a.png").json[0]["predictions"]
        lines = self.run_model("./a.png").text.split("\n")
        self.assertEqual(lines[0], "./a.png")
        self.assertEqual(lines[-1], "")
        for line, p in zip(lines[1:-1], expected, strict=True):
            self.assertEqual(line, f"{100 * p['probability']:7.1f} %  {p['label']}")

    def test_ties_go_to_the_lower_index(self):
        model = Model(classes=40)
        for name in ("head.weight", "head.bias"):
            shape, values = model.tensors[name]
            model.tensors[name] = (shape, type(values)("f", bytes(4 * len(values))))
        model.save("flat.safetensors")
        record, = run("-m", "flat.safetensors", "-f", "json", "-k", "7", "a.png").json
        self.assertEqual([p["index"] for p in record["predictions"]], list(range(7)))
        for p in record["predictions"]:
            self.assertAlmostEqual(p["probability"], 1 / 40, delta=1e-8)

    def test_errors_stand_in_json_and_csv_too(self):
        names = ["a.png", "missing.png", "b.png"]
        reason = "No such file or directory"
        for style in ("text", "json", "csv"):
            result = self.run_model("-q", "-f", style, *names, code=1)
            self.assertEqual(result.errors, [f"deit-run: missing.png: {reason}"])
        records = self.run_model("-f", "json", *names, code=1).json
        self.assertEqual([r["file"] for r in records], names)
        self.assertEqual(records[1], {"file": "missing.png", "error": reason})
        rows = read_csv(self.run_model("-f", "csv", *names, code=1))
        self.assertEqual(len(rows), 11)
        self.assertEqual(list(rows[5].values()), ["missing.png", "", "", "", "", "", reason])

    def test_an_error_reads_in_order_with_results(self):
        with open("log", "wb") as log:
            run("-m", self.model, "-q", "-k1", "a.png", "no.png", "b.png", stdout=log, stderr=log)
        with open("log", encoding="utf-8") as log:
            lines = log.read().splitlines()
        self.assertEqual([line[:16] for line in (lines[0], *lines[2:4])],
                         ["a.png", "deit-run: no.png", "b.png"])

    # Escaping

    def assert_is_clean(self, text):
        for c in text:
            self.assertFalse(c in HOSTILE and c not in "\r\n", repr(text))
            self.assertFalse(unicodedata.category(c) in ("Cc", "Zl", "Zp") and c not in "\r\n")

    def test_hostile_names_in_results(self):
        for name in HOSTILE_NAMES:
            path = "./" + name.replace("/", "") + ".png"
            write_png(path)
            shown = escape(path)
            text = self.run_model("-q", path)
            self.assertEqual(text.text.split("\n")[0], shown)
            self.assert_is_clean(text.text)

            json_ = self.run_model("-f", "json", path)
            self.assert_is_clean(json_.text)
            self.assertEqual(json_.text.count("\n"), 1)
            self.assertEqual(json_.json[0]["file"], path)

            csv_ = self.run_model("-f", "csv", path)
            self.assert_is_clean(csv_.text)
            self.assertEqual(csv_.text.count("\n"), 6)
            self.assertEqual({r["file"] for r in read_csv(csv_)}, {shown})

    def test_hostile_names_in_errors(self):
        for name in HOSTILE_NAMES:
            path = "./" + name + ".png"
            result = self.run_model("-q", path, code=1)
            self.assertEqual(result.err.decode(),
                             f"deit-run: {escape(path)}: No such file or directory\n")
            record, = self.run_model("-f", "json", path, code=1).json
            self.assertEqual(record, {"file": path, "error": "No such file or directory"})
            row, = read_csv(self.run_model("-f", "csv", path, code=1))
            self.assertEqual(row["file"], escape(path))

    def test_bytes_that_are_not_utf8(self):
        for name, shown in INVALID.items():
            path = b"./" + name + b".png"
            write_png(path)
            self.assertEqual(self.run_model("-f", "json", path).json[0]["file"], f"./{shown}.png")
            self.assertEqual(self.run_model(path).text.split("\n")[0], f"./{shown}.png")
            row = read_csv(self.run_model("-f", "csv", path))[0]
            self.assertEqual(row["file"], f"./{shown}.png")
            os.remove(path)
            result = self.run_model("-q", path, code=1)
            self.assertTrue(result.err.decode().startswith(f"deit-run: ./{shown}.png: "))

    def test_hostile_labels(self):
        label = HOSTILE.replace("\n", "").replace("\r", "") + "\",'\\<&"
        with open("labels.txt", "w", encoding="utf-8", newline="\n") as f:
            f.writelines(f"{i}{label}\n" for i in range(12))
        labels = {f"{i}{label}" for i in range(12)}
        text = self.run_model("-k", "12", "-l", "labels.txt", "a.png")
        self.assert_is_clean(text.text + text.err.decode())
        self.assertEqual({line.split(" %  ")[1] for line in text.text.splitlines()[1:]},
                         {escape(s) for s in labels})
        record, = self.run_model("-k", "12", "-l", "labels.txt", "-f", "json", "a.png").json
        self.assertEqual({p["label"] for p in record["predictions"]}, labels)
        rows = read_csv(self.run_model("-k", "12", "-l", "labels.txt", "-f", "csv", "a.png"))
        self.assertEqual({r["label"] for r in rows}, {escape(s) for s in labels})

    def test_a_name_of_commas_and_quotes_is_one_field(self):
        for name in ("a, b.png", '"x".png', " lead.png", "trail.png ", "'q'.png"):
            write_png(name)
            rows = read_csv(self.run_model("-f", "csv", name))
            self.assertEqual({r["file"] for r in rows}, {name})

    def test_tensor_rows_are_numbered(self):
        write_npy("x.npy", support.random_input(3), (3, 3, 16, 16))
        records = self.run_model("-f", "json", "--tensor", "./x.npy").json
        self.assertEqual([r["file"] for r in records], ["./x.npy#0", "./x.npy#1", "./x.npy#2"])

    def test_results_alone_are_on_standard_output(self):
        result = self.run_model("-v", "a.png")
        self.assertTrue(all(re.fullmatch(r"a\.png| +\d+\.\d %  class \d+", line)
                            for line in result.text.splitlines()))


if __name__ == "__main__":
    support.main()
