"""ONNX files written by hand, so that they can be wrong in any way."""

import struct

FLOAT, UINT8, INT8, INT32, INT64, BOOL, HALF, DOUBLE = 1, 2, 3, 6, 7, 9, 10, 11
VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = range(6)


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def tag(field, wire):
    return varint(field << 3 | wire)


def number(field, value):
    return tag(field, VARINT) + varint(value)


def data(field, payload):
    payload = payload.encode() if isinstance(payload, str) else payload
    return tag(field, BYTES) + varint(len(payload)) + payload


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def int64s(values):
    return struct.pack(f"<{len(values)}q", *values)


# ------------------------------------------------------------------ messages


class Message(bytes):
    """The bytes of a message and the field of an attribute that holds such."""

    field, kind = 5, 4


class Graph(Message):
    field, kind = 6, 5


def tensor(name, dims, dtype, raw=None, extra=b""):
    out = b"".join(number(1, d) for d in dims) + number(2, dtype)
    out += data(8, name) if name else b""
    return Message(out + (data(9, raw) if raw is not None else b"") + extra)


def f32(name, dims, values=None):
    n = 1
    for d in dims:
        n *= d
    return tensor(name, dims, FLOAT, floats(values if values is not None else [0.01] * n))


def i64(name, values, dims=None):
    return tensor(name, [len(values)] if dims is None else dims, INT64, int64s(values))


def attribute(name, value):
    out = data(1, name)
    if isinstance(value, Message):
        return out + data(value.field, value) + number(20, value.kind)
    if isinstance(value, float):
        return out + tag(2, FIXED32) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return out + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return out + data(4, value) + number(20, 3)
    if value and isinstance(value[0], float):
        return out + b"".join(tag(7, FIXED32) + struct.pack("<f", v) for v in value) + number(20, 6)
    return out + b"".join(number(8, v) for v in value) + number(20, 7)


def node(op, inputs, outputs, domain="", **attributes):
    out = b"".join(data(1, i) for i in inputs) + b"".join(data(2, o) for o in outputs)
    out += data(3, "n_" + op) + data(4, op) + (data(7, domain) if domain else b"")
    return out + b"".join(data(5, attribute(k, v)) for k, v in attributes.items())


def dim(value):
    return data(1, data(2, value) if isinstance(value, str) else number(1, value))


def shape(dims):
    return b"".join(dim(d) for d in dims)


def value_info(name, dims, dtype=FLOAT):
    return data(1, name) + data(2, data(1, number(1, dtype) + data(2, shape(dims))))


def graph(nodes, initializers, inputs, outputs, extra=b""):
    out = b"".join(data(1, n) for n in nodes) + data(2, "g")
    out += b"".join(data(5, t) for t in initializers)
    out += b"".join(data(11, v) for v in inputs) + b"".join(data(12, v) for v in outputs)
    return Graph(out + extra)


def model(body, opset=17, ir=8, extra=b"", domains=()):
    imports = data(8, number(2, opset)) if opset is not None else b""
    imports += b"".join(data(8, data(1, d) + number(2, v)) for d, v in domains)
    return number(1, ir) + data(2, "hostile") + data(7, body) + imports + extra


# ------------------------------------------------------------------ a good one to be spoilt

CLASSES = 5
IMAGE = value_info("x", ["n", 3, 16, 16])
LOGITS = value_info("logits", ["n", CLASSES])
WEIGHT = f32("w", [3, CLASSES], [0.1 * i for i in range(3 * CLASSES)])
BODY = [node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["f"], axis=1)]
HEAD = node("MatMul", ["f", "w"], ["logits"])


def good(initializers=(), nodes=(), first=(), extra=b"", weight=WEIGHT, **more):
    """Images to five logits; what is added is used by nothing."""
    return model(graph([*first, *BODY, HEAD, *nodes], [weight, *initializers], [IMAGE], [LOGITS],
                       extra), **more)


def used(nodes, initializers=(), of_type=FLOAT, **more):
    """The same, with the mean of the nodes' result 'h' added to the logits."""
    tail = [node("MatMul", ["f", "w"], ["l"]), node("Cast", ["h"], ["hf"], to=FLOAT),
            node("ReduceMean", ["hf"], ["hm"], keepdims=0),
            node("Add", ["l", "hm"], ["logits"])]
    return model(graph([*BODY, *nodes, *tail], [WEIGHT, *initializers], [IMAGE], [LOGITS]),
                 **more)
