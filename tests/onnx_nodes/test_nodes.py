"""The ONNX project's tests of single operators, as its package onnx 1.18.0 ships them.

    test_nodes.py RUN_CASES

Counted is each case of the standard's opsets 9 to 24 whose operators the library all claims, and
whose inputs and outputs are all f32, int64 or bool.  A case that cannot run counts as failed.
What fails is listed in known_failures.txt under its reason; a listed case that passes is an error
too, and the number of those that pass is pinned.
"""

import os
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto

from cases import claimed_operators, read_tensors, run_cases, write_case

COUNTED, PASSED = 705, 673
LEAST_SHARE = 0.95

TYPES = {TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL}
STANDARD = ("", "ai.onnx")
HERE = os.path.dirname(os.path.abspath(__file__))


def opset_of(model):
    return next((o.version for o in model.opset_import if o.domain in STANDARD), 0)


def is_counted(model, claimed):
    ports = [*model.graph.input, *model.graph.output]
    return (9 <= opset_of(model) <= 24
            and all(node.domain in STANDARD and node.op_type in claimed
                    for node in model.graph.node)
            and all(port.type.HasField("tensor_type")
                    and port.type.tensor_type.elem_type in TYPES for port in ports))


def counted_cases():
    shelf = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data", "node")
    claimed = claimed_operators()
    for name in sorted(os.listdir(shelf)):
        folder = os.path.join(shelf, name)
        if is_counted(onnx.load(os.path.join(folder, "model.onnx")), claimed):
            yield folder


def known_failures():
    """{name: kind of reason}; a heading "[kind] reason" holds for the names below it."""
    known, kind = {}, None
    with open(os.path.join(HERE, "known_failures.txt")) as f:
        for line in f:
            if line.startswith("["):
                kind = line[1:line.index("]")]
            elif line.startswith("test_"):
                known[line.strip()] = kind
    return known


def as_onnxruntime(folder, shelf):
    """The same case with the outputs that ONNX Runtime computes."""
    model = onnx.load(os.path.join(folder, "model.onnx"))
    inputs = read_tensors(os.path.join(folder, "test_data_set_0"), "input")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                           providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]
    outputs = session.run(None, dict(zip(names, inputs, strict=True)))
    return write_case(os.path.join(shelf, os.path.basename(folder)), model, inputs, outputs)


def check_wrong_data(program, folders):
    """What is said of wrong data is not only said: ONNX Runtime gives what the library gives."""
    with tempfile.TemporaryDirectory() as shelf:
        others = [as_onnxruntime(folder, shelf) for folder in folders]
        for folder, why in zip(folders, run_cases(program, others)):
            if why:
                yield f"{os.path.basename(folder)}: differs from onnxruntime, too: {why}"


def check_itself(program, folder):
    """Outputs that are a little off, of another type or another shape, must be seen."""
    model = onnx.load(os.path.join(folder, "model.onnx"))
    data = os.path.join(folder, "test_data_set_0")
    inputs, (right,) = read_tensors(data, "input"), read_tensors(data, "output")
    wrong = {"values": right * np.float32(1.002), "type": right.astype(np.int64),
             "shape": right[..., None]}
    with tempfile.TemporaryDirectory() as shelf:
        others = [write_case(os.path.join(shelf, name), model, inputs, [array])
                  for name, array in wrong.items()]
        for name, why in zip(wrong, run_cases(program, others)):
            if not why:
                yield f"wrong {name} are not seen"


def complaints(program):
    folders = list(counted_cases())
    results = dict(zip(folders, run_cases(program, folders)))
    known = known_failures()
    names = {os.path.basename(folder): why for folder, why in results.items()}
    passed = sum(not why for why in names.values())
    print(f"{passed} of {len(names)} cases pass ({passed / len(names):.1%})")

    for name, why in names.items():
        if why and name not in known:
            yield f"{name}: {why}"
    for name in known:
        if name not in names:
            yield f"{name}: known to fail, but not counted"
        elif not names[name]:
            yield f"{name}: known to fail, but it passes"
    if (len(names), passed) != (COUNTED, PASSED):
        yield f"{COUNTED} cases and {PASSED} that pass were expected"
    if passed < LEAST_SHARE * len(names):
        yield f"less than {LEAST_SHARE:.0%}"
    yield from check_itself(program, next(f for f in folders if f.endswith("test_add")))
    yield from check_wrong_data(program, [f for f in folders
                                          if known.get(os.path.basename(f)) == "data"])


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} RUN_CASES")
    wrong = list(complaints(sys.argv[1]))
    for line in wrong:
        print("FAILED:", line)
    sys.exit(1 if wrong else 0)


main()
