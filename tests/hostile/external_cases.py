"""ONNX: data that lies in other files."""

import proto as p
from case import Case, fifo, folder, hard_link, link, photo

RAW = p.floats([0.1 * i for i in range(15)])


def entries(**keys):
    return b"".join(p.data(13, p.data(1, k) + p.data(2, str(v))) for k, v in keys.items())


def weight(extra, location=1, dims=(3, p.CLASSES), dtype=p.FLOAT, more=b""):
    return p.tensor("w", dims, dtype, extra=extra + p.number(14, location) + more)


def run(name, extra, words=None, files=None, *args, code=1, **more):
    """The weight of the good model is somewhere else."""
    content = p.good(weight=weight(extra, **more))
    return Case(name, {"sub/m.onnx": content, "a.png": photo(),
                       **({"sub/w.bin": RAW} if files is None else files)},
                ["-m", "sub/m.onnx", *args, "a.png"], words, code)


def locations():
    for name, location, words in (
            ("absolute", "/etc/passwd", "an absolute path"),
            ("absolute_twice", "//etc/passwd", "an absolute path"),
            ("dot_dot", "../w.bin", "a path with '..'"),
            ("dot_dot_inside", "a/../../w.bin", "a path with '..'"),
            ("dot_dot_end", "a/..", "a path with '..'"),
            ("dot_dot_back_inside", "a/../w.bin", "a path with '..'"),
            ("missing", "nowhere.bin", "No such file"),
            ("missing_folder", "a/w.bin", "No such file"),
            ("is_the_folder", ".", "not a regular file"),
            ("file_as_folder", "w.bin/x", "Not a directory"),
            ("long_name", "n" * 5000, "longer than 4096 bytes"),
            ("many_slashes", "a" + "/" * 5000, "longer than 4096 bytes"),
            ("empty", "", "without a location"),
            ("proc", "/proc/self/mem", "an absolute path")):
        yield run("location_" + name, entries(location=location), words,
                  {"sub/w.bin": RAW, "w.bin": RAW})
    yield run("location_none", entries(offset=0), "without a location")
    yield run("location_twice", entries(location="w.bin") + entries(location="w.bin"),
              "'location' is there twice")
    yield run("no_entries", b"", "without a location")
    yield run("nothing_at_all", b"", "has no data", location=0)
    yield run("control_in_name", entries(location="a\n\x1b[31m.bin"), "No such file")


def ranges():
    def one(name, words, files=None, **keys):
        return run("range_" + name, entries(location="w.bin", **keys), words, files)

    yield one("offset_beyond", "at offset 61", offset=61)
    yield one("offset_past_end", "at offset 4", offset=4)
    yield one("offset_huge", "at offset 9223372036854775807", offset=(1 << 63) - 1)
    yield one("offset_2_64", "is not a number of bytes", offset=1 << 64)
    yield one("offset_wraps", "at offset 18446744073709551600", offset=(1 << 64) - 16)
    yield one("offset_negative", "is not a number of bytes", offset=-1)
    yield one("offset_hex", "is not a number of bytes", offset="0x10")
    yield one("offset_blank", "is not a number of bytes", offset=" 0")
    yield one("offset_empty", "is not a number of bytes", offset="")
    yield one("offset_fraction", "is not a number of bytes", offset="0.0")
    yield one("length_short", "external data of 59 bytes", length=59)
    yield one("length_long", "external data of 61 bytes", length=61)
    yield one("length_zero", "external data of 0 bytes", length=0)
    yield one("length_text", "is not a number of bytes", length="sixty")
    yield one("length_2_64", "is not a number of bytes", length=1 << 64)
    yield one("file_short", "which has 59", {"sub/w.bin": RAW[:59]})
    yield one("file_empty", "which has 0", {"sub/w.bin": b""})
    yield run("offset_twice", entries(location="w.bin", offset=0) + entries(offset=4),
              "'offset' is there twice")
    yield run("dims_huge", entries(location="w.bin"), "63 bits", dims=(1 << 40, 1 << 40))
    yield run("raw_as_well", entries(location="w.bin"), "has external data and raw_data",
              more=p.data(9, RAW))
    yield run("type_unknown", entries(location="w.bin"), "type 99", code=2, dtype=99)
    yield run("nan", entries(location="w.bin"), ["w", "NaN or infinite"],
              {"sub/w.bin": p.floats([float("nan")] * 15)})


