"""Random graphs: what ONNX Runtime computes with its optimisations off.

    test_random.py RUN_CASES [GRAPHS [SEED]]

Each operator that the library imports is in the graphs at least 20 times, in several opsets.  A
graph that fails is named by its seed: "test_random.py RUN_CASES 1 SEED" makes it alone, and
keeps it.
"""

import os
import random
import re
import sys
import tempfile
from collections import Counter

import onnxruntime

import elementwise
import layers  # noqa: F401  (these register their operators)
import patterns  # noqa: F401
import shapes  # noqa: F401
from graph import MICROSOFT, Graph

sys.path.insert(0, os.path.abspath(__file__ + "/../../onnx_nodes"))
from cases import SOURCE, run_cases, write_case  # noqa: E402

OPSETS = (11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)
LEAST_USES = 20
QUICK, PER_GRAPH = 400, 7

# Two correct runtimes differ in the order of their sums: 30 (what a value may be before it is
# used again) x 60 (terms of the longest sum) x 6e-8 is 1e-4.
TOLERANCE = ("--relative", "1e-4", "--absolute", "1e-4")

# What is written out as other operators, or not at all, when a model is opened: the number of
# columns, or the condition, must then be known.
NEEDS_WIDTHS = {"Attention", "If", f"{MICROSOFT}:Attention", f"{MICROSOFT}:MultiHeadAttention"}

# Why an operator of the library's list is in no graph.
LEFT_OUT = {
    "Upsample": "ONNX Runtime has it in opset 9 alone, where other operators are too old",
    f"{MICROSOFT}:LayerNormalization": "ONNX Runtime has it in the default domain",
    f"{MICROSOFT}:SimplifiedLayerNormalization": "ONNX Runtime has it in the default domain",
}


def claimed():
    with open(os.path.join(SOURCE, "loaders", "onnx_ops.inc")) as f:
        for domain, name in re.findall(r"^DEIT_(AI|MS)_OP\((\w+)", f.read(), re.M):
            yield name if domain == "AI" else f"{MICROSOFT}:{name}"


def used(model):
    return Counter(f"{node.domain}:{node.op_type}" if node.domain else node.op_type
                   for node in model.graph.node)


def deal(seed):
    """The operators of a graph: each comes as often as any other, in another order each round."""
    names = sorted(elementwise.operators)
    for i in range(seed * PER_GRAPH, (seed + 1) * PER_GRAPH):
        order = list(names)
        random.Random(i // len(names)).shuffle(order)
        yield order[i % len(names)]


def make(seed):
    graph = Graph(seed, 0)
    names = list(deal(seed))
    chosen = [elementwise.operators[name] for name in names]
    graph.has_open_dims = not NEEDS_WIDTHS & set(names)
    graph.opset = graph.draw.choice([o for o in OPSETS if all(o >= c[1] for c in chosen)])
    for builder, _ in chosen:
        builder(graph)
    return graph


def answer(model, graph):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                           providers=["CPUExecutionProvider"])
    names = [port.name for port in model.graph.input]
    return session.run(None, dict(zip(names, graph.data, strict=True)))


def make_cases(shelf, n_graphs, first_seed):
    """Folders of cases, and how often each operator is in them."""
    uses, folders = Counter(), []
    for seed in range(first_seed, first_seed + n_graphs):
        graph = make(seed)
        model = graph.model()
        try:
            outputs = answer(model, graph)
        except Exception as error:
            raise SystemExit(f"seed {seed}: not a valid graph: {error}") from error
        uses += used(model)
        folders.append(write_case(os.path.join(shelf, str(seed)), model, graph.data, outputs))
    return folders, uses


def check(program, shelf, n_graphs, first_seed):
    folders, uses = make_cases(shelf, n_graphs, first_seed)
    failures = 0
    for folder, why in zip(folders, run_cases(program, folders, *TOLERANCE)):
        if why:
            failures += 1
            print(f"FAILED: seed {os.path.basename(folder)}: {why}")
    if n_graphs >= QUICK:
        for name in sorted(set(claimed()) - set(LEFT_OUT)):
            if uses[name] < LEAST_USES:
                failures += 1
                print(f"FAILED: {name} is used {uses[name]} times")
    print(f"{n_graphs} graphs with {uses.total()} nodes of {len(uses)} operators, "
          f"{failures} failures")
    return failures


def main():
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(f"usage: {sys.argv[0]} RUN_CASES [GRAPHS [SEED]]")
    program = os.path.abspath(sys.argv[1])
    n_graphs = int(sys.argv[2]) if len(sys.argv) > 2 else QUICK
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    if n_graphs == 1:
        shelf = tempfile.mkdtemp(prefix="deit-graph-")
        print("kept in", shelf)
        sys.exit(bool(check(program, shelf, n_graphs, seed)))
    with tempfile.TemporaryDirectory() as shelf:
        sys.exit(bool(check(program, shelf, n_graphs, seed)))


main()
