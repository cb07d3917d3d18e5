"""ONNX: the bytes of protobuf, before anything that they mean."""

import struct

import proto as p
from case import Case, photo, repeated


def run(name, content, words=None, **more):
    return Case(name, {"m.onnx": content, "a.png": photo()}, ["-m", "m.onnx", "a.png"], words,
                **more)


def nested_graphs(depth):
    """A node whose attribute holds a graph, whose node holds a graph, ..."""
    body = p.graph([], [], [], [])
    for _ in range(depth):
        body = p.graph([p.node("If", ["c"], ["o"], then_branch=body)], [], [], [])
    return p.model(body)


def nested_types(depth):
    inner = p.data(1, p.number(1, 1))
    for _ in range(depth):
        inner = p.data(4, p.data(1, inner))
    return p.good(extra=p.data(13, p.data(1, "v") + p.data(2, inner)))


def varints():
    good = p.good()
    yield run("varint_11_bytes", b"\x08" + b"\x80" * 10 + b"\x01" + good[2:], "varint")
    yield run("varint_65_bits", b"\x08" + b"\xff" * 9 + b"\x7f" + good[2:], "IR version -1")
    yield run("varint_cut", good + b"\x08\x80", "varint")
    yield run("tag_cut", good + b"\x80", "varint")
    yield run("field_0", good + b"\x00\x01", "field number 0")
    yield run("field_too_large", good + p.varint((1 << 29) << 3) + b"\1", "field number 536870912")
    yield run("tag_64_bits", good + p.varint((1 << 64) - 8) + b"\1", "field number")
    yield run("wire_type_6", good + b"\xa6\x06\1", "wire type 6")
    yield run("wire_type_7", good + b"\xa7\x06\1", "wire type 7")
    yield run("group", good + p.tag(100, p.GROUP) + p.tag(100, p.GROUP_END), "is a group")
    yield run("group_end", good + p.tag(100, p.GROUP_END), "is a group")
    yield run("fixed32_cut", good + p.tag(100, p.FIXED32) + b"\0\0\0", "only 3 are left")
    yield run("fixed64_cut", good + p.tag(100, p.FIXED64) + b"\0" * 7, "only 7 are left")
    yield run("graph_as_varint", p.number(1, 8) + p.number(7, 5), "graph: field 7 has wire type 0")
    yield run("ir_as_bytes", p.data(1, "8") + good[2:], "ir_version: field 1 has wire type 2")
    yield run("node_as_fixed32", p.model(p.tag(1, p.FIXED32) + b"\0" * 4), "wire type 5")
    yield run("name_as_varint", p.model(p.number(2, 1)), "wire type 0")


