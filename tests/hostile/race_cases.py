"""Files that change while they are read.

Nothing here depends on luck, but where it says so: a run that waits for a name on its standard
input has opened its model and not read the weights, and one whose answers nobody takes stands
still in the middle of its array.
"""

import functools
import os
import threading
import time

import folder_cases
import jpeg_cases
import label_cases
import proto as p
from case import Case, photo, plain_model, support

ROWS = 3000
MODES = ("half", "empty", "one_byte_less", "front", "end", "longer")


def change(path, mode):
    """Another content in the same file."""
    size = os.path.getsize(path)
    cuts = {"half": size // 2, "empty": 0, "one_byte_less": size - 1}
    if mode in cuts:
        os.truncate(path, cuts[mode])
    with open(path, "r+b") as f:
        if mode == "front":
            f.write(b"spoilt")
        if mode in ("end", "longer"):
            f.seek(size - (3 if mode == "end" else 0))
            f.write(b"abc")


def exchange(path, mode):
    """Another file under the same name."""
    if mode in ("renamed", "linked"):
        with open(path + ".new", "wb") as f:
            f.write(b"another")
    if mode == "renamed":
        os.rename(path + ".new", path)
    else:
        os.unlink(path)
    if mode == "linked":
        os.symlink(path + ".new", path)
    if mode == "fifo":
        os.mkfifo(path)
    if mode == "folder":
        os.mkdir(path)


def wait_until_asleep(process, path):
    """Until the program has the file open and does nothing for a while."""
    fds, asleep, last = f"/proc/{process.pid}/fd", 0, None
    while asleep < 5 and process.poll() is None:
        time.sleep(0.02)
        try:
            is_open = any(os.path.realpath(f"{fds}/{fd}") == os.path.realpath(path)
                          for fd in os.listdir(fds))
            with open(f"/proc/{process.pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        now = (fields[0], fields[11], fields[12])
        asleep = asleep + 1 if is_open and now == last and now[0] == "S" else 0
        last = now


def while_waiting(folder, process, file, how, mode):
    path = os.path.join(folder, file)
    wait_until_asleep(process, path)
    how(path, mode)
    try:
        process.stdin.write(b"a.png\n")
        process.stdin.close()
    except BrokenPipeError:
        pass
    return b""


def while_stuck(folder, process, mode):
    """Its pipe is full: it is in the middle of its array."""
    path = os.path.join(folder, "x.npy")
    wait_until_asleep(process, path)
    change(path, mode)
    return b""


def all_the_time(folder, process, file, contents):
    """Changes a file in place as fast as it can; what is read when is chance."""
    path, is_over = os.path.join(folder, file), threading.Event()

    def spoil():
        i = 0
        while not is_over.is_set():
            i += 1
            with open(path, "r+b" if i % 2 else "wb") as f:
                f.write(contents[i % len(contents)])

    thread = threading.Thread(target=spoil)
    thread.start()
    process.stdin.close()
    out = process.stdout.read()
    is_over.set()
    thread.join()
    return out


# ------------------------------------------------------------------ the files


def external():
    weight = p.tensor("w", [768, p.CLASSES], p.FLOAT,
                      extra=p.data(13, p.data(1, "location") + p.data(2, "w.bin"))
                      + p.number(14, 1))
    return {"m.onnx": wide(weight), "w.bin": p.floats([0.001] * 768 * p.CLASSES)}


def wide(weight):
    nodes = [p.node("Flatten", ["x"], ["f"], axis=1), p.node("MatMul", ["f", "w"], ["logits"])]
    return p.model(p.graph(nodes, [weight], [p.IMAGE], [p.LOGITS]))


def sources():
    """What is changed, the model, and all of its files."""
    yield "safetensors", "m.safetensors", "m.safetensors", {"m.safetensors": plain_model().save}
    shards, where = folder_cases.halves()
    yield "shard", "m/1.safetensors", "m", {**shards,
                                            folder_cases.INDEX: folder_cases.index(where)}
    yield "onnx", "m.onnx", "m.onnx", {"m.onnx": wide(p.f32("w", [768, p.CLASSES]))}
    yield "external", "w.bin", "m.onnx", external()


def waiting(name, file, model, files, how, mode, words):
    start = functools.partial(while_waiting, file=file, how=how, mode=mode)
    return Case(name, {**files, "a.png": photo()}, ["-m", model, "--files-from", "-"], words,
                start=start)


def models():
    for name, file, model, files in sources():
        for mode in MODES:
            words = "shrank" if mode in ("half", "empty") else "while it was read"
            yield waiting(f"{name}_{mode}", file, model, files, change, mode, words)
        for mode in ("renamed", "removed", "linked", "fifo", "folder"):
            yield waiting(f"{name}_{mode}", file, model, files, exchange, mode, None)


def arrays():
    array = support.npy_bytes([0.01] * 768 * ROWS, (ROWS, 3, 16, 16))
    for mode in MODES:
        yield Case("npy_" + mode, {"m.safetensors": plain_model().save, "x.npy": array},
                   ["-m", "m.safetensors", "-b", "1", "-k", "12", "--tensor", "x.npy"],
                   "x.npy: ", start=functools.partial(while_stuck, mode=mode))


def chance():
    """Both ends are allowed, but no third."""
    image = jpeg_cases.fixture("q100_444.jpg")
    for name, file, contents, args in (
            ("image", "b.jpg", [image, image[:300], b"", image[::-1]], ["b.jpg"] * 40),
            ("labels", "l", [label_cases.text(["x" * 99] * 12), b"a\n", b"\0" * 5000],
             ["-l", "l", "a.png"]),
            ("config", "config.json", [b"{}", b'{"hidden_size":', b'{"hidden_size": 3}'],
             ["a.png"])):
        yield Case(name + "_all_the_time", {"m.safetensors": plain_model().save, "a.png": photo(),
                                            file: contents[0]},
                   ["-m", "m.safetensors", *args], ": ", either=True,
                   start=functools.partial(all_the_time, file=file, contents=contents))


def cases():
    yield from models()
    yield from arrays()
    yield from chance()
