"""safetensors: headers and data that break the format's rules, or say what cannot be."""

import array
import copy
import json
import struct

from case import Case, photo, plain_model, repeated

NAN, INFINITY = float("nan"), float("inf")


def pack(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def parts():
    """The header of the small model as a dictionary, and its data."""
    header, data = {}, b""
    for name, (shape, values) in plain_model().tensors.items():
        end = len(data) + 4 * len(values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), end]}
        data += values.tobytes()
    return header, data


def run(name, content, words=None, *args, **more):
    return Case(name, {"m.safetensors": content, "a.png": photo()},
                ["-m", "m.safetensors", *args, "a.png"], words, **more)


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def changed(change, data=None):
    """The small model with a change to its header."""
    header, own = parts()
    header = copy.deepcopy(header)
    result = change(header)
    return pack(header if result is None else result, own if data is None else data)


def with_tensor(name, change):
    """The small model with other values in one tensor."""
    header, data = parts()
    begin, end = header[name]["data_offsets"]
    values = array.array("f", data[begin:end])
    change(values)
    return pack(header, data[:begin] + values.tobytes() + data[end:])


def reshaped(name, shape):
    """The small model with a tensor of another shape, of ones, at its place."""
    header, data = parts()
    out, at, body = {}, 0, b""
    for key, facts in header.items():
        begin, end = facts["data_offsets"]
        piece, dims = data[begin:end], facts["shape"]
        if key == name:
            n = 1
            for d in shape:
                n *= d
            piece, dims = array.array("f", [0.5] * n).tobytes(), list(shape)
        out[key] = {"dtype": "F32", "shape": dims, "data_offsets": [at, at + len(piece)]}
        at += len(piece)
        body += piece
    return pack(out, body)


def without(name):
    header, data = parts()
    begin, end = header[name]["data_offsets"]
    out = {}
    for key, facts in header.items():
        if key != name:
            first, last = facts["data_offsets"]
            cut = end - begin if first >= end else 0
            out[key] = {**facts, "data_offsets": [first - cut, last - cut]}
    return pack(out, data[:begin] + data[end:])


def extra(name, dtype, shape, content):
    """The small model with one more tensor at its end."""
    header, data = parts()
    header = dict(header)
    header[name] = entry(dtype, shape, (len(data), len(data) + len(content)))
    return pack(header, data + content)


# ------------------------------------------------------------------ the header