def lengths():
    good = p.good()
    for cut in (3, 20, 100, len(good) // 2, len(good) - 1):
        yield run(f"cut_at_{cut if cut < 101 else 'half' if cut < len(good) - 1 else 'last'}",
                  good[:cut], ["m.onnx: "])
    yield run("length_beyond_file", good + p.tag(14, p.BYTES) + p.varint(100), "are left in")
    yield run("length_2_63", good + p.tag(14, p.BYTES) + p.varint(1 << 63), "are left in the file")
    yield run("length_all_ones", good + p.tag(14, p.BYTES) + p.varint(-1), "are left in the file")
    yield run("graph_length_2_40", p.number(1, 8) + p.tag(7, p.BYTES) + p.varint(1 << 40),
              "are left in the file")
    yield run("node_longer_than_graph", p.model(p.tag(1, p.BYTES) + p.varint(50) + b"\n\0"),
              "are left in the message around it")
    yield run("text_longer_than_node", p.model(p.data(1, p.tag(4, p.BYTES) + p.varint(9) + b"A")),
              "NodeProto.op_type: 9 bytes")
    yield run("raw_longer_than_tensor", p.model(p.data(5, p.tag(9, p.BYTES) + p.varint(1 << 31))),
              "TensorProto.raw_data")
    yield run("floats_of_5_bytes", p.good([p.tensor("s", [1], p.FLOAT, extra=p.data(4, b"12345"))]),
              "not a whole number of elements")
    yield run("doubles_of_9_bytes", p.good([p.tensor("s", [1], p.DOUBLE,
                                                     extra=p.data(10, b"123456789"))]),
              "not a whole number of elements")
    yield run("packed_varint_cut", p.good([p.tensor("s", [1], p.INT64, extra=p.data(7, b"\x80"))]),
              "varint")


def long_graph(piece, n, start=b"", field=None):
    """A graph that is n times a piece, or has one message of them."""
    length = len(start) + len(piece) * n
    if field:
        start = p.tag(field, p.BYTES) + p.varint(length) + start
        length = len(start) + len(piece) * n
    return repeated(p.number(1, 8) + p.tag(7, p.BYTES) + p.varint(length) + start, piece, n,
                    p.data(8, p.number(2, 17)))


def nesting():
    yield run("graphs_60", nested_graphs(60), "nested 101 deep")
    yield run("graphs_20000", nested_graphs(3000), "nested 101 deep")
    yield run("types_60", nested_types(60), "nested 101 deep")
    yield run("types_3000", nested_types(3000), "nested 101 deep")
    empty = p.data(1, b"")
    yield run("empty_nodes", p.model(empty * 30000), "at most 20000")
    yield run("empty_nodes_million", p.model(empty * 1000000), "at most 20000")
    yield run("empty_tensors", long_graph(p.data(5, b""), 2000000), "messages")
    yield run("empty_attributes", p.model(p.data(1, p.data(4, "Add") + p.data(5, b"") * 3000)),
              "attributes")
    yield run("empty_metadata", repeated(p.good(), p.data(14, b""), 20000000, b""))
    yield run("many_inputs", long_graph(p.data(1, b""), 20000000, p.data(4, "Add"), 1), "m.onnx: ")
    yield run("many_outputs", long_graph(p.data(12, b""), 1000000), "m.onnx: ")
    yield run("many_dims", p.good([p.tensor("s", [1] * 1000000, p.FLOAT, b"\0\0\0\0")]),
              "rank 1000000", code=2)
    yield run("many_functions", p.good(extra=b"") + p.data(25, p.data(1, "f")) * 100000, "twice")
    yield run("long_ints", p.good(nodes=[p.data(4, "Shape") + p.data(1, "x") + p.data(2, "o")
                                         + p.data(5, p.data(1, "start")
                                                  + p.number(8, 7) * 400000)]), "m.onnx: ")


def messages():
    good = p.good()
    body = p.graph([], [], [], [])
    yield run("two_graphs", good + p.data(7, body), "graph: is there twice")
    yield run("raw_twice", p.good([p.tensor("s", [1], p.FLOAT, b"\0" * 4, p.data(9, b"\0" * 4))]),
              "is there twice")
    yield run("no_graph", p.number(1, 8) + p.data(2, "a"), "it has no graph")
    yield run("ir_0", p.good(ir=0), "m.onnx: ")
    yield run("ir_2", p.good(ir=2), "IR version 2", code=2)
    yield run("ir_99", p.good(ir=63), "IR version 63", code=2)
    yield run("ir_negative", p.good(ir=-5), "IR version -5")
    yield run("no_ir", good[2:], "IR version 0")
    yield run("opset_0", p.good(opset=0), "version 0")
    yield run("opset_negative", p.good(opset=-1), "version -1")
    yield run("opset_8", p.good(opset=8), "opset 8", code=2)
    yield run("opset_2_40", p.good(opset=1 << 40), "opset 1099511627776", code=2)
    yield run("opset_twice", p.good(domains=[("", 13)]), "in the versions")
    yield run("no_opset", p.good(opset=None), "imports no operator set")
    yield run("many_opsets", p.good(domains=[(f"d{i}", 1) for i in range(200)]),
              "201 operator sets")
    yield run("text_not_utf8", p.good(extra=p.data(1, p.data(4, b"\xff\xfe"))), "not UTF-8")
    yield run("text_with_zero", p.good(extra=p.data(1, p.data(4, b"Ad\0d"))), "zero byte")
    yield run("surrogate", p.good(extra=p.data(1, p.data(3, b"\xed\xa0\x80"))), "not UTF-8")
    yield run("overlong", p.good(extra=p.data(1, p.data(3, b"\xc1\x81"))), "not UTF-8")
    yield run("one_byte", b"\x08", "m.onnx: ")
    yield run("zeros", b"\0" * 4096, "m.onnx: ")
    yield run("ones", b"\xff" * 4096, "m.onnx: ")
    yield run("text", b"hello, this is no model at all\n", "m.onnx: ")


def accepted():
    good = p.good()
    skipped = p.data(100, b"future") + p.number(101, -1) + p.tag(102, p.FIXED64) + b"\0" * 8
    yield run("unknown_fields", good + skipped)
    yield run("unknown_in_graph", p.good(extra=skipped))
    yield run("order_reversed", p.data(8, p.number(2, 17)) + p.data(7, good_body())
              + p.number(1, 8), code=0)
    yield run("long_varints", p.tag(1, 0) + b"\x88\x80\x80\x00" + good[2:])
    yield run("scalar_twice", good + p.number(1, 8))
    yield run("text_twice", good + p.data(2, "other"))
    yield run("unpacked_floats", p.good([p.tensor(
        "s", [2], p.FLOAT, extra=(p.tag(4, p.FIXED32) + struct.pack("<f", 1.0)) * 2)]))
    yield run("packed_in_pieces", p.good([p.tensor(
        "s", [3], p.INT64, extra=p.data(7, b"\1") + p.number(7, 2) + p.data(7, b"\3"))]))
    yield run("empty_pieces", p.good([p.tensor("s", [1], p.FLOAT, extra=p.data(4, b"")
                                               + p.data(4, b"\0" * 4))]))
    yield run("graphs_nested_20", p.good(), shows="class")
    yield run("types_nested_20", nested_types(20))
    yield run("metadata", good + p.data(14, p.data(1, "k") + p.data(2, b"\xff\0")))
    yield run("doc_string", good + p.data(6, b"\0\xff" * 100000))
    yield run("training_info", good + p.data(20, p.data(1, p.graph([], [], [], []))))
    yield run("opset_domain_ai_onnx", p.model(good_body(), opset=None, domains=[("ai.onnx", 17)]))
    yield run("unused_domain", p.good(domains=[("com.example", 1 << 40)]))
    yield run("same_opset_twice", p.good(domains=[("", 17)]))


def good_body():
    return p.graph([*p.BODY, p.HEAD], [p.WEIGHT], [p.IMAGE], [p.LOGITS])


def cases():
    yield from varints()
    yield from lengths()
    yield from nesting()
    yield from messages()
    yield from accepted()
