"""Folders, shards and links: what a path leads to."""

import json
import os

import proto as p
import safetensors_cases as st
from case import Case, fifo, folder, hard_link, link, photo, plain_model, repeated, sparse


def run(name, files, words=None, path="m", code=1, args=()):
    return Case(name, {"a.png": photo(), **files}, [*args, "-m", path, "a.png"], words,
                code if words else 0)


def model(path):
    plain_model().save(path)


def halves():
    """The small model in two files, and the map of its index."""
    header, data = st.parts()
    names, files, where = list(header), {}, {}
    for k, part in enumerate((names[:7], names[7:])):
        out, body = {}, b""
        for name in part:
            begin, end = header[name]["data_offsets"]
            out[name] = {**header[name], "data_offsets": [len(body), len(body) + end - begin]}
            body += data[begin:end]
            where[name] = f"{k}.safetensors"
        files[f"m/{k}.safetensors"] = st.pack(out, body)
    return files, where


def index(where, **more):
    return json.dumps({"metadata": {"total_size": 1}, "weight_map": where, **more}).encode()


INDEX = "m/model.safetensors.index.json"


def sharded(name, change=lambda where: None, words=None, files=None, **more):
    parts, where = halves()
    where = change(where) or where
    parts = {**{k: v for k, v in (files or {}).items() if k not in parts}, **parts,
             **(files or {})}
    parts[INDEX] = index(where)
    return run(name, {k: v for k, v in parts.items() if v is not None}, words, **more)


def folders():
    yield run("nothing", {}, "No such file")
    yield run("empty_folder", {"m": folder}, "no model.safetensors")
    yield run("only_config", {"m/config.json": b"{}"}, "no model.safetensors")
    yield run("two_models", {"m/a.safetensors": model, "m/b.safetensors": model},
              ["a.safetensors", "b.safetensors"])
    yield run("two_kinds", {"m/a.safetensors": model, "m/b.onnx": p.good()},
              ["a.safetensors", "b.onnx"])
    yield run("control_in_names", {"m/a\x1b[31m.safetensors": model, "m/b\n.safetensors": model},
              "holds several models")
    yield run("pickle_only", {"m/pytorch_model.bin": b"PK\3\4" + b"\0" * 100}, "pickle", code=2)
    yield run("pickle_named_model", {"m/model.safetensors": b"PK\3\4" + b"\0" * 100}, "pickle",
              code=2)
    yield run("lfs_pointer", {"m/model.safetensors": b"version https://git-lfs.github.com/spec"},
              "git lfs pull")
    yield run("model_is_folder", {"m/model.safetensors": folder}, "not a regular file")
    yield run("model_is_fifo", {"m/model.safetensors": fifo}, "not a regular file")
    yield run("model_is_device", {"m/model.safetensors": link("/dev/zero")}, "not a regular file")
    yield run("model_is_tty", {"m/model.safetensors": link("/dev/tty")}, "m/model.safetensors")
    yield run("model_dangling", {"m/model.safetensors": link("nowhere")}, "No such file")
    yield run("model_loop", {"m/model.safetensors": link("model.safetensors")}, "Too many levels")
    yield run("folder_loop", {"m": link("m")}, "Too many levels")
    yield run("fifo_on_command_line", {"m": fifo}, "not a regular file")
    yield run("device_on_command_line", {}, "not a regular file", "/dev/zero")
    yield run("null_on_command_line", {}, "not a regular file", "/dev/null")
    yield run("empty_name", {}, "No such file", "m\n\x1b[31m")
    yield run("huge_hole", {"m": sparse(b"\xff\xff\xff\xff\0\0\0\0{", 1 << 40)},
              "the format allows")
    yield run("hole_of_zeros", {"m": sparse(b"", 1 << 38)}, "does not begin with '{'")
    yield run("many_files", {f"m/{i}.txt": b"" for i in range(500)}, "no model.safetensors")
    yield run("onnx_folder_loop", {"m/onnx": link("."), "m/onnx.txt": b""}, "no model.safetensors")
    yield run("text_as_onnx", {"m/model.onnx": b"hello\n"}, "model.onnx: ")
    yield run("onnx_as_safetensors", {"m/model.safetensors": b"\xff" + p.good()}, "cut short")


