"""What the tests of the programs share: running one, and making its files without other packages.

A test is started as 'test_x.py PROGRAM'.  It makes its own small model, so that it never
depends on data from elsewhere; what needs the shared test data asks shared() and is skipped,
with the reason, where that is missing.
"""

import array
import ast
import json
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

program = None
SOURCE = os.environ.get("DEIT_SOURCE_ROOT") or os.path.abspath(__file__ + "/../../..")

# ------------------------------------------------------------------ running


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def text(self):
        return self.out.decode("utf-8")

    @property
    def errors(self):
        return self.err.decode("utf-8").splitlines()

    @property
    def json(self):
        """One object a line; only newlines end a line."""
        return [json.loads(line) for line in self.text.split("\n") if line]


def run(*args, env=None, **more):
    """Runs the program to its end."""
    environment = {k: v for k, v in os.environ.items() if k != "DEIT_CPU"}
    environment.update(env or {})
    done = subprocess.run([program, *args], env=environment, timeout=300,
                          **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more})
    return Result(done.returncode, done.stdout, done.stderr)


def start(*args, **more):
    """Starts the program with pipes at all three ends."""
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    return subprocess.Popen([program, *args], **{**pipes, **more})


def is_sanitized():
    """Whether the program runs under AddressSanitizer, whose memory is not the program's own."""
    with open(program, "rb") as f:
        return b"__asan_init" in f.read()


# ------------------------------------------------------------------ NPY


class Array:
    """A float array: shape and the bytes of its elements."""

    def __init__(self, shape, data, code="f"):
        self.shape, self.data, self.code = tuple(shape), data, code

    @property
    def values(self):
        return array.array(self.code, self.data)

    def row(self, i):
        n = math.prod(self.shape[1:])
        return self.values[i * n:(i + 1) * n]


def npy_bytes(values, shape, descr="<f4", fortran=False, version=1, header=None):
    if header is None:
        header = str({"descr": descr, "fortran_order": fortran, "shape": tuple(shape)})
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + array.array("f", values).tobytes()


def write_npy(path, values, shape, **more):
    with open(path, "wb") as f:
        f.write(npy_bytes(values, shape, **more))
    return path


def read_npy(path, descr="<f4"):
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    end = 10 + struct.unpack("<H", data[8:10])[0]
    assert end % 64 == 0 and data[end - 1:end] == b"\n"
    header = ast.literal_eval(data[10:end].decode("ascii"))
    code = {"<f4": "f", "<f8": "d"}[descr]
    assert header["descr"] == descr and header["fortran_order"] is False
    size = array.array(code).itemsize
    assert len(data) - end == size * math.prod(header["shape"]), "size and shape differ"
    return Array(header["shape"], data[end:], code)


def difference(a, b):
    return max((abs(x - y) for x, y in zip(a, b, strict=True)), default=0.0)


# ------------------------------------------------------------------ images


def png_bytes(width, height, pixel):
    """An RGB PNG; 'pixel' is a colour or a function of (x, y)."""
    colour = pixel if callable(pixel) else lambda x, y: pixel
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in colour(x, y))
                    for y in range(height))

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def gradient(seed):
    return lambda x, y: ((x * 11 + seed * 37) % 256, (y * 13 + seed * 5) % 256,
                         (x * y + seed) % 256)


def write_png(path, seed=0, width=20, height=18):
    with open(path, "wb") as f:
        f.write(png_bytes(width, height, gradient(seed)))
    return path


# ------------------------------------------------------------------ a small model