def places():
    one = entries(location="w.bin")
    yield run("fifo", one, "not a regular file", {"sub/w.bin": fifo})
    yield run("is_folder", one, "not a regular file", {"sub/w.bin": folder})
    yield run("link_out", one, "leads out of the model's folder",
              {"w.bin": RAW, "sub/w.bin": link("../w.bin")})
    yield run("link_absolute", one, "leads out of the model's folder",
              {"sub/w.bin": link("/etc/passwd")})
    yield run("link_to_device", one, "leads out of the model's folder",
              {"sub/w.bin": link("/dev/zero")})
    yield run("link_to_device_followed", one, "not a regular file",
              {"sub/w.bin": link("/dev/zero")}, "--follow-links")
    yield run("link_to_proc", one, "leads out of the model's folder",
              {"sub/w.bin": link("/proc/self/cmdline")})
    yield run("link_loop", one, "Too many levels", {"sub/w.bin": link("w.bin")})
    yield run("link_dangling", one, "No such file", {"sub/w.bin": link("nowhere")})
    yield run("link_chain_out", one, "leads out of the model's folder",
              {"w.bin": RAW, "sub/b": link("../w.bin"), "sub/w.bin": link("b")})
    yield run("folder_link_out", entries(location="d/w.bin"), "leads out of the model's folder",
              {"other/w.bin": RAW, "sub/d": link("../other")})
    yield run("folder_of_like_name", entries(location="d/w.bin"),
              "leads out of the model's folder",
              {"sub2/w.bin": RAW, "sub/d": link("../sub2")})
    many = [p.tensor(f"s{k}", [1], p.FLOAT, extra=entries(location=f"f{k}") + p.number(14, 1))
            for k in range(800)]
    yield Case("many_files", {"m.onnx": p.good(many), "a.png": photo(),
                              **{f"f{k}": b"\0" * 4 for k in range(800)}},
               ["-m", "m.onnx", "a.png"], "at most 768")


def accepted():
    one = entries(location="w.bin")
    yield run("plain", one)
    yield run("length_and_offset", entries(location="w.bin", offset=8, length=60), None,
              {"sub/w.bin": b"12345678" + RAW + b"behind"})
    yield run("offset_zeros", entries(location="w.bin", offset="0000"), None)
    yield run("dot_slash", entries(location="./w.bin"), None)
    yield run("two_slashes", entries(location="d//w.bin"), None, {"sub/d/w.bin": RAW})
    yield run("dots_in_name", entries(location="..w..bin.."), None, {"sub/..w..bin..": RAW})
    yield run("three_dots", entries(location=".../w.bin"), None, {"sub/.../w.bin": RAW})
    yield run("checksum_ignored", entries(location="w.bin", checksum="0" * 40), None)
    yield run("unknown_key", entries(location="w.bin", colour="red"), None)
    yield run("hard_link", one, None, {"w.bin": RAW, "sub/w.bin": hard_link("../w.bin")})
    yield run("link_inside", one, None, {"sub/real": RAW, "sub/w.bin": link("real")})
    yield run("link_inside_folder", one, None, {"sub/d/real": RAW, "sub/w.bin": link("d/real")})
    yield run("link_out_and_back", one, None, {"sub/real": RAW,
                                               "sub/w.bin": link("../sub/real")})
    yield run("link_out_followed", one, None, {"w.bin": RAW, "sub/w.bin": link("../w.bin")},
              "--follow-links")
    yield Case("folder_is_a_link", {"real/m.onnx": p.good(weight=weight(one)), "real/w.bin": RAW,
                                    "sub": link("real"), "a.png": photo()},
               ["-m", "sub/m.onnx", "a.png"])
    yield Case("in_this_folder", {"m.onnx": p.good(weight=weight(one)), "w.bin": RAW,
                                  "a.png": photo()}, ["-m", "m.onnx", "a.png"])
    yield Case("data_is_the_model", {"a.png": photo(), "m.onnx": itself()},
               ["-m", "m.onnx", "a.png"])


def itself():
    """External data inside of the model's own file, in a field that nobody reads."""
    own = p.good(weight=weight(entries(location="m.onnx", offset="%06d" % 0)))
    at = len(own) + len(p.tag(100, p.BYTES)) + 1
    own = p.good(weight=weight(entries(location="m.onnx", offset="%06d" % at)))
    return own + p.data(100, RAW)


def cases():
    yield from locations()
    yield from ranges()
    yield from places()
    yield from accepted()