def shards():
    def to(file):
        return lambda where: {name: file for name in where}

    yield sharded("shard_missing", words="No such file", files={"m/1.safetensors": None})
    yield sharded("shard_up", to("../1.safetensors"), "must lie beside the index")
    yield sharded("shard_absolute", to("/etc/passwd"), "must lie beside the index")
    yield sharded("shard_in_folder", to("d/1.safetensors"), "must lie beside the index",
                  {"m/d/1.safetensors": model})
    yield sharded("shard_backslash", to("d\\1.safetensors"), "must lie beside the index")
    yield sharded("shard_dot", to("."), "must lie beside the index")
    yield sharded("shard_dot_dot", to(".."), "must lie beside the index")
    yield sharded("shard_empty", to(""), "must lie beside the index")
    yield sharded("shard_number", to(5), "not a file name")
    yield sharded("shard_null", to(None), "not a file name")
    yield sharded("shard_control", to("a\x1b[31m\n"), "No such file")
    yield sharded("shard_is_index", to("model.safetensors.index.json"),
                  "model.safetensors.index.json: ")
    yield sharded("shard_fifo", words="not a regular file", files={"m/1.safetensors": fifo})
    yield sharded("shard_folder", words="not a regular file", files={"m/1.safetensors": folder})
    yield sharded("shard_device", words="not a regular file",
                  files={"m/1.safetensors": link("/dev/zero")})
    yield sharded("shard_damaged", words="too few", files={"m/1.safetensors": b"\0"})
    yield sharded("shard_long_name", to("n" * 5000), "longer than 255 bytes")
    yield sharded("tensor_elsewhere", lambda where: {**where, "norm.weight": "0.safetensors"},
                  "is not in '0.safetensors'")
    yield sharded("tensor_nowhere", lambda where: {**where, "extra": "0.safetensors"},
                  "tensor 'extra' is not in")
    yield sharded("tensor_unmapped", lambda where: {k: v for k, v in where.items()
                                                    if k != "pos_embed"}, "pos_embed")
    for name, content, words in (
            ("no_map", b'{"a":1}', "without"),
            ("map_list", b'{"weight_map":[]}', "weight_map is an array"),
            ("map_null", b'{"weight_map":null}', "weight_map is null"),
            ("map_empty", b'{"weight_map":{}}', "of 0 tensors"),
            ("unclosed", b'{"weight_map":{', ".json:1: "),
            ("twice", b'{"weight_map":{"a":"b","a":"c"}}', "duplicate object key"),
            ("nested", b'{"weight_map":' + b"[" * 5000, "nested 101 deep"),
            ("wide", repeated(b'{"weight_map":{', b'"a":"b",', 1000000, b'"c":"d"}}'),
             "500000 JSON values"),
            ("many_shards", json.dumps({"weight_map": {f"t{i}": f"f{i}" for i in range(9000)}}
                                       ).encode(), "No such file")):
        yield run("index_" + name, {INDEX: content}, words,
                  code=2 if name == "map_empty" else 1)


def accepted():
    yield sharded("shards")
    yield sharded("shards_named", path=INDEX)
    yield sharded("shard_link_out", files={"blobs/1": halves()[0]["m/1.safetensors"],
                                           "m/1.safetensors": link("../blobs/1")})
    yield sharded("shard_hard_link", files={"blobs/1": halves()[0]["m/1.safetensors"],
                                            "m/1.safetensors": hard_link("../blobs/1")})
    yield sharded("shard_spare_tensor", lambda where: {k: v for k, v in where.items()},
                  files={"m/2.safetensors": model})
    yield run("cache", {"blobs/b1": model, "snap/x/model.safetensors": link("../../blobs/b1"),
                        "snap/x/config.json": link("../../blobs/c1"), "blobs/c1": b"{}"},
              None, "snap/x")
    yield run("link_to_folder", {"real/model.safetensors": model, "m": link("real")})
    yield run("absolute_link", {"m/model.safetensors": lambda path: os.symlink(real(path), path)})
    yield run("any_name", {"m/what\x1b\u202e.safetensors": model})
    yield run("onnx_folder", {"m/onnx/model.onnx": p.good()})
    yield run("other_files", {"m/model.safetensors": model, "m/other.safetensors": b"x",
                              "m/x.bin": b"y", "m/d": folder, "m/pipe": fifo})
    yield run("readme_only_beside", {"m/only.safetensors": model, "m/README.md": b"\xff\0"})
    yield run("deep_path", {"/".join(["d"] * 100) + "/model.safetensors": model}, None,
              "/".join(["d"] * 100))
    yield Case("images_and_odd_files", {
        "m": model, "p/a.png": photo(), "p/b.txt": b"x", "p/c": folder, "p/d.JPG.txt": b""},
        ["-m", "m", "p"])
    yield Case("inspect", {"m/model.safetensors": model}, ["m"], inspect=True)


def real(path):
    target = os.path.join(os.path.dirname(path), "..", "target")
    plain_model().save(target)
    return os.path.abspath(target)


def cases():
    yield from folders()
    yield from shards()
    yield from accepted()