class Model:
    """A DeiT of one block with seeded weights, and its own forward pass in double precision."""

    WIDTH, PATCH, SIZE, HIDDEN = 64, 8, 16, 128

    def __init__(self, classes=12, distilled=False, seed=1):
        self.classes, self.distilled = classes, distilled
        self.tokens = (self.SIZE // self.PATCH) ** 2
        self.prefix = 2 if distilled else 1
        self.tensors = {}
        draw = random.Random(seed)
        w, p = self.WIDTH, self.PATCH

        def add(name, *shape, scale=0.05, offset=0.0):
            values = [offset + draw.gauss(0.0, scale) for _ in range(math.prod(shape))]
            self.tensors[name] = (shape, array.array("f", values))

        add("cls_token", 1, 1, w)
        if distilled:
            add("dist_token", 1, 1, w)
        add("pos_embed", 1, self.prefix + self.tokens, w)
        add("patch_embed.proj.weight", w, 3, p, p)
        add("patch_embed.proj.bias", w)
        for name in ("blocks.0.norm1", "blocks.0.norm2", "norm"):
            add(name + ".weight", w, offset=1.0)
            add(name + ".bias", w)
        for name, rows, columns in (("blocks.0.attn.qkv", 3 * w, w), ("blocks.0.attn.proj", w, w),
                                    ("blocks.0.mlp.fc1", self.HIDDEN, w),
                                    ("blocks.0.mlp.fc2", w, self.HIDDEN)):
            add(name + ".weight", rows, columns, scale=0.1)
            add(name + ".bias", rows)
        for name in ("head", "head_dist")[:(0 if not classes else 2 if distilled else 1)]:
            add(name + ".weight", classes, w, scale=0.2)
            add(name + ".bias", classes)

    def save(self, path):
        header, at = {}, 0
        for name, (shape, values) in self.tensors.items():
            end = at + 4 * len(values)
            header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, end]}
            at = end
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(path, "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text)
            for _, values in self.tensors.values():
                f.write(values.tobytes())
        return path

    # The forward pass is written for reading; a token is a list of floats.

    def _linear(self, name, x):
        _, weight = self.tensors[name + ".weight"]
        _, bias = self.tensors[name + ".bias"]
        n = len(x)
        return [b + math.fsum(weight[i * n + k] * x[k] for k in range(n))
                for i, b in enumerate(bias)]

    def _norm(self, name, x):
        _, gamma = self.tensors[name + ".weight"]
        _, beta = self.tensors[name + ".bias"]
        mean = math.fsum(x) / len(x)
        variance = math.fsum((v - mean) ** 2 for v in x) / len(x)
        scale = 1.0 / math.sqrt(variance + 1e-6)
        return [(v - mean) * scale * g + b for v, g, b in zip(x, gamma, beta)]

    def _patches(self, image):
        _, weight = self.tensors["patch_embed.proj.weight"]
        _, bias = self.tensors["patch_embed.proj.bias"]
        s, p = self.SIZE, self.PATCH
        for top in range(0, s, p):
            for left in range(0, s, p):
                pixels = [image[(c * s + top + y) * s + left + x]
                          for c in range(3) for y in range(p) for x in range(p)]
                n = len(pixels)
                yield [b + math.fsum(weight[i * n + k] * pixels[k] for k in range(n))
                       for i, b in enumerate(bias)]

    def _attention(self, tokens):
        w = self.WIDTH
        qkv = [self._linear("blocks.0.attn.qkv", t) for t in tokens]
        for q in qkv:
            scores = [math.fsum(q[i] * k[w + i] for i in range(w)) / math.sqrt(w) for k in qkv]
            top = max(scores)
            weights = [math.exp(s - top) for s in scores]
            total = math.fsum(weights)
            context = [math.fsum(a * v[2 * w + i] for a, v in zip(weights, qkv)) / total
                       for i in range(w)]
            yield self._linear("blocks.0.attn.proj", context)

    def _mlp(self, token):
        hidden = [0.5 * v * (1.0 + math.erf(v / math.sqrt(2.0)))
                  for v in self._linear("blocks.0.mlp.fc1", token)]
        return self._linear("blocks.0.mlp.fc2", hidden)

    def forward(self, image):
        """The normed tokens for the 3 x SIZE x SIZE floats of an image."""
        tokens = [list(self.tensors["cls_token"][1])]
        if self.distilled:
            tokens.append(list(self.tensors["dist_token"][1]))
        tokens += self._patches(image)
        positions = self.tensors["pos_embed"][1]
        w = self.WIDTH
        tokens = [[v + positions[t * w + i] for i, v in enumerate(token)]
                  for t, token in enumerate(tokens)]
        update = list(self._attention([self._norm("blocks.0.norm1", t) for t in tokens]))
        tokens = [[a + b for a, b in zip(t, u)] for t, u in zip(tokens, update)]
        update = [self._mlp(self._norm("blocks.0.norm2", t)) for t in tokens]
        tokens = [[a + b for a, b in zip(t, u)] for t, u in zip(tokens, update)]
        return [self._norm("norm", t) for t in tokens]

    def features(self, image):
        """What timm calls pre_logits: the class token, or the mean of both."""
        tokens = self.forward(image)[:self.prefix]
        return [math.fsum(v) / len(v) for v in zip(*tokens)]

    def logits(self, image, head="avg"):
        tokens = self.forward(image)
        first = self._linear("head", tokens[0])
        if not self.distilled or head == "cls":
            return first
        second = self._linear("head_dist", tokens[1])
        return second if head == "dist" else [(a + b) / 2 for a, b in zip(first, second)]


def random_input(n, size=Model.SIZE, seed=3):
    draw = random.Random(seed)
    return array.array("f", [draw.gauss(0.0, 1.0) for _ in range(n * 3 * size * size)])


# f32 against double: 3.6e-6 is the largest difference over eight such models, 32 inputs and three
# instruction sets, for logits up to 3.4.  A GELU by tanh is 2.5e-4 off, a LayerNorm epsilon of
# 1e-5 9e-4.
LIMIT = 2e-5

# ------------------------------------------------------------------ test cases


class Case(unittest.TestCase):
    """A test with a folder of its own as the current one, and the small model in it."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.shelf = tempfile.mkdtemp(prefix="deit-cli-")
        cls.addClassCleanup(shutil.rmtree, cls.shelf, ignore_errors=True)
        cls.plain = Model()
        cls.model = cls.plain.save(os.path.join(cls.shelf, "model.safetensors"))

    def setUp(self):
        before = os.getcwd()
        self.folder = tempfile.mkdtemp(dir=self.shelf)
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)

    def run_model(self, *args, code=0, **more):
        """Runs deit-run with the small model and checks how it ends."""
        result = run("-m", self.model, *args, **more)
        self.assertEqual(result.code, code, result.err)
        return result

    def assert_usage_error(self, result, *words):
        self.assertEqual(result.code, 2, result.err)
        self.assertEqual(result.out, b"")
        self.assertEqual(len(result.errors), 2, result.errors)
        name = os.path.basename(program)
        self.assertTrue(result.errors[0].startswith(name + ": "), result.errors)
        self.assertEqual(result.errors[1], f"Try '{name} --help' for more information.")
        for word in words:
            self.assertIn(word, result.errors[0])

    def assert_one_error(self, result, *words, code=1):
        self.assertEqual(result.code, code, result.err)
        self.assertEqual(len(result.errors), 1, result.errors)
        self.assertTrue(result.errors[0].startswith(os.path.basename(program) + ": "),
                        result.errors)
        for word in words:
            self.assertIn(word, result.errors[0])

    def assert_only_files(self, *names):
        """Nothing else is in the test's folder: no temporary file is left."""
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(names))