def headers():
    good = pack(*parts())
    yield run("empty", b"", "0 bytes are too few")
    yield run("seven_bytes", b"\x08\0\0\0\0\0\0", "7 bytes are too few")
    yield run("length_of_the_file", struct.pack("<Q", 1 << 63) + b"{}", "cut short")
    yield run("length_all_ones", b"\xff" * 8 + b"{}", "cut short")
    yield run("length_one_more", pack(b"{}", b"", 3), "cut short")
    yield run("length_zero", struct.pack("<Q", 0) + b"{}", "does not begin with '{'")
    yield run("header_cut", good[:200], "cut short")
    yield run("data_cut", good[:-1], "not within the")
    yield run("data_longer", good + b"\0", "the tensors end at byte")
    yield run("not_an_object", pack(b"[1]"), "does not begin with '{'")
    yield run("space_in_front", pack(b" {}"), "does not begin with '{'")
    yield run("a_string", pack(b'"abc"'), "does not begin with '{'")
    yield run("unclosed", pack(b'{"a":'), "m.safetensors:1: ")
    yield run("text_behind", pack(b"{} x"), "end of file expected")
    yield run("not_utf8", pack(b'{"\xff\xfe": {}}'), "unable to decode byte 0xff")
    yield run("overlong_utf8", pack(b'{"\xc0\xaf": {}}'), "unable to decode byte 0xc0")
    yield run("surrogate", pack(b'{"\\ud800": 1}'), "Unicode")
    yield run("zero_in_name", pack(b'{"a\\u0000b": {}}'), "\\u0000")
    yield run("raw_control", pack(b'{"a\nb": {}}'), "unexpected newline")
    yield run("duplicate_tensor", pack(b'{"a":{},"a":{}}'), "duplicate object key")
    yield run("duplicate_key", pack(b'{"a":{"dtype":"F32","dtype":"F32"}}'), "duplicate object")
    yield run("nested_101", pack(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}"), "nested 101 deep")
    yield run("nested_2000", pack(b'{"a":' + b"[" * 1999 + b"]" * 1999 + b"}"), "nested")
    yield run("nested_million", pack(b'{"a":' + b"[" * 1000000), "nested")
    yield run("wide", long_header(b'{"a":[', b"{},", 4000000, b"[]]}"), "500000 JSON values")
    yield run("wide_names", long_header(b'{"__metadata__":{', b'"a":"",', 4000000, b'"b":""}}'),
              "500000 JSON values")
    yield run("header_100_mb", long_header(b'{"a":"', b"x", 100000000, b'"}'), "the format allows")
    yield run("text_of_99_mb", long_header(b'{"a":"', b"x", 99000000, b'"}'), "not an object")
    yield run("wide_blank", long_header(b'{"a":', b" ", 90000000, b'}'), "m.safetensors:1: ")
    yield run("big_integer", pack(b'{"a":{"dtype":"F32","shape":[99999999999999999999],'
                                  b'"data_offsets":[0,4]}}'), "too big integer")


# ------------------------------------------------------------------ entries and offsets


def long_header(start, piece, n, end):
    length = len(start) + len(piece) * n + len(end)
    return repeated(struct.pack("<Q", length) + start, piece, n, end)


def entries():
    def one(name, facts, words, data=b"\0" * 4):
        return run(name, pack({"a": facts}, data), words)

    yield one("entry_is_a_list", [], "its entry is not an object")
    yield one("entry_is_null", None, "its entry is not an object")
    yield one("no_dtype", {"shape": [1], "data_offsets": [0, 4]}, "dtype is missing")
    yield one("dtype_number", entry(7), "dtype is missing or not a string")
    yield one("dtype_unknown", entry("F31"), "unknown dtype 'F31'")
    yield one("dtype_lower", entry("f32"), "unknown dtype 'f32'")
    yield one("no_shape", {"dtype": "F32", "data_offsets": [0, 4]}, "shape is missing")
    yield one("shape_number", {**entry(), "shape": 1}, "shape is missing or not an array")
    yield one("dim_negative", entry(shape=[-1]), "not a size")
    yield one("dim_fraction", entry(shape=[1.0]), "not a size")
    yield one("dim_text", entry(shape=["1"]), "not a size")
    yield one("dims_overflow", entry(shape=[1 << 40, 1 << 40]), "does not fit into 64 bits")
    yield one("bits_overflow", entry(shape=[1 << 60]), "does not fit into 64 bits")
    yield one("dims_wrap_to_zero", entry(shape=[1 << 32, 1 << 32]), "does not fit into 64 bits")
    yield one("zero_and_overflow", entry(shape=[0, 1 << 62, 1 << 62], offsets=[0, 0]),
              "the tensors end at")
    yield one("no_offsets", {"dtype": "F32", "shape": [1]}, "data_offsets are missing")
    yield one("three_offsets", entry(offsets=[0, 4, 4]), "not two sizes")
    yield one("offset_negative", entry(offsets=[-4, 0]), "not two sizes")
    yield one("offset_fraction", entry(offsets=[0, 4.0]), "not two sizes")
    yield one("offsets_swapped", entry(offsets=[4, 0]), "are not within")
    yield one("offset_beyond", entry(offsets=[0, 1 << 40]), "are not within")
    yield one("size_differs", entry(shape=[2]), "do not fill the 4 bytes")
    yield one("half_a_byte", entry("F4", [1], [0, 1]), "do not fill", b"\0")
    yield run("gap", pack({"a": entry(), "b": entry(offsets=(8, 12))}, b"\0" * 12),
              "the tensor before it ends at 4")
    yield run("overlap", pack({"a": entry(), "b": entry(offsets=(2, 6))}, b"\0" * 6),
              "the tensor before it ends at 4")
    yield run("same_bytes", pack({"a": entry(), "b": entry()}, b"\0" * 4),
              "the tensor before it ends at 4")
    yield run("first_not_at_0", pack({"a": entry(offsets=(4, 8))}, b"\0" * 8), "begins at byte 4")
    yield run("metadata_list", pack({"__metadata__": []}), "__metadata__ is an array")
    yield run("metadata_number", pack({"__metadata__": {"a": 1}}), "'a' is an integer")


# ------------------------------------------------------------------ what the model says


def semantics():
    yield run("no_tensors", pack({}), "of 0 tensors none is", code=2)
    yield run("other_model", pack({"bert.embeddings.weight": entry()}, b"\0" * 4), "no DeiT",
              code=2)
    yield run("no_pos_embed", without("pos_embed"), "'pos_embed' is missing")
    yield run("no_proj", without("blocks.0.attn.proj.weight"), "blocks.0.attn.proj.weight")
    yield run("no_cls_token", without("cls_token"), "with 0 prefix tokens")
    yield run("no_norm_bias", without("norm.bias"), "'norm.bias' is missing")
    yield run("no_qkv_bias", without("blocks.0.attn.qkv.weight"), "blocks.0.attn.q")
    yield run("patch_rank_2", reshaped("patch_embed.proj.weight", (64, 192)), "is (64, 192)")
    yield run("patch_of_0", reshaped("patch_embed.proj.weight", (64, 3, 0, 8)), "(64, 3, 0, 8)")
    yield run("positions_6", reshaped("pos_embed", (1, 6, 64)), "no square grid")
    yield run("positions_of_two", reshaped("pos_embed", (2, 5, 64)), "is (2, 5, 64)")
    yield run("positions_narrow", reshaped("pos_embed", (1, 5, 63)), "is (1, 5, 63)")
    yield run("positions_none", reshaped("pos_embed", (1, 0, 64)), "(1, 0, 64)")
    yield run("qkv_odd", reshaped("blocks.0.attn.qkv.weight", (191, 64)), "(191, 64)")
    yield run("qkv_bias_short", reshaped("blocks.0.attn.qkv.bias", (191,)), "(191)")
    yield run("head_narrow", reshaped("head.weight", (12, 63)), "(12, 63)")
    yield run("head_of_0", reshaped("head.weight", (0, 64)), "(0, 64)")
    yield run("head_bias_long", reshaped("head.bias", (13,)), "(13)")
    yield run("fc2_narrow", reshaped("blocks.0.mlp.fc2.weight", (64, 127)), "(64, 127)")
    yield run("norm_wide", reshaped("norm.weight", (65,)), "(65)")
    yield run("block_7_alone", changed(lambda h: {
        k.replace("blocks.0.norm1", "blocks.7.norm1"): v for k, v in h.items()}), "blocks.")
    yield run("block_billion", changed(lambda h: {
        k.replace("blocks.0.norm1", "blocks.999999999.norm1"): v for k, v in h.items()}),
        "a block is numbered 999999999")
    yield run("norm_of_integers", changed(lambda h: h["norm.weight"].update(dtype="I32")),
              "is I32", code=2)
    yield run("registers", extra("reg_token", "F32", [1], b"\0" * 4), "register tokens",
              code=2)
    yield run("nothing_to_classify_with", changed(lambda h: {
        k.replace("head.", "fc."): v for k, v in h.items()}), "--features", code=2)


def nonfinite():
    for kind, name in (("linear", "blocks.0.attn.qkv.weight"), ("bias", "blocks.0.mlp.fc1.bias"),
                       ("conv", "patch_embed.proj.weight"), ("norm", "norm.weight"),
                       ("positions", "pos_embed"), ("token", "cls_token"), ("head", "head.bias")):
        for what, value in (("nan", NAN), ("inf", -INFINITY)):
            def spoil(values, value=value):
                values[len(values) // 2] = value
            yield run(f"{what}_in_{kind}", with_tensor(name, spoil), [name, "NaN or infinite"])
    def spoil_last(values):
        values[-1] = NAN
    yield run("nan_answer", with_tensor("head.bias", spoil_last), "not finite",
              "--allow-nonfinite")
    def huge(values):
        values[0] = 3e38
        values[1] = 3e38
    yield run("answer_overflows", with_tensor("norm.weight", lambda v: v.__setitem__(
        slice(None), array.array("f", [3e38] * len(v)))), "not finite")


def accepted():
    header, data = parts()
    text = json.dumps(header).encode()
    yield run("spaces_behind_header", pack(text + b" " * 777, data))
    yield run("newlines_behind_header", pack(text + b"\n\t\r ", data))
    yield run("pretty_header", pack(json.dumps(header, indent=8).encode(), data))
    yield run("entries_reversed", pack(dict(reversed(header.items())), data))
    yield run("metadata", pack({"__metadata__": {"format": "pt", "a": "\n\u202e"}, **header}, data))
    yield run("metadata_long", pack({"__metadata__": {"a": "x, [{" * 100000}, **header}, data))
    yield run("unknown_key", changed(lambda h: h["norm.bias"].update(colour="red")))
    yield run("empty_tensor", extra("spare", "F32", [0], b""))
    yield run("empty_tensor_huge_dims", extra("spare", "F32", [1 << 40, 0], b""))
    yield run("rank_20", extra("spare", "U8", [1] * 20, b"\0"))
    yield run("counter", extra("num_batches_tracked", "I64", [], b"\0" * 8))
    yield run("float8_spare", extra("spare", "F8_E4M3", [3], b"\1\2\3"))
    yield run("nan_in_unused", extra("spare", "F32", [1], struct.pack("<f", NAN)))
    yield run("escaped_names", pack(text.replace(b"cls_token", b"\\u0063ls_token"), data))
    yield run("denormals", with_tensor("blocks.0.mlp.fc2.weight", lambda v: v.__setitem__(
        slice(None), array.array("f", [1e-42] * len(v)))))
    yield run("minus_zero", with_tensor("head.weight", lambda v: v.__setitem__(0, -0.0)))
    yield run("nested_100", pack(text[:-1] + b',"__metadata__":{}}', data))
    yield run("long_name", extra("n" * 70000, "F32", [1], b"\0" * 4))
    yield run("odd_name", extra("spare \u202e\x7f", "F32", [1], b"\0" * 4))
    yield Case("no_extension", {"weights": pack(header, data), "a.png": photo()},
               ["-m", "weights", "a.png"])


def cases():
    yield from headers()
    yield from entries()
    yield from semantics()
    yield from nonfinite()
    yield from accepted()
