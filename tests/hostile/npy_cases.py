"""NPY: arrays that are given in place of images."""

import struct

from case import Case, folder, link, plain_model, repeated, sparse, support

SHAPE = (2, 3, 16, 16)
VALUES = [0.01 * (i % 97) for i in range(2 * 3 * 16 * 16)]


def run(name, content, words=None, *args, **more):
    return Case(name, {"m.safetensors": plain_model().save, "x.npy": content},
                ["-m", "m.safetensors", *args, "--tensor", "x.npy"], words, **more)


def good(**more):
    return support.npy_bytes(VALUES, SHAPE, **more)


def raw(header, version=(1, 0), length=None, data=b"\0" * 6144):
    header = header.encode("latin-1") if isinstance(header, str) else header
    size = struct.pack("<H" if version[0] == 1 else "<I",
                       (len(header) if length is None else length) & 0xffffffff
                       & (0xffff if version[0] == 1 else 0xffffffff))
    return b"\x93NUMPY" + bytes(version) + size + header + data


def dictionary(shape="(2, 3, 16, 16)", descr="'<f4'", order="False", more=""):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s, %s}\n" % (descr, order, shape, more)


def headers():
    yield run("empty", b"", "shorter than an NPY header")
    yield run("magic_cut", b"\x93NUM", "shorter than an NPY header")
    yield run("magic_wrong", b"\x93NUMPZ" + good()[6:], "not an NPY file")
    yield run("version_0", raw(dictionary(), (0, 0)), "NPY version 0.0", code=1)
    yield run("version_4", raw(dictionary(), (4, 0)), "NPY version 4.0", code=1)
    yield run("version_1_1", raw(dictionary(), (1, 1)), "NPY version 1.1", code=1)
    yield run("length_cut", good()[:9], "truncated NPY header")
    yield run("header_cut", good()[:40], "truncated NPY header")
    yield run("length_2_32", raw(dictionary(), (2, 0), 0xffffffff), "limit 65536")
    yield run("length_zero", raw("", (1, 0)), "NPY header")
    yield run("length_beyond", raw(dictionary(), (1, 0), 60000), "truncated NPY header")
    for name, header in (
            ("not_a_dict", "[1, 2]\n"), ("unclosed", "{'descr': '<f4'"),
            ("no_shape", "{'descr': '<f4', 'fortran_order': False}\n"),
            ("no_descr", "{'fortran_order': False, 'shape': (2, 3, 16, 16)}\n"),
            ("no_order", "{'descr': '<f4', 'shape': (2, 3, 16, 16)}\n"),
            ("twice", dictionary(more="'shape': (2, 3, 16, 16)")),
            ("unknown_key", dictionary(more="'colour': 3")),
            ("code", dictionary("__import__('os').abort()")),
            ("shape_list", dictionary("[2, 3, 16, 16]")), ("shape_number", dictionary("1536")),
            ("shape_bare", dictionary("(1536)")), ("negative", dictionary("(-2, 3, 16, 16)")),
            ("fraction", dictionary("(2.0, 3, 16, 16)")), ("hex", dictionary("(0x2, 3, 16, 16)")),
            ("overflow", dictionary("(99999999999999999999, 3)")),
            ("rank_9", dictionary("(1,1,1,1,1,1,1,1,1)")), ("order_1", dictionary(order="1")),
            ("order_none", dictionary(order="None")), ("descr_list", dictionary(descr="[('a')]")),
            ("descr_long", dictionary(descr="'" + "<" * 60000 + "'")),
            ("escape", dictionary(descr="'\\x3cf4'")), ("zero_inside", "{\0}\n"),
            ("text_behind", dictionary().rstrip() + " x\n"), ("nested", "{" * 10000),
            ("parens", dictionary("(" * 10000))):
        yield run("header_" + name, raw(header), "damaged NPY header")


def contents():
    yield run("type_f8", good(descr="<f8"), "type '<f8'")
    yield run("type_big_endian", good(descr=">f4"), "type '>f4'")
    yield run("type_object", good(descr="|O"), "type '|O'")
    yield run("type_control", raw(dictionary(descr="'\x1b[31m'")), "array of type")
    yield run("fortran", good(fortran=True), "Fortran order")
    yield run("no_dims", support.npy_bytes([1.0], ()), "a single number")
    yield run("product_overflows", raw(dictionary("(4294967296, 4294967296, 16, 16)")), "too large")
    yield run("bytes_overflow", raw(dictionary("(1, 3, 2147483648, 2147483648)")), "too large")
    yield run("data_cut", good()[:-1], "needs")
    yield run("data_none", raw(dictionary(), data=b""), "needs")
    yield run("data_more", good() + b"\0", "needs")
    yield run("rows_claimed", raw(dictionary("(1000000000, 3, 16, 16)")), "needs")
    yield run("rank_3", support.npy_bytes(VALUES[:768], (3, 16, 16)), "the model takes")
    yield run("channels_4", support.npy_bytes(VALUES[:1024], (1, 4, 16, 16)), "the model takes")
    yield run("no_height", support.npy_bytes([], (1, 3, 0, 16)), "the model takes")
    yield run("size_15", support.npy_bytes(VALUES[:675], (1, 3, 15, 15)), "x.npy: ")
    yield run("size_huge", sparse(raw(dictionary("(1, 3, 8000, 8000)"), data=b""),
                                  10 + len(dictionary("(1, 3, 8000, 8000)")) + 768000000),
              "x.npy: ")
    yield run("side_2_31", raw(dictionary("(0, 3, 2147483648, 16)"), data=b""), "the model takes")
    yield run("nan", support.npy_bytes([float("nan")] * 768, (1, 3, 16, 16)), "not finite")
    yield run("inf", support.npy_bytes([float("inf")] * 768, (1, 3, 16, 16)), "not finite")
    yield run("huge", support.npy_bytes([3e38] * 768, (1, 3, 16, 16)), "not finite")
    yield run("is_folder", folder, "x.npy: ")
    yield run("dangling", link("nowhere"), "No such file")
    yield run("text", b"0.1, 0.2\n" * 100, "not an NPY file")
    yield run("npz", b"PK\3\4" + b"\0" * 100, "not an NPY file")
    yield run("device", link("/dev/zero"), "not an NPY file")
    yield run("header_huge", repeated(b"\x93NUMPY\2\0" + struct.pack("<I", 50000000), b" ",
                                      50000000, b""), "limit 65536")


def accepted():
    yield run("good", good())
    yield run("version_2", good(version=2))
    yield run("version_3", raw(dictionary(), (3, 0)))
    yield run("double_quotes", raw(dictionary().replace("'", '"')))
    yield run("keys_in_any_order", raw("{'shape': (2,3,16,16), 'fortran_order': False, "
                                       "'descr': '<f4'}\n"))
    yield run("blanks", raw("  { 'descr' :'<f4' ,'fortran_order':False,\t'shape':( 2 ,3,16,16 ,)}"
                            "   \n"))
    yield run("no_newline", raw(dictionary().rstrip()))
    yield run("long_header", raw(dictionary() + " " * 60000))
    yield run("python_2_longs", raw(dictionary("(2L, 3L, 16L, 16L)")))
    yield run("denormals", support.npy_bytes([1e-44] * 768, (1, 3, 16, 16)))
    yield run("link", link("m.npy"))


def cases():
    yield from headers()
    yield from contents()
    for case in accepted():
        if case.name == "link":
            case.files["m.npy"] = good()
        yield case