def shared(*parts):
    """A path in the shared test data; the test is skipped where it is missing."""
    folder = os.environ.get("DEIT_SHARED") or os.path.join(os.path.dirname(SOURCE), "shared")
    path = os.path.join(folder, *parts)
    if not os.path.exists(path):
        raise unittest.SkipTest(f"{path} is missing; DEIT_SHARED names the shared test data")
    return path


def needs_onnx():
    """The test is skipped where the program was built without its ONNX loader."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        with open(path, "wb") as f:
            f.write(b"\x08\x07\x12\x07pytorch")
        model = [path] if "inspect" in os.path.basename(program) else ["-m", path, path]
        if b"no ONNX loader" in run(*model).err:
            raise unittest.SkipTest("this build has no ONNX loader")


def main():
    """Runs the tests of the calling script; 77 if all of them were skipped."""
    global program
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PROGRAM [TEST]...")
    program = os.path.abspath(sys.argv.pop(1))  # tests change their folder
    done = unittest.main(exit=False, verbosity=1).result
    if not done.wasSuccessful():
        sys.exit(1)
    for test, reason in done.skipped:
        print(f"skipped: {test}: {reason}")
    # A class that is skipped as a whole counts no test.
    sys.exit(77 if done.skipped and len(done.skipped) >= done.testsRun else 0)
